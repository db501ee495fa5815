"""Unanswered questions: grouped by meaning, counted, shown escaped, taken along as CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from qa.assistant import Assistant, default_content, default_data
from qa.encoder import OpenVINOEncoder
from qa.gaps import GapGroup, group, to_sheet
from qa.index import open_index
from qa.progress import Gap, Progress
from qa.sheets import to_csv
from tests.conftest import write_small
from tests.test_web import ask, serving

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EVIL = '<img src=x onerror="window.hacked=1"> zebra'


def gap(question: str, count: int = 1, first: datetime = NOON, last: datetime = NOON) -> Gap:
    return Gap(question, count, first, last)


def test_ways_to_put_one_question_form_a_group(encoder: OpenVINOEncoder) -> None:
    gaps = [
        gap("best pizza in naples", 3),
        gap("terraform state lock stuck, how to force unlock", 2, NOON - DAY),
        gap("where do I eat the best pizza in Naples?", 1, NOON, NOON + DAY),
        gap("terraform state is locked, how do I unlock it", 1, NOON),
        gap("react hydration mismatch error"),
    ]
    groups = group(gaps, encoder.encode_query([one.question for one in gaps]))
    assert [[one.question for one in found.gaps] for found in groups] == [
        ["best pizza in naples", "where do I eat the best pizza in Naples?"],
        ["terraform state lock stuck, how to force unlock", "terraform state is locked, how do I unlock it"],
        ["react hydration mismatch error"],
    ]
    assert [(found.question, found.count) for found in groups[:2]] == [(gaps[0].question, 4), (gaps[1].question, 3)]
    assert (groups[0].first, groups[0].last) == (NOON, NOON + DAY)
    assert (groups[1].first, groups[1].last) == (NOON - DAY, NOON)


def test_a_question_joins_the_group_it_is_nearest_to_on_average() -> None:
    """Plane vectors by angle: 0° and 20° are a group, 70° another.

    40° is nearest to 20° (cosine 0.940), but on average the first group is at 0.853, the second at 0.866.
    """
    angles = np.radians([0, 70, 20, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    gaps = [gap(name, count) for name, count in (("0", 4), ("70", 3), ("20", 2), ("40", 1))]
    groups = group(gaps, vectors)
    assert [[one.question for one in found.gaps] for found in groups] == [["0", "20"], ["70", "40"]]


def test_a_group_that_others_make_large_comes_first() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    groups = group([gap("a", 3), gap("b", 2), gap("c", 2)], vectors)
    assert [found.question for found in groups] == ["b", "a"]


def test_no_gaps_are_no_groups() -> None:
    assert group([], np.empty((0, 2), dtype=np.float32)) == ()


def test_the_sheet_has_a_row_for_each_group() -> None:
    groups = [GapGroup((gap("=SUM(A1)", 2, NOON, NOON + DAY), gap('say "hi", then'), gap("@x"))), GapGroup((gap("b"),))]
    rows = list(csv.reader(io.StringIO(to_sheet(groups), newline="")))
    noon, next_noon = "2026-03-02T12:00:00+00:00", "2026-03-03T12:00:00+00:00"
    assert rows == [
        ["question", "asked", "first", "last", "also asked as"],
        ["'=SUM(A1)", "4", noon, next_noon, 'say "hi", then | @x'],
        ["b", "1", noon, noon, ""],
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\tx", "'\tx"), ("a=1", "a=1"), ("", ""), (-1, "-1")],
)
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell: str | int, shown: str) -> None:
    assert next(csv.reader(io.StringIO(to_csv([[cell]]), newline="")), [""])[0] == shown


@pytest.fixture(scope="module")
def assistant(small_module: Path, module_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """The small playbook with a data folder of its own."""
    return Assistant(open_index(small_module, module_index), tmp_path_factory.mktemp("kept"))


def test_only_what_was_not_answered_is_noted(assistant: Assistant) -> None:
    for question in ("how long should I knead a wheat dough", "quarterly revenue of the zeppelin company"):
        assert assistant.note(assistant.ask(question)) == ""
    assert [found.question for found in assistant.gaps()] == ["quarterly revenue of the zeppelin company"]
    assert [found.question for found in assistant.progress.gaps()] == ["quarterly revenue of the zeppelin company"]


def test_asking_alone_notes_nothing(assistant: Assistant) -> None:
    before = assistant.progress.gaps()
    assert not assistant.ask("the price of a balloon ride over Cappadocia").answered
    assert assistant.progress.gaps() == before


def test_a_data_folder_that_fails_is_told(small_module: Path, module_index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assistant = Assistant(open_index(small_module, module_index), tmp_path / "file")
    answer = assistant.ask("quarterly revenue of the zeppelin company")
    assert "this unanswered question was not noted:" in assistant.note(answer)


def test_each_playbook_has_its_own_data(small: Path, data_home: Path) -> None:
    own = default_data(default_content())
    other = default_data(small)
    assert own == data_home / "playbook-qa"
    assert other.parent == own
    assert other != default_data(small.parent)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a hostile gap."""
    folder = tmp_path_factory.mktemp("hostile")
    progress = Progress.open(folder, notify=print)
    for day in range(2):
        progress.record_gap(EVIL, NOON + day * DAY)
    return folder


@pytest.fixture(scope="module")
def site(kept: Path, module_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The small playbook, served with the gaps of `kept`."""
    root = write_small(tmp_path_factory.mktemp("site"))
    yield from serving("--content", root, "--index", module_index, "--data", kept)


def test_the_view_lists_gaps_escaped_and_is_read_anew_when_opened(site: str, page: Page) -> None:
    page.goto(site)
    page.get_by_role("tab", name="Gaps").click()
    rows = page.locator("#gaps tbody tr")
    expect(rows).to_have_count(1)
    assert rows.first.locator("td").all_inner_texts() == ["2×", EVIL, f"{(NOON + DAY).astimezone():%Y-%m-%d}"]
    ask(page, f"{site}?", "quarterly revenue of the zeppelin company")
    expect(page.locator("#chat .bot")).to_contain_text("The playbook does not cover this.")
    page.get_by_role("tab", name="Gaps").click()
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("quarterly revenue of the zeppelin company")
    assert page.evaluate("window.hacked") is None


def test_the_view_downloads_what_it_lists(site: str, page: Page) -> None:
    page.goto(site)
    page.get_by_role("tab", name="Gaps").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download as CSV").click()
    assert started.value.suggested_filename == "gaps.csv"
    with started.value.path().open(encoding="utf-8", newline="") as file:
        header, first, *_ = csv.reader(file)
    assert header == ["question", "asked", "first", "last", "also asked as"]
    assert first[:2] == [EVIL, "2"]


def test_a_thumb_is_kept_with_its_question(site: str, page: Page, kept: Path) -> None:
    page.goto(site)
    ask(page, site, "how long should I knead")
    page.get_by_role("button", name="Dislike").click()
    for _ in range(50):
        thumbs = Progress.open(kept, notify=print).export()["feedback"]
        if thumbs:
            break
        page.wait_for_timeout(100)
    assert [(row["question"], row["citation"], row["useful"]) for row in thumbs] == [
        ("how long should I knead", None, False)
    ]
