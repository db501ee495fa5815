"""Fits the confidence of an answer: how likely the playbook covers a question.

Owns the constants of `qa.answering`. Covered questions are those of `content/`, each
without its own key; uncovered ones stand in `training/uncovered.jsonl`. Prints the
constants and the curve; writes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from qa.answering import nearness
from qa.assistant import default_content, default_index
from qa.evaluation import auroc
from qa.index import Index, open_index
from qa.playbook.questions import read_jsonl
from qa.retrieval import Retriever
from qa.store import FaissStore
from qa.types import Hit
from training.folds import held_out

UNCOVERED = Path(__file__).parent / "uncovered.jsonl"
DEPTH = 30


def main() -> None:
    """Prints slope, intercept and figures, with question keys and without."""
    index = open_index(default_content(), default_index(default_content()))
    uncovered = [str(row["question"]) for _, row in read_jsonl(UNCOVERED)]
    bare = replace(index, questions=(), keys=FaissStore.from_vectors(np.empty((0, index.store.dimension), np.float32)))
    for name, folds in (("with questions", list(held_out(index))), ("without", [(bare, next(held_out(index))[1])])):
        known = [nearness(hits) for reduced, golden in folds for hits in _found(reduced, [g.question for g in golden])]
        unknown = [nearness(hits) for hits in _found(index if len(folds) > 1 else bare, uncovered)]
        labels = np.repeat([1, 0], [len(known), len(unknown)])
        model = LogisticRegression(C=1e3, class_weight="balanced").fit(np.array([*known, *unknown])[:, None], labels)
        print(f"{name}: slope {model.coef_[0][0]:.1f} intercept {model.intercept_[0]:.1f}")
        print(f"  AUROC {auroc(known, unknown):.3f}")
        for share in (0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.9):
            border = float(np.quantile(known, 1 - share))
            threshold = model.predict_proba([[border]])[0, 1]
            print(
                f"  threshold {threshold:.3f}: answered {share:.2f}, refused {np.mean(np.array(unknown) < border):.3f}"
            )


def _found(index: Index, questions: Sequence[str]) -> Iterator[list[Hit]]:
    retriever = Retriever(index)
    return (retriever.search(question, DEPTH) for question in questions)


if __name__ == "__main__":
    main()
