"""Text → unit float32 vectors, of the text and of its tokens, offline, without torch.

Owns how the embedding model runs: OpenVINO on what `exports` keeps. Does not know chunks,
nor where models come from.
"""

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from qa.exports import compiled
from qa.types import ModelError
from qa.words import STOPWORDS

_SAYS = re.compile(r"[^\W_]")
# 16 chunks a batch: 32 and 64 were no faster on two cores and hold more memory.
_BATCH = 16

Vectors = npt.NDArray[np.float32]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Embedding:
    """A text's vector, `(d,)`, and those of the tokens that say something, `(t, e)`; unit rows."""

    vector: Vectors
    tokens: Vectors


class Encoder(Protocol):
    """The first seam: texts → `(n, d)` float32 with unit rows.

    The next three serve late interaction: vectors of tokens, and where in a text the tokens
    of its document embedding stand. `words` are those the model knows whole.
    """

    def encode_query(self, texts: Sequence[str]) -> Vectors: ...

    def encode_document(self, texts: Sequence[str]) -> Vectors: ...

    def embed_query(self, texts: Sequence[str]) -> list[Embedding]: ...

    def embed_document(self, texts: Sequence[str]) -> list[Embedding]: ...

    def token_spans(self, text: str) -> list[Span]: ...

    @property
    def words(self) -> frozenset[str]: ...


class OpenVINOEncoder:
    """Runs an exported model. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Loads an export.

        Args:
            folder: What `export.export` wrote.

        Raises:
            ModelError: A file is missing or unreadable.
        """
        try:
            description = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            self._query, self._document = description["query"], description["document"]
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(description["max_tokens"])
            self._tokenizer.enable_padding()
            self._model = compiled(folder)
        except Exception as error:  # tokenizers and openvino raise bare Exception and RuntimeError
            raise ModelError(
                f"{folder}: the exported model cannot be loaded ({error}); remove the folder to export anew"
            ) from error
        self.dimension = int(self._model.output(0).get_partial_shape()[1].get_length())
        self.token_dimension = int(self._model.output(1).get_partial_shape()[2].get_length())
        self._telling = telling(self._tokenizer)
        self._local = threading.local()

    @property
    def words(self) -> frozenset[str]:
        """The words that the model knows whole."""
        return frozenset(token for token in self._tokenizer.get_vocab() if token.isalpha())

    def encode_query(self, texts: Sequence[str]) -> Vectors:
        """Encodes questions: `(len(texts), dimension)` float32, unit rows."""
        return self._stacked(self.embed_query(texts))

    def encode_document(self, texts: Sequence[str]) -> Vectors:
        """Encodes passages: `(len(texts), dimension)` float32, unit rows."""
        return self._stacked(self.embed_document(texts))

    def embed_query(self, texts: Sequence[str]) -> list[Embedding]:
        """Encodes questions and their tokens."""
        return self._embed([self._query + text for text in texts])

    def embed_document(self, texts: Sequence[str]) -> list[Embedding]:
        """Encodes passages and their tokens."""
        return self._embed([self._document + text for text in texts])

    def token_spans(self, text: str) -> list[Span]:
        """Where the tokens of `embed_document([text])` stand in `text`."""
        encoding = self._tokenizer.encode(self._document + text)
        kept = self._kept(np.array(encoding.ids))
        lead = len(self._document)
        return [(start - lead, end - lead) for start, end in np.array(encoding.offsets)[kept].tolist()]

    def _stacked(self, embeddings: list[Embedding]) -> Vectors:
        empty = np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([embedding.vector for embedding in embeddings]) if embeddings else empty

    def _embed(self, texts: list[str]) -> list[Embedding]:
        found: dict[int, Embedding] = {}
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(texts), _BATCH):
            rows = by_length[start : start + _BATCH]
            found.update(zip(rows, self._infer([texts[row] for row in rows]), strict=True))
        return [found[row] for row in range(len(texts))]

    def _infer(self, texts: list[str]) -> list[Embedding]:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._model.create_infer_request()
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        request.infer({0: ids, 1: mask})
        vectors = _unit(request.get_output_tensor(0).data)
        tokens = request.get_output_tensor(1).data
        rows = range(len(texts))
        kept = [np.flatnonzero(mask[row])[self._kept(ids[row][mask[row] == 1])] for row in rows]
        return [Embedding(vectors[row], _unit(tokens[row, kept[row]])) for row in rows]

    def _kept(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which tokens of a text say something; all of them where none does."""
        kept = self._telling[ids]
        return kept if kept.any() else np.ones_like(kept)


def telling(tokenizer: Tokenizer) -> npt.NDArray[np.bool_]:
    """For each token of a vocabulary: whether it is more than punctuation or a stop word."""
    vocabulary = tokenizer.get_vocab()
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    says = np.zeros(max(vocabulary.values()) + 1, dtype=np.bool_)
    for token, row in vocabulary.items():
        says[row] = token not in special and token.lower() not in STOPWORDS and bool(_SAYS.search(token))
    return says


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return units
