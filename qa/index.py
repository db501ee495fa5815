"""The folder `index/`: chunks and their vectors, built once and refreshed where text changed.

Owns what a generation is made from, when it is current, and how it is loaded; `manifest`
keeps the folder. Does not rank. Layout::

    .playbook-index       says that the folder is ours
    CURRENT               the current generation and the SHA-256 of its manifest
    1763917200…/          a generation: manifest.json, playbook.json, *.faiss
    models/<id>/          exported models, shared by generations
    damaged/              the last generation that was set aside

A reader holds everything in memory, so an old generation can go while it is in use.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from qa import manifest as disk
from qa.encoder import Embedding, Encoder, OpenVINOEncoder
from qa.exports import DEFAULT_MODEL, clear_leftovers, fingerprint, identify, open_model
from qa.manifest import Manifest
from qa.playbook import chunks as chunking
from qa.playbook import content_hashes, read_playbook
from qa.playbook.questions import FILE as QUESTIONS_FILE
from qa.playbook.questions import read_questions
from qa.store import FaissStore
from qa.tokens import TokenStore
from qa.types import (
    Block,
    Chapter,
    Chunk,
    IndexDamaged,
    IndexUnavailable,
    ModelError,
    Playbook,
    PlaybookError,
    Question,
    Section,
)

FORMAT = 4
_CHUNKING = {"window": chunking.WINDOW, "target": chunking.TARGET}
# Texts between two reports: some seconds of work, and enough to sort into even batches.
_STEP = 64


def _ignore(_: object) -> None:
    """Tells nobody."""


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

    notify: Callable[[str], object] = _ignore
    progress: Callable[[Progress], object] = _ignore


@dataclass(frozen=True, slots=True)
class Index:
    """A loaded generation.

    Row `i` of `store` and `tokens` is `chunks[i]`, of `keys` and `key_tokens` `questions[i]`.
    """

    playbook: Playbook
    chunks: tuple[Chunk, ...]
    questions: tuple[Question, ...]
    store: FaissStore
    tokens: TokenStore
    keys: FaissStore
    key_tokens: TokenStore
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
class _Known:
    """Embeddings that need not be made again, by their texts."""

    passages: dict[str, Embedding]
    asked: dict[str, Embedding]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an up-to-date generation would have been made from."""

    model: str
    hashes: dict[str, str]

    def is_met_by(self, manifest: Manifest) -> bool:
        """Whether text, chunking and model are those of the manifest.

        The model's files are hashed only when their sizes or times changed.
        """
        if not _is_readable(manifest):
            return False
        model = manifest["model"]
        if manifest["hashes"] != self.hashes or model["name"] != self.model:
            return False
        return fingerprint(self.model) == model.get("fingerprint") or identify(self.model) == str(model["id"])


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
        manifest = disk.read_manifest(folder)
        if manifest and _wanted(hashes, model, manifest).is_met_by(manifest):
            return _load(folder, manifest)
    except IndexDamaged:
        pass  # looked at again below, under the lock
    try:
        disk.claim(folder)
        with _lock(folder, reporter):
            return _refresh(content, folder, model, reporter)
    except OSError as error:
        return _read_only(folder, error, reporter)


def _lock(folder: Path, reporter: Reporter) -> AbstractContextManager[object]:
    """The folder's lock, taken; says so when another process holds it."""
    lock = FileLock(folder / ".lock", mode=0o644)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        reporter.notify(f"{folder}: another process is building this index; waiting for it")
        return lock.acquire()


def _refresh(content: Path, folder: Path, model: str | None, reporter: Reporter) -> Index:
    """Loads, or builds what is missing. Runs under the lock."""
    disk.clear_leftovers(folder)
    clear_leftovers(folder / disk.MODELS)
    manifest, old = _present(folder, reporter)
    wanted = _wanted(_hashes(content), model, manifest or {})
    if manifest and old and wanted.is_met_by(manifest):
        return old
    mark = fingerprint(wanted.model)
    identity, export = open_model(wanted.model, folder / disk.MODELS, reporter.notify)
    encoder = OpenVINOEncoder(export)
    source = _Source.read(content)
    known = _known(old) if manifest and old and manifest["model"]["id"] == identity else _Known({}, {})
    changed = {chunk.chapter for chunk in source.chunks if chunk.context not in known.passages}
    reporter.notify(f"Indexing {len(changed)} of {len(source.playbook.chapters)} chapters")
    passages, asked = _embed(source, encoder, known, reporter.progress)
    made = {
        "format": FORMAT,
        "content": str(content.resolve()),
        "chunking": _CHUNKING,
        "hashes": wanted.hashes,
        "model": {"name": wanted.model, "id": identity, "fingerprint": mark, "files": _file_hashes(export)},
        "chunks": _chunks_hash(source.chunks),
    }
    store, keys = _store(passages, encoder), _store(asked, encoder)
    tokens, key_tokens = _tokens(passages, encoder), _tokens(asked, encoder)
    files = {
        "playbook.json": disk.to_json([asdict(chapter) for chapter in source.playbook.chapters]),
        "questions.json": disk.to_json([asdict(question) for question in source.questions]),
        "chunks.faiss": store.to_bytes(),
        "tokens.npz": tokens.to_bytes(),
        "keys.faiss": keys.to_bytes(),
        "key-tokens.npz": key_tokens.to_bytes(),
    }
    disk.replace(folder, made, files)
    return Index(source.playbook, source.chunks, source.questions, store, tokens, keys, key_tokens, encoder)


def _present(folder: Path, reporter: Reporter) -> tuple[Manifest | None, Index | None]:
    """The current generation, as far as it is of use; a damaged one is set aside."""
    try:
        manifest = disk.read_manifest(folder)
        if manifest and not _is_readable(manifest):
            reporter.notify(f"{folder}: the index was made by another version; it is being rebuilt")
            return manifest, None
        return manifest, _load(folder, manifest) if manifest else None
    except IndexDamaged as error:
        reporter.notify(f"{error}; it was set aside in {disk.set_aside(folder)} and is being rebuilt")
        return None, None


def _read_only(folder: Path, error: OSError, reporter: Reporter) -> Index:
    """Serves a valid current index from a folder that cannot be written."""
    reason = f"{folder}: cannot be written ({error.strerror or error})"
    try:
        manifest = disk.read_manifest(folder)
        index = _load(folder, manifest) if manifest and _is_readable(manifest) else None
    except IndexDamaged as damage:
        raise IndexUnavailable(f"{reason}, and the index in it is damaged ({damage}); {disk.REMEDY}") from error
    if index is None:
        raise IndexUnavailable(f"{reason}; {disk.REMEDY}") from error
    reporter.notify(f"{reason}: answering from the index as it was last built; to refresh it, {disk.REMEDY}")
    return index


def _embed(
    source: _Source, encoder: OpenVINOEncoder, known: _Known, progress: Callable[[Progress], object]
) -> tuple[list[Embedding], list[Embedding]]:
    """Embeddings of all chunks and of all questions; what is known is not embedded again."""
    new = {chunk.context for chunk in source.chunks if chunk.context not in known.passages}
    asked = [question.question for question in source.questions if question.question not in known.asked]
    chapters, total, done = len(source.playbook.chapters), len(new) + len(asked), 0
    for number, chapter in enumerate(source.playbook.chapters, 1):
        texts = sorted({chunk.context for chunk in source.chunks if chunk.chapter == chapter.number} & new)
        for batch in _batches(texts):
            known.passages.update(zip(batch, encoder.embed_document(batch), strict=True))
            done += len(batch)
            progress(Progress(number - 1, chapters, done, total))
        progress(Progress(number, chapters, done, total))
    for batch in _batches(asked):
        known.asked.update(zip(batch, encoder.embed_query(batch), strict=True))
        done += len(batch)
        progress(Progress(chapters, chapters, done, total))
    return (
        [known.passages[chunk.context] for chunk in source.chunks],
        [known.asked[question.question] for question in source.questions],
    )


def _store(embeddings: Sequence[Embedding], encoder: OpenVINOEncoder) -> FaissStore:
    empty = np.empty((0, encoder.dimension), dtype=np.float32)
    return FaissStore.from_vectors(np.stack([e.vector for e in embeddings]) if embeddings else empty)


def _tokens(embeddings: Sequence[Embedding], encoder: OpenVINOEncoder) -> TokenStore:
    return TokenStore.from_tokens([embedding.tokens for embedding in embeddings], encoder.token_dimension)


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _STEP):
        yield texts[start : start + _STEP]


def _known(index: Index) -> _Known:
    vectors, keys = index.store.vectors(), index.keys.vectors()
    passages = {c.context: Embedding(vectors[row], index.tokens.tokens(row)) for row, c in enumerate(index.chunks)}
    asked = {q.question: Embedding(keys[row], index.key_tokens.tokens(row)) for row, q in enumerate(index.questions)}
    return _Known(passages, asked)


def _wanted(hashes: dict[str, str], model: str | None, manifest: Manifest) -> _Wanted:
    if model is None:
        kept = manifest.get("model")
        model = str(kept["name"]) if isinstance(kept, dict) and "name" in kept else DEFAULT_MODEL
    elif model != DEFAULT_MODEL:
        model = str(Path(model).resolve())
    return _Wanted(model, hashes)


def _is_readable(manifest: Manifest) -> bool:
    """Whether this version of the house wrote the generation."""
    return manifest.get("format") == FORMAT and manifest.get("chunking") == _CHUNKING


def _hashes(content: Path) -> dict[str, str]:
    questions = content / QUESTIONS_FILE
    try:
        asked = {QUESTIONS_FILE: sha256(questions.read_bytes()).hexdigest()} if questions.is_file() else {}
    except OSError as error:
        raise PlaybookError(f"cannot be read ({error.strerror}); mend its permissions", questions) from error
    return content_hashes(content) | asked


def _load(folder: Path, manifest: Manifest) -> Index:
    """Loads a generation; every byte is checked before it is used."""
    home = folder / str(manifest["generation"])
    data = {name: disk.checked(home / name, digest) for name, digest in manifest["files"].items()}
    export = folder / disk.MODELS / manifest["model"]["id"][:16]
    for name, digest in manifest["model"]["files"].items():
        disk.checked(export / name, digest)
    playbook = Playbook(tuple(_chapter(row) for row in json.loads(data["playbook.json"])))
    chunks = tuple(chunk for chapter in playbook.chapters for chunk in chunking.split(chapter))
    questions = tuple(Question(**row) for row in json.loads(data["questions.json"]))
    store, keys = FaissStore.from_bytes(data["chunks.faiss"]), FaissStore.from_bytes(data["keys.faiss"])
    tokens, key_tokens = TokenStore.from_bytes(data["tokens.npz"]), TokenStore.from_bytes(data["key-tokens.npz"])
    told, asked = (len(store), len(tokens)), (len(keys), len(key_tokens))
    sound = told == (len(chunks),) * 2 and asked == (len(questions),) * 2
    if not sound or _chunks_hash(chunks) != manifest["chunks"]:
        raise IndexDamaged(f"{home}: {len(store)} vectors do not belong to its {len(chunks)} chunks")
    try:
        encoder = OpenVINOEncoder(export)
    except ModelError as error:
        raise IndexDamaged(str(error)) from error
    return Index(playbook, chunks, questions, store, tokens, keys, key_tokens, encoder)


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
