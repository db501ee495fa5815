"""Prints how each weight of the ranking does on questions that neither keys nor encoder have seen.

Varies each weight of `qa.retrieval.Weights` alone around the shipped values. Writes nothing.
"""

from dataclasses import fields, replace

import numpy as np

from qa.assistant import default_content, default_index
from qa.evaluation import within
from qa.index import open_index
from qa.retrieval import Retriever, Weights
from training.folds import held_out

FACTORS = (0.0, 0.5, 1.0, 1.5, 2.0)
FOLD = range(1)  # the fold that `training/encoder.py` leaves out


def figures(weights: Weights) -> tuple[float, float, float]:
    """Chapter@1, section@1 and section@5 over the held-out questions."""
    index = open_index(default_content(), default_index(default_content()))
    found = []
    for reduced, golden in held_out(index, FOLD):
        retriever = Retriever(reduced, weights)
        for question in golden:
            sections = list(dict.fromkeys(hit.chunk.section_id for hit in retriever.search(question.question, 40)))
            rank = next((n for n, section in enumerate(sections, 1) if section in question.sections), None)
            chapters = {section.split("#")[0] for section in question.sections}
            found.append((sections[0].split("#")[0] in chapters, within(rank, 1), within(rank, 5)))
    first, one, five = np.mean(found, axis=0)
    return float(first), float(one), float(five)


def main() -> None:
    """Prints one row per weight and value."""
    shipped = Weights()
    for field in fields(Weights):
        for factor in FACTORS:
            value = getattr(shipped, field.name) * factor
            chapter, one, five = figures(replace(shipped, **{field.name: value}))
            print(f"{field.name:20} {value:7.3f} chapter@1 {chapter:.3f} section@1 {one:.3f} section@5 {five:.3f}")


if __name__ == "__main__":
    main()
