"""The contract of every vector store: ids and cosines equal those of brute force."""

import numpy as np
import pytest

from qa.encoder import Vectors
from qa.store import FaissStore


def unit(rows: int, dimension: int = 32, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    units: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


@pytest.mark.parametrize("among", [None, [3, 1, 4, 159, 26, 3], list(range(0, 500, 7))])
def test_ids_and_cosines_equal_brute_force(among: list[int] | None) -> None:
    rows, queries = unit(500), unit(20, seed=1)
    ids, cosines = FaissStore.from_vectors(rows).search(queries, 5, among=among)
    allowed = np.arange(500) if among is None else np.unique(among)
    exact = queries @ rows[allowed].T
    order = np.argsort(-exact, axis=1)[:, :5]
    np.testing.assert_array_equal(ids, allowed[order])
    np.testing.assert_allclose(cosines, np.take_along_axis(exact, order, axis=1), atol=1e-6)


@pytest.mark.parametrize("among", [None, [3, 1, 4, 159, 26, 3], list(range(0, 500, 7))])
def test_all_rows_are_ranked_where_all_are_asked_for(among: list[int] | None) -> None:
    rows, queries = unit(500), unit(20, seed=1)
    ids, cosines = FaissStore.from_vectors(rows).search(queries, 500, among=among)
    allowed = np.arange(500) if among is None else np.unique(among)
    np.testing.assert_array_equal(np.sort(ids, axis=1), np.tile(allowed, (20, 1)))
    np.testing.assert_allclose(cosines, np.take_along_axis(queries @ rows.T, ids, axis=1), atol=1e-6)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_a_row_finds_itself_with_cosine_one() -> None:
    rows = unit(50)
    ids, cosines = FaissStore.from_vectors(rows).search(rows, 1)
    assert ids[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(cosines[:, 0], 1, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "k", "among", "wanted"), [(3, 10, None, 3), (0, 5, None, 0), (5, 3, [], 0), (5, 3, [2], 1)]
)
def test_fewer_come_back_where_there_are_fewer(rows: int, k: int, among: list[int] | None, wanted: int) -> None:
    ids, cosines = FaissStore.from_vectors(unit(rows)).search(unit(2, seed=1), k, among=among)
    assert ids.shape == cosines.shape == (2, wanted)


def test_bytes_bring_the_store_back() -> None:
    rows = unit(40)
    again = FaissStore.from_bytes(FaissStore.from_vectors(rows).to_bytes())
    np.testing.assert_array_equal(again.vectors(), rows)
    assert len(again) == 40


def test_wrong_shapes_are_named() -> None:
    store = FaissStore.from_vectors(unit(3))
    with pytest.raises(ValueError, match=r"must be \(q, 32\), got \(1, 5\)"):
        store.search(np.zeros((1, 5), np.float32), 1)
    with pytest.raises(ValueError, match=r"must be \(n, d\) float32, got \(5,\)"):
        FaissStore.from_vectors(np.zeros(5, np.float32))
