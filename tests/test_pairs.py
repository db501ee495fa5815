"""The pair model gives what the backbone gives in torch, in any company and from any thread."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from qa.export import PAIR_TOKENS
from qa.exports import DEFAULT_MODEL, GRADER, model_folder, open_grader
from qa.pairs import PairModel

POINTS = (
    "The pool has four threads unless configured otherwise",
    "Sockets do not use the pool",
    "Timers wait for the loop, not for the clock",
)
TOLD = (
    "There are four of them by default.",
    "By default it's four threads in the pool, and you raise that with UV_THREADPOOL_SIZE before startup.",
    "Every socket takes a thread of the pool.",
    "Bread is kneaded for ten minutes, by hand.",
    "Timers, well. " + "A long story about where I met them follows, with the weather and all the people. " * 20,
)
PAIRS = [(point, told) for point in POINTS for told in TOLD]


@pytest.fixture(scope="module")
def model(export: Path) -> PairModel:
    return PairModel(open_grader(export.parent, print))


def test_relations_are_those_of_the_backbone_with_its_adapter(model: PairModel) -> None:
    backbone = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)
    weights, shipped = dict(backbone.named_parameters()), {k: v.float() for k, v in load_file(GRADER).items()}
    expected = []
    with torch.no_grad():
        for name in [name.removesuffix(".lora_A") for name in shipped if name.endswith(".lora_A")]:
            weights[f"{name}.weight"] += shipped[f"{name}.lora_B"] @ shipped[f"{name}.lora_A"]
        for pair in PAIRS:
            tokens = backbone.tokenizer(*pair, truncation=True, max_length=PAIR_TOKENS, return_tensors="pt")
            mean = backbone[0].auto_model(**tokens)[0][0].mean(dim=0)
            expected.append(torch.softmax(shipped["head.weight"] @ mean + shipped["head.bias"], dim=0).numpy())
    np.testing.assert_allclose(model.relate(PAIRS), expected, atol=0.02)


def test_a_pair_is_read_alike_in_any_company(model: PairModel) -> None:
    together = model.relate(PAIRS)
    order = np.random.default_rng(0).permutation(len(PAIRS))
    np.testing.assert_allclose(model.relate([PAIRS[row] for row in order]), together[order], atol=0.02)
    np.testing.assert_allclose(np.concatenate([model.relate([pair]) for pair in PAIRS]), together, atol=0.02)
    assert model.relate([]).shape == (0, 3)


def test_two_threads_read_what_one_reads(model: PairModel) -> None:
    alone = model.relate(PAIRS)
    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(model.relate, [PAIRS] * 6):
            np.testing.assert_allclose(found, alone, atol=0.02)
