"""Chunks: exact slices, whole blocks, nothing that must not be quoted."""

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
