"""`python -m qa` is `playbook-qa`."""

from qa.cli import main

main()
