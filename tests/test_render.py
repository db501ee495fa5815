"""What the page is given: marks that change nothing else, safe blocks, links inside the page."""

import html
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from qa.playbook import read_chapter, read_playbook
from qa.playbook.chunks import split
from qa.types import Chapter, Chunk, Hit, Playbook
from qa.web import reader, render
from tests.conftest import CONTENT


def made(text: str, name: str = "01-one.md") -> Chapter:
    """A chapter with this text."""
    return read_chapter(text, Path(name), Path())[1]


def shown(text: str, quote: str = "") -> str:
    """A chapter with this text, rendered with `quote` marked."""
    chapter = made(text)
    start = text.index(quote)
    return render.chapter(chapter, Playbook((chapter,)), (start, start + len(quote)) if quote else None)


def unmarked(page: str) -> str:
    return re.sub("</?mark>", "", page).replace('<div class="marked-diagram"></div>\n\n', "")


def marks(page: str) -> list[str]:
    found = re.findall("<mark>(.*?)</mark>", page, re.DOTALL)
    return [html.unescape(re.sub("<[^>]*>", "", mark)) for mark in found]


def hit(chapter: int, anchor: str, number: int, score: float) -> Hit:
    text = f"hay {chapter} {anchor} {number}"
    return Hit(Chunk(chapter, anchor, number, "Title", (anchor,), "01-one.md", 0, len(text), text), score, score)


def test_marking_any_chunk_of_the_edition_changes_nothing_but_the_marks() -> None:
    playbook = read_playbook(CONTENT)
    for chapter in playbook.chapters:
        plain = render.chapter(chapter, playbook)
        for chunk in split(chapter)[::3]:
            page = render.chapter(chapter, playbook, (chunk.start, chunk.end))
            assert page != plain, chunk
            assert unmarked(page) == plain, chunk


@pytest.mark.parametrize("after", ["- a list", "---", "> a quote", "```js\ncode\n```", "# Heading", "    indented"])
def test_what_follows_a_marked_paragraph_stays_what_it_is(after: str) -> None:
    text = f"# One\n\nA marked line.\n{after}\n"
    page = shown(text, "A marked line.")
    assert unmarked(page) == shown(text)
    assert marks(page) == ["A marked line."]


def test_a_section_is_shown_by_its_best_hit_and_in_the_order_of_the_ranking() -> None:
    hits = [hit(1, "b", 1, 0.9), hit(2, "a", 1, 0.8), hit(1, "b", 2, 0.7), hit(3, "c", 1, 0.6)]
    page = render.results(hits, "hay", str.split, most=2)
    snippets = re.findall('class="snippet">(.*?)</span>', page)
    assert [re.sub("<[^>]*>", "", snippet) for snippet in snippets] == ["hay 1 b 1", "hay 2 a 1"]


@pytest.mark.parametrize("fence", ["~~~", "````", "~~~~~"])
@pytest.mark.parametrize("inner", ["```", "`````" + "`" * 40])
def test_no_line_of_a_diagram_ends_its_fence(fence: str, inner: str) -> None:
    if inner.startswith(fence):
        inner = "```"
    page = shown(f"# One\n\n{fence}mermaid\nflowchart LR\n{inner}\n\n<img src=x onerror=alert(1)>\n{fence}\n")
    block = page.split("\n\n", 1)[1]
    opening = re.match("`+", block)
    assert opening
    assert len(opening[0]) > max(len(run) for run in re.findall("`+", block.split("\n", 1)[1].rsplit("\n", 1)[0]))
    assert block.endswith(f"\n{opening[0]}")


def test_links_with_blanks_and_accents_lead_to_their_section() -> None:
    text = "# One\n\n[a](<02 brötchen.md#über-käse>) [b](#größe) [c](HTTPS://example.org/A%20b) [d](JavaScript:x)\n"
    one, two = made(text), made("# Zwei\n\n## Über Käse\n\nBrie.\n", "02 brötchen.md")
    page = render.chapter(one, Playbook((one, two)))
    first, second, third, *rest = re.findall('href="([^"]*)"', page)
    assert unquote(first) == "#read-2-über-käse"
    place = reader._linked(first)
    assert place == reader.Place(2, "über-käse")
    assert two.section(place.anchor)
    assert reader._linked(second) == reader.Place(1, "größe")
    assert third.lower() == "https://example.org/a%20b"
    assert rest == []


@pytest.mark.parametrize("hostile", ["⸨⸩⟦⟧⟪⟫⦃⦄⦅⦆⧼⧽", "¡§¶·¿", "&iexcl; &sect; &#xA7; ¶"])
def test_a_chapter_may_hold_any_punctuation(hostile: str) -> None:
    page = shown(f"# One\n\nBefore {hostile} here. After.\n", f"Before {hostile} here.")
    assert marks(page) == [f"Before {html.unescape(hostile)} here."]
    assert unmarked(page) == shown(f"# One\n\nBefore {hostile} here. After.\n")


def test_a_chapter_may_hold_every_character_of_the_basic_plane() -> None:
    every = "".join(chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000)
    assert marks(shown(f"# One\n\nMarked. {every}\n", "Marked.")) == ["Marked."]


@pytest.mark.parametrize("language", ["js", "text", "no-such-language", ""])
def test_marked_lines_of_code_with_leading_blank_lines_are_the_right_ones(language: str) -> None:
    page = shown(f"# One\n\n```{language}\n\n\nfirst\nsecond\n```\n", "second")
    assert marks(page) == ["second"]


@pytest.mark.parametrize(
    "text",
    ["Hello\n===", "a\n\n    b", "# x", "- x\n* y\n1. z", "``` js", "<b>&amp;</b>", "https://a.b/c_d_e", "\\*", ""],
)
def test_a_users_words_become_one_line_of_escaped_html(text: str) -> None:
    line = render.plain(text)
    assert not re.search(r"[\r\n]", line)
    assert re.fullmatch('<p class="typed">[^<>]*</p>', line)
    assert render.unplain(line) == text


@pytest.mark.parametrize(
    ("text", "quote", "wanted"),
    [
        ("# One\n\n<div>\nalpha\n</div>\n\nomega\n", "<div>\nalpha\n</div>", ["<div>", "alpha", "</div>"]),
        ("# One\n\n<div>\nalpha\n</div>\n\nomega\n", "alpha", ["alpha"]),
        (
            "# One\n\nPress <kbd>X</kbd> now. Later.\n",
            "Press <kbd>X</kbd> now.",
            ["Press ", "<kbd>", "X", "</kbd>", " now."],
        ),
        ("# One\n\n- Press <kbd>\n- rest\n", "- Press <kbd>", ["Press ", "<kbd>"]),
    ],
)
def test_quoted_html_is_marked_as_the_code_it_is_shown_as(text: str, quote: str, wanted: list[str]) -> None:
    page = shown(text, quote)
    assert marks(page) == wanted
    assert unmarked(page) == shown(text)
