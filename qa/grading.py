"""An answer and the key points of its question → which are made, missed, contradicted, and the mark.

Owns how an answer is cut into passages, what a verdict rests on and how the mark is made.
Does not choose questions, and keeps nothing.

The pair model reads each key point beside each passage, a statement or two neighbouring
ones, and a point's verdict is that of its best passage: a further sentence adds passages and
takes none away, so it cannot unmake a point.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qa.encoder import Encoder, Vectors
from qa.pairs import PairModel, Probabilities
from qa.types import Contradiction, Grade, PointGrade, QuestionRefused, WrongClaim
from qa.words import terms

LONGEST_ANSWER = 8_000
# A statement longer than this many words is cut at its commas, a shorter one is not.
_RUN_ON = 45
_FEWEST_WORDS = 3
# From which probability on a point counts as made, as denied, and a wrong claim as made:
# `training/grader.py` prints what other values do on questions held out.
COVERED, DENIED, CLAIMED = 0.3, 0.8, 0.8
# The probabilities from which on a point earns something, and all.
_EARNS, _EARNS_ALL = 0.1, 0.9
# A passage less near to a statement than this (cosine) is not read beside it: a fixed border,
# so that no passage depends on the others. It spares four pairs in ten and loses no point to speak of.
_NEAR = 0.2
# An answer whose nearest passages come less near to the key points than this, on average, is
# about something else. A further sentence can only bring it nearer.
_ON_TOPIC = 0.34
_SILENT = np.array([1, 0, 0], dtype=np.float32)
# What a false statement takes from the mark, in key points.
_PENALTY = 0.4
_ABOUT = 0.15  # probabilities that are about the same
# A passage whose words are, to this share, the question's says nothing.
_ECHO = 0.8
_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[;\n]+|(?<=\s)[-–—*](?=\s)")
_COMMA = re.compile(r"[,:](?=\s)|(?<=\s)(?=(?:and|but|because|so|which|while|then)\s)")
_SAID = re.compile(r"\w")

Span = tuple[int, int]


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
        asked = set(terms(question))
        spans = [span for span in passages(answer) if not _echoes(answer[slice(*span)], asked)]
        if not spans:
            return Grade(0, tuple(PointGrade("missed", 0.0) for _ in key_points))
        statements = [*key_points, *(wrong.claim for wrong in wrong_claims)]
        cosines, relations = self._read(statements, [answer[start:end] for start, end in spans])
        if cosines[: len(key_points)].max(axis=1).mean() < _ON_TOPIC:
            relations = np.broadcast_to(_SILENT, relations.shape)
        points = tuple(_verdict(answer, spans, relation) for relation in relations[: len(key_points)])
        made = zip(wrong_claims, relations[len(key_points) :, :, 1], strict=True)
        contradictions = tuple(
            _contradiction(answer, spans, wrong, stated) for wrong, stated in made if _claims(stated)
        )
        return Grade(_mark(points, contradictions), points, contradictions)

    def _read(self, statements: Sequence[str], said: Sequence[str]) -> tuple[Vectors, Probabilities]:
        """How near each passage comes to each statement, and how it relates to it; far ones say nothing of it.

        Returns:
            Cosines, `(statements, passages)`, and probabilities, `(statements, passages, 3)`.
        """
        cosines = self._encoder.encode_document(statements) @ self._encoder.encode_document(said).T
        relations = np.tile(_SILENT, (*cosines.shape, 1))
        near = np.argwhere(cosines >= _NEAR)
        if len(near):
            relations[tuple(near.T)] = self._model.relate([(statements[row], said[column]) for row, column in near])
        return cosines, relations


def passages(answer: str) -> list[Span]:
    """The statements of an answer, and each two neighbouring ones together, as offsets."""
    single = list(_statements(answer))
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


def _verdict(answer: str, spans: Sequence[Span], relation: Probabilities) -> PointGrade:
    """The verdict on one key point from how each passage relates to it, `(passages, 3)`.

    A passage makes the point the less, the more likely it denies it; one that makes it
    stands, whatever another says.
    """
    stating, denying = relation[:, 1], relation[:, 2]
    making = stating * stating / np.maximum(stating + denying, np.finfo(np.float32).tiny)
    probability = float(making.max())
    if probability >= COVERED:
        start, end = spans[_clearest(making)]
        return PointGrade("covered", probability, answer[start:end], start, end)
    if denying.max() >= DENIED:
        start, end = spans[_clearest(denying)]
        return PointGrade("contradicted", probability, answer[start:end], start, end)
    return PointGrade("missed", probability)


def _clearest(probabilities: npt.NDArray[np.float32]) -> int:
    """The first passage about as sure as the surest; single statements come before pairs of them."""
    return int(np.flatnonzero(probabilities >= probabilities.max() - _ABOUT)[0])


def _claims(stated: Probabilities) -> bool:
    return float(stated.max()) >= CLAIMED


def _contradiction(answer: str, spans: Sequence[Span], wrong: WrongClaim, stated: Probabilities) -> Contradiction:
    start, end = spans[_clearest(stated)]
    return Contradiction(wrong.claim, wrong.correction, answer[start:end], start, end)


def _mark(points: Sequence[PointGrade], contradictions: Sequence[Contradiction]) -> int:
    """Points, each by how surely it is made, as a share of all, less what is false."""
    false = {point.start for point in points if point.verdict == "contradicted"} | {c.start for c in contradictions}
    made = np.interp([point.probability for point in points], [_EARNS, _EARNS_ALL], [0, 1])
    return round(100 * float(np.clip((made.sum() - _PENALTY * len(false)) / len(points), 0, 1)))
