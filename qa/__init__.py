"""Question answering over a Markdown playbook, in the playbook's own words."""
