"""Ways of finding sections that the house is measured beside: named peers, and the house with less.

Owns them as functions from questions to ranked section ids. Does not measure.
"""

import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from langchain_text_splitters import RecursiveCharacterTextSplitter

from qa.encoder import Encoder, OpenVINOEncoder
from qa.export import export
from qa.exports import DEFAULT_MODEL, model_folder
from qa.index import Index
from qa.retrieval import Retriever, Weights
from qa.store import FaissStore
from qa.tokens import TokenStore
from qa.types import Playbook
from training.folds import with_keys

NODE = Path(__file__).parent.parent / "tests" / "node"
DEPTH = 60
_RRF = 60
Rank = Callable[[Sequence[str]], list[list[str]]]


def published() -> OpenVINOEncoder:
    """The embedding model as it was published."""
    with tempfile.TemporaryDirectory() as folder:
        export(model_folder(DEFAULT_MODEL), Path(folder))
        return OpenVINOEncoder(Path(folder))


def with_encoder(index: Index, encoder: Encoder) -> Index:
    """The same chapters and questions, embedded by another model."""
    told = encoder.embed_document([chunk.context for chunk in index.chunks])
    asked = encoder.embed_query([question.question for question in index.questions])
    dimension = told[0].tokens.shape[1]
    return replace(
        index,
        store=FaissStore.from_vectors(np.stack([passage.vector for passage in told])),
        tokens=TokenStore.from_tokens([passage.tokens for passage in told], dimension),
        keys=FaissStore.from_vectors(np.stack([question.vector for question in asked])),
        key_tokens=TokenStore.from_tokens([question.tokens for question in asked], dimension),
        encoder=encoder,
    )


def by_house(index: Index, weights: Weights) -> Rank:
    """This house with some of its signs."""
    retriever = Retriever(index, weights)

    def rank(questions: Sequence[str]) -> list[list[str]]:
        found = (retriever.search(question, DEPTH) for question in questions)
        return [list(dict.fromkeys(hit.chunk.section_id for hit in hits)) for hits in found]

    return rank


def fused(*ranks: Rank) -> Rank:
    """Several rankings as one, by reciprocal rank fusion with its authors' constant."""

    def rank(questions: Sequence[str]) -> list[list[str]]:
        return [_fuse(found) for found in zip(*(each(questions) for each in ranks), strict=True)]

    return rank


def _fuse(rankings: Sequence[list[str]]) -> list[str]:
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, section in enumerate(ranking, 1):
            scores[section] += 1 / (_RRF + place)
    return sorted(scores, key=scores.__getitem__, reverse=True)[:DEPTH]


def by_fixed_chunks(index: Index, encoder: Encoder) -> Rank:
    """An encoder and FAISS over LangChain's 1,000-character chunks, headings unseen."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=0, add_start_index=True)
    texts, sections = [], []
    for chapter in index.playbook.chapters:
        for piece in splitter.create_documents([chapter.text]):
            start = piece.metadata["start_index"]
            inside = [section for section in chapter.sections if section.start <= start]
            texts.append(piece.page_content)
            sections.append((inside[-1] if inside else chapter.sections[0]).id)
    store = FaissStore.from_vectors(encoder.encode_document(texts))

    def rank(questions: Sequence[str]) -> list[list[str]]:
        ids, _ = store.search(encoder.encode_query(questions), DEPTH)
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


def emphasised(index: Index) -> Index:
    """The index with every title and heading said twice to the words, as field weights would have it."""
    twice = (replace(c, title=f"{c.title} {c.title}", heading_path=c.heading_path * 2) for c in index.chunks)
    return replace(index, chunks=tuple(twice))


def without_questions(index: Index) -> Index:
    """The index as a playbook without `questions.jsonl` would have it."""
    return with_keys(index, np.zeros(len(index.questions), np.bool_))
