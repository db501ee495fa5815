"""Vectors → their nearest neighbours, exactly.

Owns the `VectorStore` seam and its FAISS implementation. Does not know what a row means.
"""

from collections.abc import Sequence
from typing import Protocol

import faiss
import numpy as np
import numpy.typing as npt

from qa.encoder import Vectors

Ids = npt.NDArray[np.int64]


class VectorStore(Protocol):
    """The second seam: unit vectors → ids and cosines, best first."""

    def search(self, vectors: Vectors, k: int, *, among: Sequence[int] | None = None) -> tuple[Ids, Vectors]: ...


class FaissStore:
    """An exact inner-product index; on unit vectors the product is the cosine."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def from_vectors(cls, vectors: Vectors) -> "FaissStore":
        """A store of `(n, d)` float32 unit rows; a row's number is its id."""
        if vectors.ndim != 2 or vectors.dtype != np.float32:
            raise ValueError(f"vectors must be (n, d) float32, got {vectors.shape} {vectors.dtype}")
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes) -> "FaissStore":
        """Restores what `to_bytes` gave."""
        return cls(faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8)))

    def to_bytes(self) -> bytes:
        """The index as one block of bytes."""
        data: bytes = faiss.serialize_index(self._index).tobytes()
        return data

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def vectors(self) -> Vectors:
        """All rows, `(n, d)` float32, in the order of their ids."""
        rows: Vectors = self._index.reconstruct_n(0, len(self))
        return rows

    def search(self, vectors: Vectors, k: int, *, among: Sequence[int] | None = None) -> tuple[Ids, Vectors]:
        """The nearest rows of each query.

        Args:
            vectors: `(q, d)` float32 unit rows.
            k: How many neighbours; fewer come back where there are fewer rows.
            among: Ids to choose from, or None for all.

        Returns:
            Ids `(q, k')` int64 and cosines `(q, k')` float32, best first.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"vectors must be (q, {self.dimension}), got {vectors.shape}")
        rows = len(self) if among is None else len(set(among))
        k = min(k, rows)
        if k == 0:
            return np.empty((len(vectors), 0), np.int64), np.empty((len(vectors), 0), np.float32)
        params = None
        if among is not None:
            params = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.unique(np.asarray(among, dtype=np.int64))))  # type: ignore[call-arg]
        cosines, ids = self._index.search(vectors, k, params=params)
        return ids, cosines
