"""Questions held out of an index: what training and tuning are judged on.

Owns the folds of `content/questions.jsonl`. A fold's questions leave the keys of the index
they are put to, so that no question finds itself.
"""

from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

import numpy as np

from qa.assistant import default_content
from qa.evaluation import Golden
from qa.index import Index
from qa.playbook.questions import FILE, read_jsonl
from qa.store import FaissStore

FOLDS = 6


def fold_of(question: str) -> int:
    """The fold of a question, whatever stands beside it in the file."""
    return crc32(question.encode()) % FOLDS


def held_out(index: Index, folds: range = range(FOLDS)) -> Iterator[tuple[Index, list[Golden]]]:
    """For each fold: the index without its questions, and those questions."""
    golden = [Golden.from_row(row) for _, row in read_jsonl(default_content() / FILE)]
    if [g.question for g in golden] != [q.question for q in index.questions]:
        raise ValueError("the index does not hold the questions of content/; run playbook-qa build")
    membership, vectors = np.array([fold_of(g.question) for g in golden]), index.keys.vectors()
    for fold in folds:
        kept = membership != fold
        questions = tuple(q for q, keep in zip(index.questions, kept, strict=True) if keep)
        keys = FaissStore.from_vectors(np.ascontiguousarray(vectors[kept]))
        yield (
            replace(index, questions=questions, keys=keys),
            [g for g, keep in zip(golden, kept, strict=True) if not keep],
        )
