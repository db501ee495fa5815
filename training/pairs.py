"""Labelled answers, rubrics and facts → pairs of a statement and a passage, each with its relation.

Owns what `training/answers.jsonl`, `training/rubrics.jsonl` and `training/statements.jsonl`
teach the grader. An answer's passages are what the grader will cut it into; a passage states
a key point or denies it where the writer's evidence lies inside, and says nothing of it where
they do not meet. Statements are single facts, each with passages that state it, deny it and
pass it by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import bm25s
import numpy as np

from qa.grading import passages
from qa.playbook.questions import read_jsonl
from qa.types import InterviewQuestion
from qa.words import terms
from training.folds import fold_of

ANSWERS = Path(__file__).parent / "answers.jsonl"
RUBRICS = Path(__file__).parent / "rubrics.jsonl"
STATEMENTS = Path(__file__).parent / "statements.jsonl"
FOLDS = 8
SILENT, STATES, DENIES = 0, 1, 2
TELLING, BESIDE = 2, 1  # passages with and without a point, for each point and answer
STRAYS = 40  # passages of other chapters' answers that have most words of a point, of which two are drawn
TURNED = 2  # how many of a fact's tellings stand beside their denials
ECHOED = 2  # how many of a rubric's points are said back
HOLLOW = 3 / 4  # how often what is said around a point stands beside the point, not beside its contrary
NOTED = 1 / 3  # how often a rubric's point is read as the note that stands for it
NEAREST, OTHERS = 8, 3  # passages of a chapter's other facts: those with most words of a fact, and how many are drawn


@dataclass(frozen=True, slots=True)
class Pair:
    """A statement, a passage, and whether the second leaves (0), states (1) or denies (2) the first."""

    statement: str
    passage: str
    label: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What a piece of an answer, `text[start:end]`, does to the statement with this number.

    Its `twin` says the contrary in the same manner: it makes the point that the piece denies, or
    denies the one it makes. `claim` is the false statement that one of the two makes, and
    `hollow` talks in that manner around the point. Each is empty where nobody wrote it.
    """

    statement: int
    label: int
    start: int
    end: int
    claim: str = ""
    twin: str = ""
    hollow: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer with the statements it was read beside: the key points, then the wrong claims.

    `notes` are the points as one jots them down, `restated` what says them in about their own
    words, `turned` what contradicts them in those.
    """

    question: str
    chapter: int
    points: int
    statements: tuple[str, ...]
    text: str
    marks: tuple[Mark, ...]
    corrected: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()
    restated: tuple[tuple[str, ...], ...] = ()
    turned: tuple[str, ...] = ()

    @property
    def fold(self) -> int:
        """Which fold the answer's question is of."""
        return fold_of(self.question, FOLDS)


def read_answers(bank: dict[str, InterviewQuestion]) -> list[Labelled]:
    """The answers to the edition's own interview questions."""
    found = []
    for row in _rows(ANSWERS):
        asked, text = bank[row["question_id"]], row["answer"]
        points, claims = [point.text for point in asked.points], asked.wrong_claims
        marks = [
            *_marks(text, row["covers"], STATES),
            *_marks(text, row["contradicts"], DENIES),
            *_marks(text, row["claims"], STATES, len(points)),
        ]
        corrected = [Pair(claims[label["at"]].correction, label["span"], DENIES) for label in row["claims"]]
        statements = (*points, *(wrong.claim for wrong in claims))
        chapter = asked.source.chapter
        found.append(Labelled(asked.id, chapter, len(points), statements, text, tuple(marks), tuple(corrected)))
    return found


def read_rubrics() -> list[Labelled]:
    """The answers to questions that came with key points of their own."""
    found = []
    for row in _rows(RUBRICS):
        points, notes, turned = (tuple(row[kind]) for kind in ("key_points", "notes", "turned"))
        restated = tuple(map(tuple, row["restated"]))
        for answer in row["answers"].values():
            text = answer["text"]
            marks = (*_marks(text, answer["covers"], STATES), *_marks(text, answer["contradicts"], DENIES))
            asked = (row["question"], row["chapter"], len(points), points)
            found.append(Labelled(*asked, text, marks, notes=notes, restated=restated, turned=turned))
    return found


def read_facts() -> list[dict[str, Any]]:
    """The single facts, as they are written."""
    return _rows(STATEMENTS)


def answer_pairs(answers: Sequence[Labelled], seed: int) -> list[Pair]:
    """Pairs of answers with their own statements, and of some with the points of other chapters."""
    rng = np.random.default_rng(seed)
    found = [pair for answer in answers for pair in _pairs_of(answer, rng)]
    for answer in answers:
        other = answers[int(rng.integers(len(answers)))]
        if other.chapter != answer.chapter:
            spans = passages(answer.text)
            start, end = spans[int(rng.integers(len(spans)))]
            found.append(Pair(other.statements[int(rng.integers(other.points))], answer.text[start:end], SILENT))
    return found


def stray_pairs(answers: Sequence[Labelled], seed: int) -> Iterator[Pair]:
    """Points beside passages of other chapters' answers, near in words and any: sure as they sound, they make none."""
    rng = np.random.default_rng(seed)
    told = [(answer.chapter, answer.text[slice(*span)]) for answer in answers for span in passages(answer.text)]
    index = bm25s.BM25()
    index.index([terms(passage) for _, passage in told], show_progress=False)
    asked = {answer.question: answer for answer in answers}
    for answer in asked.values():
        for statement in answer.statements[: answer.points]:
            words = [term for term in terms(statement) if term in index.vocab_dict]
            nearest = np.argsort(-index.get_scores(words))[:STRAYS] if words else np.empty(0, np.int64)
            for chosen in (*rng.permutation(nearest)[:2], *rng.integers(len(told), size=1)):
                chapter, passage = told[int(chosen)]
                if chapter != answer.chapter:
                    yield Pair(statement, passage, SILENT)


def echo_pairs(answers: Sequence[Labelled], seed: int) -> Iterator[Pair]:
    """Key points in their own words, alone, beside another one, and another one alone.

    Candidates who are right choose other words, those who are wrong often the rubric's: without
    these a model takes the rubric's words for a sign of falsehood.
    """
    rng = np.random.default_rng(seed)
    for answer in {answer.question: answer for answer in answers}.values():
        points = answer.statements[: answer.points]
        for said, other in pairwise([points[row] for row in rng.permutation(len(points))[: ECHOED + 1]]):
            yield Pair(said, said, STATES)
            yield Pair(said, other, SILENT)
            first, second = (said, other) if rng.random() < 0.5 else (other, said)
            yield Pair(said, f"{first.rstrip('.')}. {second}", STATES)


def restated_pairs(answers: Sequence[Labelled], seed: int) -> Iterator[Pair]:
    """Key points and their notes beside what says them, and what contradicts them, in about their own words.

    Without these, too, a model takes the rubric's words for a sign of falsehood.
    """
    rng = np.random.default_rng(seed)

    def among(passage: str, other: str) -> str:
        return f"{passage} {other}" if rng.random() < 0.5 else f"{other} {passage}"

    for answer in {answer.question: answer for answer in answers}.values():
        for number, told in enumerate(answer.restated):
            point, note, turned = answer.statements[number], answer.notes[number], answer.turned[number]
            either = note if rng.random() < 0.5 else point
            near, far = (told[row] for row in rng.permutation(len(told))[:2])
            words = set(terms(point))
            others = [answer.restated[row][0] for row in range(answer.points) if row != number]
            nearest = max(others, key=lambda other: len(words & set(terms(other))))
            beside = others[int(rng.integers(len(others)))]
            yield Pair(point, near, STATES)
            yield Pair(note, far, STATES)
            yield Pair(near, far, STATES)
            yield Pair(note, point, STATES)
            yield Pair(point, among(far, beside), STATES)
            yield Pair(either, turned, DENIES)
            yield Pair(turned, near, DENIES)
            yield Pair(point, among(turned, beside), DENIES)
            yield Pair(either, nearest, SILENT)


def contrast_pairs(answers: Sequence[Labelled], seed: int) -> Iterator[Pair]:
    """Passages of answers and their twins, beside the point, the claim that is its contrary, and what others claim.

    Those who are wrong write otherwise than those who are right, and those who say little use
    the same words: without these, and what is hollow, a model tells falsehood and truth by the
    manner of a passage, whatever stands beside it. Where no twin was written, what turns the
    point stands for the claim.
    """
    rng = np.random.default_rng(seed)
    for answer in answers:
        spans = passages(answer.text)
        for mark in answer.marks:
            holding = [span for span in spans if span[0] <= mark.start and mark.end <= span[1]]
            start, end = holding[int(rng.integers(len(holding)))] if holding else (mark.start, mark.end)
            told, point = answer.text[start:end], answer.statements[mark.statement]
            if mark.twin:
                twin = f"{answer.text[start : mark.start]}{mark.twin}{answer.text[mark.end : end]}"
                true, false = (told, twin) if mark.label == STATES else (twin, told)
                yield Pair(point, twin, DENIES if mark.label == STATES else STATES)
                yield Pair(mark.claim, false, STATES)
                yield Pair(mark.claim, true, DENIES)
                here = {other.statement for other in answer.marks if other.start < end and start < other.end}
                claims = [other.claim for other in answer.marks if other.claim and other.statement not in here]
                if claims:
                    yield Pair(claims[int(rng.integers(len(claims)))], told, SILENT)
            elif mark.label == STATES and answer.turned:
                yield Pair(answer.turned[mark.statement], told, DENIES)
            if mark.hollow:
                yield Pair(point if rng.random() < HOLLOW else mark.claim, mark.hollow, SILENT)


def fact_pairs(rows: Sequence[dict[str, Any]], seed: int) -> Iterator[Pair]:
    """What single facts teach.

    A fact is what it says, word for word, and told wrongly it is denied by what tells it rightly:
    so a model must compare, and cannot learn by heart what is true. Passages of the writer's other
    facts of the chapter say nothing of this one.
    """
    rng = np.random.default_rng(seed)
    written: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        written.setdefault((row["writer"], row["chapter"]), []).append(row)
    for row in rows:
        fact, states, denies = row["statement"], row["states"], row["denies"]
        for label, told in ((STATES, states), (DENIES, denies), (SILENT, row["besides"])):
            yield from (Pair(fact, passage, label) for passage in told)
        yield Pair(fact, fact, STATES)
        yield Pair(states[0], states[int(rng.integers(1, len(states)))], STATES)
        for right, wrong in zip(states[:TURNED], denies, strict=False):
            yield from (Pair(right, wrong, DENIES), Pair(wrong, right, DENIES))
        words = set(terms(fact))
        neighbours = [other for other in written[row["writer"], row["chapter"]] if other is not row]
        others = [passage for other in neighbours for passage in (*other["states"], *other["denies"])]
        others.sort(key=lambda passage: -len(words & set(terms(passage))))
        for chosen in rng.permutation(len(others[:NEAREST]))[:OTHERS]:
            yield Pair(fact, others[chosen], SILENT)


def _pairs_of(answer: Labelled, rng: np.random.Generator) -> Iterator[Pair]:
    text, spans = answer.text, passages(answer.text)
    for number, point in enumerate(answer.statements):
        statement = answer.notes[number] if answer.notes and rng.random() < NOTED else point
        marks = [mark for mark in answer.marks if mark.statement == number]
        telling, silent = [], []
        for start, end in spans:
            inside = [mark for mark in marks if start <= mark.start + 2 and mark.end - 2 <= end]
            if inside:
                telling.append(Pair(statement, text[start:end], inside[0].label))
            elif all(mark.end <= start or end <= mark.start for mark in marks):
                silent.append(text[start:end])
        if marks and not telling:  # evidence longer than a passage
            telling.append(Pair(statement, text[marks[0].start : marks[0].end], marks[0].label))
        for chosen in rng.permutation(len(telling))[:TELLING]:
            yield telling[chosen]
        words = set(terms(statement))
        silent.sort(key=lambda passage: -len(words & set(terms(passage))))
        yield from (Pair(statement, passage, SILENT) for passage in silent[:BESIDE])
    yield from answer.corrected


def _marks(text: str, labels: Sequence[dict[str, Any]], label: int, first: int = 0) -> Iterator[Mark]:
    for row in labels:
        start = text.index(row["span"])
        contrast = row.get("claim", ""), row.get("mended", row.get("spoilt", "")), row.get("hollow", "")
        yield Mark(first + row["at"], label, start, start + len(row["span"]), *contrast)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path)]
