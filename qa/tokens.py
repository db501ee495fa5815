"""Texts' token vectors, kept small, and late interaction over them.

Owns how token vectors are stored (one byte a component) and MaxSim: how near each token of
a question comes to some token of a text. Does not know what a text is.
"""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qa.encoder import Vectors

# Components of unit vectors lie in -1 … 1; one byte moves a cosine by some 0.002.
_SCALE = 127


class TokenStore:
    """The token vectors of many texts; a text's number is its id."""

    def __init__(self, rows: npt.NDArray[np.int8], starts: npt.NDArray[np.int64]) -> None:
        self._rows = rows
        self._starts = starts

    @classmethod
    def from_tokens(cls, texts: Sequence[Vectors], dimension: int) -> "TokenStore":
        """A store of `(t, dimension)` float32 unit rows for each text; every text has a token."""
        starts = np.cumsum([0, *(len(tokens) for tokens in texts)], dtype=np.int64)
        rows = np.concatenate([np.empty((0, dimension), np.float32), *texts])
        return cls(np.rint(rows * _SCALE).astype(np.int8), starts)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenStore":
        """Restores what `to_bytes` gave."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(arrays["rows"], arrays["starts"])

    def to_bytes(self) -> bytes:
        """The store as one block of bytes."""
        file = io.BytesIO()
        np.savez(file, rows=self._rows, starts=self._starts)
        return file.getvalue()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def tokens(self, text: int) -> Vectors:
        """The token vectors of one text, `(t, dimension)` float32."""
        rows = self._rows[self._starts[text] : self._starts[text + 1]].astype(np.float32)
        rows /= _SCALE
        return rows

    def maxsim(self, question: Vectors, texts: npt.NDArray[np.int64]) -> Vectors:
        """How near texts come to a question, token by token.

        Args:
            question: Its token vectors, `(q, dimension)` float32 unit rows.
            texts: Ids of the texts.

        Returns:
            `(len(texts),)` float32: for each text the mean, over the question's tokens, of
            the cosine with the text's nearest token.
        """
        if not len(texts):
            return np.empty(0, dtype=np.float32)
        lengths = self._starts[texts + 1] - self._starts[texts]
        borders = np.cumsum([0, *lengths])
        rows = np.repeat(self._starts[texts] - borders[:-1], lengths) + np.arange(borders[-1])
        cosines = self._rows[rows].astype(np.float32) @ (question.T / _SCALE)
        means: Vectors = np.maximum.reduceat(cosines, borders[:-1]).mean(axis=1)
        return means
