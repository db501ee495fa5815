"""A question → ranked chunks, by meaning and by words.

Owns the lexical index (BM25), the fusion of rankings and the filters. Does not compose
text.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
import numpy.typing as npt
import Stemmer

from qa.index import Index
from qa.types import Hit

# Reciprocal rank fusion: 60 is the constant of Cormack et al. (2009).
_RRF = 60
# Candidates taken from each ranking before fusion.
_DEPTH = 100
_WORD = re.compile(r"[a-z0-9][a-z0-9_.+#-]*[a-z0-9+#]|[a-z0-9]")
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
class Ranking:
    """Chunk ids, best first, with the value that ranked each."""

    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


class Retriever:
    """Ranks the chunks of one index. Safe to share between threads."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._stem = Stemmer.Stemmer("english").stemWord
        self._bm25 = bm25s.BM25()
        corpus = [self.terms(chunk.context) for chunk in index.chunks]
        self._bm25.index(corpus, show_progress=False)
        sections: dict[str, list[int]] = {}
        for row, chunk in enumerate(index.chunks):
            sections.setdefault(chunk.section_id, []).append(row)
        self._rows_of_key = [sections.get(question.section_id, []) for question in index.questions]

    def search(self, question: str, k: int, *, chapters: Collection[int] | None = None) -> list[Hit]:
        """Ranks chunks for a question.

        Args:
            question: The question, as typed.
            k: How many hits at most.
            chapters: Chapter numbers to choose from, or None for all.

        Returns:
            Hits, best first.
        """
        among = self._among(chapters)
        vector = self._index.encoder.encode_query([question])
        ids, cosines = self._index.store.search(vector, _DEPTH, among=among)
        rankings = [Ranking(ids[0], cosines[0]), self._lexical(question, among)]
        if self._index.questions:
            rankings.append(self._by_questions(vector, among))
        scores: dict[int, float] = {}
        for ranking in rankings:
            for rank, row in enumerate(ranking.ids.tolist()):
                scores[row] = scores.get(row, 0.0) + 1 / (_RRF + rank + 1)
        best = sorted(scores, key=lambda row: (-scores[row], row))[:k]
        similarity = self._similarities(vector, best)
        return [Hit(self._index.chunks[row], scores[row], similarity[row]) for row in best]

    def terms(self, text: str) -> list[str]:
        """The stemmed words of a text; `maxSockets` counts as itself and as its parts."""
        found = []
        for word in re.findall(r"[A-Za-z0-9][\w.+#-]*", text):
            parts = [part for part in _CAMEL.split(word) if part]
            found += [word, *parts] if len(parts) > 1 else parts
        words = (match[0] for word in found for match in _WORD.finditer(word.lower()))
        return [self._stem(word) for word in words if word not in _STOPWORDS]

    def _among(self, chapters: Collection[int] | None) -> list[int] | None:
        if chapters is None:
            return None
        return [row for row, chunk in enumerate(self._index.chunks) if chunk.chapter in chapters]

    def _lexical(self, question: str, among: Sequence[int] | None) -> Ranking:
        vocabulary = self._bm25.vocab_dict
        terms = [term for term in self.terms(question) if term in vocabulary]
        if not terms:
            return Ranking(np.empty(0, np.int64), np.empty(0, np.float32))
        scores = self._bm25.get_scores(terms)
        if among is not None:
            allowed = np.zeros(len(scores), dtype=bool)
            allowed[among] = True
            scores = np.where(allowed, scores, 0)
        best = np.argsort(-scores, kind="stable")[:_DEPTH]
        best = best[scores[best] > 0]
        return Ranking(best.astype(np.int64), scores[best])

    def _by_questions(self, vector: npt.NDArray[np.float32], among: Sequence[int] | None) -> Ranking:
        """Chunks of the sections that similar questions were asked about."""
        ids, cosines = self._index.keys.search(vector, _DEPTH)
        allowed = None if among is None else set(among)
        best: dict[int, float] = {}
        for key, cosine in zip(ids[0].tolist(), cosines[0].tolist(), strict=True):
            for row in self._rows_of_key[key]:
                if allowed is None or row in allowed:
                    best.setdefault(row, cosine)
        return Ranking(np.array(list(best), dtype=np.int64), np.array(list(best.values()), dtype=np.float32))

    def _similarities(self, vector: npt.NDArray[np.float32], rows: Sequence[int]) -> dict[int, float]:
        if not rows:
            return {}
        ids, cosines = self._index.store.search(vector, len(rows), among=rows)
        return dict(zip(ids[0].tolist(), cosines[0].tolist(), strict=True))
