"""The coach's marks beside those of people: the grading part of `docs/quality.md`.

Owns the figures of `tests/golden/answers.jsonl`. Its questions stand in chapters whose
answers are never trained on; two markers marked each answer without knowing its kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from qa.assistant import Assistant
from qa.evaluation import Interval, auroc
from qa.playbook.interview import read_interview
from qa.playbook.questions import read_jsonl
from qa.types import Grade, InterviewQuestion

ANSWERS = Path(__file__).parent.parent / "tests" / "golden" / "answers.jsonl"
ORDERS = (("strong", "partial"), ("partial", "weak"), ("partial", "wrong"), ("partial", "stuffed"), ("strong", "mixed"))
VERDICTS = ("covered", "missed", "contradicted")
EMPTY = ("dont know", "I don't know", "no idea, sorry", "", "xyz", "asdf qwer zxcv uiop", "lorem ipsum dolor sit amet")
LOWEST = 10
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Marked:
    """A golden answer with what the coach made of it."""

    row: dict[str, Any]
    grade: Grade

    @property
    def human(self) -> float:
        """The mean of the two markers."""
        return float(np.mean(self.row["marks"]))

    @property
    def labels(self) -> tuple[str, ...]:
        """The verdict that its writer gave each key point."""
        covered, contradicted = ({label["at"] for label in self.row[kind]} for kind in ("covers", "contradicts"))
        return tuple(
            "covered" if n in covered else "contradicted" if n in contradicted else "missed"
            for n in range(len(self.grade.points))
        )


Group = Sequence[Marked]


def mark(assistant: Assistant) -> tuple[list[list[Marked]], dict[str, float]]:
    """Marks every golden answer, by question; and the shares of worthless answers that stay at the bottom."""
    bank = {question.id: question for question in read_interview(assistant.playbook)}
    groups: dict[str, list[Marked]] = {}
    for _, row in read_jsonl(ANSWERS):
        asked = bank[str(row["question_id"])]
        groups.setdefault(asked.id, []).append(Marked(row, _grade(assistant, asked, str(row["answer"]))))
    questions = [bank[name] for name in groups]
    strong = {name: next(m.row["answer"] for m in group if m.row["kind"] == "strong") for name, group in groups.items()}
    worthless: dict[str, list[str]] = {
        "'dont know', nothing, gibberish": [*EMPTY],
        "the question copied back": [],
        "a strong answer to another question": [],
        "keywords only": [],
    }
    low: dict[str, list[bool]] = {kind: [] for kind in worthless}
    for number, asked in enumerate(questions):
        other = next(
            q for q in questions[number + 1 :] + questions[:number] if q.source.chapter != asked.source.chapter
        )
        given = {
            "'dont know', nothing, gibberish": EMPTY,
            "the question copied back": (asked.question, f"So the question is: {asked.question.lower()}"),
            "a strong answer to another question": (strong[other.id],),
            "keywords only": tuple(m.row["answer"] for m in groups[asked.id] if m.row["kind"] == "stuffed"),
        }
        for kind, answers in given.items():
            low[kind] += [_grade(assistant, asked, answer).score <= LOWEST for answer in answers]
    return list(groups.values()), {kind: float(np.mean(found)) for kind, found in low.items()}


def figures(groups: Sequence[Group]) -> dict[str, Interval]:
    """How the marks compare with people's."""
    return {
        "covered vs not, per key point, AUROC": _interval(_separation, groups),
        "Spearman of the mark and the markers' mean": _interval(_correlation, groups),
        **{f"{high} > {low}, within a question": _interval(_order(high, low), groups) for high, low in ORDERS},
    }


def section(groups: Sequence[Group], found: Mapping[str, Interval], worthless: Mapping[str, float]) -> list[str]:
    """The Markdown lines of the grading part."""
    everyone = [marked for group in groups for marked in group]
    agreement = float(spearmanr(*np.array([m.row["marks"] for m in everyone]).T).statistic)
    apart = float(np.mean([abs(m.row["marks"][0] - m.row["marks"][1]) for m in everyone]))
    confusion = np.zeros((3, 3), dtype=int)
    for marked in everyone:
        for label, point in zip(marked.labels, marked.grade.points, strict=True):
            confusion[VERDICTS.index(label), VERDICTS.index(point.verdict)] += 1
    return [
        "## Marking answers",
        "",
        f"{len(everyone)} answers to {len(groups)} interview questions of chapters whose answers are never trained",
        f"on. Two markers, blind to its kind, marked each; their marks correlate at {agreement:.3f} and lie",
        f"{apart:.1f} points apart on average. Brackets hold 95 % intervals over resampled questions.",
        "",
        "| figure | value |",
        "| --- | ---: |",
        *(f"| {name} | {i.mean:.3f} [{i.low:.3f}, {i.high:.3f}] |" for name, i in found.items()),
        *(f"| {kind}: mark at most {LOWEST} | {share:.3f} |" for kind, share in worthless.items()),
        "",
        "Verdicts per key point, the writer's in rows, the coach's in columns:",
        "",
        f"| | {' | '.join(VERDICTS)} |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(VERDICTS, confusion.tolist(), strict=True)),
        "",
    ]


def _grade(assistant: Assistant, asked: InterviewQuestion, answer: str) -> Grade:
    points = [point.text for point in asked.points]
    return assistant.grade(asked.question, answer, key_points=points, wrong_claims=asked.wrong_claims)


def _separation(groups: Sequence[Group]) -> float:
    covered: list[float] = []
    other: list[float] = []
    for marked in (m for group in groups for m in group):
        for label, point in zip(marked.labels, marked.grade.points, strict=True):
            (covered if label == "covered" else other).append(point.probability)
    return auroc(covered, other)


def _correlation(groups: Sequence[Group]) -> float:
    everyone = [m for group in groups for m in group]
    return float(spearmanr([m.grade.score for m in everyone], [m.human for m in everyone]).statistic)


def _order(high: str, low: str) -> Callable[[Sequence[Group]], float]:
    def share(groups: Sequence[Group]) -> float:
        pairs = [
            above.grade.score > below.grade.score
            for group in groups
            for above, below in product(group, group)
            if (above.row["kind"], below.row["kind"]) == (high, low)
        ]
        return float(np.mean(pairs))

    return share


def _interval(statistic: Callable[[Sequence[Group]], float], groups: Sequence[Group]) -> Interval:
    """A statistic with the bounds of 95 % of its values over resampled questions."""
    rng = np.random.default_rng(0)
    resampled = [statistic([groups[n] for n in rng.integers(len(groups), size=len(groups))]) for _ in range(_RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(statistic(groups), float(low), float(high))
