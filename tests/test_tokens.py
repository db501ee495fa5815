"""Token vectors: stored small, and MaxSim equal to that of brute force."""

import numpy as np
import pytest

from qa.encoder import OpenVINOEncoder, Vectors
from qa.tokens import TokenStore


def unit(rows: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)
    units: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


TEXTS = [unit(rows, seed) for seed, rows in enumerate((3, 1, 7, 20, 2))]


@pytest.mark.parametrize("ids", [[0, 1, 2, 3, 4], [3], [4, 0, 3], []])
def test_maxsim_equals_brute_force(ids: list[int]) -> None:
    question = unit(5, seed=99)
    given = TokenStore.from_tokens(TEXTS, 16).maxsim(question, np.array(ids, dtype=np.int64))
    expected = [float(np.mean([max(float(q @ t) for t in TEXTS[text]) for q in question])) for text in ids]
    np.testing.assert_allclose(given, expected, atol=0.01)
    assert given.dtype == np.float32


def test_a_store_survives_bytes_and_being_stored_again() -> None:
    store = TokenStore.from_tokens(TEXTS, 16)
    again = TokenStore.from_bytes(store.to_bytes())
    third = TokenStore.from_tokens([again.tokens(text) for text in range(len(again))], 16)
    assert len(store) == len(again) == len(TEXTS)
    for text, tokens in enumerate(TEXTS):
        np.testing.assert_array_equal(again.tokens(text), third.tokens(text))
        np.testing.assert_allclose(store.tokens(text), tokens, atol=0.5 / 127)


def test_an_empty_store_holds_nothing() -> None:
    assert len(TokenStore.from_bytes(TokenStore.from_tokens([], 16).to_bytes())) == 0


def test_tokens_stand_where_they_are_said_to(encoder: OpenVINOEncoder) -> None:
    text = "The event loop, and `setImmediate`: it is late."
    (embedding,) = encoder.embed_document([text])
    words = [text[start:end] for start, end in encoder.token_spans(text)]
    assert len(words) == len(embedding.tokens)
    assert "".join(words) == "eventloopsetImmediatelate"
    np.testing.assert_allclose(np.linalg.norm(embedding.tokens, axis=1), 1, atol=1e-5)


def test_a_text_of_nothing_but_stop_words_keeps_its_tokens(encoder: OpenVINOEncoder) -> None:
    (embedding,) = encoder.embed_query(["what is it"])
    assert len(embedding.tokens) == 5  # with those that open and close it
