"""Progress as one JSON value, and back.

Owns the form of an export and the merging of one into what is there. The schedule is not part of it:
it follows from the answers. Does not read or write files.
"""

import json
import reprlib
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError

from qa.progress.database import stored_time
from qa.types import Contradiction, Grade, PointGrade, QAError, Verdict

GRADE: TypeAdapter[Grade] = TypeAdapter(Grade)
_FORMAT, _VERSION = "playbook-qa progress", 1
# A clock without a battery begins at the first; a day beyond the last is a date in every zone, too.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_LONGEST_ANSWER = 8_000  # the grader's limit: a longer one that is not marked yet never will be


def _in_utc(at: datetime) -> datetime:
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise ValueError(f"is out of range, the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return at.astimezone(UTC)


def _storable(text: str) -> str:
    text.encode()  # half a surrogate pair is a ValueError
    return text


def _quoted(attempt: "_Attempt") -> "_Attempt":
    """An answer whose verdicts rest on passages of it."""
    grade = attempt.grade
    verdicts: Iterable[PointGrade | Contradiction] = (*grade.points, *grade.contradictions) if grade else ()
    for given in verdicts:
        start, end, evidence = given.start, given.end, given.evidence
        if start is None or end is None or evidence is None:
            sound = (start, end, evidence) == (None, None, None)
        else:
            sound = 0 <= start < end <= len(attempt.answer) and evidence == attempt.answer[start:end]
        if not sound:
            raise ValueError(f"the evidence {reprlib.repr(evidence)} is not what the answer says from {start} to {end}")
    return attempt


_Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
_Text = Annotated[str, AfterValidator(_storable)]
_Uid = Annotated[_Text, StringConstraints(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class _PointGrade(PointGrade):
    probability: Annotated[float, Field(ge=0, le=1)]
    evidence: _Text | None = None
    statement: _Text = ""


@dataclass(frozen=True, slots=True)
class _Contradiction(Contradiction):
    claim: _Text
    correction: _Text
    evidence: _Text


@dataclass(frozen=True, slots=True)
class _Grade(Grade):
    score: Annotated[int, Field(ge=0, le=100)]
    points: tuple[_PointGrade, ...]
    contradictions: tuple[_Contradiction, ...] = ()


@dataclass(frozen=True, slots=True)
class _Dispute:
    statement: _Text
    verdict: Verdict
    at: _Time


@dataclass(frozen=True, slots=True)
class _Attempt:
    uid: _Uid
    question: _Text
    follow_up: _Text | None
    answer: Annotated[str, StringConstraints(max_length=_LONGEST_ANSWER), AfterValidator(_storable)]
    at: _Time
    grade: _Grade | None
    disputes: tuple[_Dispute, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    question: _Text
    follow_up: _Text | None
    at: _Time


@dataclass(frozen=True, slots=True)
class _Session:
    uid: _Uid
    plan: dict[str, Any]
    started: _Time
    finished: _Time | None
    asked: tuple[_Asked, ...]
    attempts: tuple[Annotated[_Attempt, AfterValidator(_quoted)], ...]


@dataclass(frozen=True, slots=True)
class _Gap:
    uid: _Uid
    question: _Text
    at: _Time


@dataclass(frozen=True, slots=True)
class _Feedback:
    uid: _Uid
    question: _Text
    citation: _Text | None
    useful: bool
    at: _Time


@dataclass(frozen=True, slots=True)
class _Export:
    format: Literal["playbook-qa progress"]
    version: Literal[1]
    sessions: tuple[_Session, ...]
    gaps: tuple[_Gap, ...]
    feedback: tuple[_Feedback, ...]


_EXPORT = TypeAdapter(_Export)


def export(connection: sqlite3.Connection) -> dict[str, Any]:
    """Everything stored; sessions by time, what happened in one in its order."""
    sessions = []
    for key, uid, plan, started, finished in connection.execute(
        "SELECT id, uid, plan, started, finished FROM sessions ORDER BY started, uid"
    ):
        asked = connection.execute("SELECT question, follow_up, at FROM asked WHERE session = ? ORDER BY id", (key,))
        session = {"uid": uid, "plan": json.loads(plan), "started": started, "finished": finished}
        sessions.append({**session, "asked": _named(asked), "attempts": _attempts(connection, key)})
    gaps = connection.execute("SELECT uid, question, at FROM gaps ORDER BY at, uid")
    feedback = connection.execute("SELECT uid, question, citation, useful, at FROM feedback ORDER BY at, uid")
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "sessions": sessions,
        "gaps": _named(gaps),
        "feedback": [{**row, "useful": bool(row["useful"])} for row in _named(feedback)],
    }


def read(data: object) -> _Export:
    """An export as values.

    Raises:
        QAError: It is not an export of this version; says where it is broken.
    """
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise QAError("not an export of playbook-qa's progress; give a file that `progress --export` wrote")
    if data.get("version") != _VERSION:
        raise QAError(f"an export of version {data.get('version')!r}, this one reads {_VERSION}; update playbook-qa")
    try:
        return _EXPORT.validate_python(data)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        found = f", found {reprlib.repr(fault['input'])}" if isinstance(fault["input"], str | int | float) else ""
        raise QAError(f"the export is broken at {where} ({fault['msg']}{found}); export it again") from error


def merge(connection: sqlite3.Connection, given: _Export) -> int:
    """Adds what is new and changes nothing else, but for grades and ends that were not there yet.

    Returns:
        How many sessions, answers, disputes, gaps and thumbs were new.
    """
    new = 0
    for session in given.sessions:
        new += _add_session(connection, session)
    for gap in given.gaps:
        new += _insert(connection, "gaps", uid=gap.uid, question=gap.question, at=stored_time(gap.at))
    for thumb in given.feedback:
        row = {"question": thumb.question, "citation": thumb.citation, "useful": thumb.useful}
        new += _insert(connection, "feedback", uid=thumb.uid, **row, at=stored_time(thumb.at))
    return new


def _add_session(connection: sqlite3.Connection, session: _Session) -> int:
    finished = session.finished and stored_time(session.finished)
    row = {"plan": json.dumps(session.plan), "started": stored_time(session.started), "finished": finished}
    new = _insert(connection, "sessions", uid=session.uid, **row)
    connection.execute("UPDATE sessions SET finished = ifnull(finished, ?) WHERE uid = ?", (finished, session.uid))
    (key,) = connection.execute("SELECT id FROM sessions WHERE uid = ?", (session.uid,)).fetchone()
    for asked in session.asked:
        row = {"question": asked.question, "follow_up": asked.follow_up, "at": stored_time(asked.at)}
        _insert(connection, "asked", session=key, **row)
    for attempt in session.attempts:
        new += _add_attempt(connection, key, attempt)
    return new


def _add_attempt(connection: sqlite3.Connection, session: int, attempt: _Attempt) -> int:
    grade = attempt.grade and json.dumps(asdict(attempt.grade))
    row = {"question": attempt.question, "follow_up": attempt.follow_up, "answer": attempt.answer, "grade": grade}
    new = _insert(connection, "attempts", uid=attempt.uid, session=session, **row, at=stored_time(attempt.at))
    found = connection.execute(
        "SELECT id FROM attempts WHERE uid = ? AND answer = ?", (attempt.uid, attempt.answer)
    ).fetchone()
    if not found:  # another answer has this id here, and keeps what it has
        return new
    (key,) = found
    connection.execute("UPDATE attempts SET grade = ifnull(grade, ?) WHERE id = ?", (grade, key))
    for dispute in attempt.disputes:
        row = {"statement": dispute.statement, "verdict": dispute.verdict, "at": stored_time(dispute.at)}
        new += _insert(connection, "disputes", attempt=key, **row)
    return new


def _attempts(connection: sqlite3.Connection, session: int) -> list[dict[str, Any]]:
    found = connection.execute(
        "SELECT id, uid, question, follow_up, answer, at, grade FROM attempts WHERE session = ? ORDER BY id",
        (session,),
    )
    rows = []
    for row in _named(found):
        disputes = connection.execute(
            "SELECT statement, verdict, at FROM disputes WHERE attempt = ? ORDER BY at, statement", (row.pop("id"),)
        )
        grade = row.pop("grade")
        rows.append({**row, "grade": grade and json.loads(grade), "disputes": _named(disputes)})
    return rows


def _insert(connection: sqlite3.Connection, table: str, **row: object) -> int:
    """Inserts a row unless it is there; 1 if it was new."""
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    statement = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 (names from this module)
    return connection.execute(statement, tuple(row.values())).rowcount


def _named(rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]
