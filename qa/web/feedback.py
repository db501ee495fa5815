"""Questions, marked answers and reports → what the page shows of them.

Owns the HTML of the interview. Everything that the playbook or a user wrote is escaped, for
`gr.HTML` has no sanitiser. Does not know Gradio, and does not mark.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from urllib.parse import quote

from qa.coach import Turn
from qa.interview import Answered
from qa.report import Marks, Point, Report, cards, day, lost_in_words, markdown
from qa.types import InterviewQuestion, Link, Verdict
from qa.web import render

_SAID: dict[Verdict, str] = {"covered": "Made", "missed": "Missed", "contradicted": "Contradicted"}
_DUE = 10
_ABSENCE = 1800  # seconds, several times the longest timer one can choose: who comes back later begins anew
Disputed = Collection[tuple[int, str]]


def card(turn: Turn, now: datetime) -> str:
    """What is asked. The page's script reads which turn it is, whether it waits for an answer, and its seconds."""
    length = f" of {turn.plan.count}" if turn.plan.count else ""
    kind = "Follow-up to question" if turn.follow_up else "Question"
    about = [f"{kind} {turn.number}{length}", turn.question.part, turn.question.source.title, turn.question.level or ""]
    timer = ""
    if turn.plan.timer and not turn.answered:
        left = _left(turn.plan.timer, (now - turn.asked).total_seconds())
        timer = f'<p class="timer" role="timer" data-left="{left}"></p>'
    waits = "" if turn.answered else ' data-waits="yes"'
    return (
        f'<div data-turn="{escape(turn.asked.isoformat())}"{waits}>'
        f'<p class="about">{escape(" · ".join(filter(None, about)))}</p>'
        f'<h2 id="coach-question" tabindex="-1">{escape(turn.text)}</h2>{timer}</div>'
    )


def feedback(given: Answered, disputed: Disputed) -> str:
    """An answer with what the verdicts rest on marked, and the verdict on each point."""
    return (
        f'<h3 class="coach-heading" tabindex="-1">Mark: {given.grade.score} of 100</h3>'
        f'<p class="label">Your answer</p><p class="own typed">{_own(given)}</p>{_verdicts(given, disputed)}'
    )


def report(shown: Report, disputed: Disputed, *, kept: str, model: Callable[[InterviewQuestion], str]) -> str:
    """A session's report, with its downloads.

    Args:
        shown: The report.
        disputed: The verdicts that were disagreed with.
        kept: The export of everything, as JSON.
        model: Gives the HTML of a question's model answer.
    """
    if shown.mark is None:
        return '<h2 class="coach-heading" tabindex="-1">Report</h2><p>Nothing was answered.</p>'
    answers = "".join(
        f"<details><summary>{_asked(given)} "
        f'<span class="about">{given.grade.score} of 100</span></summary>{feedback(given, disputed)}'
        f"<details><summary>Model answer</summary>{model(given.question)}</details></details>"
        for given in shown.answers
    )
    return (
        f'<h2 class="coach-heading" tabindex="-1">Report: {shown.mark} of 100</h2>{standing(shown)}'
        f"<h3>Your answers</h3>{answers}{downloads(shown, kept)}"
    )


def standing(shown: Report) -> str:
    """Marks as bars, strong and weak points, what to read, and what is due."""
    reading = "".join(f"<li>{render.reference(link)}</li>" for link in shown.reading)
    due = "".join(f"<li>{day(at)} <span>{escape(question.question)}</span></li>" for question, at in shown.due[:_DUE])
    parts = [
        ("Marks by section", _bars("Section", shown.sections)),
        ("Marks by week", _bars("Week of", shown.weeks)),
        ("Strongest points", _points(shown.strongest)),
        ("Weakest points", _points(shown.weakest)),
        ("What to read", reading and f"<ol>{reading}</ol>"),
        ("Due again", due and f'<ul class="due">{due}</ul>'),
    ]
    return "".join(f"<section><h3>{heading}</h3>{html}</section>" for heading, html in parts if html)


def lost(count: int) -> str:
    """That so many kept answers no longer fit the playbook."""
    return render.message(f"{lost_in_words(count)}.")


def downloads(shown: Report, kept: str) -> str:
    """Links whose files travel in the page, so that no copy of them is left on the server's disk."""
    asked = {given.question.id: given.question for given in shown.answers}
    files = [
        ("Report (Markdown)", "interview-report.md", "text/markdown", markdown(shown)),
        ("Cards for Anki (CSV)", "interview-cards.csv", "text/csv", cards(asked.values())),
        ("All progress (JSON)", "interview-progress.json", "application/json", kept),
    ]
    links = "".join(
        f'<a class="download" download="{name}" href="data:{kind};charset=utf-8,{quote(text)}">{label}</a> '
        for label, name, kind, text in files
    )
    return f'<p class="downloads">{links}</p>'


def _left(timer: int, gone: float) -> int:
    """Seconds left to answer in; all of them where a question is shown anew after a long absence."""
    return max(0, timer - round(gone)) if 0 <= gone < max(timer, _ABSENCE) else timer


def _asked(given: Answered) -> str:
    follow_up = given.attempt.follow_up
    return escape(f"Follow-up: {follow_up}" if follow_up else given.question.question)


def _own(given: Answered) -> str:
    """The answer with each passage marked that a verdict rests on, followed by the verdict's number."""
    answer = given.attempt.answer
    found = [(grade.verdict, grade.start, grade.end) for grade in given.grade.points]
    found += [("contradicted", wrong.start, wrong.end) for wrong in given.grade.contradictions]
    spans = [
        (start, end, verdict, number)
        for number, (verdict, start, end) in enumerate(found, 1)
        if start is not None and end is not None
    ]
    borders = sorted({0, len(answer), *(offset for start, end, *_ in spans for offset in (start, end))})
    html = []
    for start, end in pairwise(borders):
        inside = [verdict for first, last, verdict, _ in spans if first <= start and end <= last]
        text = escape(answer[start:end])
        kind = "against" if "contradicted" in inside else "for"
        html.append(f'<mark class="{kind}">{text}</mark>' if inside else text)
        html += [f"<sup>{number}</sup>" for _, last, _, number in spans if last == end]
    return "".join(html) or "(none)"


def _verdicts(given: Answered, disputed: Disputed) -> str:
    rows = []
    for point, grade in given.verdicts:
        said = f"You said “{escape(grade.evidence)}” " if grade.evidence else ""
        link = _backing(point.source, given)
        rows.append((grade.verdict, _SAID[grade.verdict], point.text, f"{said}{link}"))
    for wrong in given.grade.contradictions:
        link = _backing(given.question.source, given)
        rows.append(("contradicted", "Wrong", wrong.evidence, f"<strong>{escape(wrong.correction)}</strong> {link}"))
    items = []
    for number, ((statement, _), (kind, said, text, basis)) in enumerate(zip(given.judged, rows, strict=True), 1):
        button = _disagree(given.attempt.id, number, noted=(given.attempt.id, statement) in disputed)
        items.append(
            f'<li class="{kind}"><p><span class="said">{said}</span> {escape(text)}</p>'
            f'<p class="basis">{basis} {button}</p></li>'
        )
    return f'<ol class="verdicts">{"".join(items)}</ol>'


def _backing(source: Link, given: Answered) -> str:
    """A link to what a verdict rests on: its heading, with its chapter where that is another one."""
    near = source.chapter == given.question.source.chapter and source.heading_path
    return render.reference(source, near[-1] if near else _short(source))


def _disagree(attempt: int, number: int, *, noted: bool) -> str:
    if noted:
        return '<span class="noted">You disagree: noted</span>'
    return (
        f'<button type="button" class="disagree" data-judged="{attempt}/{number}" '
        f'aria-label="I disagree with verdict {number}">I disagree</button>'
    )


def _points(points: Sequence[Point]) -> str:
    items = "".join(
        f'<li class="{p.grade.verdict}"><span class="said">{_SAID[p.grade.verdict]}</span> {escape(p.point.text)} '
        f"{render.reference(p.point.source, _short(p.point.source))}</li>"
        for p in points
    )
    return items and f'<ul class="points">{items}</ul>'


def _short(link: Link) -> str:
    return " › ".join((link.title, *link.heading_path[-1:]))


def _bars(kind: str, rows: Sequence[Marks]) -> str:
    items = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td class="bar" aria-hidden="true">'
        f'<span style="width: {row.mark}%"></span></td><td>{row.mark}</td><td>{row.answers}</td></tr>'
        for row in rows
    )
    head = f'<tr><th scope="col">{kind}</th><td></td><th scope="col">Mark</th><th scope="col">Answers</th></tr>'
    return items and f'<table class="bars"><thead>{head}</thead><tbody>{items}</tbody></table>'
