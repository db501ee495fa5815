"""Question sets with known answers → figures.

Owns the metrics, as pure functions, and the loop that puts a set to any pair of callables.
Does not know how sections are found or quotes are chosen, nor FAISS.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qa.types import Answer, Hit, Playbook, QuestionRefused

Find = Callable[[str], Sequence[Hit]]
Reply = Callable[[str], Answer]
_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Golden:
    """A question with its answer's places.

    `chapters` are the numbers of the chapters that answer it, its own first, none where the
    playbook does not cover it; `sections` are ids such as `37#failure-modes`, none where only
    chapters are known.
    """

    id: str
    type: str
    question: str
    chapters: tuple[int, ...]
    sections: frozenset[str]
    evidence: tuple[str, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> "Golden":
        """Reads a row of a question file.

        A row names `chapter` and `anchor`, or `chapters`, or says `"covered": false`; `also`
        holds further sections or chapters.

        Raises:
            KeyError, ValueError: A field is missing, or is not what it should be.
        """
        lists = {name: row.get(name) or [] for name in ("chapters", "also", "evidence")}
        chapters, also, evidence = (_list(name, given) for name, given in lists.items())
        places: list[str] = []
        if row.get("covered", True):
            places = [*(chapters or [f"{int(str(row['chapter']))}#{row['anchor']}"]), *also]
        question = str(row["question"])
        if not question.strip():
            raise ValueError("the question is blank")
        return cls(
            id=str(row.get("id")),
            type=str(row.get("type", "")),
            question=question,
            chapters=tuple(dict.fromkeys(int(place.split("#")[0]) for place in places)),
            sections=frozenset(place for place in places if "#" in place),
            evidence=tuple(evidence),
        )


def _list(name: str, given: object) -> list[str]:
    if not isinstance(given, list):
        raise ValueError(f"{name!r} must be a list, got {given!r}")
    return [str(item) for item in given]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question.

    Ranks count from 1. A chapter is right when a section that answers stands in it; the own
    one is the chapter the question was written for.
    """

    golden: Golden
    own_chapter_rank: int | None
    chapter_rank: int | None
    section_rank: int | None
    evidence_shown: bool
    answered: bool
    confidence: float
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure; that of a mean has the bounds that hold 95 % of its bootstrap resamples."""

    mean: float
    low: float = math.nan
    high: float = math.nan


def judge(golden: Golden, hits: Sequence[Hit], answer: Answer, playbook: Playbook) -> Outcome:
    """Compares what was found and quoted with what was wanted."""
    found = list(dict.fromkeys(hit.chunk.section_id for hit in hits))
    chapter_rank, section_rank = ranks(golden, found, ancestors(playbook))
    return Outcome(
        golden=golden,
        own_chapter_rank=_chapter_rank(found, golden.chapters[:1]),
        chapter_rank=chapter_rank,
        section_rank=section_rank,
        evidence_shown=any(e in citation.quote for e in golden.evidence for citation in answer.citations),
        answered=answer.answered,
        confidence=answer.confidence,
        faults=tuple(faults(answer, playbook)),
    )


def ranks(golden: Golden, found: Sequence[str], parents: Mapping[str, set[str]]) -> tuple[int | None, int | None]:
    """Where the first chapter and the first section stand that answer, among section ids, best first.

    Args:
        golden: The question.
        found: Section ids, each once.
        parents: What `ancestors` gave.
    """
    sections = (n for n, section in enumerate(found, 1) if parents.get(section, {section}) & golden.sections)
    return _chapter_rank(found, golden.chapters), next(sections, None)


def _chapter_rank(found: Sequence[str], wanted: Sequence[int]) -> int | None:
    chapters = dict.fromkeys(int(section.split("#")[0]) for section in found)
    return next((rank for rank, chapter in enumerate(chapters, 1) if chapter in wanted), None)


def ancestors(playbook: Playbook) -> dict[str, set[str]]:
    """Each section's id → its own and those of the sections it stands below."""
    found: dict[str, set[str]] = {}
    for chapter in playbook.chapters:
        by_path = {section.heading_path: section.id for section in chapter.sections}
        for section in chapter.sections:
            above = (section.heading_path[:depth] for depth in range(1, len(section.heading_path)))
            found[section.id] = {section.id, *(by_path[path] for path in above if path in by_path)}
    return found


def faults(answer: Answer, playbook: Playbook) -> Iterable[str]:
    """The ways a quote can lie: fabricated, frankenquote, misattributed."""
    for citation in answer.citations:
        chapter = playbook.chapter(citation.source.chapter)
        text = chapter.text if chapter else ""
        if text[citation.start : citation.end] == citation.quote:
            section = chapter.section(citation.source.anchor) if chapter else None
            if section is None or not section.start <= citation.start < citation.end <= section.end:
                yield "misattributed"
        elif any(citation.quote in other.text for other in playbook.chapters):
            yield "misattributed"
        elif set(citation.quote.split()) <= set(text.split()):
            yield "frankenquote"
        else:
            yield "fabricated"


def within(rank: int | None, k: int) -> float:
    """1.0 where the rank is among the first k, else 0.0."""
    return float(rank is not None and rank <= k)


def reciprocal(rank: int | None) -> float:
    """1 / rank, 0.0 where nothing was found."""
    return 0.0 if rank is None else 1 / rank


def discounted(rank: int | None, k: int = 10) -> float:
    """Binary nDCG@k with one relevant section."""
    return 0.0 if rank is None or rank > k else 1 / math.log2(rank + 1)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    if len(positive) == 0 or len(negative) == 0:
        return math.nan
    scores = np.asarray(positive)[:, None] - np.asarray(negative)[None, :]
    return float(np.mean(scores > 0) + 0.5 * np.mean(scores == 0))


def refused_at(answered: float, covered: Sequence[float], uncovered: Sequence[float]) -> float:
    """Share of uncovered questions refused at the threshold that answers `answered` of the covered."""
    threshold = float(np.quantile(covered, 1 - answered, method="lower"))
    return float(np.mean(np.asarray(uncovered) < threshold))


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean with its 95 % bootstrap interval."""
    if not values:
        return Interval(math.nan, math.nan, math.nan)
    array = np.asarray(values, dtype=np.float64)
    rows = np.random.default_rng(seed).integers(0, len(array), (_RESAMPLES, len(array)))
    low, high = np.quantile(array[rows].mean(axis=1), [0.025, 0.975])
    return Interval(float(array.mean()), float(low), float(high))


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """The figures of a set of covered questions, by name; of sections and evidence over the rows that tell them."""
    placed = [o for o in outcomes if o.golden.sections]
    evident = [o for o in outcomes if o.golden.evidence]
    columns = {
        "own chapter@1": [within(o.own_chapter_rank, 1) for o in outcomes],
        "chapter@1": [within(o.chapter_rank, 1) for o in outcomes],
        "chapter@3": [within(o.chapter_rank, 3) for o in outcomes],
        "MRR": [reciprocal(o.section_rank) for o in placed],
        "section@1": [within(o.section_rank, 1) for o in placed],
        "section@5": [within(o.section_rank, 5) for o in placed],
        "nDCG@10": [discounted(o.section_rank) for o in placed],
        "evidence in answer": [float(o.evidence_shown) for o in evident],
        "answered": [float(o.answered) for o in outcomes],
        "citation faults": [float(len(o.faults)) for o in outcomes],
    }
    return {name: bootstrap(values) for name, values in columns.items() if values}


def refusals(covered: Sequence[Outcome], uncovered: Sequence[Outcome]) -> dict[str, Interval]:
    """How well the confidence tells the uncovered questions of a set from the covered ones."""
    sure, unsure = ([outcome.confidence for outcome in outcomes] for outcomes in (covered, uncovered))
    figures = {"refused": bootstrap([float(not outcome.answered) for outcome in uncovered])}
    if covered:
        figures["AUROC"] = Interval(auroc(sure, unsure))
        figures["refused at 95 %"] = Interval(refused_at(0.95, sure, unsure))
    return figures | {"citation faults": bootstrap([float(len(outcome.faults)) for outcome in uncovered])}


def run(questions: Sequence[Golden], find: Find, reply: Reply, playbook: Playbook) -> list[Outcome]:
    """Puts every question to `find` and `reply`; one that is refused finds nothing and has no answer."""
    return [judge(golden, *_put(golden.question, find, reply), playbook) for golden in questions]


def _put(question: str, find: Find, reply: Reply) -> tuple[Sequence[Hit], Answer]:
    try:
        return find(question), reply(question)
    except QuestionRefused as error:
        return (), Answer(question, False, 0.0, str(error), (), (), question)
