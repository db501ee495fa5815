"""Typos are mended, and what only looks like one is left alone."""

import pytest

from qa.spelling import Speller

WORDS = "event loop silently latency kubernetes connection doubled timeout demo page recall spans tree " * 3
SPELLER = Speller([WORDS], {"explain", "recap", "pager", "hover"})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("evnt loop lag", "event loop lag"),
        ("Kubernets", "Kubernetes"),
        ("fail silenty", "fail silently"),
        ("conenction dropped", "connection dropped"),
        ("a timmeout", "a timeout"),
        ("latnecy!", "latency!"),
        ("event loop latnecy.", "event loop latency."),
        ("conenction: refused", "connection: refused"),
    ],
)
def test_a_letter_left_out_swapped_or_doubled_is_mended(typed: str, meant: str) -> None:
    assert SPELLER.mend(typed) == meant


@pytest.mark.parametrize(
    "question",
    [
        "deno",  # another letter, another word
        "pagers",  # one more at the end
        "recap",
        "spawns",
        "btree",
        "evntLoop",  # code
        "evnt_loop",
        "evnt.loop",
        "evnt()",
        "/evnt/loop",
        "EVNT",
        "naïve evnté",
        "",
    ],
)
def test_other_words_and_code_are_left_alone(question: str) -> None:
    assert SPELLER.mend(question) == question


def test_a_word_the_playbook_hardly_uses_is_no_correction() -> None:
    assert Speller(["rarely rarely"], ()).mend("rarelly") == "rarelly"


def test_a_word_the_playbook_uses_once_is_no_typo_of_a_frequent_one() -> None:
    assert Speller(["recorder recorder recorder reorder"], ()).mend("reorder") == "reorder"
