"""An interview: what was planned, which question comes next, what to ask after an answer.

Owns the choice of questions and follow-ups, as functions of what happened so far. Keeps
nothing, has no clock, and does not mark.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean
from typing import Annotated, Any, Literal, get_args
from zlib import crc32

from pydantic import Field, TypeAdapter, ValidationError

from qa.types import Attempt, Grade, InterviewQuestion, KeyPoint, Level, PointGrade, QAError, Verdict
from qa.words import terms

Mode = Literal["mock", "practice", "review"]
MODES: tuple[Mode, ...] = get_args(Mode)
LEVELS: tuple[Level, ...] = get_args(Level)
LONGEST_INTERVIEW = 24 * 60  # minutes
WEAK = 60  # a section whose mean mark is lower is asked about first
_RISES, _FALLS = 75, 40  # a mark from here on makes the next question harder, one below there easier
# What a follow-up of the chapter's own must share with a missed point to be aimed at it: with less,
# most pairs of this edition have no more than the topic in common.
_SHARED_WORDS, _SHARED_PART = 2, 0.4
# The longest timer that can be chosen for an answer: who let more go by between two steps was away.
_LONGEST_STEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Plan:
    """What someone chose to be asked. Without `count` and `minutes` it ends when nothing is left.

    Attributes:
        mode: Marks at the end (mock), after each answer (practice), or that for what is due (review).
        parts: Sections of chapters to ask from; with `chapters` empty too, all.
        chapters: Numbers of chapters to ask from as well.
        level: The one level to ask at; None lets it follow the answers.
        count: How many questions, follow-ups apart.
        minutes: For how long new questions are asked, time away apart; see `time_used`.
        timer: Seconds to answer one question in.
        seed: What decides between questions that are equally fit; None leaves it to the start.
    """

    mode: Mode = "practice"
    parts: tuple[str, ...] = ()
    chapters: tuple[int, ...] = ()
    level: Level | None = None
    count: int | None = None
    minutes: Annotated[int, Field(ge=1, le=LONGEST_INTERVIEW)] | None = None
    timer: int | None = None
    seed: int | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        """The plan that `to_json` gave.

        Raises:
            QAError: It is no such plan.
        """
        try:
            return _PLAN.validate_python(value)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise QAError(f"the plan of this interview is broken at {where}; start a new one") from error

    def to_json(self) -> dict[str, Any]:
        """The plan as a value that JSON can hold."""
        value: dict[str, Any] = _PLAN.dump_python(self, mode="json")
        return value

    def takes(self, question: InterviewQuestion) -> bool:
        """Whether a question is of the chosen sections and level."""
        chosen = question.part in self.parts or question.source.chapter in self.chapters
        return (chosen or not (self.parts or self.chapters)) and self.level in (None, question.level)

    def is_over(self, asked: int, used: timedelta) -> bool:
        """Whether no further question is due, `asked` of them having been asked in the time `used`."""
        enough = self.count is not None and asked >= self.count
        return enough or (self.minutes is not None and used >= timedelta(minutes=self.minutes))


_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, slots=True)
class Past:
    """What the next question depends on.

    Attributes:
        asked: The questions of this session, in order.
        marks: The marks of this session's answers, in order.
        last: The last mark of every question that was ever answered, by its id.
        due: The questions that are due again, soonest first.
    """

    asked: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()
    last: Mapping[str, int] = field(default_factory=dict)
    due: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question after a question, and the missed points it is aimed at."""

    text: str
    points: tuple[KeyPoint, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with a grade, what was asked, and the points that were looked for in it."""

    question: InterviewQuestion
    attempt: Attempt
    grade: Grade
    points: tuple[KeyPoint, ...]

    @property
    def verdicts(self) -> tuple[tuple[KeyPoint, PointGrade], ...]:
        """Each point with what the answer says to it."""
        return tuple(zip(self.points, self.grade.points, strict=True))

    @property
    def judged(self) -> tuple[tuple[str, Verdict], ...]:
        """What was judged and how: the points, then the wrong claims that the answer makes."""
        points = ((point.text, grade.verdict) for point, grade in self.verdicts)
        return (*points, *((wrong.claim, "contradicted") for wrong in self.grade.contradictions))


def next_question(plan: Plan, bank: Sequence[InterviewQuestion], past: Past) -> InterviewQuestion | None:
    """The question to ask now: of what is due, else of weak sections, else unseen, else seen before.

    Among those, one whose level fits the marks so far, of a chapter that was not asked about yet.

    Returns:
        A question that this session did not ask; None where none is left.
    """
    chapters = [question.source.chapter for question in bank if question.id in past.asked]
    means = _means(bank, past.last)
    wanted = LEVELS.index(level_after(past.marks))

    def order(question: InterviewQuestion) -> tuple[float, ...]:
        off = abs(LEVELS.index(question.level) - wanted) if question.level else 0
        if question.id in past.due:
            return 0, off, past.due.index(question.id)
        mean = means.get(section_of(question), WEAK)
        seen = past.last.get(question.id)
        group = 3 if seen is not None else 1 if mean < WEAK else 2
        strength = seen if seen is not None else min(mean, WEAK)
        drawn = crc32(f"{plan.seed} {question.id}".encode())
        return group, strength, off, chapters.count(question.source.chapter), drawn

    return min(_fitting(plan, bank, past), key=order, default=None)


def shortened(plan: Plan, bank: Sequence[InterviewQuestion], past: Past) -> Plan:
    """The plan, with a count of no more questions than there are to ask."""
    return replace(plan, count=min(plan.count, len(_fitting(plan, bank, past)))) if plan.count else plan


def time_used(moments: Iterable[datetime], now: datetime) -> timedelta:
    """How long an interview took until now, given when it asked and was answered; time away hardly counts."""
    steps = (later - earlier for earlier, later in pairwise((*sorted(moments), now)))
    # a clock that was put back takes no time away
    return sum((max(timedelta(), min(step, _LONGEST_STEP)) for step in steps), timedelta())


def nothing_to_ask(plan: Plan, bank: Sequence[InterviewQuestion]) -> str:
    """Why there is no question to ask, and what to choose instead."""
    if not bank:
        return "this playbook has no interview questions; write some as **Q: …** and **A**: …"
    if plan.mode == "review":
        return "nothing is due for review yet; choose the mode practice"
    return "no interview question is of these chapters and this level; choose others"


def level_after(marks: Sequence[int]) -> Level:
    """The level that a session's marks lead to, from mid up."""
    level = 0
    for mark in marks:
        level += (mark >= _RISES) - (mark < _FALLS)
        level = max(0, min(level, len(LEVELS) - 1))
    return LEVELS[level]


def follow_up(question: InterviewQuestion, grade: Grade, bank: Sequence[InterviewQuestion]) -> FollowUp | None:
    """What to ask about the points that an answer missed; None where it missed none.

    It is one of the chapter's own follow-ups where one is about a missed point, else made of
    the section that backs the first missed one. It looks for the missed points it is about, or
    for its own, where the playbook answers it.
    """
    missed = [p for p, verdict in zip(question.points, grade.points, strict=True) if not verdict.covered]
    if not missed:
        return None
    common = set(terms(question.question))
    fits = [(_fit(text, point, common), text, point) for text in question.follow_ups for point in missed]
    best, text, point = max(fits, key=lambda fit: fit[0], default=(0.0, "", missed[0]))
    if best:
        return FollowUp(text, next((twin.points for twin in twins(question, text, bank)), (point,)))
    source = missed[0].source
    return FollowUp(_worded(question, missed[0]), tuple(point for point in missed if point.source == source))


def answers(bank: Sequence[InterviewQuestion], attempts: Sequence[Attempt]) -> tuple[Answered, ...]:
    """The graded answers among attempts, oldest first, with the points each was graded by.

    An answer whose question left the playbook, or has other points by now, is left out.
    """
    return tuple(_answers({question.id: question for question in bank}, bank, attempts))


def _answers(
    known: Mapping[str, InterviewQuestion], bank: Sequence[InterviewQuestion], attempts: Sequence[Attempt]
) -> Iterator[Answered]:
    first: dict[tuple[int, str], Grade] = {}
    for attempt in attempts:
        question = known.get(attempt.question)
        if question is None or attempt.grade is None:
            continue
        points: tuple[KeyPoint, ...] = question.points
        if attempt.follow_up is not None:
            points = asked_points(question, attempt.follow_up, first.get((attempt.session, question.id)), bank)
        if fits(attempt.grade, points):
            yield Answered(question, attempt, attempt.grade, points)
            if attempt.follow_up is None:
                first[attempt.session, question.id] = attempt.grade


def asked_points(
    question: InterviewQuestion, text: str, grade: Grade | None, bank: Sequence[InterviewQuestion]
) -> tuple[KeyPoint, ...]:
    """The points that the follow-up `text` looks for, asked after an answer with this grade."""
    asked = follow_up(question, grade, bank) if grade else None
    return asked.points if asked and asked.text == text else question.points


def twins(question: InterviewQuestion, text: str, bank: Sequence[InterviewQuestion]) -> tuple[InterviewQuestion, ...]:
    """The questions beside one that are worded so: a follow-up may be a question of its own."""
    return tuple(other for other in bank if other.question == text and other.source == question.source)


def fits(grade: Grade, points: Sequence[KeyPoint]) -> bool:
    """Whether a grade is one of these points; grades of earlier versions tell only how many there were."""
    known = zip(grade.points, points, strict=False)
    return len(grade.points) == len(points) and all(given.statement in ("", point.text) for given, point in known)


def section_of(question: InterviewQuestion) -> str:
    """What marks are grouped by: the section of chapters, or the chapter where a playbook has no sections."""
    return question.part or question.source.title


def _fitting(plan: Plan, bank: Sequence[InterviewQuestion], past: Past) -> list[InterviewQuestion]:
    """The questions that a plan may still ask."""
    fit = [question for question in bank if plan.takes(question) and question.id not in past.asked]
    return [question for question in fit if question.id in past.due] if plan.mode == "review" else fit


def _means(bank: Sequence[InterviewQuestion], last: Mapping[str, int]) -> dict[str, float]:
    """The mean of the last marks of each section that has any."""
    marks: dict[str, list[int]] = {}
    for question in bank:
        if question.id in last:
            marks.setdefault(section_of(question), []).append(last[question.id])
    return {part: fmean(given) for part, given in marks.items()}


def _fit(text: str, point: KeyPoint, common: set[str]) -> float:
    """How much of a follow-up is about a point, beyond what the question itself says; 0.0 for too little."""
    asked = set(terms(text)) - common
    shared = asked & set(terms(point.text))
    part = len(shared) / max(1, len(asked))
    return part if len(shared) >= _SHARED_WORDS and part >= _SHARED_PART else 0.0


def _worded(question: InterviewQuestion, point: KeyPoint) -> str:
    """A follow-up made of the section that backs a point."""
    path = point.source.heading_path
    if point.source == question.source or not path:
        return f"What else belongs in a full answer to “{question.question}”?"
    if path[-1].endswith("?"):
        return path[-1]
    if len(path) == 1:  # headings of this rank have the same words in every chapter
        return f"Say more about {point.source.title}: “{path[-1]}”."
    return f"What can you say about “{path[-1]}”?"
