"""A question → ranked chunks, by meaning and by words.

Owns the lexical index (BM25), the fusion of signs into one score, and the filters. Does not compose
text.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer

from qa.encoder import Vectors
from qa.index import Index
from qa.types import Hit

_REPEATS = {("Interview questions",), ("Key takeaways",)}
_WORD = re.compile(r"[^\W_](?:[\w.+#-]*[^\W_]|[+#]+)?[+#]*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.-]+")
_STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can could did do does for from had has have he her his how i if in into
        is it its just me my no not of on or our she should so some than that the their them then there these they
        this those to us was we were what when where which who why will with would you your""",
    )
)


@dataclass(frozen=True, slots=True)
class Weights:
    """What each sign adds to a chunk's cosine; BM25 is scaled to 1 at the best text.

    `training/fusion.py` prints what each value is worth on questions held out.
    """

    words: float = 0.35  # BM25 of the chunk
    chapter_words: float = 0.2  # BM25 of its chapter
    asked: float = 0.5  # cosine of its section's nearest chunk or asked question
    asked_words: float = 0.1  # BM25 of that section's questions
    repeats: float = -0.05  # interview answers and takeaways say the body's facts again


class Retriever:
    """Ranks the chunks of one index. Safe to share between threads."""

    def __init__(self, index: Index, weights: Weights = Weights()) -> None:
        self._index = index
        self._weights = weights
        self._stem = Stemmer.Stemmer("english").stemWord
        chunks = index.chunks
        self._chapters = np.array([chunk.chapter for chunk in chunks], dtype=np.int64)
        numbers = [chapter.number for chapter in index.playbook.chapters]
        self._chapter_row = np.searchsorted(numbers, self._chapters)
        texts: dict[int, list[str]] = {number: [] for number in numbers}
        terms = [self.terms(chunk.context) for chunk in chunks]
        for chunk, found in zip(chunks, terms, strict=True):
            texts[chunk.chapter] += found
        self._words = _Words(terms)
        self._chapter_words = _Words(list(texts.values()))
        self._asked_words = _Words([self.terms(question.question) for question in index.questions])
        sections = {section: row for row, section in enumerate(dict.fromkeys(chunk.section_id for chunk in chunks))}
        self._section_row = np.array([sections[chunk.section_id] for chunk in chunks], dtype=np.int64)
        self._key_section = np.array(
            [sections.get(q.section_id, len(sections)) for q in index.questions], dtype=np.int64
        )
        self._repeats = np.array([c.heading_path[:1] in _REPEATS for c in chunks])

    def search(self, question: str, k: int, *, chapters: Collection[int] | None = None) -> list[Hit]:
        """Ranks chunks for a question.

        Args:
            question: The question, as typed.
            k: How many hits at most.
            chapters: Chapter numbers to choose from, or None for all.

        Returns:
            Hits, best first.
        """
        allowed = np.arange(len(self._chapters))
        if chapters is not None:
            allowed = np.flatnonzero(np.isin(self._chapters, list(chapters)))
        vector = self._index.encoder.encode_query([question])
        among = None if chapters is None else allowed.tolist()
        ids, cosines = self._index.store.search(vector, len(allowed), among=among)
        similarity = np.zeros(len(self._chapters))
        similarity[ids[0]] = cosines[0]
        terms = self.terms(question)
        asked, worded = self._asked(vector, terms)
        near = asked.copy()  # a section nobody asked about yet is as near as its nearest chunk
        np.maximum.at(near, self._section_row, similarity)
        weights = self._weights
        scores = similarity + weights.repeats * self._repeats
        scores += weights.words * _scaled(self._words.scores(terms))
        scores += weights.chapter_words * _scaled(self._chapter_words.scores(terms))[self._chapter_row]
        scores += weights.asked * near[self._section_row] + weights.asked_words * worded[self._section_row]
        best = allowed[np.argsort(-scores[allowed], kind="stable")[:k]]
        return [
            Hit(
                self._index.chunks[row],
                float(scores[row]),
                float(similarity[row]),
                float(asked[self._section_row[row]]),
            )
            for row in best
        ]

    def terms(self, text: str) -> list[str]:
        """The stemmed words of a text; `maxSockets` counts as itself and as its parts."""
        found = []
        for word in re.findall(r"[^\W_][\w.+#-]*", text):
            parts = [part for part in _CAMEL.split(word) if part]
            found += [word, *parts] if len(parts) > 1 else parts
        words = (match[0] for word in found for match in _WORD.finditer(word.lower()))
        return [self._stem(word) for word in words if word not in _STOPWORDS]

    def _asked(self, vector: Vectors, terms: Sequence[str]) -> Vectors:
        """For each section, how near its nearest question is, by meaning and by words: `(2, sections)`."""
        best: Vectors = np.zeros((2, max(self._section_row, default=0) + 2), dtype=np.float32)
        if self._index.questions:
            ids, cosines = self._index.keys.search(vector, len(self._index.questions))
            np.maximum.at(best[0], self._key_section[ids[0]], cosines[0])
            np.maximum.at(best[1], self._key_section, _scaled(self._asked_words.scores(terms)))
        return best


class _Words:
    """BM25 over texts given as terms."""

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self._count = len(texts)
        self._known: Collection[str] = ()
        if any(texts):
            self._bm25 = bm25s.BM25()
            self._bm25.index(texts, show_progress=False)
            self._known = self._bm25.vocab_dict

    def scores(self, terms: Sequence[str]) -> Vectors:
        """One score per text, 0 where no term occurs."""
        known = [term for term in terms if term in self._known]
        scores: Vectors = self._bm25.get_scores(known) if known else np.zeros(self._count, dtype=np.float32)
        return scores


def _scaled(scores: Vectors) -> Vectors:
    """Scores as shares of the best one."""
    return scores / scores.max() if len(scores) and scores.max() > 0 else scores
