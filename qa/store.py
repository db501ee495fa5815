"""Vectors → their nearest neighbours, exactly.

Owns the `VectorStore` seam and its FAISS implementation. Does not know what a row means.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
        allowed = np.arange(len(self)) if among is None else np.unique(np.asarray(among, dtype=np.int64))
        if not len(allowed) or not k:
            return np.empty((len(vectors), 0), np.int64), np.empty((len(vectors), 0), np.float32)
        if k >= len(allowed):
            return self._ranked(vectors, allowed)
        params = None
        if among is not None:
            params = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]
        with _one_thread():
            cosines, ids = self._index.search(vectors, k, params=params)
        return ids, cosines

    def _ranked(self, vectors: Vectors, allowed: Ids) -> tuple[Ids, Vectors]:
        """All of some rows: FAISS's search would keep a heap as long as they are, in twice the time."""
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        ids = np.tile(allowed, (len(queries), 1))
        cosines = np.empty(ids.shape, dtype=np.float32)
        query, distances, labels = (faiss.swig_ptr(array) for array in (queries, cosines, ids))
        with _one_thread():
            self._index.compute_distance_subset(len(queries), query, len(allowed), distances, labels)  # type: ignore[attr-defined]
        order = np.argsort(-cosines, axis=1)
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps FAISS to the thread it is called from.

    A search takes some tenths of a millisecond. A second thread gains nothing, and then waits
    spinning on the core that the embedding model needs for the next question.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
