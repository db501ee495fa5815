"""The question bank: the edition's form and every other one, with exact answers and resolved links."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.playbook import assemble, read_chapter, read_playbook
from qa.playbook.interview import read_interview
from qa.types import InterviewQuestion, Playbook, WrongClaim
from tests.conftest import CONTENT

ROOT = Path("playbook")
ANSWER = "The pool has four threads. A fifth read waits for one of them."


def playbook(*texts: str) -> Playbook:
    """Chapters 1, 2, … in one folder."""
    paths = [ROOT / "01-part" / f"{number:02}-x.md" for number in range(1, len(texts) + 1)]
    return assemble((read_chapter(text, path, ROOT) for text, path in zip(texts, paths, strict=True)), ROOT)


def read(text: str) -> list[InterviewQuestion]:
    return list(read_interview(playbook(text)))


@pytest.fixture(scope="module")
def edition_playbook() -> Playbook:
    return read_playbook(CONTENT)


@pytest.fixture(scope="module")
def bank(edition_playbook: Playbook) -> tuple[InterviewQuestion, ...]:
    return read_interview(edition_playbook)


def test_every_question_of_the_edition_is_read(bank: tuple[InterviewQuestion, ...]) -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in CONTENT.rglob("*.md"))
    assert len(bank) == len(re.findall(r"^\*\*Key points\*\*$", written, re.MULTILINE)) == 277
    assert {len(question.points) for question in bank} == {4, 5, 6}
    assert all(len(question.wrong_claims) >= 2 and question.follow_ups for question in bank)
    assert {question.level for question in bank} == {"mid", "senior", "staff"}
    assert len({question.id for question in bank}) == 277


def test_the_editions_points_are_plain_and_lead_to_the_section_that_backs_them(
    bank: tuple[InterviewQuestion, ...], edition_playbook: Playbook
) -> None:
    for question in bank:
        for point in question.points:
            chapter = edition_playbook.chapter(point.source.chapter)
            assert chapter is not None
            section = chapter.section(point.source.anchor)
            assert section is not None
            assert section.heading_path == point.source.heading_path
            assert point.source.heading_path[0] != "Interview questions"
            assert not re.search(r"\]\(|\*\*|`", point.text)


def test_the_editions_model_answers_are_whole(bank: tuple[InterviewQuestion, ...], edition_playbook: Playbook) -> None:
    for question in bank:
        chapter = edition_playbook.chapter(question.source.chapter)
        assert chapter is not None
        answer = chapter.text[question.start : question.end]
        before, after = chapter.text[: question.start], chapter.text[question.end :]
        assert answer == answer.strip()
        assert before.endswith(f"### {before.rsplit('### ', 1)[1]}")
        assert re.search(r"\*Level: \w+\*\s+$", before)
        assert re.match(r"\s+\*\*Key points\*\*\n", after)


def test_a_question_of_the_edition_holds_what_its_chapter_says(bank: tuple[InterviewQuestion, ...]) -> None:
    question = next(q for q in bank if q.id == "37#should-breaker-state-be-shared-between-replicas")
    assert question.question == "Should breaker state be shared between replicas?"
    assert (question.part, question.level) == ("System Design", "staff")
    assert [point.text for point in question.points] == [
        "Local state lets each replica judge its own network path.",
        "Shared state adds a dependency to the failure path and spreads one replica's fault.",
        "Open on one replica suggests a local fault, open on most suggests the dependency.",
        "Outlier detection in a proxy ejects single hosts but offers no application fallback.",
    ]
    assert [point.source.anchor for point in question.points] == [
        "trade-offs-and-alternatives",
        "trade-offs-and-alternatives",
        "metrics-and-alerts-for-breakers",
        "trade-offs-and-alternatives",
    ]
    assert question.wrong_claims[1] == WrongClaim(
        "Envoy's circuit_breakers setting is the same pattern.",
        "Those are concurrency caps; outlier detection is the nearer equivalent.",
    )
    assert question.follow_ups == (
        "How would you limit the number of probes hitting a fragile dependency?",
        "Where would you put a manual override?",
    )


@pytest.mark.parametrize(
    "form",
    [
        '**Q: "Why do reads wait?"**\n**A**: "{}"',
        "**Q**: Why do reads wait?\n\n**A:** {}",
        "**Q1.** Why do reads wait?\n\n**A1.** “{}”",
        "**Question**: “Why do reads wait?”\n\n**Weak answer**: “Node.js is slow at it.”\n\n**Strong answer**: “{}”",
        '**Question:** "Why do reads wait?"\n**Weak answer**: "Disks are slow these days."\n**Answer**: *"{}"*',
        "__Question__: Why do reads wait?\n\n__Answer__: {}",
        "**Question**\nWhy do reads wait?\n\n**Strong answer**\n\n{}",
        "- **Q**: Why do reads wait?\n- **A**: {}",
        "> **Q:** Why do reads wait?\n>\n> **A:** {}\n>\n",
        "1. **Q:** Why do reads\n   wait?\n\n   **A:** {}",
        "### Why do reads wait?\n\n**Answer**: {}",
        "**Q**: Why do reads wait?\n\n**A**: {}\n\n---\n\nSomething else that is said after the rule.",
        '**Q**: Why do reads wait?\n\n**A**: "{}"\n\nSomething else that is said after the answer.',
        "**Q**: Why do reads wait?\n\n**A**: {}\n\n## Another section\n\nThat says something else.",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_question_and_its_answer_are_found_in_every_form(form: str, end: str) -> None:
    text = ("# Pools\n\n## Talk\n\nBefore it.\n\n" + form.format(ANSWER) + "\n").replace("\n", end)
    (question,) = read(text)
    assert question.question == "Why do reads wait?"
    assert text[question.start : question.end] == ANSWER
    assert [point.text for point in question.points] == [
        "The pool has four threads.",
        "A fifth read waits for one of them.",
    ]
    assert question.points[0].source == question.source
    assert (question.level, question.wrong_claims, question.follow_ups) == (None, (), ())


def test_a_follow_up_with_an_answer_of_its_own_is_a_question_too() -> None:
    text = (
        "# Pools\n\n**Question**: Why do reads wait?\n\n**Strong answer**: The pool has only four threads.\n\n"
        '**Follow-up**: "And who else waits?"\n\n**Answer**: Lookups by getaddrinfo share the pool.\n\n'
        "**Follow-up**: And sockets?\n"
    )
    first, second = read(text)
    assert first.follow_ups == ("And who else waits?", "And sockets?")
    assert (first.id, second.id) == ("1#pools/why-do-reads-wait", "1#pools/and-who-else-waits")
    assert second.question == "And who else waits?"
    inserted = "**Question**: Why four?\n\n**Answer**: Disks had few heads.\n\n**Question**"
    before = text.replace("**Question**", inserted, 1)
    assert [question.id for question in read(before)] == ["1#pools/why-four", first.id, second.id]
    assert text[second.start : second.end] == "Lookups by getaddrinfo share the pool."


def test_an_answer_may_have_paragraphs_lists_and_code() -> None:
    answer = (
        "It depends on the pool.\n\nRaise `UV_THREADPOOL_SIZE` before startup:\n\n"
        "```js\n// **Q: nothing**\n# not a heading\n```\n\n"
        "- **Reads.** At most 4 run at once.\n- DNS lookups by `getaddrinfo` share it."
    )
    text = (
        f'# Pools\n\n**Q: "Why?"**\n\n**A**: "{answer}"\n\n**Q**: Last one?\n\n**A**: Nobody knows all four answers.\n'
    )
    first, second = read(text)
    assert text[first.start : first.end] == answer
    assert [point.text for point in first.points] == [
        "Reads. At most 4 run at once.",
        "DNS lookups by getaddrinfo share it.",
    ]
    assert second.question == "Last one?"


def test_labels_in_code_and_letters_in_prose_are_no_questions() -> None:
    assert read("# X\n\n```md\n**Q: one?**\n**A**: A thing of many long words.\n```\n") == []
    assert read("# X\n\n**a**: an array of many words\n\n**q**: a queue of many words\n") == []
    assert read("# X\n\nSee **Answer**: it is in chapter five of the book.\n") == []
    assert read("# X\n\n**Q**: A question that nobody answers?\n") == []


def test_of_many_statements_the_most_specific_are_kept_in_their_order() -> None:
    vague = [f"Some thing or other happens to value number {word} here." for word in ("one", "two", "three")]
    exact = [f"The limit `max{n}` is {n}0 ms by default." for n in range(1, 8)]
    text = (
        f"# X\n\n**Q**: What?\n\n**A**: {vague[0]} {' '.join(exact[:4])} {vague[1]} {' '.join(exact[4:])} {vague[2]}\n"
    )
    (question,) = read(text)
    assert [point.text for point in question.points] == [line.replace("`", "") for line in exact]


def test_a_point_may_be_backed_by_another_chapter() -> None:
    one = (
        "# One\n\n### What is it?\n\nSomething that is said here.\n\n**Key points**\n"
        "- It is *this* `code`. (see [two](02-x.md#deep), [one](#one))\n- It is [that](#gone), they say.\n"
    )
    bank = read_interview(playbook(one, "# Two\n\n## Deep\n\nText.\n"))
    first, second = bank[0].points
    assert (first.text, first.source.chapter, first.source.anchor) == ("It is this code.", 2, "deep")
    assert (second.text, second.source) == ("It is that, they say.", bank[0].source)


WORDS = st.lists(
    st.text(st.characters(whitelist_categories=["L", "N"], max_codepoint=0x2FFF), min_size=1, max_size=9),
    min_size=5,
    max_size=30,
).map(" ".join)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(['"', "“", ""]), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=200, deadline=None)
def test_any_answer_is_cut_exactly(question: str, paragraphs: list[str], quote: str, end: str) -> None:
    closing = {"“": "”"}.get(quote, quote)
    answer = "\n\n".join([ANSWER, *(f"{paragraph}." for paragraph in paragraphs)])
    text = f"# T\n\n**Q: {quote}{question}?{closing}**\n\n**A**: {quote}{answer}{closing}\n\n**Q**: Next?\n"
    text = text.replace("\n", end)
    (found,) = read(text)
    assert found.question == f"{question}?"
    assert text[found.start : found.end] == answer.replace("\n", end)
