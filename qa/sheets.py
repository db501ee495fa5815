"""Rows as CSV that a spreadsheet shows and never runs.

Owns the escaping of cells. Does not write files.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_RUN = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so may be taken for a formula


def to_csv(rows: Iterable[Sequence[str | int]]) -> str:
    """The rows as CSV; text that a spreadsheet would run gets a leading apostrophe."""
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows([_shown(cell) for cell in row] for row in rows)
    return sheet.getvalue()


def _shown(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN) else cell
