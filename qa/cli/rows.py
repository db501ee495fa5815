"""Files of JSON Lines in, one result per row out.

Owns that a bad row is reported in its place and the rest go on. Does not know what a row asks.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import typer

from qa.cli.terminal import print_json, stderr
from qa.types import QAError

# A row as it is printed in JSON, and what prints it for a reader.
Shown = tuple[dict[str, Any], Callable[[], None]]


def read_rows(path: Path, option: str) -> list[dict[str, Any] | QAError]:
    """The rows of a JSON Lines file; one that is none is what is wrong with it.

    Raises:
        QAError: The file cannot be read; `option` is what named it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QAError(f"{path}: cannot be read ({error}); name another with {option}") from error
    return [_row(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: str, where: str) -> dict[str, Any] | QAError:
    """One line of a queries file, or what is wrong with it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    return row if isinstance(row, dict) else QAError(f"{where}: not a JSON object; mend or remove the line")


def each(rows: Iterable[dict[str, Any] | QAError], work: Callable[[dict[str, Any]], Shown], *, as_json: bool) -> None:
    """Works on each row; a bad one is reported in its place and the rest go on."""
    failed = 0
    for row in rows:
        name = None if isinstance(row, QAError) else row.get("id")
        try:
            if isinstance(row, QAError):
                raise row
            if not isinstance(row.get("question"), str):
                raise QAError("the row has no text under 'question'; add it")
            result, show = work(row)
        except QAError as error:
            failed += 1
            result, show = {"error": str(error)}, partial(stderr.print, f"error: {error}", markup=False)
        if as_json:
            print_json({"id": name, **result})
        else:
            show()
    if failed:
        raise typer.Exit(1)
