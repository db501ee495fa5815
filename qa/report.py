"""What graded answers show: marks by section, strong and weak points, what to read, what is due.

Owns the report as a value, as Markdown, and as cards for Anki. Does not mark, store or draw.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape
from statistics import fmean
from urllib.parse import quote

from qa.interview import Answered, section_of
from qa.sheets import to_csv
from qa.types import InterviewQuestion, KeyPoint, Link, PointGrade

_POINTS, _READING, _WEEKS = 5, 10, 12
_LINKS = "Links start from the playbook's content folder: save this file there to follow them."


@dataclass(frozen=True, slots=True)
class Marks:
    """The mean mark of some answers. `name` is that of a section or chapter, or the Monday of a week."""

    name: str
    mark: int
    answers: int


@dataclass(frozen=True, slots=True)
class Point:
    """A key point, what an answer says to it, and the mark of the whole answer.

    A wrong claim that an answer makes is one as well: contradicted, worded with what is right, and
    backed by the section its question stands in.
    """

    question: InterviewQuestion
    point: KeyPoint
    grade: PointGrade
    mark: int


@dataclass(frozen=True, slots=True)
class Report:
    """What some answers show.

    Attributes:
        answers: The answers, oldest first, follow-ups among them.
        mark: Their mean mark without follow-ups; None without an answer.
        sections: Marks by section, or by chapter where the playbook has none, weakest first.
        strongest: Points that were made, the surest first.
        weakest: Wrong claims, then points that were contradicted, then missed ones, of the weakest answers first.
        reading: Sections to read, those that back most of what was missed or wrong first.
        weeks: Marks by week, over all answers ever given, oldest first.
        due: Questions to be asked again, and when, soonest first.
    """

    answers: tuple[Answered, ...]
    mark: int | None
    sections: tuple[Marks, ...]
    strongest: tuple[Point, ...]
    weakest: tuple[Point, ...]
    reading: tuple[Link, ...]
    weeks: tuple[Marks, ...]
    due: tuple[tuple[InterviewQuestion, datetime], ...]


def report(
    answers: Sequence[Answered],
    *,
    ever: Sequence[Answered],
    due: Iterable[tuple[InterviewQuestion, datetime]],
    zone: tzinfo | None = None,
) -> Report:
    """Reports on some answers.

    Args:
        answers: What to report on, oldest first.
        ever: Every answer there is, for the history.
        due: The questions that were answered, and when each is due again.
        zone: Where a week begins at midnight; None for the machine's zone.
    """
    first = [answer for answer in answers if answer.attempt.follow_up is None]
    points = [Point(a.question, point, grade, a.grade.score) for a in first for point, grade in a.verdicts]
    made = [point for point in points if point.grade.covered]
    lacking = [point for point in points if not point.grade.covered]
    wrong = sorted((point for answer in first for point in _wrong(answer)), key=lambda point: point.mark)
    weakest = [*wrong, *sorted(lacking, key=lambda point: (point.grade.verdict == "missed", point.mark))]
    sections = _marks((section_of(answer.question), answer) for answer in first)
    return Report(
        answers=tuple(answers),
        mark=_mean(first) if first else None,
        sections=tuple(sorted(sections, key=lambda marks: marks.mark)),
        strongest=tuple(sorted(made, key=lambda point: -point.grade.probability)[:_POINTS]),
        weakest=tuple(weakest[:_POINTS]),
        reading=tuple(link for link, _ in Counter(p.point.source for p in (*lacking, *wrong)).most_common(_READING)),
        weeks=_weeks(ever, zone),
        due=tuple(sorted(due, key=lambda pair: (pair[1], pair[0].id))),
    )


def markdown(shown: Report, zone: tzinfo | None = None) -> str:
    """The report as a Markdown file; its links are relative to the content folder, and it says so."""
    mark = "No answers yet." if shown.mark is None else f"**Mark: {shown.mark} of 100**"
    parts = ["# Interview report", _LINKS, mark]
    for heading, rows in (("Marks by section", shown.sections), ("Marks by week", shown.weeks)):
        if rows:
            table = [f"| {_typed(row.name)} | {row.mark} | {row.answers} |" for row in rows]
            parts += [f"## {heading}", "\n".join(["| | Mark | Answers |", "| --- | ---: | ---: |", *table])]
    for heading, points in (("Strongest points", shown.strongest), ("Weakest points", shown.weakest)):
        if points:
            lines = [f"- {_typed(p.point.text)} ({p.grade.verdict}; {_linked(p.point.source)})" for p in points]
            parts += [f"## {heading}", "\n".join(lines)]
    if shown.reading:
        parts += ["## What to read", "\n".join(f"{n}. {_linked(at)}" for n, at in enumerate(shown.reading, 1))]
    if shown.due:
        lines = [f"- {day(at, zone)}: {_typed(question.question)}" for question, at in shown.due]
        parts += ["## Due again", "\n".join(lines)]
    if shown.answers:
        parts += ["## Answers", *(part for answer in shown.answers for part in _answer(answer))]
    return "\n\n".join(parts) + "\n"


def cards(questions: Iterable[InterviewQuestion]) -> str:
    """Questions as CSV for Anki: the question in front, its key points at the back, then tags."""
    head = [["#separator:Comma"], ["#html:true"], ["#tags column:3"]]
    rows = [
        [
            escape(question.question, quote=False),
            f"<ul>{''.join(f'<li>{escape(point.text, quote=False)}</li>' for point in question.points)}</ul>",
            " ".join(_tag(name) for name in (question.part, question.source.title, question.level or "") if name),
        ]
        for question in questions
    ]
    return to_csv([*head, *rows])


def day(at: datetime, zone: tzinfo | None = None) -> str:
    """The date of a time in a zone, the machine's for None."""
    return at.astimezone(zone).date().isoformat()


def lost_in_words(lost: int) -> str:
    """How many kept answers no longer fit the playbook, as a sentence without its full stop."""
    belong = "answer belongs" if lost == 1 else "answers belong"
    return f"{lost} kept {belong} to questions or key points that this playbook no longer has"


def where(link: Link) -> str:
    """A section by its chapter's title and its headings."""
    return " › ".join((link.title, *link.heading_path))


def _wrong(given: Answered) -> list[Point]:
    """The wrong claims that an answer makes, as points that it contradicts."""
    return [
        Point(
            given.question,
            KeyPoint(f"“{said.claim}” is wrong: {said.correction}", given.question.source),
            PointGrade("contradicted", 1.0, said.evidence, said.start, said.end, said.claim),
            given.grade.score,
        )
        for said in given.grade.contradictions
    ]


def _marks(named: Iterable[tuple[str, Answered]]) -> list[Marks]:
    groups: dict[str, list[Answered]] = {}
    for name, answer in named:
        groups.setdefault(name, []).append(answer)
    return [Marks(name, _mean(group), len(group)) for name, group in groups.items()]


def _mean(answers: Sequence[Answered]) -> int:
    return round(fmean(answer.grade.score for answer in answers))


def _weeks(ever: Iterable[Answered], zone: tzinfo | None) -> tuple[Marks, ...]:
    days = ((answer.attempt.at.astimezone(zone).date(), answer) for answer in ever if not answer.attempt.follow_up)
    weeks = _marks(((at - timedelta(days=at.weekday())).isoformat(), answer) for at, answer in days)
    return tuple(sorted(weeks, key=lambda week: week.name)[-_WEEKS:])


def _answer(given: Answered) -> list[str]:
    """An answer under its question, with what it says to each point."""
    lines = [
        f"- {grade.verdict}: {_typed(point.text)} ({_linked(point.source)})"
        + (f"; you said “{_typed(grade.evidence)}”" if grade.evidence else "")
        for point, grade in given.verdicts
    ]
    read = _linked(given.question.source)
    wrong = [f"- wrong: “{_typed(c.evidence)}”: {_typed(c.correction)} ({read})" for c in given.grade.contradictions]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", given.attempt.answer)), default=0))
    return [
        f"### {_typed(given.attempt.follow_up or given.question.question)}",
        f"Mark: {given.grade.score}",
        f"{fence}text\n{given.attempt.answer}\n{fence}",
        "\n".join(lines + wrong),
    ]


def _linked(link: Link) -> str:
    anchor = f"#{quote(link.anchor)}" if link.anchor else ""
    return f"[{_typed(where(link))}]({quote(link.path)}{anchor})"


def _typed(text: str) -> str:
    """Text as Markdown that shows exactly it."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", " ".join(text.split()))


def _tag(name: str) -> str:
    """A tag of Anki's, which has no spaces."""
    return re.sub(r"[^\w.+#/&-]+", "-", name).strip("-")
