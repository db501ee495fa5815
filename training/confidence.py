"""Fits the confidence of an answer: how likely the playbook covers a question.

Owns the constants of `qa.answering`. Covered questions are those of `content/`, each
without its own key; uncovered ones stand in `training/uncovered.jsonl`. Prints the
constants and the curve; writes nothing.
"""

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from qa.answering import signs
from qa.assistant import default_content, default_index
from qa.evaluation import auroc
from qa.index import open_index
from qa.playbook.questions import read_jsonl
from qa.retrieval import Retriever
from training.folds import held_out

UNCOVERED = Path(__file__).parent / "uncovered.jsonl"
DEPTH = 30


def main() -> None:
    """Prints slope, intercept and figures, with question keys and without."""
    index = open_index(default_content(), default_index(default_content()))
    uncovered = [str(row["question"]) for _, row in read_jsonl(UNCOVERED)]
    whole = Retriever(index)
    refused = np.array([signs(whole.search(question, DEPTH)) for question in uncovered])
    kept = []
    for reduced, golden in held_out(index):
        retriever = Retriever(reduced)
        kept += [signs(retriever.search(question.question, DEPTH)) for question in golden]
    covered = np.array(kept)
    for name, columns in (("with questions", [0, 1]), ("without", [0])):
        features = np.concatenate([covered[:, columns], refused[:, columns]])
        labels = np.concatenate([np.ones(len(covered)), np.zeros(len(refused))])
        model = LogisticRegression(C=1e3, class_weight="balanced").fit(features, labels)
        chances = model.predict_proba(features)[:, 1]
        known, unknown = chances[: len(covered)], chances[len(covered) :]
        print(f"{name}: weights {model.coef_[0].round(2).tolist()} intercept {model.intercept_[0]:.2f}")
        print(f"  AUROC {auroc(known.tolist(), unknown.tolist()):.3f}")
        for share in (0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.9):
            threshold = float(np.quantile(known, 1 - share))
            print(f"  threshold {threshold:.3f}: answered {share:.2f}, refused {np.mean(unknown < threshold):.3f}")


if __name__ == "__main__":
    main()
