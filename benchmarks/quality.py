"""Writes `docs/quality.md`, its plots and `docs/quality.json`: the golden sets, put to this house and to its peers.

Owns the page. `make quality` runs it; the page is never edited by hand.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import grading, plots
from benchmarks.peers import (
    DEPTH,
    Rank,
    by_fixed_chunks,
    by_house,
    by_minisearch,
    emphasised,
    fused,
    published,
    with_encoder,
    without_questions,
)
from qa import evaluation
from qa.assistant import Assistant, default_content, default_index
from qa.confidence import THRESHOLD
from qa.evaluation import Golden, Interval, discounted, reciprocal, within
from qa.index import Index, open_index
from qa.playbook.questions import read_jsonl
from qa.retrieval import Weights
from qa.types import Playbook

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GOLDEN = ROOT / "tests" / "golden"
COLUMNS = (
    "chapter@1",
    "chapter@3",
    "section@1",
    "section@5",
    "MRR",
    "nDCG@10",
    "symptom chapter@1",
    "symptom section@5",
)
NONE = Weights(words=0.0, chapter_words=0.0, asked=0.0, asked_words=0.0, repeats=0.0, tokens=0.0, asked_tokens=0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures."""

    name: str
    figures: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Turns:
    """How many later turns conversations have, how many find their chapter first, and the citation faults of all."""

    later: int
    found: float
    faults: int


@dataclass(frozen=True, slots=True)
class Answering:
    """What the page says of answers: figures by type of question, how well the uncovered ones are told, and counts."""

    covered: int
    uncovered: int
    types: Mapping[str, Mapping[str, Interval]]
    refusing: Mapping[str, float]
    turns: Turns
    faults: int


def measure(name: str, ranked: Sequence[Sequence[str]], golden: Sequence[Golden], playbook: Playbook) -> Row:
    """Figures of ranked section ids."""
    parents = evaluation.ancestors(playbook)
    columns: dict[str, list[float]] = {}
    for question, sections in zip(golden, ranked, strict=True):
        chapter, rank = evaluation.ranks(question, sections, parents)
        figures = {"chapter@1": within(chapter, 1), "section@5": within(rank, 5)}
        if question.type == "symptom":
            figures |= {f"symptom {column}": value for column, value in figures.items()}
        figures |= {
            "chapter@3": within(chapter, 3),
            "section@1": within(rank, 1),
            "MRR": reciprocal(rank),
            "nDCG@10": discounted(rank),
        }
        for column, value in figures.items():
            columns.setdefault(column, []).append(value)
    columns = {column: columns[column] for column in COLUMNS}
    return Row(name, {column: evaluation.bootstrap(values) for column, values in columns.items()})


def conversations(assistant: Assistant) -> Turns:
    """Puts every turn of the conversations after those before it."""
    found: list[bool] = []
    faults: list[str] = []
    for _, row in read_jsonl(GOLDEN / "conversations.jsonl"):
        turns = row["turns"]
        if not isinstance(turns, list):
            raise ValueError(f"turns must be a list, got {turns!r}")
        for number, turn in enumerate(turns):
            before = [earlier["question"] for earlier in turns[:number]]
            faults += evaluation.faults(assistant.ask(turn["question"], history=before), assistant.playbook)
            if number:
                searched = assistant.rewrite(turn["question"], before)
                chapters = {turn["chapter"], *(int(section.split("#")[0]) for section in turn.get("also", []))}
                found.append(assistant.search(searched, 1)[0].chunk.chapter in chapters)
    return Turns(len(found), float(np.mean(found)), len(faults))


def systems(index: Index) -> dict[str, Rank]:
    """The peers, then the house sign by sign, then the house with each part left out."""
    bare, whole = without_questions(index), Weights()
    plain = published()
    words, meaning = by_house(bare, replace(NONE, words=100.0)), by_house(bare, NONE)
    return {
        "MiniSearch, set as VitePress sets it": by_minisearch(index.playbook),
        "1,000-character chunks, MiniLM, FAISS": by_fixed_chunks(index, plain),
        "sections, BM25 alone": words,
        "sections, adapted encoder alone": meaning,
        "both of these, reciprocal rank fusion": fused(words, meaning),
        "**all signs, question keys**": by_house(index, whole),
        "without question keys": by_house(bare, whole),
        "without late interaction": by_house(index, replace(whole, tokens=0.0, asked_tokens=0.0)),
        "late interaction with chunks only": by_house(index, replace(whole, asked_tokens=0.0)),
        "without the chapter's words": by_house(index, replace(whole, chapter_words=0.0)),
        "without the chunk's words": by_house(index, replace(whole, words=0.0)),
        "title and headings count twice in the words": by_house(emphasised(index), whole),
        "without lowering what repeats": by_house(index, replace(whole, repeats=0.0)),
        "published encoder": by_house(with_encoder(index, plain), whole),
        "published encoder, no question keys": by_house(without_questions(with_encoder(index, plain)), whole),
    }


def main() -> None:
    """Measures everything and writes the page."""
    assistant, index = Assistant.load(), open_index(default_content(), default_index(default_content()))
    golden = [Golden.from_row(row) for _, row in read_jsonl(GOLDEN / "questions.jsonl")]
    texts = [question.question for question in golden]
    rows = [measure(name, rank(texts), golden, index.playbook) for name, rank in systems(index).items()]
    outcomes = evaluation.run(golden, lambda text: assistant.search(text, DEPTH), assistant.ask, index.playbook)
    strange = [Golden.from_row({**row, "covered": False}) for _, row in read_jsonl(GOLDEN / "uncovered.jsonl")]
    refused = evaluation.run(strange, lambda _: (), assistant.ask, index.playbook)
    covered, uncovered = ([outcome.confidence for outcome in given] for given in (outcomes, refused))
    plots.refusal(covered, uncovered, DOCS / "refusal.svg")
    plots.reliability(covered, uncovered, DOCS / "reliability.svg")
    plots.ablation({row.name: row.figures for row in rows}, ("chapter@1", "section@5"), DOCS / "ablation.svg")
    turns = conversations(assistant)
    answering = Answering(
        len(covered),
        len(uncovered),
        by_type(outcomes),
        refusals(covered, uncovered),
        turns,
        turns.faults + sum(len(outcome.faults) for outcome in (*outcomes, *refused)),
    )
    groups, worthless = grading.mark(assistant)
    marking = grading.figures(groups)
    text = "\n".join([*page(rows, answering), *grading.section(groups, marking, worthless)])
    (DOCS / "quality.md").write_text(text, encoding="utf-8")
    figures = {
        "finding": {row.name.strip("*"): _values(row.figures) for row in rows},
        "answers": {kind: _values(summary) for kind, summary in answering.types.items()},
        "refusing": _rounded(answering.refusing),
        "conversations": {"later turns": turns.later, "chapter@1": round(turns.found, 4)},
        "citation faults": answering.faults,
        "marking": _values(marking) | _rounded(worthless),
    }
    (DOCS / "quality.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def by_type(outcomes: Sequence[evaluation.Outcome]) -> dict[str, dict[str, Interval]]:
    """What became of all questions, and of those of each type."""
    kinds = {kind: [o for o in outcomes if o.golden.type == kind] for kind in ("plain", "symptom", "specific")}
    return {kind: evaluation.summarise(chosen) for kind, chosen in {"all": list(outcomes), **kinds}.items()}


def refusals(covered: Sequence[float], uncovered: Sequence[float]) -> dict[str, float]:
    """How well the confidence tells covered questions from uncovered ones."""
    return {
        "AUROC of the confidence": evaluation.auroc(covered, uncovered),
        "refused among uncovered, at 95 % of covered answered": evaluation.refused_at(0.95, covered, uncovered),
        "covered answered at the shipped threshold": float(np.mean(np.asarray(covered) >= THRESHOLD)),
        "uncovered refused at the shipped threshold": float(np.mean(np.asarray(uncovered) < THRESHOLD)),
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _values(figures: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: [round(value, 4) for value in (f.mean, f.low, f.high)] for name, f in figures.items()}


def page(rows: Sequence[Row], answering: Answering) -> list[str]:
    """The lines of `docs/quality.md` about finding, quoting and refusing."""
    columns, types, turns = list(rows[0].figures), answering.types, answering.turns
    return [
        "# Quality",
        "",
        "Written by `make quality` from the running system; not edited by hand.",
        "",
        f"{answering.covered} golden questions, written by another hand than the chapters and the shipped",
        "questions, none trained on. Brackets hold 95 % bootstrap intervals. A section counts when it,",
        "or one above it, answers the question; a chapter when one of its sections does; 'own chapter'",
        "counts only the one the question was written for.",
        "",
        "## Finding the section",
        "",
        f"| system | {' | '.join(columns)} |",
        f"| --- | {' | '.join('---:' for _ in columns)} |",
        *(f"| {row.name} | {' | '.join(_figure(row.figures[column]) for column in columns)} |" for row in rows),
        "",
        "![Chapter and section found, by system](ablation.svg)",
        "",
        "## Answers, by type of question",
        "",
        f"| figure | {' | '.join(types)} |",
        f"| --- | {' | '.join('---:' for _ in types)} |",
        *(f"| {name} | {' | '.join(_figure(found[name]) for found in types.values())} |" for name in types["all"]),
        "",
        "Citation faults are quotes that are fabricated, stitched together or misattributed; over all golden",
        f"questions, the uncovered ones and every turn of the conversations there are {answering.faults}.",
        "",
        "## Knowing what is not covered",
        "",
        f"{answering.uncovered} questions the playbook does not treat, beside the golden ones.",
        "",
        "| figure | value |",
        "| --- | ---: |",
        *(f"| {name} | {value:.3f} |" for name, value in answering.refusing.items()),
        "",
        "![Share of questions answered and refused at every threshold](refusal.svg)",
        "",
        "![How often questions of a confidence are covered](reliability.svg)",
        "",
        "## Conversations",
        "",
        f"Of {turns.later} later turns, read with the questions before them, {turns.found:.3f} find their",
        "chapter first.",
        "",
    ]


def _figure(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


if __name__ == "__main__":
    main()
