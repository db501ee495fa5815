"""The one object every surface uses: load it, then `ask`, `search`, `read`.

Owns where content and index lie by default, what question is taken, and the wiring of
the rooms below it. Does not parse arguments or draw.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import platformdirs

from qa import answering
from qa.index import Index, Reporter, open_index
from qa.retrieval import Retriever
from qa.types import Answer, Chapter, Chunk, Hit, Playbook, QuestionRefused

LONGEST_QUESTION = 2_000
_DEPTH = 30  # hits an answer is composed from
_REMEMBERED = 3  # earlier questions that a follow-up may lean on
_EXAMPLES, _LONGEST_EXAMPLE = 4, 80
_PACKAGE = Path(__file__).resolve().parent


class Assistant:
    """Answers questions about one playbook. Safe to share between threads."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._retriever = Retriever(index)

    @classmethod
    def load(
        cls,
        content: Path | None = None,
        index: Path | None = None,
        *,
        model: str | None = None,
        reporter: Reporter | None = None,
    ) -> "Assistant":
        """Opens a playbook, building or refreshing its index as needed.

        Args:
            content: The folder of chapters; None for the edition that comes with the code.
            index: The index folder; None for the default of that content.
            model: A sentence-transformers folder to embed with; None keeps the index's own.
            reporter: Told what takes time and what was mended.

        Raises:
            QAError: A chapter, the model or the index folder cannot be used.
        """
        content = content or default_content()
        return cls(open_index(content, index or default_index(content), model=model, reporter=reporter))

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

    def ask(self, question: str, *, history: Sequence[str] = (), part: str | None = None) -> Answer:
        """Answers a question in the playbook's words.

        Args:
            question: The question, as typed.
            history: Earlier questions of the conversation, oldest first.
            part: A section of chapters to keep to, or None.

        Raises:
            QuestionRefused: The question is blank or too long.
        """
        searched = self.rewrite(question, history)
        hits = self._retriever.search(searched, _DEPTH, chapters=self._chapters(part))
        return replace(answering.compose(searched, hits, self.playbook, self._retriever.terms), question=question)

    def search(self, question: str, k: int = 10, *, part: str | None = None) -> list[Hit]:
        """The `k` best chunks for a question, best first.

        Raises:
            QuestionRefused: The question is blank or too long.
        """
        return self._retriever.search(_readable(question), k, chapters=self._chapters(part))

    def rewrite(self, question: str, history: Sequence[str]) -> str:
        """What is searched for when a question follows others, oldest first."""
        searched = _readable(question)
        if not history:
            return searched
        recent = history[-_REMEMBERED:]
        before = self.rewrite(recent[-1], recent[:-1])
        joined = answering.rewrite(searched, before, self._nearness)
        return joined if len(joined) <= LONGEST_QUESTION else searched

    def _nearness(self, question: str) -> float:
        return answering.nearness(self._retriever.search(question, _DEPTH))

    @property
    def examples(self) -> tuple[str, ...]:
        """Some questions that people ask of this playbook, spread over its chapters."""
        plain = [q.question for q in self._index.questions if q.question.endswith("?") and q.question[0].isupper()]
        fitting = [question for question in plain if len(question) <= _LONGEST_EXAMPLE]
        return tuple(fitting[:: max(1, len(fitting) // _EXAMPLES)][:_EXAMPLES])

    def terms(self, text: str) -> list[str]:
        """The stemmed words of a text, as the ranking sees them."""
        return self._retriever.terms(text)

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
    name = sha256(str(content.resolve()).encode()).hexdigest()[:16]
    return Path(platformdirs.user_cache_dir("playbook-qa", appauthor=False)) / name


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
