"""An answer and the key points of its question → which are made, missed, contradicted, and the mark.

Owns how an answer is cut into passages, what a verdict rests on and how the mark is made.
Does not choose questions, and keeps nothing.

The pair model reads each key point beside each passage near to it, a statement or two
neighbouring ones, and a point's verdict is that of its best passage: a further sentence adds passages and
takes none away, so it cannot unmake a point.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qa.encoder import Encoder, Vectors
from qa.pairs import PairModel, Probabilities
from qa.types import Contradiction, Grade, PointGrade, QuestionRefused, WrongClaim
from qa.words import STOPWORDS, terms

LONGEST_ANSWER = 8_000
# A statement longer than this many words is cut at its commas, a shorter one is not.
_RUN_ON = 45
_FEWEST_WORDS = 3
# From which probability on a point counts as made, as denied, and a wrong claim as made:
# `training/grader.py` prints what other values of the first do on questions held out.
COVERED, DENIED, CLAIMED = 0.3, 0.8, 0.8
# The probabilities from which on a point earns something, and all.
_EARNS, _EARNS_ALL = 0.2, 0.95
# What is not made counts to this power: a point made in passing is easily missed, and people credit it.
_LENIENT = 1.4
# A passage less near to a key point, or to a wrong claim, than this (cosine) is not read beside it:
# fixed borders, so that no passage depends on the others. They spare half of the pairs; who makes a
# wrong claim is near to its wording, while a point may be made in quite other words.
_NEAR, _NEAR_CLAIM = 0.25, 0.45
# Two statements are read together only where one of them was read and is silent with less than this: where
# neither says anything the two rarely do.
_SURELY_SILENT = 0.9
# An answer whose nearest passages come less near to the key points than this, on average, is
# about something else, and from the second value on it surely is not. A further sentence can only
# bring it nearer.
_STRAYS, _ON_TOPIC = 0.38, 0.45
_SILENT = np.array([1, 0, 0], dtype=np.float32)
# Each false statement takes this many key points' share of the mark.
_PENALTY = 2.5
# A point made with at least this probability keeps this share of its worth, whatever else is false.
_SURE, _KEPT = 0.7, 0.1
# What is said around the subject, with nothing found false in it, is worth this before it makes any
# point, as people mark it, and half of it where it is keywords only; the cosines from which on it
# is worth something, and all.
_BASE, _AROUND, _NEARBY = 2, 0.18, 0.28
_ABOUT = 0.15  # probabilities that are about the same
# A passage whose words are, to this share, the question's says nothing.
_ECHO = 0.8
# Nor does a longer one with fewer words than this share that join others, and with separators: keywords.
_JOINED, _FEWEST_KEYWORDS, _FEWEST_SEPARATORS = 0.1, 8, 2
_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[;\n]+|(?<=\s)[-–—*](?=\s)")
_COMMA = re.compile(r"[,:](?=\s)|(?<=\s)(?=(?:and|but|because|so|which|while|then)\s)")
_SAID = re.compile(r"\w")
_WORD = re.compile(r"[\w'’-]+")
_SEPARATOR = re.compile(r"[,;/|]")

Span = tuple[int, int]
Chosen = npt.NDArray[np.bool_]


class Grader:
    """Marks answers. Safe to share between threads."""

    def __init__(self, model: PairModel, encoder: Encoder) -> None:
        """A grader.

        Args:
            model: Reads a statement beside a passage.
            encoder: Tells which passages are worth that.
        """
        self._model = model
        self._encoder = encoder

    def grade(
        self, question: str, answer: str, *, key_points: Sequence[str], wrong_claims: Sequence[WrongClaim] = ()
    ) -> Grade:
        """Marks one answer.

        Args:
            question: What was asked.
            answer: What was said.
            key_points: The statements a good answer makes.
            wrong_claims: What weak candidates say.

        Returns:
            The mark with one verdict per key point. Every piece of evidence is a slice of the answer.

        Raises:
            QuestionRefused: The answer is too long, or there is no key point to mark it by.
        """
        if len(answer) > LONGEST_ANSWER:
            raise QuestionRefused(
                f"the answer has {len(answer):,} characters, {LONGEST_ANSWER:,} are the most; shorten it"
            )
        if not key_points:
            raise QuestionRefused("there is no key point to mark the answer by; give at least one")
        spans, vectors = self._told(question, answer)
        if not spans:
            return Grade(0, _missed(key_points))
        said = [answer[start:end] for start, end in spans]
        statements = [*key_points, *(wrong.claim for wrong in wrong_claims)]
        cosines = self._encoder.encode_document(statements) @ vectors.T
        topic = float(cosines[: len(key_points)].max(axis=1).mean())
        telling = np.array([not _is_keywords(passage) for passage in said])
        if topic < _STRAYS:
            missed = _missed(key_points)
            return Grade(_mark(missed, (), topic, bool(telling.any())), missed)
        borders = np.repeat([_NEAR, _NEAR_CLAIM], [len(key_points), len(wrong_claims)])
        held = _held(spans)
        relations = self._relate(statements, said, telling & (cosines >= borders[:, None]), held)
        making = _making(relations[: len(key_points)])
        idle = _idle(making, held)
        denying, claiming = relations[: len(key_points), :, 2] * idle, relations[len(key_points) :, :, 1] * idle
        points = tuple(
            _verdict(point, answer, spans, *relation)
            for point, *relation in zip(key_points, making, denying, strict=True)
        )
        contradictions = tuple(
            _contradiction(answer, spans, wrong, claimed)
            for wrong, claimed in zip(wrong_claims, claiming, strict=True)
            if claimed.max() >= CLAIMED
        )
        return Grade(_mark(points, contradictions, topic, bool(telling.any())), points, contradictions)

    def _told(self, question: str, answer: str) -> tuple[list[Span], Vectors]:
        """The passages of an answer that say more than the question, and their vectors.

        Two statements together have the mean of their vectors by length: nearly what encoding
        them gives, in a third of the time.
        """
        single, asked = _statements(answer), set(terms(question))
        spans = _with_neighbours(single)
        vectors = self._encoder.encode_document([answer[start:end] for start, end in single])
        sums = vectors * np.array([end - start for start, end in single], dtype=np.float32)[:, None]
        joined = sums[:-1] + sums[1:]
        joined /= np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        kept = [row for row, span in enumerate(spans) if not _echoes(answer[slice(*span)], asked)]
        return [spans[row] for row in kept], np.concatenate([vectors, joined])[kept]

    def _relate(self, statements: Sequence[str], said: Sequence[str], read: Chosen, held: Chosen) -> Probabilities:
        """How passages relate to statements, `(statements, passages, 3)`; one not read says nothing."""
        relations = np.tile(_SILENT, (*read.shape, 1))

        def listen(chosen: Chosen) -> None:
            if chosen.any():
                pairs = [(statements[row], said[column]) for row, column in np.argwhere(chosen)]
                relations[chosen] = self._model.relate(pairs)

        together = held.sum(axis=1) > 1
        listen(read & ~together)
        heard = relations[:, :, 0] < _SURELY_SILENT
        listen(read & together & (heard @ held.T))
        return relations


def passages(answer: str) -> list[Span]:
    """The statements of an answer, and each two neighbouring ones together, as offsets."""
    return _with_neighbours(_statements(answer))


def _with_neighbours(single: Sequence[Span]) -> list[Span]:
    return [*single, *((first[0], second[1]) for first, second in pairwise(single))]


def _statements(answer: str) -> list[Span]:
    spans: list[Span] = []
    for start, end in _cut(answer, 0, len(answer), _STOP):
        run_on = len(answer[start:end].split()) > _RUN_ON
        pieces = _clauses(answer, start, end) if run_on else [(start, end)]
        spans += [span for span in pieces if len(answer[slice(*span)].split()) >= _FEWEST_WORDS]
    return spans


def _clauses(answer: str, start: int, end: int) -> list[Span]:
    """A run-on sentence as runs of clauses, each about half as long as is too long."""
    runs: list[Span] = []
    for clause in _cut(answer, start, end, _COMMA):
        joined = (runs[-1][0], clause[1]) if runs else clause
        if runs and len(answer[slice(*joined)].split()) <= _RUN_ON // 2:
            runs[-1] = joined
        else:
            runs.append(clause)
    return runs


def _cut(answer: str, start: int, end: int, border: re.Pattern[str]) -> list[Span]:
    """What stands between borders, without outer white space; a border stays with what it ends."""
    spans, begin = [], start
    for stop in [*(match.end() for match in border.finditer(answer, start, end)), end]:
        piece = answer[begin:stop]
        if _SAID.search(piece):
            left = begin + len(piece) - len(piece.lstrip())
            spans.append((left, left + len(piece.strip())))
        begin = stop
    return spans


def _echoes(passage: str, asked: set[str]) -> bool:
    words = terms(passage)
    return sum(word in asked for word in words) >= _ECHO * len(words)


def _is_keywords(passage: str) -> bool:
    words = _WORD.findall(passage.lower())
    listed = len(words) >= _FEWEST_KEYWORDS and len(_SEPARATOR.findall(passage)) >= _FEWEST_SEPARATORS
    return listed and sum(word in STOPWORDS for word in words) < _JOINED * len(words)


def _making(relations: Probabilities) -> Vectors:
    """How surely each passage makes each point, `(points, passages)`: the less, the more likely it denies it."""
    stating, denying = relations[:, :, 1], relations[:, :, 2]
    making: Vectors = stating * stating / np.maximum(stating + denying, np.finfo(np.float32).tiny)
    return making


def _idle(making: Vectors, held: Chosen) -> Vectors:
    """How surely each passage makes none of the points, nor holds one that does: what makes a point is not false."""
    idle: Vectors = 1 - np.where(held, making.max(axis=0), 0).max(axis=1)
    return idle


def _held(spans: Sequence[Span]) -> Chosen:
    """Which passages lie in which, each in itself, too: `[passage, one in it]`."""
    starts, ends = np.array(spans).T
    held: Chosen = (starts[:, None] <= starts) & (ends <= ends[:, None])
    return held


def _verdict(point: str, answer: str, spans: Sequence[Span], making: Vectors, denying: Vectors) -> PointGrade:
    """The verdict on one key point; a passage that makes it stands, whatever another says."""
    probability = float(making.max())
    if probability >= COVERED:
        start, end = spans[_clearest(making)]
        return PointGrade("covered", probability, answer[start:end], start, end, point)
    if denying.max() >= DENIED:
        start, end = spans[_clearest(denying)]
        return PointGrade("contradicted", probability, answer[start:end], start, end, point)
    return PointGrade("missed", probability, statement=point)


def _missed(key_points: Sequence[str]) -> tuple[PointGrade, ...]:
    return tuple(PointGrade("missed", 0.0, statement=point) for point in key_points)


def _clearest(probabilities: Vectors) -> int:
    """The first passage about as sure as the surest; single statements come before pairs of them."""
    return int(np.flatnonzero(probabilities >= probabilities.max() - _ABOUT)[0])


def _contradiction(answer: str, spans: Sequence[Span], wrong: WrongClaim, claiming: Vectors) -> Contradiction:
    start, end = spans[_clearest(claiming)]
    return Contradiction(wrong.claim, wrong.correction, answer[start:end], start, end)


def _mark(points: Sequence[PointGrade], contradictions: Sequence[Contradiction], topic: float, telling: bool) -> int:
    """What is made of the points, each by how surely it is; less where anything is false or beside the question."""
    false = len(contradictions) + sum(point.verdict == "contradicted" for point in points)
    probabilities = np.array([point.probability for point in points])
    missing = 1 - float(np.interp(probabilities, [_EARNS, _EARNS_ALL], [0, 1]).mean())
    made = 1 - math.pow(missing, _LENIENT)
    true = max(0.0, 1 - _PENALTY * false / len(points))
    kept = _KEPT * float((probabilities >= _SURE).mean())
    earned = max(made * true, kept) * float(np.interp(topic, [_STRAYS, _ON_TOPIC], [0, 1]))
    base = 0.0 if false else _BASE * float(np.interp(topic, [_AROUND, _NEARBY], [0, 1])) * (1 if telling else 0.5)
    return round(base + (100 - base) * earned)
