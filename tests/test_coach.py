"""The Interview and Progress views in a real browser, with the real grader.

What is asserted does not hang on the grader's finer judgement.
"""

import csv
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from qa.assistant import Assistant
from qa.coach import Turn
from qa.interview import Plan
from qa.progress import Progress
from qa.report import report
from qa.types import Grade, PointGrade
from qa.web import feedback
from qa.web.progress import standing
from tests.conftest import CONTENT
from tests.test_interview import BREAD, KNEADING, NOON, PLAIN, TIDES, answered
from tests.test_web import free_port

EVIL = "<img src=x onerror='window.hacked=1'> ${window.hacked=2} {{x}} <script>window.hacked=3</script>"
HOSTILE = f"""# Hostile {EVIL}

## Asked

**Q**: Is `{EVIL}` shown?

**A**: The tag {EVIL} is shown as it is written.

**Follow-up**: And what of {EVIL} here?
"""


class Server:
    """The app over a small playbook, which can die and come back at its address."""

    def __init__(self, *arguments: str | Path) -> None:
        self._port = free_port()
        self._command = [sys.executable, "app.py", "--port", str(self._port), *map(str, arguments)]
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=CONTENT.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            try:
                urllib.request.urlopen(self.address, timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError):
                assert self._process.poll() is None
                time.sleep(0.2)
        raise AssertionError("the app does not answer")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bakery")
    (root / "01-tides.md").write_text(TIDES, encoding="utf-8")
    (root / "02-bread.md").write_text(BREAD, encoding="utf-8")
    (root / "03-hostile.md").write_text(HOSTILE, encoding="utf-8")
    return root


@contextmanager
def serving(bakery: Path, index: Path, data: Path) -> Iterator[Server]:
    server = Server("--content", bakery, "--index", index, "--data", data)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def shared(bakery: Path, module_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that start and end an interview of their own."""
    with serving(bakery, module_index, tmp_path_factory.mktemp("progress")) as server:
        yield server


@pytest.fixture
def server(bakery: Path, module_index: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of one's own, to kill."""
    with serving(bakery, module_index, tmp_path / "progress") as own:
        yield own


def opened(page: Page, server: Server, *, theme: str = "light") -> None:
    page.goto(f"{server.address}?__theme={theme}")
    page.get_by_role("tab", name="Interview").click()


def begin(page: Page, server: Server, *chosen: str, chapters: str = "2", theme: str = "light") -> None:
    opened(page, server, theme=theme)
    page.get_by_label("Chapters").fill(chapters)
    for label in ("3 questions", *chosen):
        page.get_by_label(label).check()
    page.get_by_role("button", name="Start").click()


def question(page: Page) -> Locator:
    return page.locator("#coach-question")


def box(page: Page) -> Locator:
    return page.locator("#coach-answer textarea")


def answer(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Control+Enter")


def finish(page: Page) -> None:
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#coach-report")).to_contain_text("Report")


def test_a_whole_session_in_the_browser(shared: Server, page: Page, tmp_path: Path) -> None:
    begin(page, shared)
    expect(question(page)).to_have_text("How do you knead a wheat dough?")
    expect(page.locator("#coach-card .about")).to_have_text("Question 1 of 2 · Kitchen · Bread · mid")
    expect(box(page)).to_be_focused()
    answer(page, KNEADING)
    verdicts = page.locator("#coach-feedback .verdicts li")
    expect(verdicts.first).to_contain_text("Made Knead for ten minutes by hand.")
    expect(verdicts.first).to_contain_text("You said “You knead for ten minutes by hand.”")
    expect(page.locator("#coach-feedback .coach-heading")).to_be_focused()
    expect(page.locator("#coach-feedback .own mark").first).to_have_text("You knead for ten minutes by hand.")
    expect(verdicts.filter(has_text="A starter needs equal weights")).to_contain_text("Missed")

    verdicts.filter(has_text="A starter needs").get_by_role(
        "link", name="Sourdough starters rise by wild yeast"
    ).click()
    expect(page.locator("#reader-page h2", has_text="Sourdough starters")).to_be_in_viewport()
    expect(verdicts.first).to_be_visible()
    page.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Show the model answer").click()
    expect(page.locator("#coach-model")).to_contain_text("Ten minutes by hand, until light shines through.")
    page.locator("#coach-model a.cite").click()
    expect(page.locator("#reader-page mark")).to_have_text("Ten minutes by hand, until light shines through.")
    page.get_by_role("button", name="Close").click()

    second = page.get_by_role("button", name="I disagree with verdict 2")
    second.evaluate("button => { button.dataset.judged = '999/1'; }")  # an answer that is not there
    second.click()
    page.get_by_role("button", name="I disagree with verdict 1").click()
    expect(verdicts.first).to_contain_text("You disagree: noted")
    expect(second).to_be_enabled()

    page.get_by_role("button", name="Answer the follow-up").click()
    expect(page.locator("#coach-card .about")).to_contain_text("Follow-up to question 1 of 2")
    answer(page, PLAIN)
    expect(page.locator("#coach-feedback .coach-heading")).to_have_text("Mark: 0 of 100")
    page.get_by_role("button", name="Next question").click()
    expect(question(page)).to_have_text("What raises a sourdough?")
    page.get_by_role("button", name="I don't know").click()
    expect(page.locator("#coach-feedback .coach-heading")).to_have_text("Mark: 0 of 100")
    page.get_by_role("button", name="Next question").click()

    report = page.locator("#coach-report")
    expect(report.locator("h2")).to_contain_text("Report: ")
    expect(report.locator("table.bars").first).to_contain_text("Kitchen")
    width = "element => element.getBoundingClientRect().width / element.parentElement.getBoundingClientRect().width"
    mark = float(report.locator("table.bars").first.locator("tbody td").nth(1).inner_text())
    assert abs(report.locator("table.bars span").first.evaluate(width) - mark / 100) < 0.05
    expect(report.get_by_role("link", name="Bread › Sourdough starters rise by wild yeast").first).to_be_visible()
    report.locator("summary").first.click()
    expect(report.locator("details").first).to_contain_text("You disagree: noted")

    saved = {link.inner_text(): download(page, link, tmp_path) for link in report.locator("a.download").all()}
    assert saved["Report (Markdown)"].startswith("# Interview report\n\nLinks start from ")
    cards = list(csv.reader(saved["Cards for Anki (CSV)"].splitlines()))
    assert [row[0] for row in cards[3:]] == ["How do you knead a wheat dough?", "What raises a sourdough?"]
    kept = json.loads(saved["All progress (JSON)"])
    attempts = kept["sessions"][-1]["attempts"]
    assert [attempt["answer"] for attempt in attempts] == [KNEADING, PLAIN, "I don't know."]
    assert attempts[0]["disputes"][0]["statement"] == "Knead for ten minutes by hand."


def download(page: Page, link: Locator, folder: Path) -> str:
    with page.expect_download() as started:
        link.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path.read_bytes().decode("utf-8")


def test_a_killed_server_and_a_reloaded_page_go_on_where_they_were(server: Server, page: Page) -> None:
    begin(page, server)
    box(page).press_sequentially("You knead for ten")
    server.kill()
    server.start()
    page.reload()
    expect(page.get_by_role("tab", name="Interview")).to_have_attribute("aria-selected", "true")
    expect(question(page)).to_have_text("How do you knead a wheat dough?")
    expect(box(page)).to_have_value("You knead for ten")
    answer(page, KNEADING)
    expect(page.locator("#coach-feedback .own")).to_contain_text("Yeast makes the gluten.")

    server.kill()
    server.start()
    page.get_by_role("button", name="Next question").click()  # of the page that was open all the time
    expect(question(page)).to_have_text("What raises a sourdough?")
    expect(box(page)).to_have_value("")
    page.context.new_page().goto(server.address)
    fresh = page.context.pages[-1]
    fresh.get_by_role("tab", name="Interview").click()
    expect(question(fresh)).to_have_text("What raises a sourdough?")


def test_an_answer_that_was_kept_and_not_marked_is_marked_on_resuming(
    server: Server, page: Page, tmp_path: Path
) -> None:
    begin(page, server)
    expect(question(page)).to_be_visible()
    progress = Progress.open(tmp_path / "progress", notify=print)
    progress.save_answer(1, "2#how-do-you-knead-a-wheat-dough", KNEADING, at=datetime.now(UTC))
    opened(page, server)
    expect(page.locator("#coach-feedback .verdicts li").first).to_contain_text("Made Knead for ten minutes by hand.")
    assert progress.attempts()[0].grade is not None


def test_two_windows_share_a_session(server: Server, page: Page) -> None:
    begin(page, server)
    expect(question(page)).to_be_visible()
    beside = page.context.new_page()
    opened(beside, server)
    answer(page, KNEADING)
    expect(page.locator("#coach-feedback .verdicts li").first).to_be_visible()
    answer(beside, PLAIN)
    expect(beside.locator("#coach-feedback .own")).to_have_text(PLAIN)
    page.get_by_role("button", name="Next question").click()
    expect(question(page)).to_have_text("What raises a sourdough?")
    beside.get_by_role("button", name="Next question").click()
    expect(question(beside)).to_have_text("What raises a sourdough?")
    finish(page)
    expect(page.locator("#coach-report details .own")).to_have_count(2)


def test_a_mock_interview_is_marked_at_its_end(shared: Server, page: Page) -> None:
    begin(page, shared, "Mock interview: marks at the end", chapters="1")
    answer(page, PLAIN)
    expect(question(page)).to_contain_text("What else belongs in a full answer")
    expect(page.locator("#coach-feedback")).to_be_hidden()
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("#coach-report h2")).to_have_text("Report: 0 of 100")
    page.locator("#coach-report summary").first.click()
    expect(page.locator("#coach-report details").first).to_contain_text("Missed The Moon pulls the near ocean.")
    page.locator("#coach-report summary", has_text="Model answer").first.click()
    page.locator("#coach-report details details a.cite").first.click()
    expect(page.locator("#reader-page mark").first).to_have_text(
        "The Moon pulls the near ocean. The Sun adds a smaller pull."
    )
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="New interview").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_what_cannot_be_done_is_said_and_nothing_typed_is_lost(shared: Server, page: Page) -> None:
    begin(page, shared, chapters="2, x")
    expect(page.get_by_role("alert")).to_have_text(
        "no chapter 'x' in this playbook; give chapters by their numbers, such as 37, 41"
    )
    page.get_by_label("Chapters").fill("1")
    page.get_by_label("Staff").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("no interview question is of these chapters and this level")
    page.get_by_label("As my answers go").check()
    page.get_by_role("button", name="Start").click()
    expect(question(page)).to_be_visible()
    answer(page, "  ")
    expect(page.get_by_role("alert")).to_contain_text("the answer is blank")
    answer(page, "x" * 8_001)
    expect(page.get_by_role("alert")).to_contain_text("8,000 are the most")
    assert len(box(page).input_value()) == 8_001
    finish(page)
    expect(page.locator("#coach-report")).to_contain_text("Nothing was answered.")


def test_words_of_chapters_and_answers_never_run(shared: Server, page: Page) -> None:
    begin(page, shared, chapters="3")
    expect(question(page)).to_contain_text("<script>window.hacked=3</script>")
    answer(page, f"It is {EVIL} shown, as I said before.")
    expect(page.locator("#coach-feedback .own")).to_contain_text("<img src=x onerror='window.hacked=1'>")
    page.get_by_role("button", name="Show the model answer").click()
    expect(page.locator("#coach-model")).to_contain_text("<script>window.hacked=3</script>")
    finish(page)
    expect(page.locator("#coach-report details details")).to_contain_text("<script>window.hacked=3</script>")
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#progress")).to_contain_text("due now")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#coach-report img, #coach-feedback img, #progress img").count() == 0


def test_the_clock_runs_and_only_says_when_time_is_up(shared: Server, page: Page) -> None:
    page.clock.install()
    begin(page, shared, "2 minutes", chapters="1")
    timer = page.locator("#coach-card .timer")
    page.clock.run_for(1_000)
    expect(timer).to_contain_text("1:5")
    page.clock.run_for(130_000)
    expect(timer).to_have_text("Time is up. You may still finish your answer.")
    box(page).fill(PLAIN)
    page.get_by_role("button", name="Send answer").click()
    page.clock.run_for(1_000)
    expect(page.locator("#coach-feedback .coach-heading")).to_have_text("Mark: 0 of 100")
    expect(timer).to_have_count(0)
    finish(page)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (timedelta(seconds=30), 90),
        (timedelta(seconds=130), 0),
        (timedelta(minutes=29), 0),
        (timedelta(days=1), 120),
        (timedelta(hours=-1), 120),  # the clock was put back
    ],
)
def test_a_question_shown_anew_after_a_long_absence_gets_its_full_time(gone: timedelta, left: int) -> None:
    turn = Turn(1, 0, Plan(timer=120), 1, answered("x", "Sea", NOON, "missed").question, None, NOON)
    assert f'data-left="{left}"' in feedback.card(turn, NOON + gone)


def test_a_report_holds_the_model_answer_of_each_question() -> None:
    given = [answered("x", "Sea", NOON, "covered"), answered("y", "Sea", NOON, "missed")]
    shown = report(given, ever=given, due=())
    html = feedback.report(shown, (), kept="{}", model=lambda question: f"<p>of {question.id}</p>")
    models = re.findall("<details><summary>Model answer</summary>(.*?)</details></details>", html)
    assert models == ["<p>of x</p>", "<p>of y</p>"]


def test_progress_is_shown_and_imported_without_doubles(server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(server.address)
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#progress")).to_contain_text("No answers yet.")
    begin(page, server, chapters="1")
    answer(page, PLAIN)
    expect(page.locator("#coach-feedback .coach-heading")).to_be_visible()
    finish(page)
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#progress table.bars").first).to_be_visible()
    kept = download(page, page.locator("#progress a.download", has_text="JSON"), tmp_path)
    file = tmp_path / "interview-progress.json"
    page.get_by_label("Import a JSON export").set_input_files(file)
    expect(page.locator("#progress-notice")).to_have_text("0 new records imported.")
    file.write_text("[]")
    page.get_by_label("Import a JSON export").set_input_files(file)
    expect(page.locator("#progress-notice").get_by_role("alert")).to_contain_text("not an export")
    file.write_text(kept.replace('"uid": "', '"uid": "f'))
    page.get_by_label("Import a JSON export").set_input_files(file)
    expect(page.locator("#progress-notice")).to_have_text("2 new records imported.")
    expect(page.locator("#progress table.bars").last.locator("tbody td").last).to_have_text("2")


def test_answers_to_what_left_the_playbook_are_counted_and_can_be_taken_along(
    bakery: Path, module_index: Path, tmp_path: Path
) -> None:
    assistant = Assistant.load(bakery, module_index, data=tmp_path / "data")
    assert standing(assistant) == "<p>No answers yet. The Interview tab asks the first question.</p>"
    noon, missed = datetime(2026, 3, 4, 12, 0, tzinfo=UTC), Grade(0, (PointGrade("missed", 0.0),))
    session = assistant.progress.start_session(Plan().to_json(), noon)
    gone = assistant.progress.save_answer(session, "2#what-raises-a-flatbread", "a word kept", at=noon)
    shown = standing(assistant)
    assert "1 kept answer belongs to questions or key points that this playbook no longer has." in shown
    assert "No answers yet" not in shown
    kneaded = assistant.progress.save_answer(session, "2#how-do-you-knead-a-wheat-dough", "hand", at=noon)
    for attempt in (gone, kneaded):  # a wheat dough has three points by now
        assistant.progress.save_grade(attempt, missed)
    shown = standing(assistant)
    assert "2 kept answers belong to questions or key points" in shown
    assert "1 question is due now" in shown
    assert 'download="interview-progress.json"' in shown
    assert "a%20word%20kept" in shown
    raised = assistant.progress.save_answer(session, "2#what-raises-a-sourdough", "", at=noon)
    assistant.progress.save_grade(raised, missed)
    shown = standing(assistant)
    assert "2 kept answers belong" in shown
    assert "Marks by section" in shown


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_every_step_without_scrolling_sideways(shared: Server, browser: Browser, theme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    begin(page, shared, theme=theme)
    expect(question(page)).to_be_visible()
    assert page.evaluate(fits)
    box(page).fill(KNEADING + " " + "w" * 200)
    page.get_by_role("button", name="Send answer").tap()
    expect(page.locator("#coach-feedback .verdicts li").first).to_be_visible()
    assert page.evaluate(fits)
    for selector in (".own mark", ".covered .said", ".missed .said", ".contradicted .said", "a.read", ".about"):
        for element in page.locator(f"#coach-card {selector}, #coach-feedback {selector}").all()[:1]:
            assert element.evaluate(CONTRAST) >= 4.5, selector
    finish(page)
    assert page.evaluate(fits)
    context.close()


# WCAG's contrast of an element's text and what lies behind it
CONTRAST = """(element) => {
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  let behind = element;
  while (behind && (rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  const a = light(rgb(getComputedStyle(element).color));
  const b = light(rgb(behind ? getComputedStyle(behind).backgroundColor : "rgb(255,255,255)"));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
