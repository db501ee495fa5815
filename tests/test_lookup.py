"""The Look up view: quick while one types, as exact as an answer on Enter."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from qa.assistant import Assistant
from qa.types import Chunk, Hit
from qa.web import lookup
from tests.test_web import marked, serving

# the two rankings differ for it, and every prefix of it is a query of its own
QUERY = "why does p99 climb while the cpu is idle"


def hit(chapter: int, anchor: str, number: int, score: float) -> Hit:
    text = f"hay {chapter} {anchor} {number}"
    return Hit(Chunk(chapter, anchor, number, "Title", (anchor,), "01-one.md", 0, len(text), text), score, score)


def test_a_section_is_shown_by_its_best_hit_and_in_the_order_of_the_ranking() -> None:
    hits = [hit(1, "b", 1, 0.9), hit(2, "a", 1, 0.8), hit(1, "b", 2, 0.7), hit(3, "c", 1, 0.6)]
    page = lookup.results(hits, "hay", str.split, most=2)
    snippets = re.findall('class="snippet">(.*?)</span>', page)
    assert [re.sub("<[^>]*>", "", snippet) for snippet in snippets] == ["hay 1 b 1", "hay 2 a 1"]


@pytest.mark.parametrize(
    ("text", "snippet"),
    [
        ("Set `UV_THREADPOOL_SIZE`, *then* __start__ _it_.", "Set UV_THREADPOOL_SIZE, then start it."),
        ("| Probe | Action |\n| --- | :-: |\n| liveness | restart |", "Probe Action liveness restart"),
        ("- see [the pool](05-pool.md#size)\n* a[0] => 1\n> C#", "see the pool a[0] =&gt; 1 C#"),
        ("Before:\n\n```js\nconst a = 1; // b\n```\n~~~\nx - y\n~~~", "Before: const a = 1; // b x - y"),
        ("## Heading\n\n1. <b>one</b>", "Heading 1. &lt;b&gt;one&lt;/b&gt;"),
    ],
)
def test_a_snippet_is_the_text_without_its_marks(text: str, snippet: str) -> None:
    assert lookup._snippet(text, set(), str.split) == snippet


def test_a_snippet_begins_a_little_before_the_first_asked_word() -> None:
    snippet = lookup._snippet("a b c d e f g h NEEDLE " + "word " * 100, {"needle"}, lambda word: [word.lower()])
    assert snippet.startswith("… c d e f g h <mark>NEEDLE</mark> word word")
    assert snippet.endswith("word …")
    assert len(snippet) < 350


@pytest.fixture(scope="module")
def app(edition: Assistant) -> Iterator[str]:
    """The shipped edition, served; its index is current first."""
    assert edition.playbook.chapters
    yield from serving()


def box(page: Page, app: str) -> Locator:
    page.goto(app)
    page.get_by_role("tab", name="Look up").click()
    return page.locator("#lookup textarea, #lookup input").first


def links(assistant: Assistant, query: str, *, rerank: bool) -> list[str]:
    page = lookup.results(assistant.search(query, 50, rerank=rerank), query, assistant.terms)
    return re.findall('href="([^"]*)"', page)


def expect_links(page: Page, wanted: list[str]) -> None:
    results = page.locator("#results a.result")
    for place, link in enumerate(wanted):
        expect(results.nth(place)).to_have_attribute("href", link)
    expect(results).to_have_count(len(wanted))


def test_enter_ranks_as_an_answer_does_and_typing_does_not(edition: Assistant, app: str, page: Page) -> None:
    quick, close = (links(edition, QUERY, rerank=rerank) for rerank in (False, True))
    assert quick != close
    query = box(page, app)
    query.fill(QUERY)
    expect_links(page, quick)
    query.press("Enter")
    expect_links(page, close)
    expect(page.locator("#results a.result").first).to_be_focused()
    page.keyboard.press("Enter")
    assert marked(page)


def test_enter_right_after_the_last_key_has_the_last_word(edition: Assistant, app: str, page: Page) -> None:
    query = box(page, app)
    query.press_sequentially(QUERY)
    query.press("Enter")
    page.wait_for_timeout(1500)
    expect_links(page, links(edition, QUERY, rerank=True))
    query.fill(f"{QUERY}?")
    expect_links(page, links(edition, f"{QUERY}?", rerank=False))


def test_odd_input_is_told_and_blank_shows_nothing(app: str, page: Page) -> None:
    query = box(page, app)
    query.fill("x" * 2_001)
    query.press("Enter")
    expect(page.locator("#results")).to_contain_text("2,000 are the most")
    query.fill("<img src=x onerror='window.hacked=1'> keepAliveTimeout")
    query.press("Enter")
    expect(page.locator("#results a.result").first).to_be_focused()
    query.fill("   ")
    query.press("Enter")
    expect(page.locator("#results a.result")).to_have_count(0)
    assert page.evaluate("window.hacked") is None
