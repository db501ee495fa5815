"""Questions to ask next: about sections not seen, written as questions, never twice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.playbook import read_chapter
from qa.suggestions import suggest
from qa.types import Answer, Citation, Link, Playbook, Question

SEA = """# Sea

Water.

## Tides

Twice a day.

## Waves

Wind makes them.

## Is it salty?

It is.

## Empty

### Currents

They flow.
"""
KITCHEN = "# Kitchen\n\n## Bread\n\nFlour.\n\n## Soup\n\nWater.\n"
PLAYBOOK = Playbook(
    (
        read_chapter(SEA, Path("01-sea.md"), Path())[1],
        read_chapter(KITCHEN, Path("02-kitchen.md"), Path())[1],
    )
)


def link(chapter: int, anchor: str) -> Link:
    shown = PLAYBOOK.chapters[chapter - 1]
    section = shown.section(anchor)
    assert section
    return Link(chapter, shown.title, section.heading_path, anchor, shown.path)


def answer(*cited: Link, related: tuple[Link, ...] = ()) -> Answer:
    quotes = tuple(Citation(n, source, 0, 1, 1, 1, "#", "prose") for n, source in enumerate(cited, 1))
    return Answer("why?", bool(cited), 0.9, "", quotes, related, "why?")


def asked(*questions: tuple[int, str, str]) -> list[Question]:
    return [Question(question, chapter, anchor) for chapter, anchor, question in questions]


ALL = asked(
    (1, "tides", "When is high water?"),
    (1, "waves", "what makes waves"),
    (1, "waves", "What is the longest wave?"),
    (1, "is-it-salty", "how much salt is in it"),
    (1, "currents", "where do currents go"),
    (2, "bread", "How long do I knead?"),
    (2, "soup", "is soup water"),
)


def test_related_sections_come_first_then_those_after_the_quote() -> None:
    given = answer(link(1, "tides"), related=(link(2, "soup"), link(1, "is-it-salty")))
    assert suggest(given, PLAYBOOK, ALL, seen=(), said=()) == (
        "Is soup water?",
        "How much salt is in it?",
        "What makes waves?",
    )


def test_what_was_cited_asked_or_suggested_does_not_come_again() -> None:
    given = answer(link(1, "tides"), related=(link(2, "soup"), link(1, "waves")))
    found = suggest(given, PLAYBOOK, ALL, seen={"2#soup"}, said=["WHAT MAKES WAVES?"])
    assert found == ("What is the longest wave?", "How much salt is in it?", "Where do currents go?")


def test_sections_before_the_quote_and_of_further_quotes_follow() -> None:
    given = answer(link(1, "currents"), link(2, "soup"))
    assert suggest(given, PLAYBOOK, ALL, seen={"1#waves", "1#is-it-salty"}, said=()) == (
        "When is high water?",
        "How long do I knead?",
    )


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("what makes waves", "What makes waves?"),
        ("how do i sail ?", "How do I sail?"),
        ("does io.read() see NaCl?", "Does io.read() see NaCl?"),
        ("waves", None),  # a topic
        ("ship sank. why is that", None),
        ("why so high: is it the moon", None),
        ("why? because", None),
        ("what " + "x" * 84, "What " + "x" * 84 + "?"),
        ("what " + "x" * 85, None),  # over 90 characters
        ("whatever", None),
        ("", None),
    ],
)
def test_what_people_typed_is_written_as_a_question(typed: str, written: str | None) -> None:
    found = suggest(answer(link(1, "tides")), PLAYBOOK, asked((1, "waves", typed)), seen=(), said=())
    assert found == ((written,) if written else ())


def test_a_playbook_without_questions_suggests_headings() -> None:
    given = answer(link(1, "tides"), related=(link(2, "bread"), link(1, "sea")))
    assert suggest(given, PLAYBOOK, (), seen=(), said=()) == ("Kitchen › Bread", "Sea", "Sea › Waves")
    again = suggest(given, PLAYBOOK, (), seen=(), said=("Kitchen › Bread", "Sea", "Sea › Waves"))
    assert again == ("Is it salty?", "Sea › Currents")


def test_nothing_follows_an_answer_that_is_none() -> None:
    assert suggest(answer(related=(link(2, "bread"),)), PLAYBOOK, ALL, seen=(), said=()) == ()


@given(st.lists(st.sampled_from([q.section_id for q in ALL]), max_size=4), st.booleans())
def test_a_conversation_never_repeats_itself_and_ends(seen: list[str], with_questions: bool) -> None:
    questions = ALL if with_questions else []
    said: list[str] = []
    for _ in range(10):
        found = suggest(answer(link(1, "tides"), link(2, "bread")), PLAYBOOK, questions, seen=seen, said=said)
        assert len(found) == len(set(found)) <= 3
        assert not set(found) & set(said)
        said += found
    assert suggest(answer(link(1, "tides")), PLAYBOOK, questions, seen=seen, said=said) == ()
