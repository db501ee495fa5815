"""Times the house beside the same work done with sentence-transformers directly.

Owns the figures of `docs/benchmarks.md`. Both sides run interleaved in one process tree;
each figure is a median. What travels between machines is the ratio, and of what one waits for
the multiple of one encoder pass: a question of the same set embedded, in the same run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from qa.assistant import Assistant, default_content, default_index
from qa.encoder import OpenVINOEncoder
from qa.exports import DEFAULT_MODEL, model_folder, open_model
from qa.index import open_index
from qa.manifest import MODELS
from qa.playbook import read_playbook
from qa.playbook.chunks import split
from qa.playbook.interview import read_interview

QUESTIONS = (
    "how many threads does libuv's pool have",
    "why does p99 climb while cpu stays flat",
    "what is the difference between nextTick and setImmediate",
    "memory grows when I pipe a fast source into a slow client",
    "which exit code does a container killed for memory show",
)
_REST = 0.3  # seconds
_TIMED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
PEER_COLD = """
import time, sys, json
from pathlib import Path
import numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
vectors = np.load(sys.argv[2])
texts = json.loads(Path(sys.argv[3]).read_text())
print(texts[int(np.argmax(vectors @ model.encode([sys.argv[4]], normalize_embeddings=True)[0]))][:80])
"""


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a command."""
    started = time.perf_counter()
    output = subprocess.run([sys.executable, "-c", _TIMED, *command], check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - started, int(output) / 1024


def _beside(ours: Callable[[str], object], peer: Callable[[str], object], rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of every question on both sides, in turns.

    A number with each question keeps it from being remembered. A rest before each turn lets the
    threads that the other side leaves stop spinning, and its first question is not timed.
    """
    timed: list[tuple[float, float]] = []
    for n in range(rounds):
        turns = []
        for side in (ours, peer):
            time.sleep(_REST)
            side(f"{n} {QUESTIONS[-1]}?")
            turns.append([1000 * _seconds(partial(side, f"{n} {question}")) for question in QUESTIONS])
        timed += zip(*turns, strict=True)
    return timed


def _marking(assistant: Assistant, repeats: int) -> tuple[int, float]:
    """The words of a model answer of some 150, and the seconds that marking it takes."""
    answers = [(asked, assistant.read(asked.source.chapter)) for asked in read_interview(assistant.playbook)]
    texts = [(asked, chapter.text[asked.start : asked.end]) for asked, chapter in answers if chapter]
    asked, text = min(texts, key=lambda pair: abs(len(pair[1].split()) - 150))
    points = [point.text for point in asked.points]

    def mark() -> object:
        return assistant.grade(asked.question, text, key_points=points, wrong_claims=asked.wrong_claims)

    mark()
    return len(text.split()), float(np.median([_seconds(mark) for _ in range(repeats)]))


def rows(repeats: int) -> list[tuple[str, float, float | None, str]]:
    """Every figure: what, ours, sentence-transformers' where it does the like, unit; one encoder pass comes first."""
    content = default_content()
    assistant = Assistant.load()
    texts = [chunk.context for chapter in read_playbook(content).chapters for chunk in split(chapter)]
    peer = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)
    _, export = open_model(DEFAULT_MODEL, default_index(content) / MODELS, print)
    ours = OpenVINOEncoder(export)
    sample = texts[:: max(1, len(texts) // 256)]
    rates = [
        (
            len(sample) / _seconds(lambda: ours.encode_document(sample)),
            len(sample) / _seconds(lambda: peer.encode(sample)),
        )
        for _ in range(repeats)
    ]
    vectors = peer.encode(texts, normalize_embeddings=True)

    def search(question: str) -> object:
        return np.argsort(-(vectors @ peer.encode([question], normalize_embeddings=True)[0]))[:10]

    asked = _beside(assistant.ask, search, 4 * repeats)
    typed = _beside(partial(assistant.search, rerank=False), search, 4 * repeats)
    passes = _beside(lambda question: ours.embed_query([question]), lambda q: peer.encode([q]), 4 * repeats)
    words, marked = _marking(assistant, 4 * repeats)
    with tempfile.TemporaryDirectory() as folder:
        built = _seconds(lambda: open_index(content, Path(folder, "index")))
        peer_built = _seconds(lambda: peer.encode(texts))
        np.save(Path(folder, "vectors.npy"), vectors)
        Path(folder, "texts.json").write_text(json.dumps(texts))
        ask = [sys.executable, "-m", "qa", "ask", QUESTIONS[0]]
        script = [sys.executable, "-c", PEER_COLD, str(model_folder(DEFAULT_MODEL))]
        script += [f"{folder}/vectors.npy", f"{folder}/texts.json", QUESTIONS[0]]
        cold = [(_peak(ask), _peak(script)) for _ in range(repeats)]
    p50, p95 = np.percentile(asked, [50, 95], axis=0)
    seconds, memory = np.median(cold, axis=0).T
    return [
        ("one encoder pass, warm, p50", *np.median(passes, axis=0), "ms"),
        (f"index {len(texts):,} chunks from nothing, export included; encode only", built, peer_built, "s"),
        ("embed passages", *np.median(rates, axis=0), "chunks/s"),
        ("question to answer, warm, p50; search only", *p50, "ms"),
        ("question to answer, warm, p95; search only", *p95, "ms"),
        ("search as one types, warm, p50", *np.median(typed, axis=0), "ms"),
        (f"mark an answer of {words} words, warm, p50", 1000 * marked, None, "ms"),
        ("one question from the shell, cold", *seconds, "s"),
        ("peak memory of that command", *memory, "MiB"),
    ]


def main() -> None:
    """Prints the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    print(
        "| what | playbook-qa | encoder passes | sentence-transformers | ratio |\n| --- | ---: | ---: | ---: | ---: |"
    )
    found = rows(parser.parse_args().repeats)
    one_pass = found[0][1]
    for what, ours, peer, unit in found:
        passes = f"{ours / one_pass:.1f}" if unit == "ms" else "–"
        beside = "– | –" if peer is None else f"{peer:,.1f} {unit} | {ours / peer:.2f}"
        print(f"| {what} | {ours:,.1f} {unit} | {passes} | {beside} |")


if __name__ == "__main__":
    main()
