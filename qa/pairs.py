"""Two texts → how the second relates to the first: states it, says nothing of it, denies it.

Owns how the pair model runs. Does not know key points, answers or marks.
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from qa.exports import compiled
from qa.types import ModelError

_BATCH = 8

Probabilities = npt.NDArray[np.float32]


class PairModel:
    """Runs the export of `exports.open_grader`. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Loads an export.

        Raises:
            ModelError: A file is missing or unreadable.
        """
        try:
            description = json.loads((folder / "pairs.json").read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(description["max_tokens"])
            self._tokenizer.enable_padding()
            self._model = compiled(folder)
        except Exception as error:  # tokenizers and openvino raise bare Exception and RuntimeError
            raise ModelError(
                f"{folder}: the exported model cannot be loaded ({error}); remove the folder to export anew"
            ) from error
        self._local = threading.local()

    def relate(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """How each pair's second text relates to its first.

        Args:
            pairs: A statement, and a passage that may state or deny it.

        Returns:
            `(len(pairs), 3)`: the probabilities that the passage says nothing of the
            statement, states it, and denies it.
        """
        logits = np.empty((len(pairs), 3), dtype=np.float32)
        by_length = sorted(range(len(pairs)), key=lambda row: len(pairs[row][0]) + len(pairs[row][1]))
        for start in range(0, len(pairs), _BATCH):
            rows = by_length[start : start + _BATCH]
            logits[rows] = self._infer([pairs[row] for row in rows])
        powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        shares: Probabilities = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def _infer(self, pairs: list[tuple[str, str]]) -> Probabilities:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._model.create_infer_request()
        encodings = self._tokenizer.encode_batch(pairs)
        columns = [
            np.array([getattr(encoding, name) for encoding in encodings], dtype=np.int64)
            for name in ("ids", "attention_mask", "type_ids")
        ]
        request.infer(dict(enumerate(columns)))
        logits: Probabilities = request.get_output_tensor(0).data
        return logits.copy()
