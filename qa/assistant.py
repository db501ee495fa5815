"""The one object every surface uses: load it, then `ask`, `search`, `read`, `interview`, `grade`.

Owns where content, index and data lie by default, what question is taken, and the wiring of
the rooms below it. Does not parse arguments or draw.
"""

import threading
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import platformdirs

from qa import answering, intent, suggestions, words
from qa.coach import Coach
from qa.confidence import nearness
from qa.exports import open_grader
from qa.gaps import GapGroup, group
from qa.grading import Grader
from qa.index import Index, Reporter, open_index
from qa.manifest import MODELS
from qa.pairs import PairModel
from qa.playbook.interview import read_interview
from qa.progress import Progress
from qa.retrieval import Retriever
from qa.spelling import Speller
from qa.types import (
    Answer,
    Chapter,
    Chunk,
    Grade,
    Hit,
    ModelError,
    Playbook,
    ProgressUnavailable,
    QuestionRefused,
    WrongClaim,
)

LONGEST_QUESTION = 2_000
_DEPTH = 30  # hits an answer is composed from
_NEARNESSES = 64  # texts whose nearness is remembered: two for each earlier question of some conversations
_REMEMBERED = 12  # earlier questions that a follow-up may lean on
_EXAMPLES, _LONGEST_EXAMPLE = 4, 80
_PACKAGE = Path(__file__).resolve().parent


class Assistant:
    """Answers questions about one playbook. Safe to share between threads."""

    def __init__(
        self,
        index: Index,
        data: Path | None = None,
        *,
        exports: Path | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._index = index
        self._retriever = Retriever(index)
        # a follow-up asks again how near the questions before it are
        self._nearness = lru_cache(_NEARNESSES)(
            lambda text: nearness(self._retriever.search(text, _DEPTH, rerank=False))
        )
        self._speller = Speller((chunk.text for chunk in index.chunks), index.encoder.words)
        self._data = data
        self._exports = exports
        self._notify = (reporter or Reporter()).notify
        self._progress: Progress | None = None
        self._grader: Grader | None = None
        self._coach: Coach | None = None
        self._opening, self._loading = threading.RLock(), threading.Lock()

    @classmethod
    def load(
        cls,
        content: Path | None = None,
        index: Path | None = None,
        *,
        data: Path | None = None,
        model: str | None = None,
        reporter: Reporter | None = None,
    ) -> "Assistant":
        """Opens a playbook, building or refreshing its index as needed.

        Args:
            content: The folder of chapters; None for the edition that comes with the code.
            index: The index folder; None for the default of that content.
            data: The folder of what is kept of the user; None for the default of that content.
            model: A sentence-transformers folder to embed with; None keeps the index's own.
            reporter: Told what takes time and what was mended.

        Raises:
            QAError: A chapter, the model or the index folder cannot be used.
        """
        content = content or default_content()
        index = index or default_index(content)
        opened = open_index(content, index, model=model, reporter=reporter)
        return cls(opened, data or default_data(content), exports=index / MODELS, reporter=reporter)

    @property
    def playbook(self) -> Playbook:
        """The chapters, as they were indexed."""
        return self._index.playbook

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The pieces that are found and quoted, in reading order."""
        return self._index.chunks

    @property
    def parts(self) -> tuple[str, ...]:
        """The playbook's sections of chapters, in order."""
        return tuple(dict.fromkeys(chapter.part for chapter in self.playbook.chapters if chapter.part))

    def ask(
        self, question: str, *, history: Sequence[str] = (), part: str | None = None, as_written: bool = False
    ) -> Answer:
        """Answers a question in the playbook's words.

        Args:
            question: The question, as typed.
            history: Earlier questions of the conversation, oldest first.
            part: A section of chapters to keep to, or None.
            as_written: Take the question as it stands: mend no typo, join it to no other.

        Raises:
            QuestionRefused: The question is blank or too long.
        """
        searched = _readable(question) if as_written else self.rewrite(question, history)
        hits = self._retriever.search(searched, _DEPTH, chapters=self._chapters(part))
        near = partial(self._retriever.near, searched)
        answer = answering.compose(searched, hits, self.playbook, near)
        if part and not answer.answered:
            answer = answering.elsewhere(answer, self._retriever.search(searched, _DEPTH))
        return replace(answer, question=question)

    def search(self, question: str, k: int = 10, *, part: str | None = None, rerank: bool = True) -> list[Hit]:
        """The `k` best chunks for a question, best first; `rerank=False` is for search as one types.

        Raises:
            QuestionRefused: The question is blank or too long.
        """
        searched = self._meant(question) if rerank else _readable(question)  # half a word is no typo
        return self._retriever.search(searched, k, chapters=self._chapters(part), rerank=rerank)

    def suggest(self, answer: Answer, *, seen: Collection[str] = (), said: Collection[str] = ()) -> tuple[str, ...]:
        """Questions to ask after an answer; see `suggestions.suggest`."""
        return suggestions.suggest(answer, self.playbook, self._index.questions, seen=seen, said=said)

    @property
    def progress(self) -> Progress:
        """What is kept of the user; opened when first needed, for most questions need none of it.

        Raises:
            ProgressUnavailable: There is no usable data folder.
        """
        with self._opening:
            if self._progress is None:
                if self._data is None:
                    raise ProgressUnavailable("there is no data folder; load the assistant with data=DIR")
                self._progress = Progress.open(self._data, notify=self._notify)
            return self._progress

    def note(self, answer: Answer) -> str:
        """Records the question of an answer that is none, for `gaps`.

        Returns:
            Why that failed, else ''. No answer is lost for it.
        """
        try:
            if answer.is_gap:
                self.progress.record_gap(answer.searched_for, datetime.now(UTC))
        except ProgressUnavailable as error:
            return f"this unanswered question was not noted: {error}"
        return ""

    def gaps(self) -> tuple[GapGroup, ...]:
        """The questions that were asked and not answered, grouped by meaning, most asked first.

        Raises:
            ProgressUnavailable: There is no usable data folder.
        """
        gaps = self.progress.gaps()
        return group(gaps, self._index.encoder.encode_query([gap.question for gap in gaps]))

    @property
    def grader(self) -> Grader:
        """What marks answers; loaded when first needed.

        Raises:
            ModelError: Its model is damaged, or there is no folder for it.
        """
        with self._loading:
            if self._grader is None:
                self._grader = Grader(PairModel(self._grading_model()), self._index.encoder)
            return self._grader

    def prepare(self) -> None:
        """Makes what would otherwise be made when first needed: the grading model, if there are interview questions.

        Raises:
            ModelError: It is damaged, or there is no folder for it.
        """
        if read_interview(self.playbook):
            self._grading_model()

    def _grading_model(self) -> Path:
        if self._exports is None:
            raise ModelError("there is no folder for the grading model; open the playbook with Assistant.load")
        return open_grader(self._exports, self._notify)

    def grade(
        self, question: str, answer: str, *, key_points: Sequence[str], wrong_claims: Sequence[WrongClaim] = ()
    ) -> Grade:
        """Marks an answer by key points; see `Grader.grade`."""
        return self.grader.grade(question, answer, key_points=key_points, wrong_claims=wrong_claims)

    def interview(self) -> Coach:
        """The coach that asks this playbook's interview questions.

        Raises:
            ProgressUnavailable: There is no usable data folder.
        """
        with self._opening:
            if self._coach is None:
                self._coach = Coach(self.playbook, read_interview(self.playbook), self, self.progress)
            return self._coach

    def rewrite(self, question: str, history: Sequence[str]) -> str:
        """What is searched for when a question follows others, oldest first."""
        searched = topic = before = ""
        for turn in (*history[-_REMEMBERED:], question):
            typed = self._meant(turn)
            searched = intent.rewrite(typed, before, self._nearness) if before else typed
            if searched == typed or len(searched) > LONGEST_QUESTION:
                searched = topic = before = typed
            else:
                before = f"{typed} ({topic})"
        return searched

    def _meant(self, question: str) -> str:
        """The question as it can be searched for, its typos mended."""
        return self._speller.mend(_readable(question))

    @property
    def examples(self) -> tuple[str, ...]:
        """Some questions that people ask of this playbook, spread over its chapters."""
        plain = [q.question for q in self._index.questions if q.question.endswith("?") and q.question[0].isupper()]
        fitting = [question for question in plain if len(question) <= _LONGEST_EXAMPLE]
        return tuple(fitting[:: max(1, len(fitting) // _EXAMPLES)][:_EXAMPLES])

    def terms(self, text: str) -> list[str]:
        """The stemmed words of a text, as the ranking sees them."""
        return words.terms(text)

    def read(self, chapter: int) -> Chapter | None:
        """The chapter with this number, or None."""
        return self.playbook.chapter(chapter)

    def _chapters(self, part: str | None) -> Collection[int] | None:
        if part is None:
            return None
        return {chapter.number for chapter in self.playbook.chapters if chapter.part == part}


def default_content() -> Path:
    """The edition beside the code: of the checkout, or of the installed package."""
    checkout = _PACKAGE.parent / "content"
    return checkout if checkout.is_dir() else _PACKAGE / "content"


def default_index(content: Path) -> Path:
    """`index/` of the checkout for its own edition, else a folder in the user's cache."""
    if content.resolve() == (_PACKAGE.parent / "content").resolve():
        return _PACKAGE.parent / "index"
    return Path(platformdirs.user_cache_dir("playbook-qa", appauthor=False)) / _key(content)


def default_data(content: Path) -> Path:
    """The user's data folder, and one inside it for each playbook other than the edition."""
    folder = Path(platformdirs.user_data_dir("playbook-qa", appauthor=False))
    return folder if content.resolve() == default_content().resolve() else folder / _key(content)


def _key(content: Path) -> str:
    return sha256(str(content.resolve()).encode()).hexdigest()[:16]


def _readable(question: str) -> str:
    """The question without control characters and surplus white space."""
    if len(question) > LONGEST_QUESTION:
        raise QuestionRefused(
            f"the question has {len(question):,} characters, {LONGEST_QUESTION:,} are the most; ask a shorter one"
        )
    spaced = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Cn", "Zl", "Zp") else char for char in question)
    words = " ".join(spaced.split())
    if not any(char.isalnum() for char in words):
        raise QuestionRefused("the question is blank; type a few words")
    return words
