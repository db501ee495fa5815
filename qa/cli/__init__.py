"""`playbook-qa`: arguments in, text or JSON Lines out.

Owns the list of commands and the exit codes: 0 success, 1 an error the user can mend, 2 wrong
usage. Does not think.
"""

import sys

import typer

from qa.cli import asking, grading, interview, progress, upkeep
from qa.cli.terminal import stderr
from qa.types import QAError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask a Markdown playbook questions; every quote is exact and linked to its section.",
)
app.command()(upkeep.build)
app.command()(asking.ask)
app.command()(asking.search)
app.command()(interview.interview)
app.command()(grading.grade)
app.command()(progress.gaps)
app.command()(progress.progress)
app.command()(upkeep.verify)
app.command("eval")(upkeep.evaluate)


def main() -> None:
    """Runs the command line; a `QAError` becomes one line on stderr and exit code 1."""
    try:
        app()
    except QAError as error:
        stderr.print(f"error: {error}", markup=False, style="bold red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
