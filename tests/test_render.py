"""What the page is given: marks that change nothing else, safe blocks, links inside the page."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from qa.playbook import read_chapter, read_playbook
from qa.playbook.chunks import split
from qa.types import Answer, Chapter, Citation, Link, Playbook
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


def answered(text: str, quote: str, question: str = "how many", **given: Any) -> Answer:
    """An answer that quotes `quote` of a chapter with this text, twice."""
    source = Link(1, "One", ("Two",), "two", "01-one.md")
    start = text.index(quote)
    cited = [Citation(number, source, start, start + len(quote), 1, 1, quote, "prose") for number in (1, 2)]
    searched = given.pop("searched_for", " ".join(question.split()))
    return Answer(question, True, 0.93, quote, tuple(cited), (source,), searched, **given)


def quotes(text: str, quote: str, *figures: str) -> tuple[str, str]:
    """Both quotes of an answer with these figures, as the page shows them."""
    playbook = Playbook((made(text),))
    first, second = (
        render.quotation(citation, playbook, figures if citation.number == 1 else ())
        for citation in answered(text, quote).citations
    )
    page = render.answer(answered(text, quote, figures=figures), playbook)
    assert first in page
    assert second in page
    return first, second


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
    for as_written in (False, True):
        line = render.plain(text, as_written=as_written)
        assert not re.search(r"[\r\n]", line)
        assert re.fullmatch('<p class="typed(?: as-written)?">[^<>]*</p>', line)
        assert render.unplain(line) == (text, as_written)


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


@pytest.mark.parametrize(
    ("quote", "figures", "bold"),
    [
        ("It is 4, of 14 or 4.5.", ("4",), "It is <strong>4</strong>, of 14 or 4.5."),
        ("Set `POOL=4` and *4 ms*.", ("4", "4 ms"), "<code>POOL=<strong>4</strong></code>"),
        ("Set `POOL=4` and *4 ms*.", ("4", "4 ms"), "<em><strong>4 ms</strong></em>"),
        ("- a < 4\n- b", ("4",), "<li>a &lt; <strong>4</strong></li>"),
        ("1. first\n2. at most 2", ("2",), "<li>at most <strong>2</strong></li>"),
        ("| a | b |\n| - | - |\n| 4 | 5 |", ("4",), "<td><strong>4</strong></td>\n<td>5</td>"),
        ("> It is 4.", ("4",), "It is <strong>4</strong>."),
        ("[4 of them](#two) and <b>4</b>", ("4",), "<strong>4</strong> of them</a>"),
    ],
)
def test_figures_are_bold_in_the_first_quote_alone(quote: str, figures: tuple[str, ...], bold: str) -> None:
    first, second = quotes(f"# One\n\n## Two\n\n{quote}\n", quote, *figures)
    assert bold in first
    assert "<strong>" not in second
    assert re.sub("</?strong>", "", first).replace("[1]", "[2]") == second


@pytest.mark.parametrize("quote", ["```js\npool = 4;\n```", "~~~\n4\n~~~", "```mermaid\nA --> 4\n```"])
def test_no_figure_is_bold_in_a_fence(quote: str) -> None:
    first, second = quotes(f"# One\n\n## Two\n\n{quote}\n", quote, "4")
    assert first.replace("[1]", "[2]") == second


def test_a_chapter_s_own_characters_never_become_tags() -> None:
    first, _ = quotes("# One\n\n## Two\n\nIt is <4> & 4.\n", "It is <4> & 4.", "4")
    assert "It is &lt;<strong>4</strong>&gt; &amp; <strong>4</strong>." in first


def test_an_answer_says_how_sure_it_is_and_what_was_searched_for() -> None:
    text = "# One\n\n## Two\n\nIt is so.\n"
    playbook = Playbook((made(text),))
    page = render.answer(answered(text, "It is so.", "is  it\nso"), playbook)  # white space makes no other search
    assert page.startswith('<p class="trust"><span class="sure" title="Probability that')
    assert "covers this: 93 %" in page
    assert ">Well covered</span></p>" in page
    page = render.answer(answered(text, "It is so.", "is it so", searched_for="is <it> so"), playbook)
    assert 'Searched for: <span class="searched">is &lt;it&gt; so</span> <button type="button"' in page


@pytest.mark.parametrize("noted", [False, True])
def test_a_question_not_covered_is_told_as_noted_only_if_it_was(noted: bool) -> None:
    near = Link(1, "One", ("Two",), "two", "01-one.md")
    given = Answer("x", False, 0.1, "The playbook does not cover this. The nearest sections: One.", (), (near,), "x")
    page = render.answer(given, Playbook(()), noted=noted)
    assert ">The playbook does not cover this.</span>" in page
    assert ("noted under Gaps" in page) is noted
    assert "Nearest sections" in page
    assert "Well" not in page
