"""The interview coach: asks, keeps every answer, has it marked, and says what to do next.

Owns the order of these steps, and how a session goes on after a closed page or a killed
server: where it stands is read from what is stored. Does not choose, mark or store itself.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from qa import interview
from qa.grading import LONGEST_ANSWER
from qa.interview import Answered, FollowUp, Past, Plan
from qa.progress import Progress, StoredSession
from qa.report import Report, report
from qa.types import Attempt, Citation, Grade, InterviewQuestion, Playbook, QAError, QuestionRefused, WrongClaim

DONT_KNOW = "I don't know."


class Grading(Protocol):
    """What marks an answer."""

    def grade(
        self, question: str, answer: str, /, *, key_points: Sequence[str], wrong_claims: Sequence[WrongClaim] = ()
    ) -> Grade:
        """Says which key points an answer makes and which wrong claims."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a session, as it is put to someone.

    Attributes:
        session: The session's id.
        place: The turn's place among all that the session asked, from 0.
        plan: What the session follows.
        number: Which question this is, or follows up, from 1.
        question: The question.
        follow_up: What is asked here in its stead, after an answer to it.
        asked: When it was first asked.
        attempt: The answer, marked or not; None while the turn waits for one.
        answered: The answer with its grade.
        offered: The follow-up that may come next.
    """

    session: int
    place: int
    plan: Plan
    number: int
    question: InterviewQuestion
    follow_up: FollowUp | None
    asked: datetime
    attempt: Attempt | None = None
    answered: Answered | None = None
    offered: FollowUp | None = None

    @property
    def text(self) -> str:
        """What is asked."""
        return self.follow_up.text if self.follow_up else self.question.question


class Coach:
    """Interviews one user about one playbook. Threads and windows may share it."""

    def __init__(
        self,
        playbook: Playbook,
        bank: Sequence[InterviewQuestion],
        grading: Grading,
        progress: Progress,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.bank = tuple(bank)
        self._playbook = playbook
        self._known = {question.id: question for question in bank}
        self._grading = grading
        self._progress = progress
        self._clock = clock
        self._moving = threading.RLock()

    def start(self, plan: Plan) -> Turn:
        """Begins a session and asks its first question.

        Raises:
            QAError: There is nothing to ask; says what to choose instead.
        """
        now, past = self._clock(), self._past(None, ())
        plan = replace(plan, seed=int(now.timestamp())) if plan.seed is None else plan
        first = interview.next_question(plan, self.bank, past)
        if first is None:
            raise QAError(interview.nothing_to_ask(plan, self.bank))
        plan = interview.shortened(plan, self.bank, past)
        session = self._progress.start_session(plan.to_json(), now)
        self._progress.record_asked(session, first.id, now)
        return Turn(session, 0, plan, 1, first, None, now)

    def resume(self) -> Turn | None:
        """The session to go on with, where it stands; None without one that has something left to ask."""
        while session := self._progress.open_session():
            try:
                Plan.from_json(session.plan)
            except QAError:  # an imported one may be broken; it keeps none from starting anew
                self.finish(session.id)
                continue
            return self._current(session.id)
        return None

    def turn(self, session: int, place: int, answer: int | None = None) -> Turn:
        """What a session asked at a place, with the answer of this id, or with None the last one.

        Raises:
            QAError: There is no such turn.
        """
        stored = self._progress.session(session)
        found = self._turn(stored, place, answer) if stored and 0 <= place < len(stored.asked) else None
        if found is None:
            raise QAError("this question is no longer there; start a new interview")
        return found

    def answer(self, turn: Turn, text: str) -> Turn | None:
        """Keeps an answer, then has it marked.

        Returns:
            The turn with its grade; in a mock interview what is asked next, or None at its end.

        Raises:
            QuestionRefused: The answer is blank or too long to be marked; it was not kept.
            QAError: It was kept and could not be marked; `resume` tries again.
        """
        if not text.strip():
            raise QuestionRefused("the answer is blank; write one, or say that you do not know")
        if len(text) > LONGEST_ANSWER:
            raise QuestionRefused(
                f"the answer has {len(text):,} characters, {LONGEST_ANSWER:,} are the most; shorten it"
            )
        follow_up = turn.follow_up.text if turn.follow_up else None
        saved = self._progress.save_answer(turn.session, turn.question.id, text, at=self._clock(), follow_up=follow_up)
        return self._settled(self.turn(turn.session, turn.place, saved))

    def skip(self, turn: Turn) -> Turn | None:
        """Goes on without an answer, which is marked as an empty one; None at the session's end."""
        saved = None
        with self._moving:
            ended = self._stored(turn.session).finished
            if not ended and turn.follow_up is None and self._attempt(turn.session, turn.question, None) is None:
                saved = self._progress.save_answer(turn.session, turn.question.id, "", at=self._clock())
        if saved is not None:
            self._graded(self.turn(turn.session, turn.place, saved))
        return self.next(turn)

    def ask_follow_up(self, turn: Turn) -> Turn | None:
        """Asks the follow-up that a turn offers; goes on with the session where it offers none."""
        with self._moving:
            stored = self._stored(turn.session)
            if turn.offered and not stored.finished and turn.place == len(stored.asked) - 1:
                self._progress.record_asked(turn.session, turn.question.id, self._clock(), follow_up=turn.offered.text)
                return self._current(turn.session)
        return self.next(turn)

    def next(self, turn: Turn) -> Turn | None:
        """Asks the next question, unless another window did; None at the session's end."""
        with self._moving:
            stored = self._stored(turn.session)
            if turn.place == len(stored.asked) - 1:
                return self._ask_next(stored)
        return self._current(turn.session)

    def finish(self, session: int) -> None:
        """Ends a session; what was answered stays."""
        with self._moving:
            self._progress.finish_session(session, self._clock())

    def report(self, session: int | None = None) -> Report:
        """What a session's answers show, or with None the last answer to each question."""
        now = self._clock()
        given = interview.answers(self.bank, self._progress.attempts())
        # later ones are of a clock that was wrong
        ever = sorted((a for a in given if a.attempt.at <= now), key=lambda a: a.attempt.at)
        if session is None:
            last = {a.question.id: a for a in ever if a.attempt.follow_up is None}
            chosen = [answered for answered in ever if last.get(answered.question.id) is answered]
        else:
            chosen = [answered for answered in given if answered.attempt.session == session]
        schedule = self._progress.schedule(now)
        due = [(self._known[key], at) for key, at in schedule.items() if key in self._known]
        return report(chosen, ever=ever, due=due)

    def lost(self) -> int:
        """How many answers are kept whose question, or its key points, this playbook no longer has."""
        attempts = [a for a in self._progress.attempts() if a.grade or a.question not in self._known]
        return len(attempts) - len(interview.answers(self.bank, attempts))

    def due(self) -> int:
        """How many questions are due now."""
        return len(self._known.keys() & self._progress.due(self._clock()).keys())

    def dispute(self, attempt: int, number: int) -> None:
        """Notes that someone disagrees with a verdict on an answer: the one of this number in `judged`.

        Raises:
            QAError: There is no such verdict.
        """
        ever = interview.answers(self.bank, self._progress.attempts())
        judged = next((answered.judged for answered in ever if answered.attempt.id == attempt), ())
        if not 1 <= number <= len(judged):
            raise QAError(f"there is no verdict {number} on this answer; give a number from 1 to {len(judged)}")
        statement, verdict = judged[number - 1]
        self._progress.dispute(attempt, statement, verdict, self._clock())

    def disputed(self) -> frozenset[tuple[int, str]]:
        """The answers' ids and statements whose verdict someone disagreed with."""
        return frozenset((dispute.attempt, dispute.statement) for dispute in self._progress.disputes())

    def model_answer(self, question: InterviewQuestion) -> Citation:
        """The playbook's own answer, as a citation."""
        chapter = self._playbook.chapter(question.source.chapter)
        if chapter is None:
            raise ValueError(f"no chapter {question.source.chapter} in this playbook")
        start, end = question.start, question.end
        lines = chapter.line(start), chapter.line(end - 1)
        return Citation(1, question.source, start, end, *lines, chapter.text[start:end], "prose")

    def _stored(self, session: int) -> StoredSession:
        stored = self._progress.session(session)
        if stored is None:
            raise QAError("this interview is no longer there; start a new one")
        return stored

    def _current(self, session: int) -> Turn | None:
        """Where a session stands; None once it ended."""
        stored = self._stored(session)
        if stored.finished:
            return None
        turn = self._turn(stored, len(stored.asked) - 1) if stored.asked else None
        if turn is None:  # its question left the playbook meanwhile
            with self._moving:
                return self._ask_next(self._stored(session))
        return self._settled(turn)

    def _settled(self, turn: Turn) -> Turn | None:
        """The turn, marked if it was answered; in a mock interview an answered one leads to the next."""
        graded = self._graded(turn)
        if graded.answered is None or graded.plan.mode != "mock":
            return graded
        return self.ask_follow_up(graded)

    def _turn(self, stored: StoredSession, place: int, answer: int | None = None) -> Turn | None:
        """What was asked at a place, with the answer of this id or the last one; None if it left the playbook."""
        asked = stored.asked[place]
        question = self._known.get(asked.question)
        if question is None:
            return None
        follow_up = None
        if asked.follow_up is not None:
            first = self._attempt(stored.id, question, None)
            points = interview.asked_points(question, asked.follow_up, first.grade if first else None, self.bank)
            follow_up = FollowUp(asked.follow_up, points)
        turn = Turn(
            session=stored.id,
            place=place,
            plan=Plan.from_json(stored.plan),
            number=sum(other.follow_up is None for other in stored.asked[: place + 1]),
            question=question,
            follow_up=follow_up,
            asked=asked.at,
        )
        attempt = self._attempt(stored.id, question, asked.follow_up, answer)
        points = follow_up.points if follow_up else question.points
        if attempt is None:
            return turn
        turn = replace(turn, attempt=attempt)
        if attempt.grade is None or not interview.fits(attempt.grade, points):
            return turn
        followed = any(other.question == question.id and other.follow_up for other in stored.asked)
        silent = attempt.answer.strip() in ("", DONT_KNOW)
        offered = None if follow_up or followed or silent else interview.follow_up(question, attempt.grade, self.bank)
        twins = interview.twins(question, offered.text, self.bank) if offered else ()
        if any(twin.id in self._asked(stored) for twin in twins):
            offered = None
        return replace(turn, answered=Answered(question, attempt, attempt.grade, points), offered=offered)

    def _attempt(
        self, session: int, question: InterviewQuestion, follow_up: str | None, answer: int | None = None
    ) -> Attempt | None:
        """The last answer given to a question or a follow-up to it, or the one with this id."""
        given = self._progress.attempts(session=session)
        fitting = [a for a in given if a.question == question.id and a.follow_up == follow_up]
        return next((a for a in reversed(fitting) if answer in (None, a.id)), None)

    def _asked(self, stored: StoredSession) -> tuple[str, ...]:
        """The questions a session asked, in order; also as a follow-up, which may be a question of its own."""
        asked: list[str] = []
        for entry in stored.asked:
            if entry.follow_up is None:
                asked.append(entry.question)
            elif question := self._known.get(entry.question):
                asked += [twin.id for twin in interview.twins(question, entry.follow_up, self.bank)]
        return tuple(asked)

    def _graded(self, turn: Turn) -> Turn:
        """The turn with its answer marked, where it has one."""
        attempt = turn.attempt
        if turn.answered or attempt is None:
            return turn
        points = turn.follow_up.points if turn.follow_up else turn.question.points
        grade = self._grading.grade(
            turn.text,
            attempt.answer,
            key_points=[point.text for point in points],
            wrong_claims=turn.question.wrong_claims,
        )
        self._progress.save_grade(attempt.id, grade)
        return self.turn(turn.session, turn.place, attempt.id)

    def _ask_next(self, stored: StoredSession) -> Turn | None:
        now = self._clock()
        plan = Plan.from_json(stored.plan)
        asked = sum(entry.follow_up is None for entry in stored.asked)
        answered = self._progress.attempts(session=stored.id)
        used = interview.time_used([*(entry.at for entry in stored.asked), *(given.at for given in answered)], now)
        chosen = None
        if not stored.finished and not plan.is_over(asked, used):
            chosen = interview.next_question(plan, self.bank, self._past(stored.id, self._asked(stored)))
        if chosen is None:
            self._progress.finish_session(stored.id, now)
            return None
        self._progress.record_asked(stored.id, chosen.id, now)
        return self._current(stored.id)

    def _past(self, session: int | None, asked: tuple[str, ...]) -> Past:
        """What the choice of the next question looks back on."""
        now = self._clock()
        first = [a for a in self._progress.attempts() if a.follow_up is None and a.grade]
        return Past(
            asked=asked,
            marks=tuple(a.grade.score for a in first if a.grade and a.session == session),
            last={a.question: a.grade.score for a in sorted(first, key=lambda a: a.at) if a.grade and a.at <= now},
            due=tuple(self._progress.due(now)),
        )
