"""The values that travel through the house, and the errors it raises.

Owns the frozen dataclasses and the error classes. Holds no logic beyond what a value can
say about itself. All offsets are code points into a chapter file's decoded text.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

BlockKind = Literal["prose", "list", "table", "code", "diagram", "quote", "html"]
Level = Literal["mid", "senior", "staff"]
Verdict = Literal["covered", "missed", "contradicted"]


class QAError(Exception):
    """Something the user can mend.

    The tree::

        QAError
        ├── PlaybookError       a chapter or the content folder (file, line)
        ├── QuestionRefused     a blank, overlong or unreadable question
        ├── ModelError          the embedding model is missing, damaged or unusable
        ├── IndexUnavailable    the index folder cannot be read or written
        │   └── IndexDamaged    what lies there is not what was written
        ├── ProgressUnavailable the data folder cannot be read or written
        └── ServerError         an address the app cannot or must not listen on

    Each message says what is wrong and ends with the edit or command that fixes it.
    """


class PlaybookError(QAError):
    """A fault in the content folder, with the file and, where known, the line."""

    def __init__(self, message: str, path: Path | str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {message}")


class QuestionRefused(QAError):
    """The question itself cannot be taken."""


class ModelError(QAError):
    """The embedding model cannot be used."""


class IndexUnavailable(QAError):
    """The index folder cannot be read or written."""


class IndexDamaged(IndexUnavailable):
    """An index file is missing, cut short or altered."""


class ProgressUnavailable(QAError):
    """What is kept of a user cannot be read or written."""


class ServerError(QAError):
    """The app cannot listen where it was told to."""


@dataclass(frozen=True, slots=True)
class Block:
    """One Markdown block of a section: a paragraph, a whole list, a table, a fence."""

    kind: BlockKind
    start: int
    end: int
    quotable: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its own text, up to the next heading of any level.

    `heading_path` runs from below the H1 down; the chapter's introduction has `()`.
    """

    chapter: int
    anchor: str
    heading_path: tuple[str, ...]
    start: int
    end: int
    blocks: tuple[Block, ...]

    @property
    def id(self) -> str:
        return f"{self.chapter}#{self.anchor}"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One Markdown file: its text exactly as decoded, and its sections in order."""

    number: int
    title: str
    part: str
    path: str
    text: str
    sections: tuple[Section, ...]

    def line(self, offset: int) -> int:
        """The line, counted from 1, that `offset` stands on."""
        return 1 + self.text.count("\n", 0, offset)

    def section(self, anchor: str) -> Section | None:
        """The section with this anchor, or None."""
        return next((s for s in self.sections if s.anchor == anchor), None)

    def section_at(self, offset: int) -> Section | None:
        """The section that `offset` stands in, or None."""
        return next((s for s in reversed(self.sections) if s.start <= offset), None)


@dataclass(frozen=True, slots=True)
class Playbook:
    """All chapters, ordered by number."""

    chapters: tuple[Chapter, ...]

    def chapter(self, number: int) -> Chapter | None:
        """The chapter with this number, or None."""
        return next((c for c in self.chapters if c.number == number), None)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole blocks of one section: what is embedded, ranked and shown.

    `text` equals `chapter.text[start:end]`.
    """

    chapter: int
    anchor: str
    number: int
    title: str
    heading_path: tuple[str, ...]
    path: str
    start: int
    end: int
    text: str

    @property
    def id(self) -> str:
        return f"{self.section_id}/{self.number}"

    @property
    def section_id(self) -> str:
        return f"{self.chapter}#{self.anchor}"

    @property
    def link(self) -> "Link":
        """The section the chunk stands in."""
        return Link(self.chapter, self.title, self.heading_path, self.anchor, self.path)

    @property
    def context(self) -> str:
        """What is embedded and indexed: the heading path, then the text."""
        return " > ".join((self.title, *self.heading_path)) + "\n" + self.text


@dataclass(frozen=True, slots=True)
class Question:
    """How people ask for a section: a further key to it, never quoted."""

    question: str
    chapter: int
    anchor: str

    @property
    def section_id(self) -> str:
        return f"{self.chapter}#{self.anchor}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A ranked chunk. `score` orders, higher is better; `similarity` is the cosine.

    `asked` is the cosine of the nearest question that was asked about its section, 0.0
    where none was. `strange` is the share of the question's weight that lies in words the
    playbook never uses, the same for all its hits.
    """

    chunk: Chunk
    score: float
    similarity: float
    asked: float = 0.0
    strange: float = 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """A section someone may want to open."""

    chapter: int
    title: str
    heading_path: tuple[str, ...]
    anchor: str
    path: str

    @property
    def id(self) -> str:
        return f"{self.chapter}#{self.anchor}"

    @property
    def url(self) -> str:
        """The app's address of the section, relative to its root."""
        section = f"&section={self.anchor}" if self.anchor else ""
        return f"?view=read&chapter={self.chapter}{section}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote: `chapter.text[start:end] == quote`, lines counted from 1."""

    number: int
    source: Link
    start: int
    end: int
    start_line: int
    end_line: int
    quote: str
    kind: BlockKind

    @property
    def url(self) -> str:
        """The app's address of the quote, which opens with the quote marked."""
        return f"{self.source.url}&span={self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the playbook says to a question.

    `text` is Markdown with `[n]` markers. When `answered` is false there are no
    citations and `related` names the nearest sections. `figures` are the numbers, or the default, in the first
    quote that may be what was asked for, to be shown in bold. `elsewhere`: another section covers it.
    """

    question: str
    answered: bool
    confidence: float
    text: str
    citations: tuple[Citation, ...]
    related: tuple[Link, ...]
    searched_for: str
    figures: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def is_gap(self) -> bool:
        """Whether the playbook as a whole does not answer the question."""
        return not (self.answered or self.elsewhere)


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """A statement a good answer makes, and the section that backs it."""

    text: str
    source: Link


@dataclass(frozen=True, slots=True)
class WrongClaim:
    """What weak candidates say, and what is true instead."""

    claim: str
    correction: str


@dataclass(frozen=True, slots=True)
class InterviewQuestion:
    """A question an interviewer asks, and what a good answer to it holds.

    `id` is stable: the section whose heading asks it, or the section it stands in and its
    words as a slug. `level` is None where the playbook gives none. `chapter.text[start:end]` is the
    model answer as it is written.
    """

    id: str
    question: str
    part: str
    level: Level | None
    source: Link
    start: int
    end: int
    points: tuple[KeyPoint, ...]
    wrong_claims: tuple[WrongClaim, ...] = ()
    follow_ups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PointGrade:
    """What an answer says to one key point.

    `evidence == answer[start:end]` is the passage the verdict rests on; all three are None
    where the point was missed. `statement` is the point as worded then, '' in older grades.
    """

    verdict: Verdict
    probability: float
    evidence: str | None = None
    start: int | None = None
    end: int | None = None
    statement: str = ""

    @property
    def covered(self) -> bool:
        return self.verdict == "covered"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A wrong claim that an answer makes: `evidence == answer[start:end]`."""

    claim: str
    correction: str
    evidence: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grade:
    """The mark of an answer, 0 to 100, one verdict per key point in their order, and what was wrong."""

    score: int
    points: tuple[PointGrade, ...]
    contradictions: tuple[Contradiction, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer someone gave; `grade` is None until it was marked. `at` is in UTC."""

    id: int
    session: int
    question: str  # the id of an InterviewQuestion
    answer: str
    at: datetime
    follow_up: str | None = None  # the follow-up that was answered, where it was not the question itself
    grade: Grade | None = None
