"""A question → ranked chunks, by meaning and by words.

Owns the lexical index (BM25), the fusion of signs into one score, the second look at the
best chunks' tokens, and the filters. Does not compose text.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import bm25s
import numpy as np
import numpy.typing as npt

from qa.encoder import Vectors
from qa.index import Index
from qa.spans import Nearness
from qa.types import Chunk, Hit
from qa.words import terms

_REPEATS = {("Interview questions",), ("Key takeaways",)}
_REMEMBERED = 64  # embeddings of questions, for ranking and quoting need the same
_LOOKED_AT = 100  # chunks whose tokens are compared with the question's


@dataclass(frozen=True, slots=True)
class Weights:
    """What each sign adds to a chunk's cosine; BM25 is scaled to 1 at the best text.

    `training/fusion.py` prints what each value is worth on questions held out.
    """

    words: float = 0.22  # BM25 of the chunk
    chapter_words: float = 0.4  # BM25 of its chapter
    asked: float = 1.0  # cosine of its section's nearest chunk or asked question
    asked_words: float = 0.15  # BM25 of that section's questions
    repeats: float = -0.6  # interview answers and takeaways say the body's facts again
    tokens: float = 2.8  # MaxSim of the chunk's tokens
    asked_tokens: float = 0.7  # MaxSim of its section's questions, of its chunks where it has none


class Retriever:
    """Ranks the chunks of one index. Safe to share between threads."""

    def __init__(self, index: Index, weights: Weights = Weights()) -> None:
        self._index = index
        self._weights = weights
        chunks = index.chunks
        self._chapters = np.array([chunk.chapter for chunk in chunks], dtype=np.int64)
        numbers = [chapter.number for chapter in index.playbook.chapters]
        self._chapter_row = np.searchsorted(numbers, self._chapters)
        texts: dict[int, list[str]] = {number: [] for number in numbers}
        words = [terms(chunk.context) for chunk in chunks]
        for chunk, found in zip(chunks, words, strict=True):
            texts[chunk.chapter] += found
        self._words = _Words(words)
        self._chapter_words = _Words(list(texts.values()))
        self._asked_words = _Words([terms(question.question) for question in index.questions])
        sections = {section: row for row, section in enumerate(dict.fromkeys(chunk.section_id for chunk in chunks))}
        self._sections = len(sections)
        self._section_row = np.array([sections[chunk.section_id] for chunk in chunks], dtype=np.int64)
        self._key_section = np.array(
            [sections.get(q.section_id, len(sections)) for q in index.questions], dtype=np.int64
        )
        self._repeats = np.array([c.heading_path[:1] in _REPEATS for c in chunks])
        uses = Counter(word for found in words for word in set(found))
        self._rarity = {word: math.log1p((len(words) - n + 0.5) / (n + 0.5)) for word, n in uses.items()}
        self._rarest = math.log1p(2 * len(words) + 1)
        self._rows = {chunk.id: row for row, chunk in enumerate(chunks)}
        self._embed = lru_cache(_REMEMBERED)(lambda question: index.encoder.embed_query([question])[0])

    def search(
        self, question: str, k: int, *, chapters: Collection[int] | None = None, rerank: bool = True
    ) -> list[Hit]:
        """Ranks chunks for a question.

        Args:
            question: The question, as typed.
            k: How many hits at most.
            chapters: Chapter numbers to choose from, or None for all.
            rerank: False leaves the tokens out, as fits search while one types.

        Returns:
            Hits, best first.
        """
        allowed = np.arange(len(self._chapters))
        if chapters is not None:
            allowed = np.flatnonzero(np.isin(self._chapters, list(chapters)))
        embedding = self._embed(question)
        vector = embedding.vector[None, :]
        among = None if chapters is None else allowed.tolist()
        ids, cosines = self._index.store.search(vector, len(allowed), among=among)
        similarity = np.zeros(len(self._chapters))
        similarity[ids[0]] = cosines[0]
        words = terms(question)
        asked, scores = self._scores(vector, words, similarity)
        strange = self._strange(words)
        best = allowed[np.argsort(-scores[allowed], kind="stable")]
        if rerank:
            near = best[:_LOOKED_AT]
            # what is not looked at stays below what is
            scores[best[_LOOKED_AT:]] -= self._weights.tokens + self._weights.asked_tokens
            scores[near] += self._by_tokens(embedding.tokens, near)
            best[:_LOOKED_AT] = near[np.argsort(-scores[near], kind="stable")]
        return [
            Hit(
                self._index.chunks[row],
                float(scores[row]),
                float(similarity[row]),
                float(asked[self._section_row[row]]),
                strange,
            )
            for row in best[:k]
        ]

    def near(self, question: str, chunk: Chunk) -> Nearness:
        """How near each token of a chunk comes to each token of a question."""
        row = self._rows[chunk.id]
        spans = np.array(self._index.encoder.token_spans(chunk.context), dtype=np.int64)
        lead = len(chunk.context) - len(chunk.text)
        cosines = self._index.tokens.tokens(row) @ self._embed(question).tokens.T
        return Nearness(spans[:, 0] - lead + chunk.start, cosines)

    def _strange(self, words: Sequence[str]) -> float:
        """The share of a question's weight, by rarity, in words that the playbook never uses."""
        weights = {word: self._rarity.get(word, self._rarest) for word in words}
        unknown = sum(weight for word, weight in weights.items() if word not in self._rarity)
        return unknown / (sum(weights.values()) or 1.0)

    def _scores(
        self, vector: Vectors, words: Sequence[str], similarity: npt.NDArray[np.float64]
    ) -> tuple[Vectors, npt.NDArray[np.float64]]:
        """For each section how near its nearest asked question is, and each chunk's score without its tokens."""
        asked, worded = self._asked(vector, words)
        near = asked.copy()  # a section nobody asked about yet is as near as its nearest chunk
        np.maximum.at(near, self._section_row, similarity)
        weights = self._weights
        scores = similarity + weights.repeats * self._repeats
        scores += weights.words * _scaled(self._words.scores(words))
        scores += weights.chapter_words * _scaled(self._chapter_words.scores(words))[self._chapter_row]
        scores += weights.asked * near[self._section_row] + weights.asked_words * worded[self._section_row]
        return asked, scores

    def _by_tokens(self, tokens: Vectors, rows: npt.NDArray[np.int64]) -> Vectors:
        """What the tokens of some chunks, and of the questions of their sections, add to their scores."""
        sections = self._section_row[rows]
        keys = np.flatnonzero(np.isin(self._key_section, sections))
        told, asked = np.full((2, self._sections), -np.inf, dtype=np.float32)
        own = self._index.tokens.maxsim(tokens, rows)
        np.maximum.at(told, sections, own)
        np.maximum.at(asked, self._key_section[keys], self._index.key_tokens.maxsim(tokens, keys))
        near: Vectors = np.where(np.isfinite(asked), asked, told)[sections]
        added: Vectors = self._weights.tokens * own + self._weights.asked_tokens * near
        return added

    def _asked(self, vector: Vectors, words: Sequence[str]) -> Vectors:
        """For each section, how near its nearest question is, by meaning and by words: `(2, sections)`."""
        best: Vectors = np.zeros((2, self._sections + 1), dtype=np.float32)
        if self._index.questions:
            ids, cosines = self._index.keys.search(vector, len(self._index.questions))
            np.maximum.at(best[0], self._key_section[ids[0]], cosines[0])
            np.maximum.at(best[1], self._key_section, _scaled(self._asked_words.scores(words)))
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
