"""Unanswered questions, grouped by meaning.

Owns when two questions ask the same, and their table. Does not store or show them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from qa.encoder import Vectors
from qa.progress import Gap
from qa.sheets import to_csv

# The mean cosine from which questions ask the same. Read over 520 questions the edition does not answer:
# above 0.6 pairs are of one topic ('getBy vs findBy', twice), at 0.5 they share no more than a tool. Of 30
# questions put in two or three ways, no two were joined at 0.6, and 38 of the 50 pairs of ways were.
_SAME = 0.6


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Questions that ask the same, most asked first."""

    gaps: tuple[Gap, ...]

    @property
    def question(self) -> str:
        """The question that was asked most."""
        return self.gaps[0].question

    @property
    def count(self) -> int:
        """How often any of them was asked."""
        return sum(gap.count for gap in self.gaps)

    @property
    def first(self) -> datetime:
        return min(gap.first for gap in self.gaps)

    @property
    def last(self) -> datetime:
        return max(gap.last for gap in self.gaps)


def group(gaps: Sequence[Gap], vectors: Vectors) -> tuple[GapGroup, ...]:
    """Groups questions by the mean cosine to a group's members, each in its turn.

    Args:
        gaps: The questions, most asked first: those found groups.
        vectors: Their unit vectors, `(len(gaps), d)`.

    Returns:
        The groups, most asked first, then in the order of their first questions.
    """
    members: list[list[int]] = []
    sums = np.zeros_like(vectors)  # row i: the sum of the vectors of group i
    for row, vector in enumerate(vectors):
        sizes = [len(rows) for rows in members]
        near = sums[: len(members)] @ vector / sizes if members else np.zeros(1)
        best = int(np.argmax(near))
        if near[best] < _SAME:
            best = len(members)
            members.append([])
        members[best].append(row)
        sums[best] += vector
    groups = (GapGroup(tuple(gaps[row] for row in rows)) for rows in members)
    return tuple(sorted(groups, key=lambda found: -found.count))


def to_sheet(groups: Sequence[GapGroup]) -> str:
    """The groups as CSV, one row each."""
    rows = (
        (group.question, group.count, group.first.isoformat(), group.last.isoformat(), _others(group))
        for group in groups
    )
    return to_csv([("question", "asked", "first", "last", "also asked as"), *rows])


def _others(group: GapGroup) -> str:
    return " | ".join(gap.question for gap in group.gaps[1:])
