"""The file `progress.sqlite`: made, migrated, set aside when damaged, written in short transactions.

Owns the tables, the file's permissions and how times and texts are kept. Does not know what a row means.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from qa.types import ProgressUnavailable

NAME = "progress.sqlite"
REMEDY = "mend that or choose another folder with --data DIR"
# The n-th step takes a file from version n - 1 to n. A step that was released is never edited.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE gaps (uid TEXT PRIMARY KEY, question TEXT NOT NULL, at TEXT NOT NULL)",
        "CREATE TABLE feedback (uid TEXT PRIMARY KEY, question TEXT NOT NULL, citation TEXT,"
        " useful INTEGER NOT NULL, at TEXT NOT NULL)",
    ),
    (
        # AUTOINCREMENT: a window that still shows deleted progress must not write into what came after
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE,"
        " plan TEXT NOT NULL, started TEXT NOT NULL, finished TEXT)",
        "CREATE TABLE asked (id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions,"
        " question TEXT NOT NULL, follow_up TEXT, at TEXT NOT NULL)",
        "CREATE UNIQUE INDEX asked_once ON asked (session, question, ifnull(follow_up, ''))",
        "CREATE TABLE attempts (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE,"
        " session INTEGER NOT NULL REFERENCES sessions, question TEXT NOT NULL, follow_up TEXT,"
        " answer TEXT NOT NULL, at TEXT NOT NULL, grade TEXT)",
        "CREATE TABLE disputes (attempt INTEGER NOT NULL REFERENCES attempts, statement TEXT NOT NULL,"
        " verdict TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (attempt, statement))",
    ),
)
_TABLES = ("disputes", "attempts", "asked", "sessions", "gaps", "feedback")  # those that refer come first
_APPLICATION = 0x51416E64  # marks the file as ours
_PATIENCE_S = 20  # how long a writer waits for the others
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """A file of tables that threads and processes may write at once: each call has its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, folder: Path, *, notify: Callable[[str], object]) -> "Database":
        """Opens the file in `folder`, which is made when missing, for its owner's eyes only.

        Args:
            folder: The data folder.
            notify: Told when a damaged file was set aside.

        Raises:
            ProgressUnavailable: The folder cannot be written, or the file is not this version's.
        """
        database = cls(folder / NAME)
        try:
            _make_private(folder)
            with FileLock(folder / ".lock", timeout=_PATIENCE_S, mode=0o600):
                database._set_aside_if_damaged(notify)
                database.path.touch(mode=0o600)
                database.path.chmod(0o600)
                database._migrate()
        except OSError as error:
            raise ProgressUnavailable(f"{folder}: cannot be written ({error.strerror or error}); {REMEDY}") from error
        return database

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes all happen or none.

        Raises:
            ProgressUnavailable: The file cannot be read or written, or a row refers to one that was deleted.
        """
        try:
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    yield connection
        except sqlite3.IntegrityError as error:
            raise ProgressUnavailable("this interview's data was deleted meanwhile; start a new interview") from error
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def clear(self) -> None:
        """Deletes every row, what the file still holds of them, and files set aside earlier."""
        with self.transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names from this module)
        try:
            with self._connection() as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for path in self.path.parent.glob(f"{NAME}.damaged-*"):
                path.unlink()
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # rw: a file that someone removed is an error, not a new file without tables
        address = f"{self.path.resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        finally:
            connection.close()

    def _set_aside_if_damaged(self, notify: Callable[[str], object]) -> None:
        """Runs under the folder's lock."""
        if not self.path.exists():
            return
        try:
            with self._connection() as connection:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            if _code(error) not in _DAMAGE:
                raise self._unavailable(error) from error
            found = str(error)
        if found == "ok":
            return
        aside = self.path.with_name(f"{NAME}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z")
        for tail in ("-wal", "-shm", ""):
            part = self.path.with_name(NAME + tail)
            if part.exists():
                part.rename(aside.with_name(aside.name + tail))
        notify(f"{self.path}: damaged ({found}); it was set aside as {aside.name} and a new one was begun")

    def _migrate(self) -> None:
        """Brings the file to this version's form. Runs under the folder's lock."""
        try:
            with self._connection() as connection:
                ((owner,), (version,)) = (
                    connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
                )
                if owner != _APPLICATION and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise ProgressUnavailable(f"{self.path}: not a file of playbook-qa; {REMEDY}")
                if version > len(MIGRATIONS):
                    raise ProgressUnavailable(
                        f"{self.path}: written by a newer playbook-qa (version {version}, this one knows "
                        f"{len(MIGRATIONS)}); update playbook-qa or choose another folder with --data DIR"
                    )
                connection.execute("PRAGMA journal_mode = WAL")
                for number, step in enumerate(MIGRATIONS[version:], version + 1):
                    connection.execute("BEGIN IMMEDIATE")
                    with connection:
                        for statement in step:
                            connection.execute(statement)
                        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                        connection.execute(f"PRAGMA user_version = {number}")
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> ProgressUnavailable:
        remedy = "start again: it will be set aside" if _code(error) in _DAMAGE else REMEDY
        return ProgressUnavailable(f"{self.path}: cannot be used ({error}); {remedy}")


def stored_time(at: datetime) -> str:
    """A time as it is kept: UTC, and text that sorts by time.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time must carry its zone, got {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def stored_text(text: str) -> str:
    """A text as it is kept: half a surrogate pair, which a browser can send, is a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _make_private(folder: Path) -> None:
    """Makes the folder and its missing parents, for their owner only; `mkdir(parents=True)` opens the parents."""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _code(error: Exception) -> int | None:
    """SQLite's primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
