"""Teaches the pair model to read answers: LoRA and a head on `training/answers.jsonl` and `training/statements.jsonl`.

Owns the training of `qa/models/grader.safetensors`, seeded, from data in the repository
only. An answer's passages are what the grader will cut it into; a passage states a key point
or denies it where the writer's evidence lies inside, and says nothing of it where they do not
meet. Statements are single facts, each with passages that state it, deny it and pass it by.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
import torch
from peft import LoraConfig
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from qa.assistant import default_content
from qa.encoder import OpenVINOEncoder
from qa.evaluation import auroc
from qa.export import export, export_pairs
from qa.exports import ADAPTER, DEFAULT_MODEL, GRADER, model_folder
from qa.grading import Grader, passages
from qa.pairs import PairModel
from qa.playbook import read_playbook
from qa.playbook.interview import read_interview
from qa.playbook.questions import read_jsonl
from qa.types import InterviewQuestion
from qa.words import terms
from training.precision import has_bfloat16

ANSWERS = Path(__file__).parent / "answers.jsonl"
STATEMENTS = Path(__file__).parent / "statements.jsonl"
SEED = 0
RANK = 32
TARGETS = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
BATCH = 64
FOLDS = 8
LABELS = {"covers": 1, "claims": 1, "contradicts": 2}
TELLING, SILENT = 2, 1  # passages with and without a point, for each point and answer
NEAREST, OTHERS = 8, 3  # passages of a chapter's other facts: those with most words of a fact, and how many are drawn
REPEATED = 5_000  # pairs of answers in a round of statements, so that they are not forgotten


@dataclass(frozen=True, slots=True)
class Pair:
    """A statement, a passage, and whether the second states (1), denies (2) or leaves (0) the first."""

    statement: str
    passage: str
    label: int


def pairs_of(row: dict[str, Any], asked: InterviewQuestion, rng: np.random.Generator) -> Iterator[Pair]:
    """The pairs that one labelled answer teaches."""
    answer = row["answer"]
    spans = passages(answer)
    points = [(point.text, ("covers", "contradicts")) for point in asked.points]
    claims = [(wrong.claim, ("claims",)) for wrong in asked.wrong_claims]
    for group in (points, claims):
        for number, (statement, kinds) in enumerate(group):
            marked = [
                (LABELS[kind], answer.index(label["span"]), answer.index(label["span"]) + len(label["span"]))
                for kind in kinds
                for label in row[kind]
                if label["at"] == number
            ]
            telling, silent = [], []
            for start, end in spans:
                inside = [label for label, begin, stop in marked if start <= begin + 2 and stop - 2 <= end]
                if inside:
                    telling.append(Pair(statement, answer[start:end], inside[0]))
                elif all(stop <= start or end <= begin for _, begin, stop in marked):
                    silent.append(answer[start:end])
            if marked and not telling:  # evidence longer than a passage
                label, begin, stop = marked[0]
                telling.append(Pair(statement, answer[begin:stop], label))
            for chosen in rng.permutation(len(telling))[:TELLING]:
                yield telling[chosen]
            words = set(terms(statement))
            silent.sort(key=lambda passage: -len(words & set(terms(passage))))
            for passage in silent[:SILENT]:
                yield Pair(statement, passage, 0)
    for label in row["claims"]:
        yield Pair(asked.wrong_claims[label["at"]].correction, label["span"], 2)


def read_pairs(rows: Sequence[dict[str, Any]], bank: dict[str, InterviewQuestion], seed: int) -> list[Pair]:
    """Pairs of some answers, and some of answers with the points of other questions."""
    rng = np.random.default_rng(seed)
    found = [pair for row in rows for pair in pairs_of(row, bank[row["question_id"]], rng)]
    for row in rows:
        other = bank[rows[int(rng.integers(len(rows)))]["question_id"]]
        if other.source.chapter != bank[row["question_id"]].source.chapter:
            spans = passages(row["answer"])
            start, end = spans[int(rng.integers(len(spans)))]
            found.append(Pair(other.points[int(rng.integers(len(other.points)))].text, row["answer"][start:end], 0))
    return found


def stated_pairs(rows: Sequence[dict[str, Any]], seed: int) -> Iterator[Pair]:
    """What single facts teach.

    A fact told wrongly is denied by what tells it rightly: so a model must compare, and cannot
    learn by heart what is true. Passages of the writer's other facts of the chapter say nothing of this one.
    """
    rng = np.random.default_rng(seed)
    written: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        written.setdefault((row["writer"], row["chapter"]), []).append(row)
    for row in rows:
        fact, states, denies = row["statement"], row["states"], row["denies"]
        for label, told in ((1, states), (2, denies), (0, row["besides"])):
            yield from (Pair(fact, passage, label) for passage in told)
        yield Pair(denies[0], states[int(rng.integers(len(states)))], 2)
        yield Pair(states[0], states[int(rng.integers(1, len(states)))], 1)
        words = set(terms(fact))
        neighbours = [other for other in written[row["writer"], row["chapter"]] if other is not row]
        others = [passage for other in neighbours for passage in (*other["states"], *other["denies"])]
        others.sort(key=lambda passage: -len(words & set(terms(passage))))
        for chosen in rng.permutation(len(others[:NEAREST]))[:OTHERS]:
            yield Pair(fact, others[chosen], 0)


class PairReader(torch.nn.Module):
    """The backbone with an adapter, and a head that tells three relations."""

    def __init__(self) -> None:
        super().__init__()
        self.model = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)
        self.model.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS))
        for name, layer in self.model.named_modules():
            if name.endswith("attention.self.dropout"):
                layer.p = 0.0  # a sixth of a step's time, and no use seen
        self.head = torch.nn.Linear(384, 3)

    def forward(self, pairs: Sequence[Pair]) -> torch.Tensor:
        statements, told = [pair.statement for pair in pairs], [pair.passage for pair in pairs]
        tokens = self.model.tokenizer(
            statements, told, padding=True, truncation=True, max_length=160, return_tensors="pt"
        )
        states = self.model[0].auto_model(**tokens)[0].float()
        shares = tokens["attention_mask"][:, :, None].float()
        logits: torch.Tensor = self.head((states * shares).sum(dim=1) / shares.sum(dim=1))
        return logits


def train(reader: PairReader, rounds: Sequence[Sequence[Pair]], rate: float) -> None:
    """Fits adapter and head in one cycle of learning rates; batches hold pairs of about one length."""
    rng = np.random.default_rng(SEED)
    weights = [p for p in reader.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01)
    steps = sum(len(pairs) // BATCH for pairs in rounds)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1, pct_start=0.1)
    started, done = time.perf_counter(), 0
    reader.train()
    for pairs in rounds:
        lengths = np.array([len(pair.statement) + len(pair.passage) for pair in pairs])
        by_length = np.argsort(lengths + rng.normal(0, 30, len(pairs)))
        batches = by_length[: len(pairs) // BATCH * BATCH].reshape(-1, BATCH)
        for rows in rng.permutation(batches):
            batch = [pairs[row] for row in rows]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16()):
                logits = reader(batch)
            labels = torch.tensor([pair.label for pair in batch])
            loss = torch.nn.functional.cross_entropy(logits.float(), labels, label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            if done % 20 == 0:
                print(f"step {done}/{steps} loss {loss.item():.3f} {time.perf_counter() - started:.0f} s", flush=True)


def weights_of(reader: PairReader) -> dict[str, torch.Tensor]:
    """A copy of adapter and head, by the names they are shipped under."""
    trained = {"head.weight": reader.head.weight, "head.bias": reader.head.bias}
    trained |= {
        name.removesuffix(".default.weight"): weight
        for name, weight in reader.model.named_parameters()
        if "lora_" in name
    }
    return {name: weight.detach().clone() for name, weight in trained.items()}


def mixed(answered: Sequence[Pair], facts: Sequence[dict[str, Any]], seed: int) -> list[Pair]:
    """A round of statements, and some pairs of answers with it."""
    chosen = np.random.default_rng(seed).permutation(len(answered))[:REPEATED]
    return [*stated_pairs(facts, seed), *(answered[row] for row in chosen)]


def main() -> None:
    """Trains on all answers but one fold's questions and on all statements, and saves what the grader ships."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fold", type=int, default=0, help="leave out the answers to the questions of this fold")
    parser.add_argument("--answers", type=int, default=4, help="rounds of answers only, which come first")
    parser.add_argument("--statements", type=int, default=4, help="rounds of statements with some pairs of answers")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--output", type=Path, default=GRADER)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    bank = {question.id: question for question in read_interview(read_playbook(default_content()))}
    rows: list[dict[str, Any]] = [row for _, row in read_jsonl(ANSWERS)]
    facts: list[dict[str, Any]] = [row for _, row in read_jsonl(STATEMENTS)]
    kept = [row for row in rows if crc32(row["question_id"].encode()) % FOLDS != options.fold]
    rounds = [read_pairs(kept, bank, SEED + number) for number in range(options.answers + options.statements)]
    answered, repeated = rounds[: options.answers], rounds[options.answers :]
    told = [mixed(pairs, facts, SEED + number) for number, pairs in enumerate(repeated)]
    counts = np.bincount([pair.label for pairs in answered + told for pair in pairs])
    print(f"{len(kept)} answers, {len(facts)} statements; pairs that say nothing, state, deny: {counts.tolist()}")
    reader = PairReader()
    half = len(told) // 2
    states = []
    for cycle, rate in (
        (answered, options.rate),
        (told[:half], 0.75 * options.rate),
        (told[half:], 0.75 * options.rate),
    ):
        train(reader, cycle, rate)
        states.append(weights_of(reader))
    # what a cycle gains on statements it loses on answers; the mean of all cycles reads both better than any
    mean = {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
    options.output.parent.mkdir(exist_ok=True)
    save_file({name: weight.half().contiguous() for name, weight in mean.items()}, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")
    show([row for row in rows if row not in kept], bank, options.output)


def show(rows: Sequence[dict[str, Any]], bank: dict[str, InterviewQuestion], adapter: Path) -> None:
    """Prints how the grader does on answers to questions that were left out."""
    with TemporaryDirectory() as folder:
        pairs, texts = Path(folder, "pairs"), Path(folder, "texts")
        pairs.mkdir()
        texts.mkdir()
        export_pairs(model_folder(DEFAULT_MODEL), pairs, adapter)
        export(model_folder(DEFAULT_MODEL), texts, ADAPTER)
        grader = Grader(PairModel(pairs), OpenVINOEncoder(texts))
    covered: list[float] = []
    other: list[float] = []
    scores: dict[str, dict[str, int]] = {}
    for row in rows:
        asked = bank[row["question_id"]]
        points = [point.text for point in asked.points]
        given = grader.grade(asked.question, row["answer"], key_points=points, wrong_claims=asked.wrong_claims)
        made = {label["at"] for label in row["covers"]}
        for number, point in enumerate(given.points):
            (covered if number in made else other).append(point.probability)
        scores.setdefault(asked.id, {})[row["kind"]] = given.score
    print(f"{len(rows)} unseen answers: AUROC per key point {auroc(covered, other):.3f}")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        right, spurious = np.mean(np.array(covered) >= threshold), np.mean(np.array(other) >= threshold)
        print(f"  from {threshold}: {right:.3f} of the covered points, {spurious:.3f} of the others")
    for high, low in (("strong", "partial"), ("partial", "weak"), ("partial", "wrong"), ("partial", "stuffed")):
        print(f"  {high} above {low}: {np.mean([kinds[high] > kinds[low] for kinds in scores.values()]):.3f}")


if __name__ == "__main__":
    main()
