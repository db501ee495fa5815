"""The interview: what is asked next, what the report says, and that no answer is ever lost."""

import csv
import io
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from qa.coach import DONT_KNOW, Coach, Turn
from qa.interview import Answered, Mode, Past, Plan, answers, follow_up, level_after, next_question, time_used
from qa.playbook import read_playbook
from qa.playbook.interview import read_interview
from qa.progress import Progress
from qa.report import cards, markdown, report
from qa.types import (
    Attempt,
    Contradiction,
    Grade,
    InterviewQuestion,
    KeyPoint,
    Level,
    Link,
    ModelError,
    Playbook,
    PointGrade,
    QAError,
    QuestionRefused,
    WrongClaim,
)
from tests.conftest import CONTENT

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
MODES: tuple[Mode, ...] = ("practice", "mock", "review")
BREAD = """---
number: 2
section: Kitchen
---
# Bread

## How long to knead

Ten minutes by hand.

## Sourdough starters rise by wild yeast

Feed them.

## Interview questions

### How do you knead a wheat dough?
*Level: mid*

Ten minutes by hand, until light shines through.

**Key points**
- Knead for ten minutes by hand. ([How long to knead](#how-long-to-knead))
- Light shines through a stretched piece when gluten is ready. ([How long to knead](#how-long-to-knead))
- A starter needs equal weights of flour and water. ([Sourdough](#sourdough-starters-rise-by-wild-yeast))

**Wrong claims**
- Yeast makes the gluten. → Kneading makes it.

**Follow-ups**
- What tells you that gluten is ready in a stretched piece?

### What raises a sourdough?
*Level: senior*

Wild yeast in a starter raises it.

**Key points**
- Wild yeast lives in the starter. ([Sourdough](#sourdough-starters-rise-by-wild-yeast))

**Wrong claims**
- Baking powder raises it. → Wild yeast does.

**Follow-ups**
- How often do you feed it?
"""
TIDES = """# Tides

**Q: "What causes tides?"**
**A**: "The Moon pulls the near ocean. The Sun adds a smaller pull."
"""


def link(name: str) -> Link:
    return Link(1, "Chapter", ("Part", name), name, "01-x.md")


def question(name: str, part: str = "A", level: Level | None = "mid", *, chapter: int = 1) -> InterviewQuestion:
    source = replace(link(name), chapter=chapter)
    return InterviewQuestion(name, f"What is {name}?", part, level, source, 0, 1, (KeyPoint(f"{name} is.", source),))


class Words:
    """Marks by words: a point is made where the answer holds it as written, a claim likewise."""

    def grade(
        self, _: str, answer: str, /, *, key_points: Sequence[str], wrong_claims: Sequence[WrongClaim] = ()
    ) -> Grade:
        points = []
        for point in key_points:
            at = answer.find(point)
            made = PointGrade("covered", 1.0, point, at, at + len(point))
            points.append(made if at >= 0 else PointGrade("missed", 0.0))
        said = [
            Contradiction(wrong.claim, wrong.correction, wrong.claim, at, at + len(wrong.claim))
            for wrong in wrong_claims
            if (at := answer.find(wrong.claim)) >= 0
        ]
        return Grade(round(100 * sum(point.covered for point in points) / len(points)), tuple(points), tuple(said))


class Broken:
    """A model that cannot be loaded."""

    def grade(self, *_: object, **__: object) -> Grade:
        raise ModelError("no model; train one")


class Clock:
    """A minute goes by with every look at it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def kitchen(tmp_path: Path) -> Playbook:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "01-tides.md").write_text(TIDES, encoding="utf-8")
    (tmp_path / "content" / "02-bread.md").write_text(BREAD, encoding="utf-8")
    return read_playbook(tmp_path / "content")


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress.open(tmp_path / "data", notify=print)


@pytest.fixture
def coach(kitchen: Playbook, progress: Progress) -> Coach:
    return Coach(kitchen, read_interview(kitchen), Words(), progress, clock=Clock())


def waiting(turn: Turn | None) -> Turn:
    assert turn is not None
    assert turn.answered is None
    return turn


def marked(turn: Turn | None) -> Turn:
    assert turn is not None
    assert turn.answered is not None
    return turn


# The choice of the next question.

BANK = (
    question("a1", "A"),
    question("a2", "A", "senior"),
    question("b1", "B", "mid", chapter=2),
    question("b2", "B", "senior", chapter=2),
    question("b3", "B", "staff", chapter=3),
    question("c1", "C", None, chapter=4),
)


@pytest.mark.parametrize(
    ("plan", "past", "wanted"),
    [
        (Plan(), Past(due=("b2", "a1")), "a1"),  # both are due, this one's level fits
        (Plan(), Past(due=("b2", "b3")), "b2"),
        (Plan(), Past(last={"a1": 90, "b1": 20}, due=()), "b2"),  # B is weak
        (Plan(), Past(last={"a1": 30, "b1": 20}, due=()), "b2"),  # B is weaker
        (Plan(), Past(last={"a1": 90, "b1": 90, "c1": 90}, asked=("a1",), marks=(90,)), "b2"),  # another chapter
        (Plan(), Past(last={q.id: 80 for q in BANK} | {"b2": 70}), "b2"),  # all were seen: the least known
        (Plan(), Past(asked=tuple(q.id for q in BANK)), None),
        (Plan(level="staff"), Past(), "b3"),
        (Plan(parts=("C",)), Past(), "c1"),
        (Plan(chapters=(3,)), Past(), "b3"),
        (Plan(parts=("C",), chapters=(3,)), Past(asked=("c1",)), "b3"),
        (Plan(mode="review"), Past(), None),
        (Plan(mode="review", parts=("A",)), Past(due=("b1", "a2")), "a2"),
        (Plan(parts=("D",)), Past(), None),
    ],
)
def test_the_next_question_is_due_or_weak_or_unseen(plan: Plan, past: Past, wanted: str | None) -> None:
    chosen = next_question(plan, BANK, past)
    assert (chosen.id if chosen else None) == wanted


@pytest.mark.parametrize(
    ("marks", "level"),
    [
        ((), "mid"),
        ((75,), "senior"),
        ((74, 40), "mid"),
        ((80, 90), "staff"),
        ((80, 90, 100, 39), "senior"),
        ((0, 0, 0, 75), "senior"),
        ((100, 0), "mid"),
    ],
)
def test_the_level_follows_the_marks(marks: tuple[int, ...], level: Level) -> None:
    assert level_after(marks) == level


@given(st.lists(st.integers(0, 100), min_size=6, max_size=6), st.sets(st.sampled_from(BANK)), st.integers(0, 9))
def test_a_session_asks_each_question_once_and_the_same_ones_again(
    marks: list[int], due: set[InterviewQuestion], seed: int
) -> None:
    def run() -> list[str]:
        asked: list[str] = []
        while chosen := next_question(
            Plan(seed=seed), BANK, Past(tuple(asked), tuple(marks[: len(asked)]), due=tuple(sorted(q.id for q in due)))
        ):
            asked.append(chosen.id)
        return asked

    asked = run()
    assert sorted(asked) == sorted(q.id for q in BANK)
    assert set(asked[: len(due)]) == {q.id for q in due}
    assert run() == asked


PLANS = st.builds(
    Plan,
    mode=st.sampled_from(MODES),
    parts=st.lists(st.text(max_size=5)).map(tuple),
    chapters=st.lists(st.integers(0, 999)).map(tuple),
    level=st.sampled_from([None, "mid", "senior", "staff"]),
    count=st.none() | st.integers(1, 99),
    minutes=st.none() | st.integers(1, 99),
    timer=st.none() | st.integers(1, 999),
    seed=st.none() | st.integers(0, 2**40),
)


@given(PLANS)
def test_a_plan_survives_json(plan: Plan) -> None:
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("fault", [{"mode": "exam"}, {"minutes": 10**400}, {"minutes": 0}])
def test_a_broken_plan_is_named(fault: dict[str, object]) -> None:
    with pytest.raises(QAError, match=rf"broken at {next(iter(fault))}\b.*; start a new one"):
        Plan.from_json(fault)


def test_a_session_ends_by_count_or_by_minutes() -> None:
    used = timedelta(minutes=10)
    assert [Plan(count=3).is_over(n, used) for n in (2, 3)] == [False, True]
    assert [Plan(minutes=m).is_over(9, used) for m in (11, 10)] == [False, True]


@pytest.mark.parametrize(
    ("moments", "now", "used"),
    [
        ([], 0, 0),
        ([0], 2, 2),
        ([0, 3, 4, 9], 10, 10),
        ([0, 4, 2], 5, 5),  # what was asked, then what was answered
        ([0, 2, 602], 603, 8),  # ten hours away count as five minutes
        ([0, 2], 60, 7),
        ([0, 3], -60, 3),  # the clock was put back
    ],
)
def test_time_away_hardly_counts_as_used(moments: list[int], now: int, used: int) -> None:
    at = [NOON + timedelta(minutes=minute) for minute in moments]
    assert time_used(at, NOON + timedelta(minutes=now)) == timedelta(minutes=used)


# Follow-ups.


def test_a_follow_up_is_aimed_at_a_missed_point(kitchen: Playbook) -> None:
    bank = read_interview(kitchen)
    knead = bank[1]

    def asked(*made: bool) -> tuple[str, tuple[KeyPoint, ...]] | None:
        grade = Grade(0, tuple(PointGrade("covered" if one else "missed", 0.5) for one in made))
        following = follow_up(knead, grade, bank)
        return (following.text, following.points) if following else None

    own = "What tells you that gluten is ready in a stretched piece?"
    assert asked(True, True, True) is None
    assert asked(False, False, True) == (own, knead.points[1:2])
    assert asked(False, True, True) == ("Say more about Bread: “How long to knead”.", knead.points[:1])
    assert asked(True, True, False) == (
        "Say more about Bread: “Sourdough starters rise by wild yeast”.",
        knead.points[2:],
    )


def test_a_follow_up_without_a_section_of_its_own_asks_for_the_rest(kitchen: Playbook) -> None:
    tides = read_interview(kitchen)[0]
    following = follow_up(tides, Grade(0, (PointGrade("covered", 1.0), PointGrade("missed", 0.0))), ())
    assert following is not None
    assert following.text == "What else belongs in a full answer to “What causes tides?”?"
    assert [point.text for point in following.points] == ["The Sun adds a smaller pull."]


# The coach.


def test_a_practice_session_goes_from_question_to_report(coach: Coach) -> None:
    first = waiting(coach.start(Plan(chapters=(2,), count=2)))
    assert (first.number, first.text, first.question.level) == (1, "How do you knead a wheat dough?", "mid")
    told = marked(coach.answer(first, "Knead for ten minutes by hand. Yeast makes the gluten."))
    assert told.answered is not None
    assert [verdict.verdict for _, verdict in told.answered.verdicts] == ["covered", "missed", "missed"]
    assert told.answered.grade.contradictions[0].correction == "Kneading makes it."
    assert told.offered is not None
    after = waiting(coach.ask_follow_up(told))
    assert (after.number, after.text) == (1, "What tells you that gluten is ready in a stretched piece?")
    answered = marked(coach.answer(after, "Light shines through a stretched piece when gluten is ready."))
    assert answered.answered is not None
    assert (answered.answered.grade.score, answered.offered) == (100, None)
    second = waiting(coach.next(answered))
    assert (second.number, second.text) == (2, "What raises a sourdough?")
    assert coach.next(marked(coach.answer(second, DONT_KNOW))) is None
    shown = coach.report(first.session)
    assert [(given.question.id, given.grade.score) for given in shown.answers] == [
        ("2#how-do-you-knead-a-wheat-dough", 33),
        ("2#how-do-you-knead-a-wheat-dough", 100),
        ("2#what-raises-a-sourdough", 0),
    ]
    assert shown.mark == 16  # of 33 and 0; a follow-up has no part in it
    assert coach.resume() is None


def test_a_mock_interview_tells_nothing_until_its_end(coach: Coach) -> None:
    turn: Turn | None = coach.start(Plan(mode="mock", chapters=(2,), count=2))
    asked = []
    while turn:
        asked.append(waiting(turn).text)
        turn = coach.answer(turn, "Knead for ten minutes by hand.")
    assert asked == [
        "How do you knead a wheat dough?",
        "What tells you that gluten is ready in a stretched piece?",
        "What raises a sourdough?",
        "Say more about Bread: “Sourdough starters rise by wild yeast”.",
    ]


def test_an_answer_is_kept_before_it_is_marked_and_marked_on_resuming(
    kitchen: Playbook, progress: Progress, coach: Coach
) -> None:
    broken = Coach(kitchen, coach.bank, Broken(), progress, clock=Clock())
    turn = broken.start(Plan())
    with pytest.raises(ModelError):
        broken.answer(turn, "Knead for ten minutes by hand.")
    (attempt,) = progress.attempts()
    assert (attempt.answer, attempt.grade) == ("Knead for ten minutes by hand.", None)
    resumed = marked(coach.resume())
    assert (resumed.session, resumed.place) == (turn.session, 0)
    assert progress.attempts()[0].grade is not None


@pytest.mark.parametrize("mode", ["practice", "mock"])
def test_every_step_can_be_resumed_by_another_process(
    mode: Mode, kitchen: Playbook, progress: Progress, coach: Coach
) -> None:
    def again() -> Turn | None:
        return Coach(kitchen, coach.bank, Words(), progress, clock=Clock()).resume()

    turn: Turn | None = coach.start(Plan(mode=mode, count=3))
    steps = 0
    while turn:
        assert again() == turn
        steps += 1
        if turn.answered is None:
            turn = coach.answer(turn, "The Moon pulls the near ocean. Wild yeast lives in the starter.")
        else:
            turn = coach.ask_follow_up(turn)
    assert steps == {"practice": 10, "mock": 5}[mode]  # two of the three questions are followed up
    assert again() is None


def test_a_blank_or_overlong_answer_is_refused_and_not_kept(coach: Coach, progress: Progress) -> None:
    turn = coach.start(Plan())
    with pytest.raises(QuestionRefused, match="blank"):
        coach.answer(turn, " \n ")
    with pytest.raises(QuestionRefused, match="8,001 characters, 8,000 are the most"):
        coach.answer(turn, "x" * 8_001)
    assert progress.attempts() == ()


def test_skipping_counts_as_an_empty_answer_and_goes_on(coach: Coach, progress: Progress) -> None:
    first = coach.start(Plan(count=2))
    second = waiting(coach.skip(first))
    assert second.number == 2
    assert coach.skip(second) is None
    assert [(attempt.answer, attempt.grade.score if attempt.grade else None) for attempt in progress.attempts()] == [
        ("", 0),
        ("", 0),
    ]


def test_two_windows_lose_nothing_and_do_not_run_ahead(coach: Coach, progress: Progress) -> None:
    left = coach.start(Plan(count=3))
    right = coach.resume()
    assert right == left
    told = marked(coach.answer(left, "The Moon pulls the near ocean."))
    beside = marked(coach.answer(left, "Something else that is said."))
    ahead = waiting(coach.next(told))
    assert coach.next(beside) == ahead
    assert coach.ask_follow_up(beside) == ahead
    assert len(progress.attempts()) == 2
    assert waiting(coach.turn(left.session, 1)) == ahead


def test_what_is_due_is_reviewed(coach: Coach) -> None:
    with pytest.raises(QAError, match="nothing is due for review yet; choose the mode practice"):
        coach.start(Plan(mode="review"))
    coach.skip(coach.start(Plan(chapters=(1,))))
    assert coach.due() == 0  # ten minutes are not over
    for _ in range(10):
        coach.due()
    assert coach.due() == 1
    assert coach.start(Plan(mode="review")).text == "What causes tides?"


def test_a_disagreement_is_noted_by_its_number(coach: Coach, progress: Progress) -> None:
    told = marked(coach.answer(coach.start(Plan(chapters=(2,), level="mid")), "Yeast makes the gluten."))
    assert told.answered is not None
    attempt = told.answered.attempt.id
    coach.dispute(attempt, 2)
    coach.dispute(attempt, 4)
    assert [(d.statement, d.verdict) for d in progress.disputes()] == [
        ("Light shines through a stretched piece when gluten is ready.", "missed"),
        ("Yeast makes the gluten.", "contradicted"),
    ]
    assert coach.disputed() == {(attempt, d.statement) for d in progress.disputes()}
    with pytest.raises(QAError, match="there is no verdict 5 on this answer; give a number from 1 to 4"):
        coach.dispute(attempt, 5)


def test_a_question_that_left_the_playbook_is_passed_over(kitchen: Playbook, progress: Progress, coach: Coach) -> None:
    turn = coach.start(Plan(chapters=(2,), level="mid"))
    coach.answer(turn, "Knead for ten minutes by hand.")
    rest = [q for q in coach.bank if q.id != turn.question.id]
    less = Coach(kitchen, rest, Words(), progress, clock=Clock())
    assert less.resume() is None
    assert less.report(turn.session).mark is None
    changed = [replace(q, points=q.points[:1]) for q in coach.bank]
    assert Coach(kitchen, changed, Words(), progress, clock=Clock()).report(turn.session).answers == ()


def test_a_model_answer_is_an_exact_citation(coach: Coach) -> None:
    citation = coach.model_answer(coach.bank[1])
    assert citation.quote == "Ten minutes by hand, until light shines through."
    assert BREAD.split("\n")[citation.start_line - 1] == citation.quote
    assert (
        citation.url
        == f"?view=read&chapter=2&section=how-do-you-knead-a-wheat-dough&span={citation.start}-{citation.end}"
    )


def test_without_questions_it_is_said_how_to_write_some(kitchen: Playbook, progress: Progress) -> None:
    with pytest.raises(QAError, match=r"write some as \*\*Q: …\*\* and \*\*A\*\*: …"):
        Coach(kitchen, (), Words(), progress).start(Plan())
    with pytest.raises(QAError, match="no interview question is of these chapters and this level"):
        Coach(kitchen, read_interview(kitchen), Words(), progress).start(Plan(chapters=(9,)))


def test_a_timed_session_goes_on_after_a_long_break(kitchen: Playbook, progress: Progress) -> None:
    clock = Clock()
    coach = Coach(kitchen, read_interview(kitchen), Words(), progress, clock=clock)
    coach.start(Plan(minutes=30))
    clock.now += timedelta(hours=10)
    resumed = waiting(coach.resume())
    following = waiting(coach.next(marked(coach.answer(resumed, "no idea at all"))))
    assert following.number == 2
    for _ in range(6):  # half an hour of answers to one question
        clock.now += timedelta(minutes=5)
        told = marked(coach.answer(following, "no idea at all"))
    assert coach.next(told) is None


@pytest.mark.parametrize("step", ["next", "ask_follow_up"])
def test_a_session_ended_in_another_window_asks_nothing_more(coach: Coach, progress: Progress, step: str) -> None:
    told = marked(coach.answer(coach.start(Plan(chapters=(2,))), "Knead for ten minutes by hand."))
    assert told.offered is not None
    coach.finish(told.session)
    before = progress.session(told.session)
    assert getattr(coach, step)(told) is None
    assert progress.session(told.session) == before


def test_a_question_skipped_in_an_ended_session_is_not_marked(coach: Coach, progress: Progress) -> None:
    turn = coach.start(Plan(chapters=(2,)))
    coach.finish(turn.session)
    assert coach.skip(turn) is None
    assert progress.attempts(session=turn.session) == ()


def test_a_plan_counts_no_more_questions_than_there_are(coach: Coach) -> None:
    def counted(plan: Plan) -> int | None:
        turn = coach.start(plan)
        assert coach.turn(turn.session, 0).plan == turn.plan
        return turn.plan.count

    assert counted(Plan(count=10)) == 3
    assert counted(Plan(count=2)) == 2
    assert counted(Plan(count=10, chapters=(2,), level="senior")) == 1
    assert counted(Plan(minutes=15)) is None
    for chapter in (1, 2):
        coach.skip(coach.start(Plan(chapters=(chapter,), count=1)))
    for _ in range(20):
        coach.due()  # the clock goes on
    assert counted(Plan(mode="review", count=10)) == 2


def test_the_last_answer_is_the_one_given_last_also_in_an_older_session(coach: Coach, progress: Progress) -> None:
    """An older session may go on after a newer one, here or by an export of another machine."""
    tides, knead, sourdough = coach.bank
    older, newer = (progress.start_session(Plan().to_json(), NOON - timedelta(days=days)) for days in (9, 8))
    given = [
        (newer, tides, "no idea at all", 8),
        (newer, knead, knead.points[0].text, 8),
        (newer, sourdough, sourdough.points[0].text, 8),
        (older, tides, " ".join(point.text for point in tides.points), 7),
    ]
    for session, asked, text, days in given:
        saved = progress.save_answer(session, asked.id, text, at=NOON - timedelta(days=days))
        progress.save_grade(saved, Words().grade("", text, key_points=[point.text for point in asked.points]))
    last = next(shown for shown in coach.report().answers if shown.question == tides)
    assert (last.attempt.session, last.grade.score) == (older, 100)
    past = coach._past(None, ())
    assert past.last == {tides.id: 100, knead.id: 33, sourdough.id: 100}


# The report.


def answered(name: str, part: str, at: datetime, *verdicts: str, follow: str | None = None) -> Answered:
    """An answer to a question with as many points as verdicts; the mark is the share of points made."""
    points = tuple(KeyPoint(f"{name} point {n}", link(f"{name}{n}")) for n, _ in enumerate(verdicts))
    grades = tuple(PointGrade(verdict, 0.9 - n / 10) for n, verdict in enumerate(verdicts))  # type: ignore[arg-type]
    grade = Grade(round(100 * verdicts.count("covered") / len(verdicts)), grades)
    asked = replace(question(name, part), points=points)
    return Answered(asked, Attempt(1, 1, name, "said <b>", at, follow, grade), grade, points)


def test_a_report_adds_up() -> None:
    given = [
        answered("x", "Sea", NOON, "covered", "missed"),
        answered("y", "Sea", NOON, "covered", "covered"),
        answered("z", "Kitchen", NOON, "contradicted", "missed", "missed", "covered"),
        answered("z", "Kitchen", NOON, "missed", follow="And?"),
    ]
    shown = report(given, ever=given, due=[(given[1].question, NOON), (given[0].question, NOON - timedelta(days=1))])
    assert shown.mark == 58  # of 50, 100 and 25
    assert [(m.name, m.mark, m.answers) for m in shown.sections] == [("Kitchen", 25, 1), ("Sea", 75, 2)]
    assert [p.point.text for p in shown.strongest] == ["x point 0", "y point 0", "y point 1", "z point 3"]
    assert [p.point.text for p in shown.weakest] == ["z point 0", "z point 1", "z point 2", "x point 1"]
    assert [at.anchor for at in shown.reading] == ["x1", "z0", "z1", "z2"]
    assert [q.id for q, _ in shown.due] == ["x", "y"]


def test_wrong_claims_come_first_among_the_weakest_and_are_read_about() -> None:
    """Of an answer that makes every point, and of one that contradicts two and misses four."""
    right = answered("x", "Sea", NOON, "covered")
    wrong = Contradiction("The Sun alone does it.", "The Moon pulls more.", "the sun does it", 0, 15)
    claimed = replace(right, grade=replace(right.grade, contradictions=(wrong,)))
    weak = answered("z", "Sea", NOON, "contradicted", "missed", "missed", "missed", "missed", "contradicted")
    shown = report([claimed], ever=[claimed], due=())
    (point,) = shown.weakest
    assert point.point.text == "“The Sun alone does it.” is wrong: The Moon pulls more."
    assert (point.grade.verdict, point.grade.evidence, point.mark) == ("contradicted", "the sun does it", 100)
    assert shown.reading == (right.question.source,)
    assert [p.point.text for p in report([weak, claimed], ever=(), due=()).weakest] == [
        point.point.text,
        "z point 0",
        "z point 5",
        "z point 1",
        "z point 2",
    ]
    text = markdown(shown, UTC)
    assert "- “The Sun alone does it.” is wrong: The Moon pulls more. (contradicted; [" in text
    assert "## What to read\n\n1. [Chapter › Part › x](01-x.md#x)" in text


def test_where_a_playbook_has_no_sections_marks_are_by_chapter() -> None:
    given = [answered("x", "", NOON, "covered")]
    assert [marks.name for marks in report(given, ever=given, due=()).sections] == ["Chapter"]


@pytest.mark.parametrize(
    ("zone", "weeks"),
    [
        ("UTC", [("2026-03-23", 0), ("2026-03-30", 100)]),
        ("Europe/Berlin", [("2026-03-30", 50)]),
        ("America/New_York", [("2026-03-23", 50)]),
    ],
)
def test_a_week_begins_on_the_users_monday_also_when_the_clocks_change(zone: str, weeks: list[tuple[str, int]]) -> None:
    """Sunday 29 March 2026, 22:30 UTC, is Monday 00:30 in Berlin since that night's change to summer time."""
    sunday = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    ever = [
        answered("x", "A", sunday, "missed"),
        answered("y", "A", sunday + timedelta(hours=5), "covered"),
    ]
    shown = report(ever, ever=ever, due=(), zone=ZoneInfo(zone))
    assert [(week.name, week.mark) for week in shown.weeks] == weeks


def test_the_markdown_report_shows_words_as_they_are() -> None:
    given = answered("*x*", "A|B", NOON, "covered", "missed")
    text = markdown(report([given], ever=[given], due=[(given.question, NOON)], zone=UTC), UTC)
    assert "**Mark: 50 of 100**" in text
    assert "| A\\|B | 50 | 1 |" in text
    assert "| 2026-03-02 | 50 | 1 |" in text
    assert "- \\*x\\* point 0 (covered; [Chapter › Part › \\*x\\*0](01-x.md#%2Ax%2A0))" in text
    assert "- 2026-03-04: What is \\*x\\*?" in text
    assert "```text\nsaid <b>\n```" in text


def test_the_markdown_report_says_where_its_links_start_and_keeps_entities() -> None:
    given = answered("x", "Sea & Shore", NOON, "covered")
    said = replace(given.grade, points=(PointGrade("covered", 0.9, "it is &lt;b&gt;", 0, 15),))
    text = markdown(report([replace(given, grade=said)], ever=[], due=()), UTC)
    assert text.startswith(
        "# Interview report\n\nLinks start from the playbook's content folder: save this file there to follow them.\n"
    )
    html = MarkdownIt("commonmark").render(text)
    assert "you said “it is &amp;lt;b&amp;gt;”" in html
    assert "| Sea &amp; Shore | 100 | 1 |" in html


def test_cards_are_read_by_a_csv_reader_and_run_by_no_spreadsheet() -> None:
    evil = replace(question("x", "Sea & Shore"), question='=1+1, "a" <b>?')
    rows = list(csv.reader(io.StringIO(cards([evil]), newline="")))
    assert rows == [
        ["#separator:Comma"],
        ["#html:true"],
        ["#tags column:3"],
        ['\'=1+1, "a" &lt;b&gt;?', "<ul><li>x is.</li></ul>", "Sea-&-Shore Chapter mid"],
    ]


def test_answers_to_what_the_playbook_lost_are_left_out() -> None:
    grade = Grade(100, (PointGrade("covered", 1.0),))
    attempts = [
        Attempt(n, 1, name, "", NOON, None, g)
        for n, (name, g) in enumerate([("a1", grade), ("gone", grade), ("b1", None)])
    ]
    assert [given.question.id for given in answers(BANK, attempts)] == ["a1"]


# The terminal, with the real grader. What is asserted does not hang on its finer judgement.

PLAIN = "I bake at the weekend with my family and we enjoy it."
KNEADING = "You knead for ten minutes by hand.\nYeast makes the gluten."


class Terminal:
    """`playbook-qa interview` over a playbook, with one data folder for all its runs."""

    def __init__(self, *arguments: str | Path) -> None:
        self._arguments = list(map(str, arguments))

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "qa", "interview", *arguments, *self._arguments],
            cwd=CONTENT.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    def paste(self, *arguments: str, pasted: str, then: str) -> str:
        """What a real terminal shows where an answer is pasted, and something typed once it is marked."""
        screen, keys = pty.openpty()
        command = [sys.executable, "-m", "qa", "interview", *arguments, *self._arguments]
        shown, waits = "", [("an empty line ends it", pasted), ("Enter: next", then)]
        with subprocess.Popen(command, cwd=CONTENT.parent, stdin=keys, stdout=keys, stderr=keys) as process:
            os.close(keys)
            while process.poll() is None or select.select([screen], [], [], 0)[0]:
                if select.select([screen], [], [], 0.1)[0]:
                    try:
                        shown += os.read(screen, 65_536).decode("utf-8", "replace")
                    except OSError:  # Linux, once nobody holds the other end
                        break
                if waits and waits[0][0] in shown and select.select([], [screen], [], 0)[1]:
                    text = waits[0][1]
                    written = os.write(screen, text[:1_000].encode())
                    waits = [(waits[0][0], text[written:]), *waits[1:]] if text[written:] else waits[1:]
        os.close(screen)
        return shown

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        with self.begin(*arguments) as process:
            stdout, stderr = process.communicate(typed, timeout=120)
        assert "Traceback" not in stderr
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bakery")
    (root / "01-tides.md").write_text(TIDES, encoding="utf-8")
    (root / "02-bread.md").write_text(BREAD, encoding="utf-8")
    return root


@pytest.fixture
def terminal(bakery: Path, module_index: Path, tmp_path: Path) -> Terminal:
    return Terminal("--content", bakery, "--index", module_index, "--data", tmp_path / "data")


def test_a_whole_session_in_the_terminal(terminal: Terminal) -> None:
    typed = f"{KNEADING}\n\nm\nd 1\nd 9\nf\n{PLAIN}\n\n\ndont know\n\n"
    result = terminal.run("--chapter", "2", "--count", "2", typed=typed)
    assert result.returncode == 0
    shown = result.stdout
    assert "Question 1 of 2 · Kitchen · Bread · mid\nHow do you knead a wheat dough?" in shown
    assert " 1 ✓ Knead for ten minutes by hand. (covered)\n     you: “You knead for ten minutes by hand.”" in shown
    assert "02-bread.md:11" in shown  # where one reads of starters
    assert "Ten minutes by hand, until light shines through.\n[02-bread.md:20]" in shown
    assert "Noted: you disagree with 1." in shown
    assert "there is no verdict 9; give a number from 1 to " in result.stderr
    assert "Follow-up to question 1 of 2" in shown
    assert "Question 2 of 2 · Kitchen · Bread · senior\nWhat raises a sourdough?" in shown
    assert "Mark: 0 of 100\n 1 – Wild yeast lives in the starter. (missed)" in shown
    report = shown[shown.index("Report: ") :]
    assert "Marks by section" in report
    assert "Kitchen (2)" in report
    assert "✓ Knead for ten minutes by hand." in report
    assert "– Wild yeast lives in the starter." in report
    assert "1. Bread › " in report


def test_a_mock_interview_in_the_terminal_is_marked_at_its_end(terminal: Terminal) -> None:
    shown = terminal.run("--mode", "mock", "--chapter", "1", typed=f"{PLAIN}\n\nskip\n").stdout
    assert shown.count("Mark: ") == 1
    assert shown.index("What else belongs in a full answer") < shown.index("Mark: 0 of 100") < shown.index("Report: 0")


def test_the_verdicts_of_a_mock_interview_are_disagreed_with_at_its_end(terminal: Terminal, tmp_path: Path) -> None:
    saved = str(tmp_path / "report.md")
    arguments = ("--mode", "mock", "--chapter", "1", "--report", saved)
    result = terminal.run(*arguments, typed=f"{PLAIN}\n\n{PLAIN}\n\nd 3\nd 9\nd\n")
    numbers = [line[:2] for line in result.stdout.splitlines() if line.endswith("(missed)")]
    assert numbers == [f"{number:2}" for number in range(1, len(numbers) + 1)]
    assert len(numbers) == 4  # two points, in the answer and in that to the follow-up
    assert result.stdout.count("Model answer: 01-tides.md:4") == 2
    assert "Noted: you disagree with 3." in result.stdout
    assert result.stderr.count(f"there is no verdict 9; give a number from 1 to {len(numbers)}") == 1
    assert f"{saved}: written." in result.stderr  # though the input ended
    (dispute,) = Progress.open(tmp_path / "data", notify=print).disputes()
    assert (dispute.attempt, dispute.statement) == (2, "The Moon pulls the near ocean.")


def test_a_long_line_pasted_into_a_terminal_is_kept_whole(terminal: Terminal, tmp_path: Path) -> None:
    """A line that the kernel edits ends at 4,095 bytes."""
    long = "knead " * 1_000 + "and rest."
    terminal.paste("--chapter", "1", "--count", "1", pasted=f"First this.\n\n{long}\n\n", then="q\n")
    (attempt,) = Progress.open(tmp_path / "data", notify=print).attempts()
    assert attempt.answer == f"First this.\n\n{long}"


def test_the_report_is_written_as_markdown_or_as_cards(terminal: Terminal, tmp_path: Path) -> None:
    arguments = ("--chapter", "1", "--count", "1", "--report")
    result = terminal.run(*arguments, str(tmp_path / "report.md"), typed="dont know\n\n")
    assert f"{tmp_path / 'report.md'}: written." in result.stderr
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# Interview report\n\nLinks start from ")
    terminal.run(*arguments, str(tmp_path / "cards.csv"), typed="dont know\n\n")
    assert (
        (tmp_path / "cards.csv").read_text(encoding="utf-8").splitlines()[3].startswith("What causes tides?,<ul><li>")
    )
    failed = terminal.run(*arguments, str(tmp_path / "no" / "report.md"), typed="dont know\n\n")
    assert failed.returncode == 1
    assert "Report: 0 of 100" in failed.stdout
    assert "cannot be written (No such file or directory); name another with --report" in failed.stderr


def test_what_was_typed_when_the_input_ends_is_kept_and_the_next_start_goes_on(terminal: Terminal) -> None:
    first = terminal.run("--chapter", "2", "--count", "2", typed=KNEADING)
    assert first.returncode == 0
    assert "Mark: " in first.stdout
    assert "Kept. Run playbook-qa interview again to go on where you were." in first.stdout
    second = terminal.run(typed="\n\nfinish\n")
    assert "is open, at question 1 of 2. Go on with it? [Y/n]" in second.stdout
    assert "you: “You knead for ten minutes by hand.”" in second.stdout
    assert "Question 2 of 2" in second.stdout
    assert "Report: " in second.stdout
    assert "Go on with it?" not in terminal.run("--chapter", "1", typed="").stdout
    third = terminal.run("--chapter", "1", "--count", "1", typed="n\nfinish\n")
    assert "Nothing was answered, so there is no report." in third.stdout


def test_control_c_keeps_the_session(terminal: Terminal) -> None:
    with terminal.begin("--chapter", "1") as process:
        assert process.stdout is not None
        while "Answer in your own words" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert "Kept." in stdout
    assert "Traceback" not in stderr
    assert "Go on with it?" in terminal.run(typed="").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--chapter", "9"], 1, "no chapter 9 in this playbook"),
        (["--section", "Garage"], 1, "no section 'Garage'; --section takes one of: Kitchen"),
        (["--mode", "review"], 1, "nothing is due for review yet; choose the mode practice"),
        (["--level", "staff"], 1, "no interview question is of these chapters and this level; choose others"),
        (["--level", "boss"], 2, "'boss' is not one of"),
        (["--count", "0"], 2, "--count"),
    ],
)
def test_a_choice_that_cannot_be_met_is_said(terminal: Terminal, arguments: list[str], code: int, said: str) -> None:
    result = terminal.run(*arguments)
    assert result.returncode == code
    assert said in result.stderr


def test_bytes_that_are_no_text_do_not_stop_the_interview(terminal: Terminal) -> None:
    result = terminal.run("--chapter", "1", "--count", "1", typed="The Moon \udcff pulls the near ocean.\n\n\n")
    assert result.returncode == 0
    assert "Report: " in result.stdout


# Two windows at once, and what they must not do to each other.


class Slow(Words):
    """Takes its time with the first answer: until the second is kept."""

    def __init__(self) -> None:
        self.begun, self.go_on = Event(), Event()

    def grade(
        self, asked: str, answer: str, /, *, key_points: Sequence[str], wrong_claims: Sequence[WrongClaim] = ()
    ) -> Grade:
        if answer == "first":
            self.begun.set()
            assert self.go_on.wait(10)
        return super().grade(asked, answer, key_points=key_points, wrong_claims=wrong_claims)


def test_two_windows_that_answer_at_once_each_have_their_own_answer_marked(
    kitchen: Playbook, progress: Progress
) -> None:
    grading = Slow()
    coach = Coach(kitchen, read_interview(kitchen), grading, progress, clock=Clock())
    turn = coach.start(Plan(chapters=(2,)))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(coach.answer, turn, "first")
        assert grading.begun.wait(10)
        second = marked(coach.answer(turn, "Knead for ten minutes by hand."))
        grading.go_on.set()
    shown = [marked(first.result()).answered, second.answered]
    assert [(given.attempt.answer, given.grade.score) for given in shown if given] == [
        ("first", 0),
        ("Knead for ten minutes by hand.", 33),
    ]
    assert all(attempt.grade for attempt in progress.attempts())


def test_a_question_answered_in_one_window_is_not_skipped_in_another(coach: Coach, progress: Progress) -> None:
    turn = coach.start(Plan(chapters=(2,), count=2))
    marked(coach.answer(turn, "Knead for ten minutes by hand."))
    following = waiting(coach.skip(turn))
    assert following.number == 2
    assert [attempt.answer for attempt in progress.attempts()] == ["Knead for ten minutes by hand."]


def test_a_follow_up_that_is_a_question_of_its_own_is_asked_once(tmp_path: Path, progress: Progress) -> None:
    (tmp_path / "01-pool.md").write_text(
        "# Pool\n\n## Waits\n\n"
        '**Question**: "Why do reads wait?"\n\n'
        '**Strong answer**: "The pool has only four threads. Lookups by getaddrinfo share the pool threads."\n\n'
        '**Follow-up**: "Which lookups share the pool threads?"\n\n'
        '**Answer**: "Lookups of names by getaddrinfo share the pool threads."\n',
        encoding="utf-8",
    )
    playbook = read_playbook(tmp_path)
    bank = read_interview(playbook)
    assert [q.question for q in bank] == ["Why do reads wait?", "Which lookups share the pool threads?"]
    for first in bank:
        coach = Coach(playbook, bank, Words(), progress, clock=Clock())
        turn: Turn | None = coach.start(Plan(seed=0))
        texts = []
        while turn:
            texts.append(turn.text)
            told = marked(coach.answer(turn, "The pool has only four threads."))
            turn = coach.ask_follow_up(told) if told.offered else coach.next(told)
        assert sorted(texts) == sorted({*texts}), first.id


def test_an_open_session_with_a_broken_plan_stops_no_other(coach: Coach, progress: Progress) -> None:
    sound = coach.start(Plan(chapters=(2,)))
    progress.start_session({"mode": "exam"}, NOON + timedelta(hours=1))
    assert waiting(coach.resume()).session == sound.session


def test_an_answer_graded_by_points_that_were_reworded_is_left_out() -> None:
    asked = question("a1")
    at = Attempt(1, 1, "a1", "x", NOON)
    grades = [Grade(0, (PointGrade("missed", 0.0, statement=said),)) for said in ("a1 is.", "", "a1 was.")]
    kept = answers([asked], [replace(at, id=n, grade=grade) for n, grade in enumerate(grades)])
    assert [given.attempt.id for given in kept] == [0, 1]


def test_an_answer_of_a_clock_that_was_ahead_is_not_the_last_one(kitchen: Playbook, progress: Progress) -> None:
    clock = Clock()
    coach = Coach(kitchen, read_interview(kitchen), Words(), progress, clock=clock)
    clock.now = NOON + timedelta(days=3650)
    ahead = coach.start(Plan(chapters=(2,), count=1))
    coach.answer(ahead, "Knead for ten minutes by hand.")
    coach.finish(ahead.session)
    clock.now = NOON
    now = coach.start(Plan(chapters=(2,), count=1))
    coach.answer(now, "no idea at all")
    assert [given.attempt.answer for given in coach.report().answers] == ["no idea at all"]


def test_without_sections_the_weak_chapter_is_asked_first() -> None:
    plain = [question(name, "", chapter=chapter) for name, chapter in (("a1", 1), ("a2", 1), ("b1", 2), ("b2", 2))]
    bank = [replace(q, source=replace(q.source, title=f"Chapter {q.source.chapter}")) for q in plain]
    for seed in range(5):
        chosen = next_question(Plan(seed=seed), bank, Past(last={"a1": 95, "b1": 20}))
        assert chosen is not None
        assert chosen.id == "b2"
