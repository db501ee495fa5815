"""Writes `docs/quality.md` and its plot: the golden sets, put to this house and to its peers.

Owns the peers and the page. `make quality` runs it; the page is never edited by hand.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from langchain_text_splitters import RecursiveCharacterTextSplitter

from qa import evaluation
from qa.assistant import Assistant, default_content, default_index
from qa.confidence import THRESHOLD
from qa.evaluation import Golden, Interval, within
from qa.index import Index, open_index
from qa.playbook.questions import read_jsonl
from qa.retrieval import Retriever, Weights
from qa.store import FaissStore
from qa.types import Playbook, QuestionRefused

mpl.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
NODE = ROOT / "tests" / "node"
DEPTH = 60
Rank = Callable[[Sequence[str]], list[list[str]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures."""

    name: str
    figures: dict[str, Interval]


def measure(name: str, ranked: Sequence[Sequence[str]], golden: Sequence[Golden], playbook: Playbook) -> Row:
    """Figures of ranked section ids."""
    parents = evaluation.ancestors(playbook)
    columns: dict[str, list[float]] = {}
    for question, sections in zip(golden, ranked, strict=True):
        first = int(sections[0].split("#")[0]) if sections else -1
        hits = (n for n, section in enumerate(sections, 1) if parents.get(section, {section}) & question.sections)
        rank = next(hits, None)
        for prefix in ("", "symptom ") if question.type == "symptom" else ("",):
            columns.setdefault(f"{prefix}chapter@1", []).append(float(first == question.chapter))
            columns.setdefault(f"{prefix}section@1", []).append(within(rank, 1))
            columns.setdefault(f"{prefix}section@5", []).append(within(rank, 5))
    return Row(name, {column: evaluation.bootstrap(values) for column, values in columns.items()})


def by_house(index: Index, weights: Weights) -> Rank:
    """This house with some of its signs."""
    retriever = Retriever(index, weights)

    def rank(questions: Sequence[str]) -> list[list[str]]:
        found = (retriever.search(question, DEPTH) for question in questions)
        return [list(dict.fromkeys(hit.chunk.section_id for hit in hits)) for hits in found]

    return rank


def by_fixed_chunks(index: Index) -> Rank:
    """MiniLM and FAISS over LangChain's 1,000-character chunks, headings unseen."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=0, add_start_index=True)
    texts, sections = [], []
    for chapter in index.playbook.chapters:
        for piece in splitter.create_documents([chapter.text]):
            start = piece.metadata["start_index"]
            inside = [section for section in chapter.sections if section.start <= start]
            texts.append(piece.page_content)
            sections.append((inside[-1] if inside else chapter.sections[0]).id)
    store = FaissStore.from_vectors(index.encoder.encode_document(texts))

    def rank(questions: Sequence[str]) -> list[list[str]]:
        ids, _ = store.search(index.encoder.encode_query(questions), DEPTH)
        return [list(dict.fromkeys(sections[row] for row in rows)) for rows in ids.tolist()]

    return rank


def by_minisearch(playbook: Playbook) -> Rank:
    """MiniSearch over sections, set as VitePress sets it."""
    documents = [
        {
            "id": section.id,
            "title": section.heading_path[-1] if section.heading_path else chapter.title,
            "titles": " ".join((chapter.title, *section.heading_path[:-1])),
            "text": chapter.text[section.start : section.end],
        }
        for chapter in playbook.chapters
        for section in chapter.sections
    ]

    def rank(questions: Sequence[str]) -> list[list[str]]:
        if not (NODE / "node_modules" / "minisearch").is_dir():
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=NODE, check=True)
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({"documents": documents, "questions": list(questions)}, file)
            file.flush()
            command = ["node", str(NODE / "minisearch.mjs"), file.name]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in printed.splitlines()]

    return rank


def without_questions(index: Index) -> Index:
    """The index as a playbook without `questions.jsonl` would have it."""
    empty = np.empty((0, index.store.dimension), dtype=np.float32)
    return replace(index, questions=(), keys=FaissStore.from_vectors(empty))


def confidences(assistant: Assistant, questions: Sequence[str]) -> list[float]:
    """How sure the house is that it covers each question; a refused question counts as 0."""
    found = []
    for question in questions:
        try:
            found.append(assistant.ask(question).confidence)
        except QuestionRefused:
            found.append(0.0)
    return found


def plot(covered: Sequence[float], uncovered: Sequence[float], path: Path) -> None:
    """Draws the share answered and refused at every threshold."""
    thresholds = np.linspace(0, 1, 101)
    figure, axes = pyplot.subplots(figsize=(6.5, 4), layout="constrained")
    axes.plot(thresholds, [np.mean(np.asarray(covered) >= t) for t in thresholds], label="covered, answered")
    axes.plot(thresholds, [np.mean(np.asarray(uncovered) < t) for t in thresholds], label="not covered, refused")
    axes.axvline(THRESHOLD, color="grey", linestyle=":", label="shipped threshold")
    axes.set(xlabel="confidence threshold", ylabel="share of questions", ylim=(0, 1.02))
    axes.legend(loc="lower center")
    figure.savefig(path)
    pyplot.close(figure)


def conversations(assistant: Assistant) -> tuple[int, float]:
    """How many later turns there are, and how often their chapter comes first."""
    found = []
    for _, row in read_jsonl(GOLDEN / "conversations.jsonl"):
        turns = row["turns"]
        if not isinstance(turns, list):
            raise ValueError(f"turns must be a list, got {turns!r}")
        for number, turn in enumerate(turns):
            if number:
                searched = assistant.rewrite(turn["question"], [earlier["question"] for earlier in turns[:number]])
                chapters = {turn["chapter"], *(int(section.split("#")[0]) for section in turn.get("also", []))}
                found.append(assistant.search(searched, 1)[0].chunk.chapter in chapters)
    return len(found), float(np.mean(found))


def main() -> None:
    """Measures everything and writes the page."""
    index = open_index(default_content(), default_index(default_content()))
    assistant = Assistant(index)
    golden = [Golden.from_row(row) for _, row in read_jsonl(GOLDEN / "questions.jsonl")]
    texts = [question.question for question in golden]
    bare = without_questions(index)
    words = Weights(words=100.0, chapter_words=0.0, asked=0.0, asked_words=0.0, repeats=0.0)
    meaning = Weights(words=0.0, chapter_words=0.0, asked=0.0, asked_words=0.0, repeats=0.0)
    systems: dict[str, Rank] = {
        "MiniSearch, set as VitePress sets it": by_minisearch(index.playbook),
        "1,000-character chunks, encoder + FAISS": by_fixed_chunks(index),
        "heading-aware chunks, BM25 alone": by_house(bare, words),
        "heading-aware chunks, encoder alone": by_house(bare, meaning),
        "all signs, no question keys": by_house(bare, Weights()),
        "**all signs, with question keys**": by_house(index, Weights()),
    }
    rows = [measure(name, rank(texts), golden, index.playbook) for name, rank in systems.items()]
    outcomes = evaluation.run(golden, lambda text: assistant.search(text, DEPTH), assistant.ask, index.playbook)
    covered = [outcome.confidence for outcome in outcomes]
    uncovered = confidences(assistant, [str(row["question"]) for _, row in read_jsonl(GOLDEN / "uncovered.jsonl")])
    plot(covered, uncovered, ROOT / "docs" / "refusal.svg")
    (ROOT / "docs" / "quality.md").write_text(
        page(rows, outcomes, uncovered, conversations(assistant)), encoding="utf-8"
    )


def page(
    rows: Sequence[Row], outcomes: Sequence[evaluation.Outcome], uncovered: Sequence[float], turns: tuple[int, float]
) -> str:
    """The Markdown of `docs/quality.md`."""
    covered = [outcome.confidence for outcome in outcomes]
    refused = evaluation.refused_at(0.95, covered, uncovered)
    columns = list(rows[0].figures)
    kinds = {kind: [o for o in outcomes if o.golden.type == kind] for kind in ("plain", "symptom", "specific")}
    summaries = {kind: evaluation.summarise(chosen) for kind, chosen in {"all": list(outcomes), **kinds}.items()}
    lines = [
        "# Quality",
        "",
        "Written by `make quality` from the running system; not edited by hand.",
        "",
        f"{len(outcomes)} golden questions, written by another hand than the chapters and the shipped",
        "questions, none trained on. Brackets hold 95 % bootstrap intervals. A section counts when it,",
        "or one above it, answers the question.",
        "",
        "## Finding the section",
        "",
        f"| system | {' | '.join(columns)} |",
        f"| --- | {' | '.join('---:' for _ in columns)} |",
        *(f"| {row.name} | {' | '.join(_figure(row.figures[column]) for column in columns)} |" for row in rows),
        "",
        "## Answers, by type of question",
        "",
        f"| figure | {' | '.join(summaries)} |",
        f"| --- | {' | '.join('---:' for _ in summaries)} |",
        *(f"| {name} | {' | '.join(_figure(s[name]) for s in summaries.values())} |" for name in summaries["all"]),
        "",
        "Citation faults are quotes that are fabricated, stitched together or misattributed.",
        "",
        "## Knowing what is not covered",
        "",
        f"{len(uncovered)} questions the playbook does not treat, beside the golden ones.",
        "",
        "| figure | value |",
        "| --- | ---: |",
        f"| AUROC of the confidence | {evaluation.auroc(covered, uncovered):.3f} |",
        f"| refused among uncovered, at 95 % of covered answered | {refused:.3f} |",
        f"| covered answered at the shipped threshold | {np.mean(np.asarray(covered) >= THRESHOLD):.3f} |",
        f"| uncovered refused at the shipped threshold | {np.mean(np.asarray(uncovered) < THRESHOLD):.3f} |",
        "",
        "![Share of questions answered and refused at every threshold](refusal.svg)",
        "",
        "## Conversations",
        "",
        f"Of {turns[0]} later turns, read with the questions before them, {turns[1]:.3f} find their chapter first.",
        "",
    ]
    return "\n".join(lines)


def _figure(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


if __name__ == "__main__":
    main()
