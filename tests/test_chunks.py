"""Chunks: exact slices, whole blocks, nothing that must not be quoted."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings

from qa.playbook import read_chapter, read_playbook
from qa.playbook.chunks import WINDOW, split
from qa.playbook.markdown import parse
from qa.playbook.sentences import sentences
from qa.types import Chapter, PlaybookError
from tests.conftest import CONTENT
from tests.test_markdown import MARKDOWN


def chapter_of(text: str) -> Chapter:
    return read_chapter(text, Path("01-x.md"), Path())[1]


@pytest.mark.parametrize("chapter", read_playbook(CONTENT).chapters, ids=lambda chapter: str(chapter.number))
def test_every_chunk_of_the_edition_is_the_text_at_its_offsets(chapter: Chapter) -> None:
    text = (CONTENT / chapter.path).read_bytes().decode("utf-8")
    chunks = split(chapter)
    assert chunks
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip()
    blocks = [block for section in chapter.sections for block in section.blocks]
    for block in blocks:
        cut = [
            c
            for c in chunks
            if block.start < c.end and c.start < block.end and not (c.start <= block.start and block.end <= c.end)
        ]
        assert not cut or block.end - block.start > WINDOW, text[block.start : block.end]


@given(MARKDOWN)
@settings(max_examples=200, deadline=None)
def test_chunks_of_any_text_hold_every_block_once(text: str) -> None:
    try:
        chapter = chapter_of(text)
    except PlaybookError:
        return
    chunks = split(chapter)
    held = "".join("".join(chunk.text.split()) for chunk in chunks)
    blocks = "".join("".join(text[b.start : b.end].split()) for b in parse(text).blocks)
    assert held == blocks
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_a_fence_beyond_the_window_is_cut_at_line_ends_only() -> None:
    lines = [f"    call({number});\t// tab\u00a0and space" for number in range(80)]
    text = "# T\n\n```js\n" + "\n".join(lines) + "\n```\n"
    chunks = split(chapter_of(text))
    assert len(chunks) > 1
    whole = {line.strip() for line in [*lines, "```js", "```"]}
    assert all(line.strip() in whole for chunk in chunks for line in chunk.text.split("\n"))
    assert all(len(chunk.text) <= WINDOW for chunk in chunks)


def test_a_long_list_is_cut_between_items_and_a_long_table_between_rows() -> None:
    items = "\n".join(f"- item {n} {'word ' * 20}" for n in range(30))
    rows = "\n".join(f"| {n} | {'cell ' * 20}|" for n in range(30))
    chunks = split(chapter_of(f"# T\n\n{items}\n\n## U\n\n| a | b |\n| - | - |\n{rows}\n"))
    assert all(chunk.text.startswith(("- item", "| ")) for chunk in chunks)
    assert all(len(chunk.text) <= WINDOW for chunk in chunks)


def test_a_paragraph_beyond_the_window_is_cut_between_sentences() -> None:
    text = "# T\n\n" + " ".join(f"Sentence number {n} says something of its own." for n in range(60))
    assert all(c.text.startswith("Sentence number") and c.text.endswith("own.") for c in split(chapter_of(text)))


def test_wrong_claims_key_points_and_follow_ups_are_in_no_chunk() -> None:
    text = (
        "# T\n\n## Interview questions\n\n### Why?\n*Level: mid*\n\nThe model answer.\n\n**Key points**\n"
        "- A point. ([T](#t))\n\n**Wrong claims**\n\n- False. → True.\n\n**Follow-ups**\n- What next?\n\n"
        "## After\n\nFree again.\n"
    )
    assert [chunk.text for chunk in split(chapter_of(text))] == ["The model answer.", "Free again."]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "form",
    [
        '**Question**: "Why?"\n\n**Weak answer**: "It is slow."\n\n**Strong answer**: "Four threads."',
        '**Question:** "Why?"\n**Weak answer**: "It is slow."\n**Strong answer**: "Four threads."',
        "- **Q**: Why?\n- **Bad answer**: It is slow.\n- **Strong answer**: Four threads.",
        "> **Question**: Why?\n>\n> **Weak answer**: It is slow.\n>\n> **Strong answer**: Four threads.",
        "**Question**\n\nWhy?\n\n**Poor answer**\n\nAlas.\n\n- It is slow.\n\n**Strong answer**\n\nFour threads.",
    ],
)
def test_a_weak_answer_is_in_no_chunk(form: str, end: str) -> None:
    text = f"# Pools\n\n## Talk\n\n{form}\n\n## After\n\nThe rest.\n".replace("\n", end)
    said = " ".join(chunk.text for chunk in split(chapter_of(text)))
    assert "slow" not in said and "Alas" not in said
    assert "Why?" in said and "Four threads." in said and "The rest." in said


def test_a_weak_answer_in_a_fence_is_code() -> None:
    (chunk,) = split(chapter_of("# Pools\n\n## Talk\n\n```md\n**Weak answer**: It is slow.\n```\n"))
    assert "It is slow." in chunk.text


@pytest.mark.parametrize("label", ["**Wrong claims** of weak candidates:", "**Key points** again", "__Wrong claims__:"])
def test_a_label_hides_whatever_stands_after_it_on_its_line(label: str) -> None:
    text = f"# T\n\n## Interview questions\n\n### Why?\n\nBecause.\n\n{label}\n\n- False. → True.\n"
    assert [chunk.text for chunk in split(chapter_of(text))] == ["Because."]


def test_those_labels_and_headings_hide_nothing_outside_an_interview() -> None:
    text = "# T\n\n## Follow-ups\n\nCall them.\n\n## Notes\n\n**Key points**\n\n- One.\n\n### Key points\n\nTwo.\n"
    joined = "\n".join(chunk.text for chunk in split(chapter_of(text)))
    assert joined == "Call them.\n**Key points**\n\n- One.\nTwo."


def test_the_heading_of_an_interview_may_be_in_any_case() -> None:
    text = "# T\n\n## INTERVIEW Questions\n\n### Why?\n\nBecause.\n\n#### Wrong claims\n\n- No. → Yes.\n"
    assert [chunk.text for chunk in split(chapter_of(text))] == ["Because."]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "item",
    [
        "  - \tfirst\n\n    {w}",
        "   1. {w}\n\n      {w}\n      - inner\n        - deep {w}",
        " -\t{w}\n\n\t{w}",
        "10)\t{w}\n\n    \tcode {w}",
    ],
)
def test_a_long_list_loses_no_text(item: str, end: str) -> None:
    text = "\n".join(item.replace("{w}", "important words " * 9) for _ in range(9)).replace("\n", end)
    chunks = split(chapter_of(text))
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())
    assert all(len(chunk.text) <= WINDOW for chunk in chunks)


def test_an_h1_below_another_heading_is_a_section() -> None:
    chapter = chapter_of("## A\n\nx\n\n# Late\n\ny\n")
    assert [(s.heading_path, s.anchor) for s in chapter.sections] == [(("A",), "a"), (("Late",), "late")]
    assert chapter.title == "Late"
    assert [(chunk.anchor, chunk.text) for chunk in split(chapter)] == [("a", "x"), ("late", "y")]


def test_sections_have_anchors_of_their_own_without_any_letters() -> None:
    chapter = chapter_of("Before.\n\n### 🚀\n\nx\n")
    assert [section.anchor for section in chapter.sections] == ["", "-1"]


@pytest.mark.parametrize(
    "part",
    [
        "A. ",
        "` `` ",
        "One. Two. ",
        "[",
        "[a](",
        "[a. b",
        ".",
        ".' ",
        "x. ```` y ``` ",
        "See http://a. ",
        "word ",
        "xxxx",
    ],
)
def test_a_long_paragraph_is_cut_in_bounded_time(part: str) -> None:
    text = part * (200_000 // len(part))
    started = time.perf_counter()
    spans = sentences(text, 0, len(text))
    assert time.perf_counter() - started < 5
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_several_h1_headings_are_path_elements_after_the_first() -> None:
    chapter = chapter_of("Before.\n\n# First\n\nIntro.\n\n## A\n\nx\n\n# Second\n\ny\n\n### Deep\n\nz\n")
    assert [(s.heading_path, s.anchor) for s in chapter.sections] == [
        ((), "first"),
        (("A",), "a"),
        (("Second",), "second"),
        (("Second", "Deep"), "deep"),
    ]
    assert [chunk.text for chunk in split(chapter)] == ["Before.", "Intro.", "x", "y", "z"]


@pytest.mark.parametrize(
    ("paragraph", "wanted"),
    [
        ("One. Two.", ["One.", "Two."]),
        ("Use e.g. Redis. It is v7.2. Done!", ["Use e.g. Redis.", "It is v7.2.", "Done!"]),
        (
            "Node.js 22 is LTS. `a. B` stays. See [x. Y](a.md#b). End",
            ["Node.js 22 is LTS.", "`a. B` stays.", "See [x. Y](a.md#b).", "End"],
        ),
        ('He said "No." Then left. **Bold end.** Next.', ['He said "No."', "Then left.", "**Bold end.**", "Next."]),
        ("Set it to 0.5 vs. 1.0 ms. `x` is next.", ["Set it to 0.5 vs. 1.0 ms.", "`x` is next."]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(paragraph: str, wanted: list[str]) -> None:
    text = f"before {paragraph} after"
    spans = sentences(text, 7, 7 + len(paragraph))
    assert [text[start:end] for start, end in spans] == wanted
