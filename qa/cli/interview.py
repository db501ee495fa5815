"""`interview`: the coach in the terminal.

Owns what is printed and how an answer is typed. Does not choose questions or mark answers.
"""

import io
import select
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qa.assistant import Assistant
from qa.cli.terminal import Content, Data, IndexDir, load, named_part, stderr, write
from qa.coach import DONT_KNOW, Turn
from qa.interview import LONGEST_INTERVIEW, Answered, Mode, Plan
from qa.report import Marks, Report, cards, day, markdown, where
from qa.types import Level, Link, QAError, QuestionRefused, Verdict

with suppress(ImportError):  # Windows has none
    import readline  # noqa: F401 (with it `input` takes more than the 4,095 bytes of a terminal's line)

_COUNT = 5
_UNKNOWN = {"dont know", "don't know", "don’t know", "i dont know", "i don't know", "i don’t know", "idk", "?"}
_SIGNS: dict[Verdict, tuple[str, str]] = {
    "covered": ("✓", "green"),
    "missed": ("–", "yellow"),
    "contradicted": ("✗", "red"),
}
_WORDS = {"skip", "finish", *_UNKNOWN}
_ANSWERING = "Answer in your own words; an empty line ends it. Or type: skip, dont know, finish."
_DUE = 5
_AT_ONCE = 0.05  # seconds


def interview(
    section: Annotated[
        list[str] | None, typer.Option(help="A section of chapters to ask from; may be repeated.")
    ] = None,
    chapter: Annotated[list[int] | None, typer.Option(help="A chapter's number to ask from; may be repeated.")] = None,
    level: Annotated[Level | None, typer.Option(help="Ask at one level only.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many questions, 5 by default.")] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=LONGEST_INTERVIEW, help="For how long new questions are asked.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Marks after each answer, at the end, or for what is due.")] = "practice",
    save: Annotated[
        Path | None, typer.Option("--report", help="Write the report to this file: .csv for Anki, else Markdown.")
    ] = None,
    data: Data = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Rehearse an interview: answer questions, see which points you made and missed."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    assistant = load(content, index, data=data)
    plan = Plan(
        mode=mode,
        parts=tuple(named_part(assistant, name) or "" for name in section or ()),
        chapters=tuple(_known(assistant, number) for number in chapter or ()),
        level=level,
        count=count or (None if minutes else _COUNT),
        minutes=minutes,
    )
    shown = _Terminal(assistant).run(plan)
    if save and shown:
        text = cards(given.question for given in shown.answers) if save.suffix == ".csv" else markdown(shown)
        write(save, text, "--report")
        stderr.print(f"{save}: written.", markup=False)


def _known(assistant: Assistant, number: int) -> int:
    if assistant.read(number) is None:
        raise QAError(f"no chapter {number} in this playbook; --chapter takes the number of one")
    return number


class _Terminal:
    """One interview, from its first question or where it was left to its report."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._coach = assistant.interview()
        self._console = Console(highlight=False)

    def run(self, plan: Plan) -> Report | None:
        """Asks until the session is over and gives its report, or None where the input ends before."""
        try:
            turn = self._resumed() or self._coach.start(plan)
            session = turn.session
            following: Turn | None = turn
            while following:
                following = self._take(following)
            shown = self._coach.report(session)
            self._report(shown, in_full=turn.plan.mode == "mock")
            if turn.plan.mode == "mock":
                self._object(shown)
            return shown
        except (EOFError, KeyboardInterrupt):
            self._say("\nKept. Run playbook-qa interview again to go on where you were.", "bold")
            return None

    def _resumed(self) -> Turn | None:
        """The session that was left open, if it is to go on."""
        turn = self._coach.resume()
        if turn is None:
            return None
        length = f" of {turn.plan.count}" if turn.plan.count else ""
        self._say(f"An interview of {day(turn.asked)} is open, at question {turn.number}{length}. Go on with it? [Y/n]")
        if input().strip().lower() not in ("n", "no"):
            return turn
        self._coach.finish(turn.session)
        return None

    def _take(self, turn: Turn) -> Turn | None:
        """One turn: the question, the answer, and what was made of it; gives the next one."""
        if turn.answered is None:
            self._ask(turn)
            typed = self._typed()
            if typed == "finish":
                self._coach.finish(turn.session)
                return None
            if typed == "skip":
                return self._coach.skip(turn)
            try:
                given = self._coach.answer(turn, DONT_KNOW if typed in _UNKNOWN else typed)
            except QuestionRefused as error:
                self._complain(error)
                return turn
            if given is None or given.answered is None:
                return given
            turn = given
        if turn.answered:
            self._feedback(turn.answered)
        return self._choose(turn)

    def _choose(self, turn: Turn) -> Turn | None:
        """What to do after the feedback."""
        if turn.offered:
            self._say(f"\nFollow-up: {turn.offered.text}", "bold")
        hint = f"Enter: next · {'f: answer the follow-up · ' if turn.offered else ''}m: the model answer · "
        while True:
            self._say(f"{hint}d 2: disagree with the second verdict · q: finish", "dim")
            command, _, number = input().strip().lower().partition(" ")
            if command in ("", "n", "next"):
                return self._coach.next(turn)
            if command == "f":
                return self._coach.ask_follow_up(turn)
            if command in ("q", "finish"):
                self._coach.finish(turn.session)
                return None
            if command == "m":
                answer = self._coach.model_answer(turn.question)
                self._say(f"{answer.quote}\n[{answer.source.path}:{answer.start_line}]")
            elif command == "d" and turn.answered:
                self._disagree([turn.answered], number)

    def _object(self, shown: Report) -> None:
        """Takes disagreements with the verdicts of a report in full; the end of the input ends it as well."""
        with suppress(EOFError, KeyboardInterrupt):
            while shown.answers:
                self._say("\nEnter: done · d 2: disagree with the second verdict", "dim")
                command, _, number = input().strip().lower().partition(" ")
                if command != "d":
                    return
                self._disagree(shown.answers, number)

    def _disagree(self, answers: Sequence[Answered], number: str) -> None:
        """Notes a disagreement with the verdict of this number, counted through all the answers."""
        judged = [(given.attempt.id, place) for given in answers for place, _ in enumerate(given.judged, 1)]
        chosen = int(number) if number.isdecimal() else 0
        try:
            if not 1 <= chosen <= len(judged):
                raise QAError(f"there is no verdict {chosen}; give a number from 1 to {len(judged)}")
            self._coach.dispute(*judged[chosen - 1])
            self._say(f"Noted: you disagree with {number}.")
        except QAError as error:
            self._complain(error)

    def _ask(self, turn: Turn) -> None:
        length = f" of {turn.plan.count}" if turn.plan.count else ""
        kind = "Follow-up to question" if turn.follow_up else "Question"
        about = [turn.question.part, turn.question.source.title, turn.question.level or ""]
        self._say(f"\n{kind} {turn.number}{length} · {' · '.join(filter(None, about))}", "dim")
        self._say(turn.text, "bold")
        self._say(_ANSWERING, "dim")

    def _typed(self) -> str:
        """The answer, or the one word that stands for it; the end of the input ends it as well."""
        lines: list[str] = []
        while not lines or lines[-1] or _more():
            try:
                line = input().strip()
            except EOFError:
                if not lines:
                    raise
                break
            if line.lower() in _WORDS and not lines:
                return line.lower()
            lines += [line] if line or lines else []
        return "\n".join(lines).strip()

    def _feedback(self, given: Answered, first: int = 1) -> None:
        """An answer's mark and verdicts, these numbered from `first` on."""
        self._say(f"\nMark: {given.grade.score} of 100", "bold")
        for number, (point, grade) in enumerate(given.verdicts, first):
            sign, style = _SIGNS[grade.verdict]
            self._say(f"{number:2} {sign} {point.text} ({grade.verdict})", style)
            if grade.evidence:
                self._say(f"     you: “{_line(grade.evidence)}”", "dim")
            self._say(f"     {'see' if grade.covered else 'read'} {self._place(point.source)}", "dim")
        for number, wrong in enumerate(given.grade.contradictions, first + len(given.points)):
            self._say(f"{number:2} ✗ You said “{_line(wrong.evidence)}”. {wrong.correction}", "red")
            self._say(f"     read {self._place(given.question.source)}", "dim")

    def _report(self, shown: Report, *, in_full: bool) -> None:
        if shown.mark is None:
            self._say("\nNothing was answered, so there is no report.")
            return
        first = 1
        for given in shown.answers if in_full else ():
            self._say(f"\n{given.attempt.follow_up or given.question.question}", "bold")
            self._feedback(given, first)
            first += len(given.judged)
            answer = self._coach.model_answer(given.question)
            self._say(f"   Model answer: {answer.source.path}:{answer.start_line}", "dim")
        self._say(f"\nReport: {shown.mark} of 100", "bold")
        self._bars("Marks by section", shown.sections)
        for heading, points in (("Strongest points", shown.strongest), ("Weakest points", shown.weakest)):
            if points:
                self._say(f"\n{heading}", "bold")
            for point in points:
                self._say(f"  {_SIGNS[point.grade.verdict][0]} {point.point.text}")
        if shown.reading:
            self._say("\nWhat to read", "bold")
        for number, link in enumerate(shown.reading, 1):
            self._say(f"  {number}. {self._place(link)}")
        self._bars("Marks by week", shown.weeks)
        if shown.due:
            self._say("\nDue again", "bold")
        for question, at in shown.due[:_DUE]:
            self._say(f"  {day(at)}  {question.question}")

    def _bars(self, heading: str, rows: Sequence[Marks]) -> None:
        if rows:
            self._say(f"\n{heading}", "bold")
        for row in rows:
            self._say(f"  {row.mark:3} {'█' * round(row.mark / 5):20} {row.name} ({row.answers})")

    def _place(self, link: Link) -> str:
        """A section, and where it stands in its file."""
        chapter = self._assistant.read(link.chapter)
        section = chapter.section(link.anchor) if chapter else None
        line = f":{chapter.line(section.start)}" if chapter and section else ""
        return f"{where(link)}  {link.path}{line}"

    def _complain(self, error: QAError) -> None:
        stderr.print(str(error), markup=False, style="red")

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, soft_wrap=True)


def _more() -> bool:
    """Whether further lines were pasted: they are there at once, which none can type."""
    try:
        return sys.stdin.isatty() and bool(select.select([sys.stdin], [], [], _AT_ONCE)[0])
    except (OSError, ValueError):  # Windows selects among sockets only
        return False


def _line(text: str) -> str:
    return " ".join(text.split())
