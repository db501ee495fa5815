"""A sentence-transformers model → a graph that runs without torch.

Owns torch and sentence-transformers: nothing else in the house imports them, and this
module is imported only when an export is missing. Does not run the graph.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from qa.types import IndexUnavailable, ModelError

PROJECTION, HEAD = "tokens.projection", "head"  # names in the adapters' files
PAIR_TOKENS = 160


class _Pipeline(torch.nn.Module):
    """Tokens → the model's sentence embedding, pooling included, and its tokens' embeddings."""

    def __init__(self, model: SentenceTransformer, projection: torch.Tensor | None) -> None:
        super().__init__()
        self.model = model
        self.projection = projection

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
        tokens = features["token_embeddings"]
        return features["sentence_embedding"], tokens if self.projection is None else tokens @ self.projection


class _Pairs(torch.nn.Module):
    """Tokens of two texts → one logit a class."""

    def __init__(self, backbone: torch.nn.Module, head: torch.nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        states = self.backbone(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]
        shares = attention_mask[:, :, None].to(states.dtype)
        logits: torch.Tensor = self.head((states * shares).sum(dim=1) / shares.sum(dim=1))
        return logits


def export(source: Path, target: Path, adapter: Path | None = None) -> None:
    """Exports a sentence-transformers model for CPU inference.

    Args:
        source: The model's folder.
        adapter: A LoRA adapter to merge into its weights, and a matrix that shortens its token
            vectors, as `training/encoder.py` saves them.
        target: An existing folder; receives `model.xml`, `model.bin`, `tokenizer.json`
            and `encoder.json` (`max_tokens`, and the `query` and `document` prompts).

    Raises:
        ModelError: The folder holds no model that can be loaded or exported.
        IndexUnavailable: The export cannot be written.
    """
    model, graph = _convert(source, adapter)
    with _writing(target):
        _save_graph(model, graph, target)
        prompts = model.prompts or {}
        description = {
            "max_tokens": model.max_seq_length,
            "query": prompts.get("query", ""),
            "document": prompts.get("document", ""),
        }
        (target / "encoder.json").write_text(json.dumps(description, indent=1), encoding="utf-8")


def export_pairs(source: Path, target: Path, adapter: Path) -> None:
    """Exports a model that reads pairs of texts.

    Args:
        source: The folder of its backbone.
        target: An existing folder; receives `model.xml`, `model.bin`, `tokenizer.json` and
            `pairs.json` (`max_tokens`).
        adapter: The LoRA adapter of the backbone and the weights of the head, as
            `training/grader.py` saves them.

    Raises:
        ModelError: The backbone or the adapter cannot be loaded or exported.
        IndexUnavailable: The export cannot be written.
    """
    try:
        model = _loaded(source)
        factors = load_file(adapter)
        weight = factors.pop(f"{HEAD}.weight").float()
        head = torch.nn.Linear(weight.shape[1], weight.shape[0])
        head.load_state_dict({"weight": weight, "bias": factors.pop(f"{HEAD}.bias").float()})
        _merge(model, factors)
        tokens = model.tokenizer(["a", "a longer one"], ["b", "its other text"], return_tensors="pt", padding=True)
        graph = _traced(_Pairs(model[0].auto_model, head), dict(tokens))
    except Exception as error:  # the libraries raise whatever a broken file makes them raise
        raise ModelError(f"{adapter}: cannot be exported ({error}); restore the file") from error
    with _writing(target):
        _save_graph(model, graph, target)
        description = json.dumps({"max_tokens": PAIR_TOKENS})
        (target / "pairs.json").write_text(description, encoding="utf-8")


def _convert(source: Path, adapter: Path | None) -> tuple[SentenceTransformer, openvino.Model]:
    try:
        model = _loaded(source)
        factors = load_file(adapter) if adapter else {}
        projection = factors.pop(PROJECTION).float() if PROJECTION in factors else None
        _merge(model, factors)
        tokens = model.tokenizer(["export", "a longer example"], return_tensors="pt", padding=True)
        example = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
        return model, _traced(_Pipeline(model, projection), example)
    except Exception as error:  # the libraries raise whatever a broken folder makes them raise
        raise ModelError(
            f"{source}: not a sentence-transformers model that can be exported ({error}); name another with --model DIR"
        ) from error


def _loaded(source: Path) -> SentenceTransformer:
    options = {"attn_implementation": "eager"}
    return SentenceTransformer(str(source), device="cpu", local_files_only=True, model_kwargs=options)


def _traced(module: torch.nn.Module, example: dict[str, torch.Tensor]) -> openvino.Model:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns of shape checks that hold for every batch
        return openvino.convert_model(module.eval(), example_input=example)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # openvino and tokenizers raise RuntimeError and bare Exception
        raise IndexUnavailable(
            f"{target}: the exported model cannot be written ({error}); free space, mend its permissions, "
            "or choose another folder with --index DIR"
        ) from error


def _save_graph(model: SentenceTransformer, graph: openvino.Model, target: Path) -> None:
    openvino.save_model(graph, target / "model.xml", compress_to_fp16=True)
    openvino.Core().read_model(target / "model.xml")  # a write cut short is an error here, if not before
    model.tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))


def _merge(model: SentenceTransformer, factors: dict[str, torch.Tensor]) -> None:
    """Adds `lora_B @ lora_A` to each adapted weight."""
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, down in factors.items():
            if name.endswith(".lora_A"):
                module = name.removesuffix(".lora_A")
                weights[f"{module}.weight"] += factors[f"{module}.lora_B"].float() @ down.float()
