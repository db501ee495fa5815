"""What someone answered, when each question is due again, and what the playbook could not answer.

Owns what is kept of a user, in SQLite. Does not grade, choose questions, or know a clock: times are
given, with their zone, and come back in UTC.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from qa.progress import exchange
from qa.progress.database import Database, stored_text, stored_time
from qa.progress.exchange import GRADE
from qa.progress.schedule import due_times
from qa.types import Attempt, Grade, ProgressUnavailable, Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put to someone in a session, or a follow-up to it."""

    question: str  # the id of an InterviewQuestion
    at: datetime
    follow_up: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """An interview as it stands: what was planned, and what was asked so far, in order."""

    id: int
    plan: Mapping[str, Any]
    started: datetime
    finished: datetime | None
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A verdict that someone did not agree with: the key point or wrong claim, and what was said of it."""

    attempt: int
    statement: str
    verdict: Verdict
    at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that the playbook did not answer, as it was first asked, and how often it was asked."""

    question: str
    count: int
    first: datetime
    last: datetime


class Progress:
    """One user's progress with one playbook. Threads and processes may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, folder: Path, *, notify: Callable[[str], object]) -> "Progress":
        """Opens what is kept in `folder`, or begins it.

        Args:
            folder: The data folder; made when missing.
            notify: Told when a damaged file was set aside.

        Raises:
            ProgressUnavailable: The folder cannot be written, or the file is not this version's.
        """
        return cls(Database.open(folder, notify=notify))

    def start_session(self, plan: Mapping[str, object], at: datetime) -> int:
        """Begins an interview; `plan` is kept as JSON. Returns the session's id."""
        row = (uuid4().hex, json.dumps(dict(plan)), stored_time(at))
        with self._database.transaction() as connection:
            added = connection.execute("INSERT INTO sessions (uid, plan, started) VALUES (?, ?, ?)", row)
        return _new_id(added)

    def session(self, session: int) -> StoredSession | None:
        """The session with this id, or None."""
        found = self._sessions("WHERE id = ?", session)
        return found[0] if found else None

    def open_session(self) -> StoredSession | None:
        """The session to go on with: of those not finished, the one begun last."""
        found = self._sessions("WHERE finished IS NULL ORDER BY started DESC, id DESC LIMIT 1")
        return found[0] if found else None

    def finish_session(self, session: int, at: datetime) -> None:
        """Ends a session; one that ended before keeps its time."""
        statement = "UPDATE sessions SET finished = ifnull(finished, ?) WHERE id = ?"
        with self._database.transaction() as connection:
            connection.execute(statement, (stored_time(at), session))

    def record_asked(self, session: int, question_id: str, at: datetime, *, follow_up: str | None = None) -> None:
        """Notes what is on the screen; a window that notes the same again changes nothing."""
        row = (session, question_id, follow_up, stored_time(at))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO asked (session, question, follow_up, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row
            )

    def save_answer(
        self, session: int, question_id: str, answer: str, *, at: datetime, follow_up: str | None = None
    ) -> int:
        """Keeps an answer as it was given, before it is graded; skipping is an empty answer.

        Returns:
            The attempt's id, for `save_grade`.

        Raises:
            ProgressUnavailable: It could not be kept.
        """
        row = (uuid4().hex, session, question_id, follow_up, stored_text(answer), stored_time(at))
        with self._database.transaction() as connection:
            added = connection.execute(
                "INSERT INTO attempts (uid, session, question, follow_up, answer, at) VALUES (?, ?, ?, ?, ?, ?)", row
            )
        return _new_id(added)

    def save_grade(self, attempt: int, grade: Grade) -> None:
        """Keeps an answer's grade; unless it answered a follow-up, it moves when its question is due.

        Raises:
            ProgressUnavailable: The answer is no longer there, or the grade could not be kept.
        """
        text = json.dumps(asdict(grade))
        with self._database.transaction() as connection:
            changed = connection.execute("UPDATE attempts SET grade = ? WHERE id = ?", (text, attempt))
        if not changed.rowcount:
            raise ProgressUnavailable("this answer was deleted meanwhile; start a new interview")

    def attempts(self, *, session: int | None = None) -> tuple[Attempt, ...]:
        """The answers in the order they were given, oldest session first; those not marked have no grade.

        Args:
            session: Keep to this session; None for all.
        """
        statement = (
            "SELECT attempts.id, session, question, answer, at, follow_up, grade FROM attempts"
            " JOIN sessions ON sessions.id = session WHERE :session IS NULL OR session = :session"
            " ORDER BY started, session, attempts.id"
        )
        with self._database.transaction() as connection:
            rows = connection.execute(statement, {"session": session}).fetchall()
        return tuple(_attempt(row) for row in rows)

    def schedule(self, at: datetime) -> dict[str, datetime]:
        """When each question that was answered is due, as it stands at `at`: soonest first, in UTC.

        An answer dated later than `at` comes from a clock that was wrong. It is kept, and counts
        once its time has come.
        """
        given = sorted(self.attempts(), key=lambda attempt: attempt.at)
        return due_times(
            (attempt.question, attempt.at, attempt.grade.score)
            for attempt in given
            if attempt.grade and attempt.follow_up is None and attempt.at <= at
        )

    def due(self, at: datetime) -> dict[str, datetime]:
        """The questions of `schedule` whose time has come."""
        return {question: time for question, time in self.schedule(at).items() if time <= at}

    def dispute(self, attempt: int, statement: str, verdict: Verdict, at: datetime) -> None:
        """Notes that someone disagrees with a verdict on their answer; once is enough.

        Args:
            attempt: The answer's id.
            statement: The key point or the wrong claim that was judged.
            verdict: The verdict that is disagreed with.
            at: When.
        """
        row = (attempt, statement, verdict, stored_time(at))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO disputes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)

    def disputes(self) -> tuple[Dispute, ...]:
        """The verdicts disagreed with, oldest first."""
        statement = "SELECT attempt, statement, verdict, at FROM disputes ORDER BY at, attempt, statement"
        with self._database.transaction() as connection:
            rows = connection.execute(statement).fetchall()
        return tuple(
            Dispute(attempt, judged, verdict, datetime.fromisoformat(at)) for attempt, judged, verdict, at in rows
        )

    def record_gap(self, question: str, at: datetime) -> None:
        """Notes a question that the playbook did not answer."""
        row = (uuid4().hex, stored_text(question), stored_time(at))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO gaps VALUES (?, ?, ?)", row)

    def gaps(self) -> tuple[Gap, ...]:
        """The questions not answered, most asked first; case and white space make no other question."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT question, at FROM gaps ORDER BY at, rowid").fetchall()
        count = Counter(_folded(question) for question, _ in rows)
        last = {_folded(question): at for question, at in rows}
        first: dict[str, tuple[str, str]] = {}
        for question, at in rows:
            first.setdefault(_folded(question), (question, at))
        return tuple(
            Gap(question, count[key], datetime.fromisoformat(at), datetime.fromisoformat(last[key]))
            for key, (question, at) in sorted(first.items(), key=lambda item: (-count[item[0]], item[0]))
        )

    def feedback(self, question: str, citation: str | None, useful: bool, at: datetime) -> None:
        """Notes a thumb up or down.

        Args:
            question: What was asked.
            citation: The address of the quote that is judged; None for the whole answer.
            useful: Up or down.
            at: When.
        """
        row = (uuid4().hex, stored_text(question), citation, useful, stored_time(at))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO feedback VALUES (?, ?, ?, ?, ?)", row)

    def export(self) -> dict[str, Any]:
        """Everything that is kept, as a value that JSON can hold."""
        with self._database.transaction() as connection:
            return exchange.export(connection)

    def restore(self, data: object) -> int:
        """Adds what an earlier `export` holds and is not here; changes nothing that is.

        Returns:
            How many sessions, answers, disputes, gaps and thumbs were new.

        Raises:
            QAError: `data` is not an export; nothing of it was taken.
        """
        given = exchange.read(data)
        with self._database.transaction() as connection:
            return exchange.merge(connection, given)

    def delete(self) -> None:
        """Deletes everything, also the damaged files that were set aside."""
        self._database.clear()

    def _sessions(self, clause: str, *values: int) -> tuple[StoredSession, ...]:
        with self._database.transaction() as connection:
            rows = connection.execute(f"SELECT id, plan, started, finished FROM sessions {clause}", values).fetchall()  # noqa: S608
            asked = {row[0]: _asked(connection, row[0]) for row in rows}
        return tuple(
            StoredSession(
                key,
                json.loads(plan),
                datetime.fromisoformat(started),
                datetime.fromisoformat(finished) if finished else None,
                asked[key],
            )
            for key, plan, started, finished in rows
        )


def _attempt(row: sqlite3.Row) -> Attempt:
    grade = GRADE.validate_python(json.loads(row["grade"])) if row["grade"] else None
    return Attempt(**{**dict(row), "at": datetime.fromisoformat(row["at"]), "grade": grade})


def _asked(connection: sqlite3.Connection, session: int) -> tuple[Asked, ...]:
    rows = connection.execute("SELECT question, at, follow_up FROM asked WHERE session = ? ORDER BY id", (session,))
    return tuple(Asked(question, datetime.fromisoformat(at), follow_up) for question, at, follow_up in rows)


def _new_id(added: sqlite3.Cursor) -> int:
    assert added.lastrowid is not None  # noqa: S101 (an INSERT that did not raise has one)
    return added.lastrowid


def _folded(question: str) -> str:
    return " ".join(question.casefold().split())
