"""What is kept of a user: nothing is lost, nothing is overwritten, the schedule follows from the answers."""

import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.grading import LONGEST_ANSWER
from qa.progress import Asked, Dispute, Gap, Progress
from qa.progress.database import MIGRATIONS, NAME
from qa.types import Attempt, Contradiction, Grade, PointGrade, ProgressUnavailable, QAError

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GRADE = Grade(
    70,
    (PointGrade("covered", 0.9, "four", 0, 4), PointGrade("missed", 0.1)),
    (Contradiction("one thread", "four threads", "one", 5, 8),),
)


def never(text: str) -> None:
    raise AssertionError(text)


def opened(folder: Path) -> Progress:
    return Progress.open(folder, notify=never)


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """An empty file in `tmp_path / "data"`."""
    return opened(tmp_path / "data")


def marked(progress: Progress, score: int, at: datetime, *, question: str = "1#a", follow_up: str | None = None) -> int:
    """Answers a question in a session of its own and saves the mark."""
    session = progress.start_session({}, at)
    attempt = progress.save_answer(session, question, "an answer", at=at, follow_up=follow_up)
    progress.save_grade(attempt, Grade(score, ()))
    return attempt


def filled(folder: Path) -> Progress:
    """Progress with a row of every kind."""
    progress = opened(folder)
    session = progress.start_session({"mode": "mock", "count": 2}, NOON)
    progress.record_asked(session, "1#a", NOON)
    progress.record_asked(session, "1#a", NOON, follow_up="And why four?")
    attempt = progress.save_answer(session, "1#a", "four one", at=NOON)
    progress.save_grade(attempt, GRADE)
    progress.dispute(attempt, "The default is four", "missed", NOON)
    progress.save_answer(session, "1#a", "", at=NOON + DAY, follow_up="And why four?")
    progress.record_gap("where is the moon", NOON)
    progress.feedback("tides", "?view=read&chapter=1", False, NOON)
    return progress


@pytest.mark.parametrize(
    ("score", "wait"),
    [
        (0, timedelta(minutes=10)),
        (39, timedelta(minutes=10)),
        (40, timedelta(minutes=15)),
        (64, timedelta(minutes=15)),
        (65, 2 * DAY),  # FSRS's first stability of Good, 2.3065 days
        (84, 2 * DAY),
        (85, 8 * DAY),  # of Easy, 8.2956
        (100, 8 * DAY),
    ],
)
def test_the_mark_decides_when_a_question_is_due_again(progress: Progress, score: int, wait: timedelta) -> None:
    marked(progress, score, NOON)
    assert progress.schedule(NOON) == {"1#a": NOON + wait}
    assert progress.due(NOON + wait - timedelta(seconds=1)) == {}
    assert progress.due(NOON + wait) == {"1#a": NOON + wait}


def test_the_second_good_answer_waits_as_fsrs_says(progress: Progress) -> None:
    """FSRS-6 by hand: difficulty 2.118, recall after 2 days 0.9095, so stability 2.3065 grows to 10.96."""
    marked(progress, 70, NOON)
    marked(progress, 70, NOON + 2 * DAY)
    assert progress.schedule(NOON + 2 * DAY) == {"1#a": NOON + 13 * DAY}


def test_follow_ups_and_answers_without_a_grade_move_nothing(progress: Progress) -> None:
    marked(progress, 70, NOON)
    marked(progress, 0, NOON + DAY, follow_up="And then?")
    progress.save_answer(progress.start_session({}, NOON), "1#a", "an answer", at=NOON + DAY)
    assert progress.schedule(NOON + DAY) == {"1#a": NOON + 2 * DAY}


def test_the_soonest_is_due_first(progress: Progress) -> None:
    for question, score in (("1#easy", 90), ("1#again", 10), ("1#good", 70)):
        marked(progress, score, NOON, question=question)
    assert list(progress.schedule(NOON)) == ["1#again", "1#good", "1#easy"]


def test_a_time_means_the_same_in_every_zone(progress: Progress) -> None:
    berlin, tonga = ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=13))
    marked(progress, 70, NOON.astimezone(tonga))
    assert progress.attempts()[0].at == NOON
    assert progress.attempts()[0].at.tzinfo is UTC
    assert progress.due((NOON + 2 * DAY).astimezone(berlin)) == {"1#a": NOON + 2 * DAY}
    assert progress.due((NOON + 2 * DAY).astimezone(berlin) - timedelta(minutes=1)) == {}
    with pytest.raises(ValueError, match="must carry its zone"):
        progress.record_gap("x", datetime(2026, 3, 2, 12, 0))


def test_the_hour_that_a_clock_shows_twice_keeps_its_order(progress: Progress) -> None:
    """Berlin went from 03:00 back to 02:00 on 25 October 2026: 02:50 came before the second 02:10."""
    berlin = ZoneInfo("Europe/Berlin")
    first = marked(progress, 70, datetime(2026, 10, 25, 2, 50, tzinfo=berlin))
    second = marked(progress, 10, datetime(2026, 10, 25, 2, 10, tzinfo=berlin, fold=1))
    assert [attempt.id for attempt in progress.attempts()] == [first, second]
    now = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert progress.schedule(now) == {"1#a": now + timedelta(minutes=10)}


def test_a_clock_that_went_ahead_loses_no_answer_and_postpones_nothing(progress: Progress) -> None:
    marked(progress, 70, NOON)
    marked(progress, 90, NOON + 3650 * DAY)
    assert progress.schedule(NOON + DAY) == {"1#a": NOON + 2 * DAY}
    marked(progress, 10, NOON + DAY)
    assert progress.schedule(NOON + DAY) == {"1#a": NOON + DAY + timedelta(minutes=10)}
    assert [attempt.grade and attempt.grade.score for attempt in progress.attempts()] == [70, 10, 90]


def test_a_clock_set_back_in_an_interview_does_not_change_its_order(progress: Progress) -> None:
    """The schedule goes by the clock, the interview by what came first."""
    session = progress.start_session({}, NOON)
    first = progress.save_answer(session, "1#a", "four", at=NOON)
    then = progress.save_answer(session, "1#a", "since 2012", at=NOON - DAY, follow_up="Since when?")
    assert [attempt.id for attempt in progress.attempts(session=session)] == [first, then]


def test_a_session_comes_back_as_it_stood(progress: Progress) -> None:
    session = progress.start_session({"mode": "practice", "parts": ["Sea"]}, NOON)
    progress.record_asked(session, "1#b", NOON)
    progress.record_asked(session, "1#a", NOON - DAY)
    progress.record_asked(session, "1#a", NOON, follow_up="And why?")
    progress.record_asked(session, "1#a", NOON + DAY)  # by a second window
    found = progress.open_session()
    assert found == progress.session(session)
    assert found is not None
    assert (found.plan, found.started, found.finished) == ({"mode": "practice", "parts": ["Sea"]}, NOON, None)
    assert found.asked == (Asked("1#b", NOON), Asked("1#a", NOON - DAY), Asked("1#a", NOON, "And why?"))


def test_the_session_to_go_on_with_is_the_last_unfinished(progress: Progress) -> None:
    assert progress.open_session() is None
    assert progress.session(1) is None
    older, newer, done = (progress.start_session({}, NOON + n * DAY) for n in range(3))
    progress.finish_session(done, NOON + 3 * DAY)
    progress.finish_session(done, NOON + 9 * DAY)
    finished = progress.session(done)
    assert finished is not None
    assert finished.finished == NOON + 3 * DAY
    for session in (newer, older):
        found = progress.open_session()
        assert found is not None
        assert found.id == session
        progress.finish_session(session, NOON)
    assert progress.open_session() is None


def test_an_answer_comes_back_with_its_grade(progress: Progress) -> None:
    session = progress.start_session({}, NOON)
    other = progress.start_session({}, NOON)
    attempt = progress.save_answer(session, "1#a", "four one", at=NOON)
    skipped = progress.save_answer(other, "1#b", "", at=NOON, follow_up="And?")
    progress.save_grade(attempt, GRADE)
    first = Attempt(attempt, session, "1#a", "four one", NOON, grade=GRADE)
    second = Attempt(skipped, other, "1#b", "", NOON, "And?")
    assert progress.attempts() == (first, second)
    assert progress.attempts(session=other) == (second,)


def test_half_a_surrogate_pair_is_kept_as_a_question_mark(progress: Progress) -> None:
    """A browser can send one, SQLite cannot hold it; the offsets of evidence stay right."""
    attempt = progress.save_answer(progress.start_session({}, NOON), "1#a", "a \ud83d b", at=NOON)
    progress.save_grade(attempt, Grade(70, (PointGrade("covered", 0.9, "\ud83d b", 2, 5),)))
    (found,) = progress.attempts()
    assert found.answer == "a ? b"
    assert found.grade == Grade(70, (PointGrade("covered", 0.9, "\ud83d b", 2, 5),))


def _answer_and_die(folder: Path, session: int) -> None:
    opened(folder).save_answer(session, "1#a", "my words", at=NOON)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_before_grading_leaves_the_answer_to_be_graded_later(tmp_path: Path) -> None:
    progress = opened(tmp_path)
    session = progress.start_session({}, NOON)
    process = multiprocessing.get_context("spawn").Process(target=_answer_and_die, args=(tmp_path, session))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (attempt,) = opened(tmp_path).attempts(session=session)
    assert (attempt.answer, attempt.grade) == ("my words", None)
    progress.save_grade(attempt.id, Grade(70, ()))
    assert progress.schedule(NOON + DAY) == {"1#a": NOON + 2 * DAY}


def _write(folder: Path, name: str) -> None:
    progress = opened(folder)
    session = progress.start_session({"of": name}, NOON)
    for number in range(25):
        attempt = progress.save_answer(session, f"{name}#{number}", name, at=NOON)
        progress.save_grade(attempt, GRADE)
        progress.record_gap(f"{name} {number}", NOON)


def _check_written(progress: Progress, names: str) -> None:
    attempts = progress.attempts()
    assert sorted((a.question, a.answer, a.grade) for a in attempts) == sorted(
        (f"{name}#{number}", name, GRADE) for name in names for number in range(25)
    )
    assert {gap.question for gap in progress.gaps()} == {f"{name} {number}" for name in names for number in range(25)}


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """They also begin the file at once."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(_write, [(tmp_path / "data", name) for name in "abcd"])
    _check_written(opened(tmp_path / "data"), "abcd")


def test_threads_that_share_one_object_lose_nothing(progress: Progress, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: _write(tmp_path / "data", name), "abcd"))
    _check_written(progress, "abcd")


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database, " * 1_000)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [_garbage, _cut_short, _overwritten])
def test_a_damaged_file_is_set_aside_and_work_goes_on(damage: Any, tmp_path: Path) -> None:
    filled(tmp_path)
    damage(tmp_path / NAME)
    damaged = (tmp_path / NAME).read_bytes()
    said: list[str] = []
    progress = Progress.open(tmp_path, notify=said.append)
    (aside,) = tmp_path.glob(f"{NAME}.damaged-*")
    assert aside.read_bytes() == damaged
    assert len(said) == 1
    assert f"set aside as {aside.name}" in said[0]
    assert progress.attempts() == ()
    marked(progress, 70, NOON)
    assert len(opened(tmp_path).attempts()) == 1


def test_damage_met_at_work_is_named(tmp_path: Path) -> None:
    progress = filled(tmp_path)
    _garbage(tmp_path / NAME)
    with pytest.raises(ProgressUnavailable, match=r"progress\.sqlite: cannot be used .*; start again"):
        progress.attempts()


def test_a_file_of_a_newer_version_is_refused_and_kept(tmp_path: Path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(ProgressUnavailable, match=r"newer playbook-qa \(version 99, this one knows 2\); update"):
        opened(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_a_file_of_version_1_is_migrated_with_what_it_holds(tmp_path: Path) -> None:
    """Version 1 held the questions that were not answered, and no interviews."""
    connection = sqlite3.connect(tmp_path / NAME)
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("INSERT INTO gaps VALUES ('u1', 'where is the moon', ?)", (NOON.isoformat(),))
    connection.executescript("PRAGMA application_id = 1363242596; PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    progress = opened(tmp_path)
    assert progress.gaps() == (Gap("where is the moon", 1, NOON, NOON),)
    marked(progress, 70, NOON)
    assert len(opened(tmp_path).attempts()) == 1


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    with pytest.raises(ProgressUnavailable, match="not a file of playbook-qa; mend that or choose another folder"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProgressUnavailable, match=r"file/data: cannot be written .* another folder with --data DIR"):
        opened(tmp_path / "file" / "data")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that a user without rights can reach and not write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_folder_without_rights_is_named(reachable: Path) -> None:
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    else:
        reachable.chmod(0o555)
    try:
        with pytest.raises(ProgressUnavailable, match=r"cannot be written \(Permission denied\); mend that"):
            opened(reachable)
    finally:
        os.seteuid(user)


def test_a_full_disk_is_named_and_what_was_kept_stays(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: the same write fails."""
    progress = filled(tmp_path)
    before = progress.export()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(ProgressUnavailable, match=r"progress\.sqlite: cannot be used"):
            progress.save_answer(1, "1#b", "word " * 100_000, at=NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert opened(tmp_path).export() == before


def test_a_file_removed_at_work_is_named(progress: Progress, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(ProgressUnavailable, match="unable to open database file"):
        progress.record_gap("x", NOON)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    filled(tmp_path / "new" / "data")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    assert modes.pop("data") == 0o700
    assert modes == {NAME: 0o600, ".lock": 0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "new" / "data" / NAME).chmod(0o644)
    opened(tmp_path / "new" / "data")
    assert stat.S_IMODE((tmp_path / "new" / "data" / NAME).stat().st_mode) == 0o600


def test_a_disagreement_counts_once(progress: Progress) -> None:
    attempt = marked(progress, 70, NOON)
    progress.dispute(attempt, "The default is four", "missed", NOON)
    progress.dispute(attempt, "The default is four", "missed", NOON + DAY)
    progress.dispute(attempt, "It is shared", "contradicted", NOON)
    assert progress.disputes() == (
        Dispute(attempt, "It is shared", "contradicted", NOON),
        Dispute(attempt, "The default is four", "missed", NOON),
    )


def test_the_same_question_counts_up(progress: Progress) -> None:
    for hour, question in enumerate(["Straße zum Mond?", "the moon", "  STRASSE zum\n mond?", "the Moon", "The moon"]):
        progress.record_gap(question, NOON + timedelta(hours=hour))
    assert progress.gaps() == (
        Gap("the moon", 3, NOON + timedelta(hours=1), NOON + timedelta(hours=4)),
        Gap("Straße zum Mond?", 2, NOON, NOON + timedelta(hours=2)),
    )


def test_an_export_says_everything(tmp_path: Path) -> None:
    exported = filled(tmp_path).export()
    (session,) = exported["sessions"]
    answered, skipped = session["attempts"]
    noon, next_noon = "2026-03-02T12:00:00.000000+00:00", "2026-03-03T12:00:00.000000+00:00"
    assert (exported["format"], exported["version"]) == ("playbook-qa progress", 1)
    assert (session["plan"], session["started"], session["finished"]) == ({"mode": "mock", "count": 2}, noon, None)
    assert session["asked"] == [
        {"question": "1#a", "follow_up": None, "at": noon},
        {"question": "1#a", "follow_up": "And why four?", "at": noon},
    ]
    assert answered["grade"] == {
        "score": 70,
        "points": [
            {"verdict": "covered", "probability": 0.9, "evidence": "four", "start": 0, "end": 4, "statement": ""},
            {"verdict": "missed", "probability": 0.1, "evidence": None, "start": None, "end": None, "statement": ""},
        ],
        "contradictions": [
            {"claim": "one thread", "correction": "four threads", "evidence": "one", "start": 5, "end": 8}
        ],
    }
    assert answered["disputes"] == [{"statement": "The default is four", "verdict": "missed", "at": noon}]
    assert (skipped["answer"], skipped["follow_up"], skipped["at"]) == ("", "And why four?", next_noon)
    assert [(gap["question"], gap["at"]) for gap in exported["gaps"]] == [("where is the moon", noon)]
    assert [(row["citation"], row["useful"]) for row in exported["feedback"]] == [("?view=read&chapter=1", False)]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.timezones())


def grades_of(answer: str) -> st.SearchStrategy[Grade]:
    """Grades whose evidence is the answer's first character, where it has one."""
    first = (st.just(answer[:1]), st.just(0), st.just(1)) if answer else ()
    points = st.builds(PointGrade, st.sampled_from(["covered", "missed"]), st.floats(0, 1), *first, statement=texts)
    wrong = st.lists(st.builds(Contradiction, texts, texts, *first), max_size=1) if answer else st.just([])
    return st.builds(Grade, st.integers(0, 100), st.lists(points, max_size=2).map(tuple), wrong.map(tuple))


answers = texts.flatmap(
    lambda answer: st.tuples(
        texts, st.just(answer), times, st.none() | texts, st.none() | grades_of(answer), st.none() | texts
    )
)
interviews = st.lists(
    st.tuples(
        st.dictionaries(texts, st.none() | st.integers() | texts, max_size=2),
        times,
        st.none() | times,
        st.lists(answers, max_size=3),
    ),
    max_size=2,
)


def play(progress: Progress, sessions: Any, gaps: list[tuple[str, datetime]]) -> None:
    """Does what the drawn values say."""
    for plan, started, finished, given_answers in sessions:
        session = progress.start_session(plan, started)
        for question, answer, at, follow_up, grade, disputed in given_answers:
            progress.record_asked(session, question, at, follow_up=follow_up)
            attempt = progress.save_answer(session, question, answer, at=at, follow_up=follow_up)
            if grade:
                progress.save_grade(attempt, grade)
            if disputed:
                progress.dispute(attempt, disputed, "missed", at)
        if finished:
            progress.finish_session(session, finished)
    for question, at in gaps:
        progress.record_gap(question, at)
        progress.feedback(question, None, True, at)


@settings(max_examples=20, deadline=None)
@given(interviews, st.lists(st.tuples(texts, times), max_size=2))
def test_export_delete_restore_export_is_equal(sessions: Any, gaps: list[tuple[str, datetime]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        progress = opened(Path(name))
        play(progress, sessions, gaps)
        exported, schedule = progress.export(), progress.schedule(NOON)
        progress.delete()
        assert progress.export()["sessions"] == []
        progress.restore(exported)
        assert progress.export() == exported
        assert progress.schedule(NOON) == schedule
        assert progress.restore(exported) == 0
        assert progress.export() == exported


def test_two_machines_merge_to_the_same_whichever_comes_first(tmp_path: Path) -> None:
    a, b = filled(tmp_path / "a"), filled(tmp_path / "b")
    first, second = a.export(), b.export()
    assert a.restore(second) == 6  # a session, two answers, a disagreement, a gap, a thumb
    b.restore(first)
    assert a.export() == b.export()
    assert len(a.attempts()) == 4


def test_an_older_export_adds_what_is_missing_and_takes_back_nothing(tmp_path: Path) -> None:
    progress = filled(tmp_path)
    older = progress.export()
    ungraded = progress.attempts()[1].id
    progress.save_grade(ungraded, Grade(0, (PointGrade("missed", 0.0, statement="It is four"),)))
    progress.finish_session(1, NOON + DAY)
    newer = progress.export()
    assert progress.restore(older) == 0
    assert progress.export() == newer
    progress.delete()
    progress.restore(older)
    assert progress.attempts()[1].grade is None
    assert progress.restore(newer) == 0
    assert progress.export() == newer


def test_a_grade_is_restored_to_its_own_answer_only(tmp_path: Path) -> None:
    progress = filled(tmp_path)
    before = progress.export()
    changed = deepcopy(before)
    for session in changed["sessions"]:
        for attempt in session["attempts"]:
            attempt["answer"] = f"Not so: {attempt['answer']}"
            attempt["grade"] = {
                "score": 90,
                "points": [{"verdict": "missed", "probability": 0.2}],
                "contradictions": [],
            }
            attempt["disputes"] = [{"statement": "Another", "verdict": "missed", "at": "2026-03-02T12:00:00Z"}]
    assert progress.restore(changed) == 0
    assert progress.export() == before


def broken(*path: str | int, value: object) -> dict[str, Any]:
    """A good export of one answer with one value replaced."""
    time = "2026-03-02T12:00:00Z"
    attempt: Any = {"uid": "a", "question": "1#a", "follow_up": None, "answer": "x", "at": time, "disputes": []}
    attempt["grade"] = {"score": 50, "points": [{"verdict": "missed", "probability": 0.2}], "contradictions": []}
    session: Any = {"uid": "s", "plan": {}, "started": time, "finished": None, "asked": [], "attempts": [attempt]}
    export: Any = {"format": "playbook-qa progress", "version": 1, "sessions": [session], "gaps": [], "feedback": []}
    here = export = deepcopy(export)
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return dict(export)


ANSWER = ("sessions", 0, "attempts", 0)


def evidence(text: str, start: int | None, end: int | None) -> dict[str, Any]:
    """An export whose one answer, 'x', is judged by this."""
    point = {"verdict": "covered", "probability": 0.9, "evidence": text, "start": start, "end": end}
    return broken(*ANSWER, "grade", "points", 0, value=point)


def contradicted(**words: str) -> dict[str, Any]:
    """An export whose one answer, 'x', makes a wrong claim."""
    wrong = {"claim": "one", "correction": "four", "evidence": "x", "start": 0, "end": 1, **words}
    return broken(*ANSWER, "grade", "contradictions", value=[wrong])


@pytest.mark.parametrize(
    "data",
    [
        broken("version", value=1),
        broken(*ANSWER, "grade", value={"score": 100, "points": []}),
        broken(*ANSWER, "grade", "points", 0, "probability", value=1),
        broken(*ANSWER, "answer", value="x" * LONGEST_ANSWER),
        broken(*ANSWER, "at", value="1970-01-01T00:00:00Z"),
        broken(*ANSWER, "at", value="9998-12-31T23:59:59Z"),
        evidence("x", 0, 1),
        contradicted(),
    ],
)
def test_the_unbroken_export_is_taken(progress: Progress, data: object) -> None:
    assert progress.restore(data) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "not an export of playbook-qa's progress"),
        ({"sessions": []}, "not an export of playbook-qa's progress"),
        (broken("version", value=2), "an export of version 2, this one reads 1; update playbook-qa"),
        (broken("sessions", value=None), "broken at sessions"),
        (broken("sessions", 0, "uid", value=""), "broken at sessions.0.uid"),
        (broken("sessions", 0, "started", value="noon"), "broken at sessions.0.started"),
        (broken("sessions", 0, "attempts", 0, "at", value="2026-03-02T12:00:00"), "attempts.0.at .*timezone"),
        (broken("sessions", 0, "attempts", 0, "at", value="0001-01-01T00:00:00+23:00"), "attempts.0.at .*out of range"),
        (broken("sessions", 0, "attempts", 0, "answer", value="\ud83d"), "attempts.0.answer"),
        (broken("sessions", 0, "attempts", 0, "grade", "points", 0, "verdict", value="good"), "points.0.verdict"),
        (broken("gaps", value=[{"uid": "g", "question": 7, "at": "2026-03-02T12:00:00Z"}]), "gaps.0.question"),
        (broken("feedback", value=[{}]), "broken at feedback.0.uid"),
        (broken(*ANSWER, "grade", "score", value=10**400), r"grade.score .*found 1000.*\); export it again"),
        (broken(*ANSWER, "grade", "score", value=1_000_000), "grade.score .*found 1000000"),
        (broken(*ANSWER, "grade", "score", value=-5), "grade.score .*found -5"),
        (broken(*ANSWER, "grade", "points", 0, "probability", value=1.5), "points.0.probability .*found 1.5"),
        (broken(*ANSWER, "grade", "points", 0, "probability", value=float("nan")), "probability .*found nan"),
        (broken(*ANSWER, "grade", "points", 0, "evidence", value="\ud800"), "points.0.evidence"),
        (broken(*ANSWER, "grade", "points", 0, "statement", value="\ud800"), "points.0.statement"),
        (contradicted(claim="\ud800"), "contradictions.0.claim"),
        (contradicted(correction="\ud800"), "contradictions.0.correction"),
        (contradicted(evidence="\ud800"), "contradictions.0.evidence"),
        (contradicted(evidence="y"), "attempts.0 .*evidence 'y' is not what the answer says from 0 to 1"),
        (evidence("y", 0, 1), "evidence 'y' is not what the answer says from 0 to 1"),
        (evidence("", 0, 0), "evidence '' is not what the answer says from 0 to 0"),
        (evidence("x", 0, 2), "from 0 to 2"),
        (evidence("x", -1, 1), "from -1 to 1"),
        (evidence("x", None, None), "evidence 'x' is not what the answer says from None to None"),
        (broken(*ANSWER, "answer", value="x" * (LONGEST_ANSWER + 1)), "attempts.0.answer .*at most 8000 characters"),
        (broken(*ANSWER, "at", value="0001-01-01T00:00:00Z"), "attempts.0.at .*out of range.*found '0001-01-01T"),
        (broken(*ANSWER, "at", value="9999-12-31T00:00:00Z"), "attempts.0.at .*out of range"),
        (broken("gaps", value=[{"uid": "g", "question": "", "at": "0001-01-01T00:00:00Z"}]), "gaps.0.at"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_a_foreign_or_broken_export_is_named_and_nothing_of_it_taken(
    progress: Progress, data: object, said: str
) -> None:
    before = progress.export()
    with pytest.raises(QAError, match=said):
        progress.restore(data)
    assert progress.export() == before


def test_deleting_leaves_no_word_behind(tmp_path: Path) -> None:
    _garbage(tmp_path / f"{NAME}.damaged-20260302")
    progress = filled(tmp_path)
    attempt = progress.save_answer(1, "1#a", "xylophone " * 1_000, at=NOON)
    progress.delete()
    assert not any(b"xylophone" in path.read_bytes() for path in tmp_path.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {NAME, ".lock"}
    assert progress.export()["sessions"] == []
    with pytest.raises(ProgressUnavailable, match="answer was deleted meanwhile; start a new interview"):
        progress.save_grade(attempt, GRADE)
    with pytest.raises(ProgressUnavailable, match="data was deleted meanwhile; start a new interview"):
        progress.save_answer(1, "1#a", "too late", at=NOON)
    assert progress.start_session({}, NOON) == 2
