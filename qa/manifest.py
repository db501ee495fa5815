"""The index folder on disk: whose it is, which generation counts, and how one replaces another.

Owns the marker, CURRENT, the manifest's digest and the damaged set. Does not know what a
generation's files mean. Only what carries a name given here is ever moved or deleted, and
only in a folder that is ours.
"""

import json
import os
import re
import shutil
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from qa.types import IndexDamaged, IndexUnavailable

MODELS = "models"
REMEDY = "free space, mend its permissions, or choose another folder with --index DIR"
_MARKER = ".playbook-index"
_DAMAGED = "damaged"
_HARMLESS = {_MARKER, ".lock", ".gitignore", ".gitkeep", "README.md", "CURRENT.new"}
_FILES = {
    "manifest.json",
    "playbook.json",
    "questions.json",
    "chunks.faiss",
    "tokens.npz",
    "keys.faiss",
    "key-tokens.npz",
}
_GENERATION = re.compile(r"\d{19}")
_BUILDING = re.compile(r"\d{19}\.building")
_EXPORT = re.compile(r"[0-9a-f]{16}")
_EXPORT_OR_LOCK = re.compile(r"[0-9a-f]{16}(\.making)?|\.lock")
_CURRENT = re.compile(r"(\d{19}) ([0-9a-f]{64})\s*")

Manifest = dict[str, Any]


def claim(folder: Path) -> None:
    """Makes a folder ours, or finds that it is.

    Raises:
        IndexUnavailable: The folder holds what is not ours.
        OSError: It cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _MARKER).is_file():
        return
    foreign = sorted(path.name for path in folder.iterdir() if not _is_ours(path))
    if foreign and not _current(folder):
        raise IndexUnavailable(
            f"{folder}: holds {foreign[0]!r} and is no index folder; name a new or an empty folder with --index DIR"
        )
    _write(folder / _MARKER, b"Made by playbook-qa; safe to delete with the folder.\n")


def clear_leftovers(folder: Path) -> None:
    """Deletes what a killed build left."""
    for leftover in _folders(folder, _BUILDING):
        shutil.rmtree(leftover)


def read_manifest(folder: Path) -> Manifest | None:
    """The current generation's manifest, its folder's name added; None without an index.

    Raises:
        IndexDamaged: CURRENT or the manifest is not what was written.
    """
    current = folder / "CURRENT"
    if not current.is_file():
        return None
    found = _current(folder)
    if not found:
        raise IndexDamaged(f"{current}: does not name an index")
    generation, digest = found
    manifest = json.loads(checked(folder / generation / "manifest.json", digest))
    return {**manifest, "generation": generation}


def checked(path: Path, digest: str) -> bytes:
    """A file's bytes.

    Raises:
        IndexDamaged: They do not have the SHA-256 `digest`, or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{path}: {error.strerror}") from error
    if sha256(data).hexdigest() != digest:
        raise IndexDamaged(f"{path}: its content is not what was written")
    return data


def replace(folder: Path, manifest: Manifest, files: dict[str, bytes]) -> None:
    """Writes a generation beside the current one, then makes it the current one."""
    generation = folder / f"{time.time_ns()}"
    building = generation.with_suffix(".building")
    listed = to_json({**manifest, "files": {name: sha256(data).hexdigest() for name, data in files.items()}})
    try:
        building.mkdir()
        for name, data in {**files, "manifest.json": listed}.items():
            _write(building / name, data)
        building.rename(generation)
        _write(folder / "CURRENT.new", f"{generation.name} {sha256(listed).hexdigest()}\n".encode())
        (folder / "CURRENT.new").replace(folder / "CURRENT")
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        raise
    for old in _generations(folder):
        if old != generation:
            shutil.rmtree(old, ignore_errors=True)


def set_aside(folder: Path) -> Path:
    """Moves every generation and export out of the way; one set is kept.

    Returns:
        Where they are.

    Raises:
        IndexUnavailable: That place holds what is not ours.
    """
    damaged = folder / _DAMAGED
    if damaged.exists():
        foreign = sorted(path.name for path in damaged.iterdir() if not _is_ours(path) and path.name != "CURRENT")
        if foreign:
            raise IndexUnavailable(f"{damaged}: holds {foreign[0]!r}, not a damaged index; move it, then run again")
        shutil.rmtree(damaged)
    (damaged / MODELS).mkdir(parents=True)
    for path in [*_generations(folder), folder / "CURRENT"]:
        if path.exists():
            path.rename(damaged / path.name)
    for path in _folders(folder / MODELS, _EXPORT):
        path.rename(damaged / MODELS / path.name)
    return damaged


def to_json(value: object) -> bytes:
    """UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def _current(folder: Path) -> tuple[str, str] | None:
    """The generation that CURRENT names, and its manifest's digest."""
    try:
        match = _CURRENT.fullmatch((folder / "CURRENT").read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return None
    return (match[1], match[2]) if match else None


def _is_ours(path: Path) -> bool:
    if path.name == MODELS and path.is_dir():
        return all(_EXPORT_OR_LOCK.fullmatch(child.name) for child in path.iterdir())
    return path.name in _HARMLESS or bool(_BUILDING.fullmatch(path.name)) or _is_generation(path)


def _is_generation(path: Path) -> bool:
    if not _GENERATION.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    names = {child.name for child in path.iterdir()}
    return "manifest.json" in names or names <= _FILES


def _generations(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _is_generation(path)]


def _folders(parent: Path, name: re.Pattern[str]) -> list[Path]:
    if not parent.is_dir():
        return []
    return [p for p in parent.iterdir() if name.fullmatch(p.name) and p.is_dir() and not p.is_symlink()]


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
