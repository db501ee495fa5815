"""The Ask view: how sure an answer is, what was searched for, what to ask next, what was useful."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from qa.assistant import Assistant
from qa.progress import Progress
from tests.conftest import write_small
from tests.test_web import ask, serving

POOL = "How many threads does libuv's pool have, and how do I change it?"
PIZZA = "What is the best pizza in Naples?"
EVIL = """# Evil <img src=x onerror="window.hacked=1">

Wombats burrow at night and sleep by day.

## Wombat <script>window.hacked=2</script> food

Wombats eat 500 g of grass and 120 g of roots a day.

## Wombat young

A wombat carries its young in a pouch for eight months.
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of `app`."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def app(edition: Assistant, kept: Path) -> Iterator[str]:
    """The shipped edition, served; its index is current first."""
    assert edition.playbook.chapters
    yield from serving("--data", kept)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, module_index: Path) -> Iterator[str]:
    """A small playbook without questions, with a hostile chapter, whose data folder is a file."""
    root = write_small(tmp_path_factory.mktemp("zoo"))
    (root / "03-evil.md").write_text(EVIL, encoding="utf-8")
    (root.parent / "file").write_text("x")
    yield from serving("--content", root, "--index", module_index, "--data", root.parent / "file")


def last(page: Page) -> Locator:
    return page.locator("#chat .bot").last


def suggested(page: Page) -> Locator:
    return page.locator("#chat .options button")


def test_numbers_that_answer_are_bold_and_the_quote_stays_as_it_is(edition: Assistant, app: str, page: Page) -> None:
    given = edition.ask(POOL)
    assert "4" in given.figures
    ask(page, app, POOL)
    blocks = last(page).locator(".md > :not(.trust)").all()
    ends = next(n for n, block in enumerate(blocks) if "[1]" in block.inner_text())
    bold = [text for block in blocks[: ends + 1] for text in block.locator("strong").all_inner_texts()]
    assert list(dict.fromkeys(bold)) == list(given.figures)
    shown = "".join(block.inner_text() for block in blocks[: ends + 1])
    assert "".join(shown.split()) == "".join(f"{given.citations[0].quote}[1]".replace("`", "").split())


def test_an_answer_says_how_sure_it_is(app: str, page: Page) -> None:
    ask(page, app, POOL)
    sure = last(page).locator(".sure")
    expect(sure).to_have_text(re.compile("^(Well covered|Covered|Touched on)$"))
    expect(sure).to_have_attribute("title", re.compile(r"^Probability that the playbook covers this: \d\d %$"))


def test_what_was_searched_for_can_be_corrected_and_is_then_taken_as_it_is(app: str, page: Page) -> None:
    ask(page, app, "what is the libuv thread pool?")
    ask(page, app, "and what is its defualt size?")
    joined = "and what is its default size? (what is the libuv thread pool?)"
    expect(last(page).locator(".searched")).to_have_text(joined)
    last(page).get_by_role("button", name="Change").press("Enter")
    box, exactly = page.locator("#question textarea"), page.get_by_label("Search for exactly this")
    expect(box).to_have_value(joined)
    expect(box).to_be_focused()
    expect(exactly).to_be_checked()
    ask(page, app, "and how is jitter of dns.lookup measuredd?")
    expect(page.locator("#chat .user").last).to_contain_text("measuredd")
    expect(last(page).locator(".searched")).to_have_count(0)
    expect(exactly).to_be_hidden()
    ask(page, app, "and in production?")
    expect(last(page).locator(".searched")).to_have_text(re.compile(r"^and in production\? \(and how is jitter"))


def test_a_corrected_question_may_still_be_taken_as_a_follow_up(app: str, page: Page) -> None:
    ask(page, app, "what is the libuv thread pool?")
    ask(page, app, "evnt loop lag, how to measure it")
    expect(last(page).locator(".searched")).to_contain_text("event loop lag")
    last(page).get_by_role("button", name="Change").click()
    page.get_by_label("Search for exactly this").uncheck()
    ask(page, app, "and with which tool?")
    expect(last(page).locator(".searched")).to_have_text(re.compile(r"^and with which tool\? \(.*event loop lag"))


def test_next_questions_are_asked_with_one_key_and_never_repeated(app: str, page: Page) -> None:
    ask(page, app, POOL)
    page.locator("#question textarea").fill("half a thought")
    seen: list[str] = []
    for turn in range(2, 5):
        expect(suggested(page)).to_have_count(3)
        texts = suggested(page).all_inner_texts()
        assert all(re.fullmatch(r"[A-Z].{,88}\?", text) for text in texts)
        assert not set(texts) & set(seen)
        seen += texts
        suggested(page).first.press("Enter")
        expect(page.locator("#chat .bot")).to_have_count(turn)
        expect(page.locator("#chat .user").last).to_contain_text(texts[0])
        expect(last(page).locator(".searched")).to_have_count(0)
        expect(last(page).locator("a.cite").first).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("half a thought")


def test_a_playbook_without_questions_suggests_its_headings_and_runs_none(zoo: str, page: Page) -> None:
    ask(page, zoo, "what do wombats do at night")
    headings = ["› Wombat window.hacked=2 food", "› Wombat young"]
    texts = suggested(page).all_inner_texts()
    assert all(any(text.endswith(heading) for text in texts) for heading in headings)
    suggested(page).filter(has_text="food").click()
    expect(last(page)).to_contain_text("500 g of grass")
    assert page.evaluate("window.hacked") is None


def test_a_question_not_covered_is_noted_and_followed_by_no_suggestion(app: str, page: Page, kept: Path) -> None:
    ask(page, app, PIZZA)
    expect(last(page)).to_contain_text("The playbook does not cover this. Your question is noted under Gaps.")
    expect(last(page).locator("a.read").first).to_be_visible()
    expect(suggested(page)).to_have_count(0)
    expect(last(page).locator(".not-covered")).to_have_attribute("title", re.compile(r"\d %$"))
    assert PIZZA in [gap.question for gap in Progress.open(kept, notify=print).gaps()]


def test_a_data_folder_that_fails_costs_no_answer_and_is_not_glossed_over(zoo: str, page: Page) -> None:
    for _ in range(2):
        ask(page, zoo, PIZZA)
        expect(last(page)).to_contain_text("The playbook does not cover this.")
        expect(page.get_by_role("alert")).to_contain_text("this unanswered question was not noted")
        expect(last(page)).not_to_contain_text("noted under Gaps")
    ask(page, zoo, "how long should I knead a wheat dough")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Like", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("choose another folder with --data DIR")
    expect(last(page)).to_contain_text("ten minutes")


def test_a_thumb_belongs_to_the_question_above_it(app: str, page: Page, kept: Path) -> None:
    before = datetime.now(UTC)
    ask(page, app, "what is backpressure?")
    ask(page, app, "what is a dead letter queue?")
    page.get_by_role("button", name="Like", exact=True).first.click()
    page.get_by_role("button", name="Dislike", exact=True).last.click()
    rows: list[tuple[str, bool]] = []
    for _ in range(50):
        thumbs = Progress.open(kept, notify=print).export()["feedback"]
        rows = [(row["question"], row["useful"]) for row in thumbs if datetime.fromisoformat(row["at"]) >= before]
        if len(rows) == 2:
            break
        page.wait_for_timeout(100)
    assert sorted(rows) == [("what is a dead letter queue?", False), ("what is backpressure?", True)]


def test_copying_an_answer_takes_its_words(app: str, browser: Browser) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    ask(page, app, POOL)
    page.locator("#chat .bot-row").last.get_by_role("button", name="Copy").click()
    page.wait_for_timeout(300)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(last(page).locator(".md > p:not(.trust)").first.inner_text())
    assert not re.search("<p[ >]|Related|covered", copied)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_has_room_for_all_of_it(app: str, browser: Browser, theme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(f"{app}?__theme={theme}")
    ask(page, app, POOL)
    ask(page, app, "and what of " + "abcdefgh" * 30)
    last(page).get_by_role("button", name="Change").tap()
    expect(page.get_by_label("Search for exactly this")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ask(page, app, POOL)
    suggested(page).first.tap()
    expect(page.locator("#chat .bot")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
