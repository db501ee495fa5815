"""Adapts the encoder to how engineers ask: LoRA on the questions of `content/`.

Owns the training of `qa/models/encoder.safetensors`, seeded, from data in the repository
only. A question's positive is the chunk that holds its evidence; negatives are the other
positives of the batch and a hard one, a chunk of another section that ranks high. Text
vectors and token vectors learn together, each from its own ranking of the batch. Questions
that the playbook does not cover learn to come near to no chunk.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from qa.assistant import default_content
from qa.encoder import OpenVINOEncoder, telling
from qa.export import PROJECTION, export
from qa.exports import ADAPTER, DEFAULT_MODEL, model_folder
from qa.playbook import read_playbook
from qa.playbook.chunks import split
from qa.playbook.questions import FILE, read_jsonl
from qa.tokens import TokenStore
from training.folds import fold_of
from training.lora import adapt, factors
from training.precision import has_bfloat16

UNCOVERED = Path(__file__).parent / "uncovered.jsonl"
SEED = 0
RANK = 16
TARGETS = ["query", "key", "value", "attention.output.dense", "intermediate.dense"]
BATCH, STRANGERS = 28, 4  # covered and uncovered questions in a step
TOGETHER = 16  # texts in a pass of the model
QUESTION_TOKENS, PASSAGE_TOKENS = 96, 176
# Temperatures: MaxSim is a mean over tokens and spreads less than a cosine of texts.
TEXT_SCALE, TOKEN_SCALE = 20.0, 32.0
REFUSING = 0.2  # the weight of telling uncovered questions
# The share of what was learned that is kept: weights between the published and the adapted ones.
KEPT = 0.6
TOKEN_DIMENSION = 96


@dataclass(frozen=True, slots=True)
class Example:
    """A question, the row of its positive chunk, and the rows that answer it too."""

    question: str
    positive: int
    also: frozenset[int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts' unit vectors, those of their tokens, and which of the tokens say something."""

    vectors: torch.Tensor
    tokens: torch.Tensor
    telling: torch.Tensor


def read_examples(path: Path, rows_of: dict[str, list[int]], texts: list[str]) -> list[Example]:
    """The questions, each with the chunk that holds its evidence."""
    examples = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        section = f"{row['chapter']}#{row['anchor']}"
        rows = rows_of[section]
        holds = [r for r in rows if any(span in texts[r] for span in row["evidence"])] or rows
        also = frozenset(r for name in [section, *row["also"]] for r in rows_of.get(name, []))
        examples.append(Example(row["question"], holds[0], also))
    return examples


class Learner:
    """The model with an adapter, and the step it learns in."""

    def __init__(self) -> None:
        self.model = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)
        self._telling = torch.from_numpy(telling(self.model.tokenizer.backend_tokenizer))
        self._border = torch.nn.Parameter(torch.tensor(0.6))  # between near and not near, learned along

    def adapt(self) -> list[torch.nn.Parameter]:
        """Adds the adapter; gives what is to be learned."""
        adapt(self.model, RANK, TARGETS, dropout=0.05)
        return [*(p for p in self.model.parameters() if p.requires_grad), self._border]

    def encode(self, texts: list[str], longest: int) -> Encoded:
        """Vectors with gradients: `(n, 384)` and `(n, t, 384)`; texts of about one length run together."""
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        runs = [by_length[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)]
        parts = [self._encode([texts[row] for row in run], longest) for run in runs]
        width = max(part.telling.shape[1] for part in parts)
        back = torch.tensor(by_length).argsort()

        def joined(tensors: list[torch.Tensor]) -> torch.Tensor:
            padded = [torch.nn.functional.pad(t, (0, 0) * (t.ndim - 2) + (0, width - t.shape[1])) for t in tensors]
            return torch.cat(padded)[back]

        return Encoded(
            torch.cat([part.vectors for part in parts])[back],
            joined([part.tokens for part in parts]),
            joined([part.telling for part in parts]),
        )

    def _encode(self, texts: list[str], longest: int) -> Encoded:
        tokens = self.model.tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        found = self.model(dict(tokens))
        return Encoded(
            torch.nn.functional.normalize(found["sentence_embedding"].float(), dim=1),
            torch.nn.functional.normalize(found["token_embeddings"].float(), dim=2),
            tokens["attention_mask"].bool() & self._telling[tokens["input_ids"]],
        )

    def loss(self, questions: list[str], passages: list[str], allowed: torch.Tensor) -> torch.Tensor:
        """Ranking by texts and by tokens, and the border to uncovered questions.

        Args:
            questions: BATCH covered ones, then STRANGERS.
            passages: The positives of the first, a hard negative of each, one passage near each stranger.
            allowed: Which passages a covered question is ranked against, `(BATCH, passages)`.
        """
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16()):
            asked, told = self.encode(questions, QUESTION_TOKENS), self.encode(passages, PASSAGE_TOKENS)
        by_text = asked.vectors @ told.vectors.T
        cosines = torch.einsum("qih,djh->qdij", asked.tokens, told.tokens)
        nearest = cosines.masked_fill(~told.telling[None, :, None, :], -1).max(dim=3).values
        shares = asked.telling.float()
        by_token = (nearest * shares[:, None, :]).sum(dim=2) / shares.sum(dim=1).clamp(min=1)[:, None]
        own = torch.arange(BATCH)
        ranking = [
            torch.nn.functional.cross_entropy((scale * scores[:BATCH]).masked_fill(~allowed, -1e9), own)
            for scale, scores in ((TEXT_SCALE, by_text), (TOKEN_SCALE, by_token))
        ]
        near, far = by_token[own, own], by_token[BATCH:, 2 * BATCH :].diagonal()
        softplus = torch.nn.functional.softplus
        border = softplus(20 * (self._border - near)).mean() + softplus(20 * (far - self._border)).mean()
        total: torch.Tensor = ranking[0] + ranking[1] + REFUSING * border
        return total


def near_passages(asked: Sequence[str], texts: list[str]) -> list[list[int]]:
    """For each question the rows of the passages the published model finds nearest, best first."""
    with TemporaryDirectory() as folder:
        export(model_folder(DEFAULT_MODEL), Path(folder))
        encoder = OpenVINOEncoder(Path(folder))
    scores = encoder.encode_query(asked) @ encoder.encode_document(texts).T
    nearest: list[list[int]] = np.argsort(-scores, axis=1)[:, :40].tolist()
    return nearest


def train(learner: Learner, kept: list[Example], texts: list[str], options: argparse.Namespace) -> None:
    """Fits a LoRA adapter inside the learner's model."""
    rng = np.random.default_rng(SEED)
    strangers = [str(row["question"]) for _, row in read_jsonl(UNCOVERED)]
    found = near_passages([*(example.question for example in kept), *strangers], texts)
    hard = [[r for r in rows if r not in e.also][:8] for e, rows in zip(kept, found, strict=False)]
    beside = [rows[:6] for rows in found[len(kept) :]]
    weights = learner.adapt()
    optimiser = torch.optim.AdamW(weights, lr=options.rate, weight_decay=0.01)
    in_epoch = len(kept) // BATCH
    steps = options.epochs * in_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps + 1, pct_start=0.1)
    started, own = time.perf_counter(), torch.arange(BATCH)
    learner.model.train()
    for step in range(steps):
        if step % in_epoch == 0:
            order = rng.permutation(len(kept))
        rows = order[(step % in_epoch) * BATCH :][:BATCH]
        others = rng.choice(len(strangers), STRANGERS, replace=False)
        passages = [kept[row].positive for row in rows] + [int(rng.choice(hard[row])) for row in rows]
        passages += [int(rng.choice(beside[other])) for other in others]
        allowed = torch.tensor([[passage not in kept[row].also for passage in passages] for row in rows])
        allowed[own, own] = True
        questions = [kept[row].question for row in rows] + [strangers[other] for other in others]
        loss = learner.loss(questions, [texts[passage] for passage in passages], allowed)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        if step % 10 == 9:
            print(f"step {step + 1}/{steps} loss {loss.item():.3f} {time.perf_counter() - started:.0f} s", flush=True)


def projection(learner: Learner, texts: list[str]) -> torch.Tensor:
    """The directions that hold most of the passages' token vectors, `(384, TOKEN_DIMENSION)`."""
    learner.model.eval()
    total = torch.zeros(384, 384)
    with torch.no_grad():
        for start in range(0, len(texts), 32):
            encoded = learner.encode(texts[start : start + 32], PASSAGE_TOKENS)
            tokens = encoded.tokens[encoded.telling]
            total += tokens.T @ tokens
    directions: torch.Tensor = torch.linalg.eigh(total).eigenvectors
    return directions[:, -TOKEN_DIMENSION:]


def main() -> None:
    """Trains on all questions but one fold, and measures on that one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fold", type=int, default=0, help="leave this fold out, and measure on it")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--output", type=Path, default=ADAPTER)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    content = default_content()
    chunks = [chunk for chapter in read_playbook(content).chapters for chunk in split(chapter)]
    texts = [chunk.context for chunk in chunks]
    rows_of: dict[str, list[int]] = {}
    for row, chunk in enumerate(chunks):
        rows_of.setdefault(chunk.section_id, []).append(row)
    examples = read_examples(content / FILE, rows_of, texts)
    unseen = [example for example in examples if fold_of(example.question) == options.fold]
    kept = [example for example in examples if fold_of(example.question) != options.fold]
    learner = Learner()
    train(learner, kept, texts, options)
    state = {PROJECTION: projection(learner, texts).half().contiguous()}
    for name, weight in factors(learner.model).items():
        share = KEPT if name.endswith(".lora_B") else 1.0
        state[name] = (weight.detach() * share).half().contiguous()
    options.output.parent.mkdir(exist_ok=True)
    save_file(state, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB from {len(kept)} questions")
    for name, adapter in (("published", None), ("adapted", options.output)) if unseen else ():
        for kind, (first, five) in ranks(texts, unseen, adapter).items():
            print(f"{name}, {kind}: {len(unseen)} unseen questions, chunk@1 {first:.3f}, chunk@5 {five:.3f}")


def ranks(texts: list[str], unseen: list[Example], adapter: Path | None) -> dict[str, tuple[float, float]]:
    """How often a chunk that answers stands first, and among five, by texts alone and by tokens alone."""
    with TemporaryDirectory() as folder:
        export(model_folder(DEFAULT_MODEL), Path(folder), adapter)
        encoder = OpenVINOEncoder(Path(folder))
    asked, told = encoder.embed_query([e.question for e in unseen]), encoder.embed_document(texts)
    store = TokenStore.from_tokens([embedding.tokens for embedding in told], encoder.token_dimension)
    every = np.arange(len(texts))
    scores = {
        "texts": np.stack([e.vector for e in asked]) @ np.stack([e.vector for e in told]).T,
        "tokens": np.stack([store.maxsim(embedding.tokens, every) for embedding in asked]),
    }
    figures = {}
    for kind, given in scores.items():
        ranked = np.argsort(-given, axis=1)[:, :5]
        found = [[row in e.also for row in rows] for e, rows in zip(unseen, ranked.tolist(), strict=True)]
        figures[kind] = float(np.mean([row[0] for row in found])), float(np.mean([any(row) for row in found]))
    return figures


if __name__ == "__main__":
    main()
