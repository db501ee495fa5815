"""Prints how much of the evidence other lengths and prices of quotes show.

Puts questions held out of the keys to `qa.answering`, with one of its or `qa.spans`'
constants changed at a time. Writes nothing.
"""

from functools import partial

import numpy as np

from qa import answering, spans
from qa.assistant import default_content, default_index
from qa.index import open_index
from qa.retrieval import Retriever
from training.folds import held_out

FOLD = range(1)
EVERY = 3  # of the fold's questions, for time
DEPTH = 30
TRIED = {
    (spans, "_PRICE"): (0.0, 0.0015, 0.006),
    (answering, "_WORTH"): (0.7, 0.9),
    (answering, "_LONGEST_FIRST"): (400, 700),
    (answering, "_LONGEST_FURTHER"): (300, 500),
    (answering, "_QUOTES"): (3, 5),
}


def main() -> None:
    """Prints one row per constant and value."""
    ((index, golden),) = held_out(open_index(default_content(), default_index(default_content())), FOLD)
    retriever = Retriever(index)
    found = [(g, retriever.search(g.question, DEPTH)) for g in golden[::EVERY]]

    def show(name: str) -> None:
        shown, lengths = [], []
        for g, hits in found:
            answer = answering.compose(g.question, hits, index.playbook, partial(retriever.near, g.question))
            shown.append(any(e in citation.quote for e in g.evidence for citation in answer.citations))
            lengths.append(sum(len(citation.quote) for citation in answer.citations))
        print(f"{name:28} evidence {np.mean(shown):.3f}, {np.mean(lengths):.0f} characters", flush=True)

    show("as shipped")
    for (module, name), values in TRIED.items():
        shipped = getattr(module, name)
        for value in values:
            setattr(module, name, value)
            show(f"{name} {value}")
        setattr(module, name, shipped)


if __name__ == "__main__":
    main()
