"""Questions held out of an index: what training and tuning are judged on.

Owns the folds of `content/questions.jsonl`, and indexes with fewer keys. A fold's questions
leave the keys of the index they are put to, so that no question finds itself.
"""

from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from qa.assistant import default_content
from qa.evaluation import Golden
from qa.index import Index
from qa.playbook.questions import FILE, read_jsonl
from qa.store import FaissStore
from qa.tokens import TokenStore

FOLDS = 6


def fold_of(question: str, folds: int = FOLDS) -> int:
    """The fold of a question, whatever stands beside it in the file."""
    return crc32(question.encode()) % folds


def held_out(index: Index, folds: range = range(FOLDS)) -> Iterator[tuple[Index, list[Golden]]]:
    """For each fold: the index without its questions, and those questions."""
    golden = [Golden.from_row(row) for _, row in read_jsonl(default_content() / FILE)]
    if [g.question for g in golden] != [q.question for q in index.questions]:
        raise ValueError("the index does not hold the questions of content/; run playbook-qa build")
    membership = np.array([fold_of(g.question) for g in golden])
    for fold in folds:
        kept = membership != fold
        yield with_keys(index, kept), [g for g, keep in zip(golden, kept, strict=True) if not keep]


def with_keys(index: Index, kept: npt.NDArray[np.bool_]) -> Index:
    """The index with some of its questions only."""
    rows = np.flatnonzero(kept)
    dimension = index.tokens.tokens(0).shape[1]
    return replace(
        index,
        questions=tuple(index.questions[row] for row in rows),
        keys=FaissStore.from_vectors(np.ascontiguousarray(index.keys.vectors()[rows])),
        key_tokens=TokenStore.from_tokens([index.key_tokens.tokens(row) for row in rows.tolist()], dimension),
    )
