"""Fits the confidence of an answer: how likely the playbook covers a question.

Owns the constants of `qa.confidence`. Covered questions are those of `content/` that the
encoder was not trained on, without their own keys; uncovered ones stand in
`training/uncovered.jsonl`. Prints the constants and the curve; writes nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from qa.assistant import default_content, default_index
from qa.confidence import signs
from qa.evaluation import auroc
from qa.index import Index, open_index
from qa.playbook.questions import read_jsonl
from qa.retrieval import Retriever
from training.folds import held_out, with_keys

UNCOVERED = Path(__file__).parent / "uncovered.jsonl"
DEPTH = 30
UNSEEN = range(1)  # the folds that `training/encoder.py` leaves out


def main() -> None:
    """Prints weights, constant and figures, with question keys and without."""
    index = open_index(default_content(), default_index(default_content()))
    uncovered = [str(row["question"]) for _, row in read_jsonl(UNCOVERED)]
    ((reduced, golden),) = held_out(index, UNSEEN)
    questions = [g.question for g in golden]
    bare = with_keys(index, np.zeros(len(index.questions), np.bool_))
    for name, of_known, of_unknown in (("with questions", reduced, index), ("without", bare, bare)):
        known, unknown = found(of_known, questions), found(of_unknown, uncovered)
        labels = np.repeat([1, 0], [len(known), len(unknown)])
        model = LogisticRegression(C=1e2, class_weight="balanced").fit(np.concatenate([known, unknown]), labels)
        print(f"{name}: weights {model.coef_[0].round(1).tolist()} constant {model.intercept_[0]:.1f}")
        covered, strange = model.predict_proba(known)[:, 1], model.predict_proba(unknown)[:, 1]
        print(f"  AUROC {auroc(covered.tolist(), strange.tolist()):.3f}")
        for share in (0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.9, 0.87):
            threshold = float(np.quantile(covered, 1 - share))
            print(f"  threshold {threshold:.3f}: answered {share:.2f}, refused {np.mean(strange < threshold):.3f}")


def found(index: Index, questions: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The signs of each question, `(n, 3)`."""
    retriever = Retriever(index)
    return np.array([signs(retriever.search(question, DEPTH)) for question in questions])


if __name__ == "__main__":
    main()
