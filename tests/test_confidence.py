"""How likely a question is covered, as a number and as a word."""

import pytest

from qa.confidence import THRESHOLD, confidence, in_words, percent
from qa.types import Chunk, Hit

CHUNK = Chunk(1, "tides", 1, "Tides", (), "01-tides.md", 0, 5, "Tides")


def test_nearer_is_surer_and_nothing_found_is_not_covered() -> None:
    near = [Hit(CHUNK, similarity, similarity, 0.5) for similarity in (0.2, 0.5, 0.8)]
    sure = [confidence([hit]) for hit in near]
    assert sure == sorted(sure)
    assert confidence(near) == sure[-1]
    assert confidence([]) < THRESHOLD


def test_a_key_of_another_section_changes_nothing_where_the_best_section_has_none() -> None:
    alone = [Hit(CHUNK, 0.5, 0.5, 0.0)]
    assert confidence([*alone, Hit(CHUNK, 0.2, 0.2, 0.0)]) == confidence(alone)
    beside = [*alone, Hit(CHUNK, 0.2, 0.2, 0.1)]
    assert confidence(beside) == confidence(alone)


@pytest.mark.parametrize(
    ("probability", "word", "share"),
    [
        (0.0, "Not covered", "0 %"),
        (THRESHOLD - 0.01, "Not covered", f"{round(100 * THRESHOLD) - 1} %"),
        (THRESHOLD, "Touched on", f"{round(100 * THRESHOLD)} %"),
        (0.699, "Touched on", "70 %"),
        (0.7, "Covered", "70 %"),
        (0.9, "Well covered", "90 %"),
        (1.0, "Well covered", "99 %"),
    ],
)
def test_a_probability_has_a_word_and_is_never_certain(probability: float, word: str, share: str) -> None:
    assert in_words(probability) == word
    assert percent(probability) == share
