"""A sentence-transformers model → a graph that runs without torch.

Owns torch and sentence-transformers: nothing else in the house imports them, and this
module is imported only when an export is missing. Does not run the graph.
"""

import json
import os
import sys
import warnings
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


class _Pipeline(torch.nn.Module):
    """Tokens → the model's sentence embedding, pooling and normalisation included."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
        embedding: torch.Tensor = features["sentence_embedding"]
        return embedding


def export(source: Path, target: Path, adapter: Path | None = None) -> None:
    """Exports a sentence-transformers model for CPU inference.

    Args:
        source: The model's folder.
        adapter: A LoRA adapter to merge into its weights, as `training/encoder.py` saves it.
        target: An existing folder; receives `model.xml`, `model.bin`, `tokenizer.json`
            and `encoder.json` (`max_tokens`, and the `query` and `document` prompts).

    Raises:
        ModelError: The folder holds no model that can be loaded or exported.
        IndexUnavailable: The export cannot be written.
    """
    model, graph = _convert(source, adapter)
    try:
        _save(model, graph, target)
    except Exception as error:  # openvino and tokenizers raise RuntimeError and bare Exception
        raise IndexUnavailable(
            f"{target}: the exported model cannot be written ({error}); free space, mend its permissions, "
            "or choose another folder with --index DIR"
        ) from error


def _convert(source: Path, adapter: Path | None) -> tuple[SentenceTransformer, openvino.Model]:
    try:
        model = SentenceTransformer(
            str(source), device="cpu", local_files_only=True, model_kwargs={"attn_implementation": "eager"}
        )
        if adapter:
            _merge(model, adapter)
        tokens = model.tokenizer(["export", "a longer example"], return_tensors="pt", padding=True)
        example = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # tracing warns of shape checks that hold for every batch
            return model, openvino.convert_model(_Pipeline(model).eval(), example_input=example)
    except Exception as error:  # the libraries raise whatever a broken folder makes them raise
        raise ModelError(
            f"{source}: not a sentence-transformers model that can be exported ({error}); name another with --model DIR"
        ) from error


def _save(model: SentenceTransformer, graph: openvino.Model, target: Path) -> None:
    openvino.save_model(graph, target / "model.xml", compress_to_fp16=True)
    openvino.Core().read_model(target / "model.xml")  # a write cut short is an error here, if not before
    model.tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))
    prompts = model.prompts or {}
    description = {
        "max_tokens": model.max_seq_length,
        "query": prompts.get("query", ""),
        "document": prompts.get("document", ""),
    }
    (target / "encoder.json").write_text(json.dumps(description, indent=1), encoding="utf-8")


def _merge(model: SentenceTransformer, adapter: Path) -> None:
    """Adds `lora_B @ lora_A` to each adapted weight."""
    factors = load_file(adapter)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, down in factors.items():
            if name.endswith(".lora_A"):
                module = name.removesuffix(".lora_A")
                weights[f"{module}.weight"] += factors[f"{module}.lora_B"].float() @ down.float()
