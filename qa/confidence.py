"""What was found for a question → how likely the playbook covers it.

Owns the signs of coverage, their calibration and the threshold. Does not rank.
"""

import math
from collections.abc import Sequence
from operator import mul

from qa.types import Hit

# The logistic's weights of similarity, asked and strange (see `types.Hit`), and its constant:
# `training/confidence.py` prints them with their figures.
_COVERED = (19.9, 8.5, -7.6, -12.1)
_COVERED_WITHOUT_QUESTIONS = (25.1, 0.0, -7.9, -10.2)
# Answers 92 % of questions that neither keys nor encoder have seen, and refuses 87 % of
# `training/uncovered.jsonl`, which the encoder has seen.
THRESHOLD = 0.45
# Shares of the golden questions, and of the uncovered ones, above each border: `docs/quality.md`, its reliability plot.
_WELL_COVERED, _COVERED_ENOUGH = 0.9, 0.7


def signs(hits: Sequence[Hit]) -> tuple[float, float, float]:
    """What tells whether a question is covered: the best cosines to a chunk and to an asked question, strange words."""
    return (
        max((hit.similarity for hit in hits), default=0.0),
        max((hit.asked for hit in hits), default=0.0),
        max((hit.strange for hit in hits), default=1.0),
    )


def confidence(hits: Sequence[Hit]) -> float:
    """The probability that the playbook covers the question."""
    keyed = bool(hits) and hits[0].asked > 0  # what is asked of other sections tells little of this one
    *weights, constant = _COVERED if keyed else _COVERED_WITHOUT_QUESTIONS
    return 1 / (1 + math.exp(-(sum(map(mul, weights, signs(hits))) + constant)))


def nearness(hits: Sequence[Hit]) -> float:
    """How near a question comes to what the playbook says or is asked; its strange words aside."""
    similarity, asked, _ = signs(hits)
    return similarity + asked / 2


def in_words(probability: float) -> str:
    """The confidence of an answer as a word."""
    if probability < THRESHOLD:
        return "Not covered"
    if probability < _COVERED_ENOUGH:
        return "Touched on"
    return "Covered" if probability < _WELL_COVERED else "Well covered"


def percent(probability: float) -> str:
    """The confidence of an answer in per cent; never all, for nothing is certain."""
    return f"{min(99, round(100 * probability))} %"
