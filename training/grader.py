"""Teaches the pair model to read answers: the backbone's matrices and a head, on the pairs of `training/pairs.py`.

Owns the training of `qa/models/grader.safetensors`, seeded, from data in the repository
only: first answers to the edition's questions, then single facts, then answers to questions
with rubrics of their own, last all of them with passages of other chapters' answers among
them. What is shipped of each matrix is its change, as two factors of a lower rank. Does not
know how the data are written.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from qa.assistant import default_content
from qa.encoder import OpenVINOEncoder
from qa.evaluation import auroc
from qa.export import export, export_pairs
from qa.exports import ADAPTER, DEFAULT_MODEL, GRADER, model_folder
from qa.grading import Grader
from qa.pairs import PairModel
from qa.playbook import read_playbook
from qa.playbook.interview import read_interview
from training.lora import without_dropout
from training.pairs import (
    DENIES,
    STATES,
    Labelled,
    Pair,
    answer_pairs,
    contrast_pairs,
    echo_pairs,
    fact_pairs,
    read_answers,
    read_facts,
    read_rubrics,
    restated_pairs,
    stray_pairs,
)
from training.precision import has_bfloat16

SEED = 0
RANK = 128  # of the factors shipped
BATCH = 32
KEPT = 0.4  # the share of what it went on from in what a last round gives
RARER = 0.8  # how much lower the logit of a denial is where answers are graded, which hold fewer than the pairs do
REPEATED = 4_000  # pairs of each earlier kind in a round of a later one, so that they are not forgotten

Weights = dict[str, torch.Tensor]


class PairReader(torch.nn.Module):
    """The backbone, whose layers' matrices learn, and a head that tells three relations."""

    def __init__(self) -> None:
        super().__init__()
        self.model = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)
        self.head = torch.nn.Linear(384, 3)
        without_dropout(self.model)
        for name, weight in self.model.named_parameters():
            weight.requires_grad = ".layer." in name and weight.dim() == 2
        self._published = {name: weight.detach().clone() for name, weight in self._matrices().items()}

    def forward(self, pairs: Sequence[Pair]) -> torch.Tensor:
        statements, told = [pair.statement for pair in pairs], [pair.passage for pair in pairs]
        tokens = self.model.tokenizer(
            statements, told, padding=True, truncation=True, max_length=160, return_tensors="pt"
        )
        states = self.model[0].auto_model(**tokens)[0].float()
        shares = tokens["attention_mask"][:, :, None].float()
        logits: torch.Tensor = self.head((states * shares).sum(dim=1) / shares.sum(dim=1))
        return logits

    @property
    def weights(self) -> Weights:
        """A copy of what learns."""
        return {name: weight.detach().clone() for name, weight in self._learned().items()}

    @weights.setter
    def weights(self, given: Weights) -> None:
        with torch.no_grad():
            for name, weight in self._learned().items():
                weight.copy_(given[name])

    def shipped(self) -> Weights:
        """The head, and of each matrix's change its `RANK` strongest directions, `lora_B @ lora_A`."""
        kept = self._heads()
        for name, weight in self._matrices().items():
            left, strengths, right = torch.linalg.svd(weight.detach() - self._published[name], full_matrices=False)
            roots, module = strengths[:RANK].sqrt(), name.removesuffix(".weight")
            kept |= {f"{module}.lora_B": left[:, :RANK] * roots, f"{module}.lora_A": roots[:, None] * right[:RANK]}
        return {name: weight.detach().half().contiguous() for name, weight in kept.items()}

    def load(self, shipped: Weights) -> None:
        """Takes up what `shipped` gave."""
        given = {name: shipped[name].float() for name in self._heads()}
        for name, published in self._published.items():
            down, up = (shipped[f"{name.removesuffix('.weight')}.lora_{side}"].float() for side in "AB")
            given[name] = published + up @ down
        self.weights = given

    def _matrices(self) -> Weights:
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def _learned(self) -> Weights:
        return self._heads() | self._matrices()

    def _heads(self) -> Weights:
        return {"head.weight": self.head.weight, "head.bias": self.head.bias}


def train(reader: PairReader, rounds: Sequence[Sequence[Pair]], rate: float) -> Weights:
    """Fits matrices and head in one cycle of learning rates; batches hold pairs of about one length."""
    rng = np.random.default_rng(SEED)
    weights = [p for p in reader.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
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
    return reader.weights


def some(pairs: Sequence[Pair], seed: int, count: int = REPEATED) -> list[Pair]:
    """So many of the pairs."""
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [pairs[row] for row in chosen]


def mean(states: Sequence[Weights], shares: Sequence[float] | None = None) -> Weights:
    """The weights between some, each with its share, or with equal ones."""
    shared = list(zip(shares or [1 / len(states)] * len(states), states, strict=True))
    return {name: torch.stack([share * state[name] for share, state in shared]).sum(dim=0) for name in states[0]}


def rarer(weights: Weights, by: float = RARER) -> Weights:
    """The weights, with denials as rare as they are in answers."""
    bias = weights["head.bias"].clone()
    bias[DENIES] -= by
    return weights | {"head.bias": bias}


def main() -> None:
    """Trains on all but one fold's questions, and saves what the grader ships."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fold", type=int, default=0, help="leave out the answers to the questions of this fold")
    parser.add_argument("--answers", type=int, default=4, help="rounds of answers only, which come first")
    parser.add_argument("--statements", type=int, default=4, help="rounds of statements, in two cycles")
    parser.add_argument("--rubrics", type=int, default=2, help="rounds of answers with rubrics of their own")
    parser.add_argument("--start", type=Path, help="what an earlier run saved, to go on from with the last round only")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--output", type=Path, default=GRADER)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    bank = {question.id: question for question in read_interview(read_playbook(default_content()))}
    answers, rubrics, facts = read_answers(bank), read_rubrics(), read_facts()
    kept, ruled = ([answer for answer in given if answer.fold != options.fold] for given in (answers, rubrics))
    print(f"{len(kept)} answers, {len(facts)} statements, {len(ruled)} answers with rubrics")

    def earlier(seed: int) -> list[Pair]:
        """Some pairs of each kind that comes before the rubrics."""
        return [*some(answer_pairs(kept, seed), seed), *some(list(fact_pairs(facts, seed)), seed)]

    reader = PairReader()
    if options.start:
        reader.load(load_file(options.start))
        reader.weights = rarer(reader.weights, by=-RARER)  # what was saved has them rarer
    else:
        states = [train(reader, [answer_pairs(kept, SEED + n) for n in range(options.answers)], options.rate)]
        told = [
            [*fact_pairs(facts, SEED + n), *some(answer_pairs(kept, SEED + options.answers + n), SEED + n)]
            for n in range(options.statements)
        ]
        half = len(told) // 2
        states += [train(reader, cycle, 0.75 * options.rate) for cycle in (told[:half], told[half:])]
        # what a cycle gains on statements it loses on answers; the mean of all cycles reads both better than any
        reader.weights = mean(states)
        mixed = [
            [*answer_pairs(ruled, SEED + n), *echo_pairs(ruled, SEED + n), *earlier(SEED + n)]
            for n in range(options.rubrics)
        ]
        train(reader, mixed, 0.6 * options.rate)
    seed = SEED + options.rubrics
    kinds = (
        (answer_pairs(ruled, seed), 28_000),
        ([*contrast_pairs(ruled, seed), *contrast_pairs(ruled, seed + 1)], 48_000),
        (restated_pairs(ruled, seed), 6_500),
        (answer_pairs(kept, seed), 10_000),
        (fact_pairs(facts, seed), 5_000),
        (stray_pairs([*kept, *ruled], seed), 4_000),
        (echo_pairs(ruled, seed), 1_000),
    )
    before = reader.weights
    after = train(reader, [[pair for pairs, count in kinds for pair in some(list(pairs), seed, count)]], options.rate)
    # the last round learns to compare, and forgets of the rest: what lies between reads both
    reader.weights = rarer(mean([before, after], [KEPT, 1 - KEPT]))
    options.output.parent.mkdir(exist_ok=True)
    save_file(reader.shipped(), options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")
    show([answer for answer in (*answers, *rubrics) if answer.fold == options.fold], options.output)


def show(unseen: Sequence[Labelled], adapter: Path) -> None:
    """Prints how the grader reads answers to questions that were left out."""
    with TemporaryDirectory() as folder:
        pairs, texts = Path(folder, "pairs"), Path(folder, "texts")
        pairs.mkdir()
        texts.mkdir()
        export_pairs(model_folder(DEFAULT_MODEL), pairs, adapter)
        export(model_folder(DEFAULT_MODEL), texts, ADAPTER)
        grader = Grader(PairModel(pairs), OpenVINOEncoder(texts))
    covered: list[float] = []
    other: list[float] = []
    for answer in unseen:
        given = grader.grade(answer.question, answer.text, key_points=answer.statements[: answer.points])
        made = {mark.statement for mark in answer.marks if mark.label == STATES}
        for number, point in enumerate(given.points):
            (covered if number in made else other).append(point.probability)
    print(f"{len(unseen)} unseen answers: AUROC per key point {auroc(covered, other):.3f}")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        right, spurious = np.mean(np.array(covered) >= threshold), np.mean(np.array(other) >= threshold)
        print(f"  from {threshold}: {right:.3f} of the covered points, {spurious:.3f} of the others")


if __name__ == "__main__":
    main()
