"""An adapter inside a model, while it is trained.

Owns how LoRA is added and what of it is shipped. Does not train.
"""

from collections.abc import Sequence

import torch
from peft import LoraConfig
from sentence_transformers import SentenceTransformer


def adapt(model: SentenceTransformer, rank: int, targets: Sequence[str], dropout: float = 0.0) -> None:
    """Adds an adapter to the layers whose names end in one of `targets`; only it learns."""
    model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, lora_dropout=dropout, target_modules=list(targets)))
    without_dropout(model)


def without_dropout(model: SentenceTransformer) -> None:
    """Leaves out the dropout of attention: a sixth of a step's time, and no use seen."""
    for name, layer in model.named_modules():
        if name.endswith("attention.self.dropout"):
            layer.p = 0.0


def factors(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    """The adapter's weights, by the names they are shipped under."""
    return {
        name.removesuffix(".default.weight"): weight for name, weight in model.named_parameters() if "lora_" in name
    }
