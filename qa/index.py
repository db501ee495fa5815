"""The folder `index/`: chunks and their vectors, built once and refreshed where text changed.

Owns the manifest, generations and their atomic replacement, damage and repair. Does not
rank. Layout::

    CURRENT               the current generation and the SHA-256 of its manifest
    1763917200…/          a generation: manifest.json, playbook.json, *.faiss
    models/<id>/          exported models, shared by generations
    damaged/              the last generation that was set aside

A reader holds everything in memory, so an old generation can go while it is in use.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from filelock import FileLock

from qa.encoder import DEFAULT_MODEL, Encoder, OpenVINOEncoder, Vectors, open_model
from qa.playbook import chunks as chunking
from qa.playbook import content_hashes, read_playbook
from qa.playbook.questions import FILE as QUESTIONS_FILE
from qa.playbook.questions import read_questions
from qa.store import FaissStore
from qa.types import (
    Block,
    Chapter,
    Chunk,
    IndexDamaged,
    IndexUnavailable,
    ModelError,
    Playbook,
    Question,
    Section,
)

FORMAT = 1
_CHUNKING = {"window": chunking.WINDOW, "target": chunking.TARGET}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is."""

    chapters: int
    of_chapters: int
    passages: int
    of_passages: int


@dataclass(frozen=True, slots=True)
class Reporter:
    """Whom a build tells: `notify` gets sentences, `progress` gets figures."""

    notify: Callable[[str], object] = str
    progress: Callable[[Progress], object] = repr


@dataclass(frozen=True, slots=True)
class Index:
    """A loaded generation. Row `i` of `store` is `chunks[i]`, of `keys` `questions[i]`."""

    playbook: Playbook
    chunks: tuple[Chunk, ...]
    questions: tuple[Question, ...]
    store: FaissStore
    keys: FaissStore
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class _Source:
    """A content folder, read and cut."""

    playbook: Playbook
    chunks: tuple[Chunk, ...]
    questions: tuple[Question, ...]

    @classmethod
    def read(cls, content: Path) -> "_Source":
        playbook = read_playbook(content)
        chunks = tuple(chunk for chapter in playbook.chapters for chunk in chunking.split(chapter))
        return cls(playbook, chunks, read_questions(content, playbook))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an up-to-date generation would have been made from."""

    content: str
    model: str
    hashes: dict[str, str]

    def is_met_by(self, manifest: dict[str, object]) -> bool:
        model = manifest["model"]
        return (
            isinstance(model, dict)
            and manifest["format"] == FORMAT
            and manifest["chunking"] == _CHUNKING
            and manifest["hashes"] == self.hashes
            and model["name"] == self.model
        )


def open_index(content: Path, folder: Path, *, model: str | None = None, reporter: Reporter | None = None) -> Index:
    """Loads the index of a content folder, building or refreshing what is not current.

    Args:
        content: The folder of chapters.
        folder: The index folder; made when missing.
        model: A model's name or folder; None keeps the index's own.
        reporter: Told of damage, refreshes and progress.

    Raises:
        PlaybookError: A chapter cannot be read; the old index stays.
        ModelError: The embedding model cannot be used.
        IndexUnavailable: There is no usable index and none can be written.
    """
    reporter = reporter or Reporter()
    hashes = _hashes(content)
    try:
        manifest = _read_manifest(folder)
        if manifest and _wanted(content, hashes, model, manifest).is_met_by(manifest):
            return _load(folder, manifest)
    except IndexDamaged:
        pass  # looked at again below, under the lock
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", mode=0o644):
            return _refresh(content, folder, model, reporter)
    except OSError as error:
        return _read_only(folder, error, reporter)


def _refresh(content: Path, folder: Path, model: str | None, reporter: Reporter) -> Index:
    """Loads, or builds what is missing. Runs under the lock."""
    for leftover in [*folder.glob("*.building"), *folder.glob("models/*.making")]:
        shutil.rmtree(leftover)
    manifest, old = None, None
    try:
        manifest = _read_manifest(folder)
        old = _load(folder, manifest) if manifest else None
    except IndexDamaged as error:
        reporter.notify(f"{error}; it was set aside in {folder / 'damaged'} and is being rebuilt")
        _set_aside(folder)
    wanted = _wanted(content, _hashes(content), model, manifest or {})
    if manifest and old and wanted.is_met_by(manifest):
        return old
    identity, export = open_model(wanted.model, folder / "models", reporter.notify)
    encoder = OpenVINOEncoder(export)
    source = _Source.read(content)
    known = _known_vectors(old) if manifest and old and _model(manifest)["id"] == identity else {}
    changed = {chunk.chapter for chunk in source.chunks if chunk.context not in known}
    reporter.notify(f"Indexing {len(changed)} of {len(source.playbook.chapters)} chapters")
    vectors, keys = _embed(source, encoder, known, reporter.progress)
    manifest = {
        "format": FORMAT,
        "content": wanted.content,
        "chunking": _CHUNKING,
        "hashes": wanted.hashes,
        "model": {"name": wanted.model, "id": identity, "files": _file_hashes(export)},
        "chunks": _chunks_hash(source.chunks),
    }
    store, key_store = FaissStore.from_vectors(vectors), FaissStore.from_vectors(keys)
    files = {
        "playbook.json": _json([asdict(chapter) for chapter in source.playbook.chapters]),
        "questions.json": _json([asdict(question) for question in source.questions]),
        "chunks.faiss": store.to_bytes(),
        "keys.faiss": key_store.to_bytes(),
    }
    _replace(folder, manifest, files)
    return Index(source.playbook, source.chunks, source.questions, store, key_store, encoder)


def _replace(folder: Path, manifest: dict[str, object], files: dict[str, bytes]) -> None:
    """Writes a generation beside the current one, then makes it the current one."""
    generation = folder / f"{time.time_ns()}"
    building = generation.with_suffix(".building")
    listed = _json({**manifest, "files": {name: sha256(data).hexdigest() for name, data in files.items()}})
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


def _read_only(folder: Path, error: OSError, reporter: Reporter) -> Index:
    """Serves a valid current index from a folder that cannot be written."""
    reason = f"{folder}: cannot be written ({error.strerror or error})"
    remedy = "free space, mend its permissions, or choose another folder with --index DIR"
    try:
        manifest = _read_manifest(folder)
        index = _load(folder, manifest) if manifest else None
    except IndexDamaged as damage:
        raise IndexUnavailable(f"{reason}, and the index in it is damaged ({damage}); {remedy}") from error
    if index is None:
        raise IndexUnavailable(f"{reason}; {remedy}") from error
    reporter.notify(f"{reason}: answering from the index as it was last built; to refresh it, {remedy}")
    return index


def _embed(
    source: _Source, encoder: OpenVINOEncoder, known: dict[str, Vectors], progress: Callable[[Progress], object]
) -> tuple[Vectors, Vectors]:
    """Vectors of all chunks and of all questions; texts in `known` are not embedded again."""
    new = {chunk.context for chunk in source.chunks if chunk.context not in known}
    asked = [question.question for question in source.questions if question.question not in known]
    chapters, total, done = len(source.playbook.chapters), len(new) + len(asked), 0
    for number, chapter in enumerate(source.playbook.chapters, 1):
        texts = sorted({chunk.context for chunk in source.chunks if chunk.chapter == chapter.number} & new)
        if texts:
            known.update(zip(texts, encoder.encode_document(texts), strict=True))
        done += len(texts)
        progress(Progress(number, chapters, done, total))
    if asked:
        known.update(zip(asked, encoder.encode_query(asked), strict=True))
        progress(Progress(chapters, chapters, total, total))
    empty = np.empty((0, encoder.dimension), dtype=np.float32)
    return (
        np.stack([known[chunk.context] for chunk in source.chunks]) if source.chunks else empty,
        np.stack([known[question.question] for question in source.questions]) if source.questions else empty,
    )


def _known_vectors(index: Index) -> dict[str, Vectors]:
    texts = [*(chunk.context for chunk in index.chunks), *(question.question for question in index.questions)]
    return dict(zip(texts, np.concatenate([index.store.vectors(), index.keys.vectors()]), strict=True))


def _wanted(content: Path, hashes: dict[str, str], model: str | None, manifest: dict[str, object]) -> _Wanted:
    if model is None:
        model = str(_model(manifest)["name"]) if manifest else DEFAULT_MODEL
    elif model != DEFAULT_MODEL:
        model = str(Path(model).resolve())
    return _Wanted(str(content.resolve()), model, hashes)


def _model(manifest: dict[str, object]) -> dict[str, object]:
    model = manifest["model"]
    if not isinstance(model, dict):
        raise IndexDamaged(f"manifest.json: 'model' is {type(model).__name__}")
    return model


def _hashes(content: Path) -> dict[str, str]:
    questions = content / QUESTIONS_FILE
    asked = {QUESTIONS_FILE: sha256(questions.read_bytes()).hexdigest()} if questions.is_file() else {}
    return content_hashes(content) | asked


def _read_manifest(folder: Path) -> dict[str, object] | None:
    """The current generation's manifest, its folder's name added; None without an index."""
    current = folder / "CURRENT"
    if not current.is_file():
        return None
    try:
        generation, digest = current.read_text(encoding="ascii").split()
        data = (folder / generation / "manifest.json").read_bytes()
        if sha256(data).hexdigest() != digest:
            raise IndexDamaged(f"{folder / generation / 'manifest.json'}: was altered")
        manifest: dict[str, object] = json.loads(data)
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"{current}: does not name a readable index ({error})") from error
    return {**manifest, "generation": generation}


def _load(folder: Path, manifest: dict[str, object]) -> Index:
    """Loads a generation; every byte is checked before it is used."""
    home = folder / str(manifest["generation"])
    data = {name: _checked(home / name, digest) for name, digest in dict(manifest["files"]).items()}  # type: ignore[call-overload]
    export = folder / "models" / str(_model(manifest)["id"])[:16]
    for name, digest in dict(_model(manifest)["files"]).items():  # type: ignore[call-overload]
        _checked(export / name, digest)
    playbook = Playbook(tuple(_chapter(row) for row in json.loads(data["playbook.json"])))
    chunks = tuple(chunk for chapter in playbook.chapters for chunk in chunking.split(chapter))
    questions = tuple(Question(**row) for row in json.loads(data["questions.json"]))
    store, keys = FaissStore.from_bytes(data["chunks.faiss"]), FaissStore.from_bytes(data["keys.faiss"])
    if _chunks_hash(chunks) != manifest["chunks"] or len(store) != len(chunks) or len(keys) != len(questions):
        raise IndexDamaged(f"{home}: {len(store)} vectors do not belong to its {len(chunks)} chunks")
    try:
        encoder = OpenVINOEncoder(export)
    except ModelError as error:
        raise IndexDamaged(str(error)) from error
    return Index(playbook, chunks, questions, store, keys, encoder)


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{path}: {error.strerror}") from error
    if sha256(data).hexdigest() != digest:
        raise IndexDamaged(f"{path}: its content is not what was written")
    return data


def _chapter(row: dict[str, object]) -> Chapter:
    sections = [
        Section(**{**s, "heading_path": tuple(s["heading_path"]), "blocks": tuple(Block(**b) for b in s["blocks"])})
        for s in row["sections"]  # type: ignore[attr-defined]
    ]
    return Chapter(**{**row, "sections": tuple(sections)})  # type: ignore[arg-type]


def _chunks_hash(chunks: Sequence[Chunk]) -> str:
    return sha256("\0".join(f"{chunk.id} {chunk.start} {chunk.context}" for chunk in chunks).encode()).hexdigest()


def _file_hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _set_aside(folder: Path) -> None:
    """Moves every generation and export out of the way; one set is kept."""
    damaged = folder / "damaged"
    shutil.rmtree(damaged, ignore_errors=True)
    damaged.mkdir()
    for path in [*_generations(folder), folder / "CURRENT", folder / "models"]:
        if path.exists():
            path.rename(damaged / path.name)


def _generations(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()]
