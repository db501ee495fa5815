"""The index is refreshed where text changed, survives kills and damage, and never answers from either."""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import load_file, save_file

from qa.exports import ADAPTER
from qa.index import Index, Progress, Reporter, open_index
from qa.types import IndexUnavailable, ModelError, PlaybookError
from tests.conftest import BREAD, CONTENT, write_small

NewIndex = Callable[[str], Path]


class Log(list[str]):
    """Collects what a build says, and how many passages it embedded."""

    embedded = 0

    def reporter(self) -> Reporter:
        return Reporter(notify=self.append, progress=self._progress)

    def _progress(self, done: Progress) -> None:
        self.embedded = done.of_passages


def opened(content: Path, folder: Path) -> tuple[Index, Log]:
    log = Log()
    return open_index(content, folder, reporter=log.reporter()), log


def generation(folder: Path) -> Path:
    return folder / (folder / "CURRENT").read_text().split()[0]


def check(index: Index) -> None:
    """The rows are the vectors of the chunks, in order."""
    expected = index.encoder.encode_document([chunk.context for chunk in index.chunks])
    assert (index.store.vectors() * expected).sum(axis=1).min() > 0.999


def test_a_second_start_embeds_nothing_and_says_nothing(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    first, log = opened(small, folder)
    assert log.embedded == len(first.chunks) == 6
    before = (folder / "CURRENT").read_bytes()
    second, log = opened(small, folder)
    assert (log, log.embedded) == ([], 0)
    assert second.chunks == first.chunks
    np.testing.assert_array_equal(second.store.vectors(), first.store.vectors())
    assert (folder / "CURRENT").read_bytes() == before
    check(second)


def test_an_edited_chapter_is_the_only_one_embedded(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    path = small / "02-kitchen" / "02-bread.md"
    path.write_text(BREAD.replace("Feed the starter", "Always feed the starter"), encoding="utf-8")
    index, log = opened(small, folder)
    assert log == ["Indexing 1 of 2 chapters"]
    assert log.embedded == 1
    assert any(chunk.text.startswith("Always feed") for chunk in index.chunks)
    assert len([p for p in folder.iterdir() if p.name.isdigit()]) == 1
    check(index)


def test_a_removed_chapter_is_gone_and_an_added_one_is_there(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    (small / "01-sea" / "01-tides.md").unlink()
    (small / "03-tea.md").write_text("# Tea\n\nSteep green tea at 80 degrees.\n")
    index, log = opened(small, folder)
    assert log.embedded == 1
    assert {chunk.title for chunk in index.chunks} == {"Bread", "Tea"}


def test_questions_are_keys_and_refresh_by_themselves(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    row = {"question": "why is my loaf flat", "chapter": 2, "anchor": "sourdough"}
    (small / "questions.jsonl").write_text(json.dumps(row) + "\n")
    index, log = opened(small, folder)
    assert log.embedded == 1
    assert [question.section_id for question in index.questions] == ["2#sourdough"]
    assert len(index.keys) == 1


def test_a_bad_chapter_leaves_the_old_index_as_it_was(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    before = (folder / "CURRENT").read_bytes()
    (small / "03-bad.md").write_bytes(b"\xff")
    with pytest.raises(PlaybookError):
        opened(small, folder)
    assert (folder / "CURRENT").read_bytes() == before
    (small / "03-bad.md").unlink()
    assert opened(small, folder)[1] == []


FILES = [
    "CURRENT",
    "manifest.json",
    "playbook.json",
    "questions.json",
    "chunks.faiss",
    "keys.faiss",
    "model.bin",
    "tokenizer.json",
]


def path_of(folder: Path, name: str) -> Path:
    if name == "CURRENT":
        return folder / name
    inside = generation(folder) / name
    return inside if inside.exists() else next((folder / "models").glob(f"*/{name}"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    path.write_bytes(data)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage", [flip, lambda path: path.write_bytes(path.read_bytes()[:-3]), Path.unlink], ids=["flip", "cut", "remove"]
)
def test_a_damaged_file_is_noticed_set_aside_and_rebuilt(
    name: str, damage: Callable[[Path], object], small: Path, new_index: NewIndex
) -> None:
    folder = new_index("index")
    good, _ = opened(small, folder)
    damage(path_of(folder, name))
    index, log = opened(small, folder)
    if name == "CURRENT" and damage is Path.unlink:
        assert log == ["Indexing 2 of 2 chapters"]
    else:
        assert "it was set aside in" in log[0]
        assert (folder / "damaged").is_dir()
    assert index.chunks == good.chunks
    check(index)
    assert opened(small, folder)[1] == []


def test_a_mismatched_pair_of_files_is_damage(small: Path, new_index: NewIndex) -> None:
    """Vectors of another build, whole in themselves, must not be served."""
    folder, other = new_index("index"), new_index("other")
    opened(small, folder)
    (small / "02-kitchen" / "02-bread.md").unlink()
    opened(small, other)
    (generation(folder) / "chunks.faiss").write_bytes((generation(other) / "chunks.faiss").read_bytes())
    _, log = opened(small, folder)
    assert "is not what was written" in log[0]


def test_a_killed_build_leaves_the_old_index_usable(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    for number in range(3, 40):
        paragraphs = "\n\n".join(
            f"Paragraph {n} of chapter {number} tells of {n * number} boats. " * 8 for n in range(12)
        )
        (small / f"{number:02}-more.md").write_text(f"# More {number}\n\n{paragraphs}\n")
    code = (
        "from pathlib import Path; from qa.index import Reporter, open_index\n"
        "reporter = Reporter(progress=lambda done: print(done.passages, flush=True))\n"
        f"open_index(Path({str(small)!r}), Path({str(folder)!r}), reporter=reporter)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as build:
        assert build.stdout
        build.stdout.readline()
        build.send_signal(signal.SIGKILL)
    assert build.returncode == -signal.SIGKILL
    assert generation(folder).is_dir()
    for path in small.glob("*-more.md"):
        path.unlink()
    index, log = opened(small, folder)
    assert log == []
    check(index)


def test_a_build_killed_while_writing_is_cleared_away(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    (small / "03-tea.md").write_text("# Tea\n\nSteep green tea at 80 degrees.\n")
    leftover = folder / "1763917200000000000.building"
    leftover.mkdir()
    (leftover / "chunks.faiss").write_bytes(b"half")
    opened(small, folder)
    assert not leftover.exists()


def _build(content: Path, folder: Path) -> int:
    return len(open_index(content, folder).chunks)


def test_two_processes_building_at_once_do_no_harm(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(_build, [(small, folder)] * 2) == [6, 6]
    index, log = opened(small, folder)
    assert log == []
    check(index)


def test_a_full_disk_is_named_and_the_old_index_stays(small: Path, new_index: NewIndex) -> None:
    """A limit on the size of files stands in for the full disk: the same write fails."""
    folder = new_index("index")
    opened(small, folder)
    before = (folder / "CURRENT").read_bytes()
    (small / "03-tea.md").write_text("# Tea\n\nSteep green tea at 80 degrees.\n")
    log = Log()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        index = open_index(small, folder, reporter=log.reporter())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in log[-1]
    assert "answering from the index as it was last built" in log[-1]
    assert {chunk.title for chunk in index.chunks} == {"Tides", "Bread"}
    assert (folder / "CURRENT").read_bytes() == before
    assert not list(folder.glob("*.building"))


def test_an_index_path_that_is_a_file_is_named(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexUnavailable, match=r"file: cannot be written .*choose another folder with --index DIR"):
        opened(small, tmp_path / "file")


def test_a_folder_that_is_no_model_leaves_the_index_alone(small: Path, new_index: NewIndex, tmp_path: Path) -> None:
    folder = new_index("index")
    opened(small, folder)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "modules.json").write_text("[]")
    with pytest.raises(ModelError, match="not a sentence-transformers model that can be exported"):
        open_index(small, folder, model=str(tmp_path / "model"))
    assert opened(small, folder)[1] == []


THEIRS = ["2024/photo.jpg", "cabin.building/plan", "damaged/letter", "models/boat.making/hull", "1763917200000000001/x"]


def put(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("theirs")


@pytest.mark.parametrize("name", [*THEIRS, "CURRENT", "notes.txt", "models/notes"])
def test_a_folder_that_is_not_ours_is_refused_and_untouched(name: str, small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    put(folder, [name])
    with pytest.raises(IndexUnavailable, match=r"documents: holds '.*' and is no index folder; .* --index DIR"):
        opened(small, folder)
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / name]


def test_what_is_not_ours_in_an_index_folder_stays(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    (folder / "README.md").write_text("harmless")
    opened(small, folder)
    theirs = [name for name in THEIRS if not name.startswith("damaged")]
    put(folder, theirs)
    (small / "03-tea.md").write_text("# Tea\n\nSteep green tea at 80 degrees.\n")
    opened(small, folder)
    flip(generation(folder) / "chunks.faiss")
    opened(small, folder)
    assert all((folder / name).read_text() == "theirs" for name in theirs)
    assert (folder / "README.md").read_text() == "harmless"


def test_a_folder_named_damaged_that_is_not_ours_is_not_replaced(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    put(folder, ["damaged/letter"])
    flip(generation(folder) / "chunks.faiss")
    with pytest.raises(IndexUnavailable, match=r"damaged: holds 'letter', not a damaged index; move it"):
        opened(small, folder)
    assert (folder / "damaged" / "letter").read_text() == "theirs"


def test_damage_is_set_aside_again_and_again(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    for _ in range(3):
        opened(small, folder)
        flip(generation(folder) / "keys.faiss")
    assert "was set aside" in opened(small, folder)[1][0]


def test_another_adapter_rebuilds_and_another_time_does_not(
    small: Path, new_index: NewIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = tmp_path / "encoder.safetensors"
    shutil.copy(ADAPTER, adapter)
    monkeypatch.setattr("qa.exports.ADAPTER", adapter)
    folder = new_index("index")
    before, _ = opened(small, folder)
    os.utime(adapter, (1, 1))
    assert opened(small, folder)[1] == []
    save_file({name: factor * 0.5 for name, factor in load_file(adapter).items()}, adapter)
    after, log = opened(small, folder)
    assert log.embedded == len(after.chunks)
    assert np.abs(after.store.vectors() - before.store.vectors()).max() > 0.01
    check(after)
    adapter.unlink()
    with pytest.raises(ModelError, match=r"encoder\.safetensors: cannot be read"):
        opened(small, folder)


@pytest.mark.parametrize("name", ["model.bin", "encoder.json"])
def test_a_damaged_export_without_an_index_is_made_anew(name: str, small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    path = next((folder / "models").glob(f"*/{name}"))
    path.write_bytes(path.read_bytes()[:-100] + b" " * 100)
    index, log = opened(small, folder)
    assert "Preparing the embedding model" in log[0]
    check(index)


@pytest.fixture
def world_readable() -> Iterator[Path]:
    """A small playbook where a user without rights can reach it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield write_small(Path(name) / "content")


def test_unreadable_questions_are_a_fault_of_the_playbook(world_readable: Path) -> None:
    (world_readable / "questions.jsonl").write_text("")
    (world_readable / "questions.jsonl").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(PlaybookError, match=r"questions\.jsonl: cannot be read \(Permission denied\)"):
            opened(world_readable, world_readable.parent / "index")
    finally:
        os.seteuid(user)


def rewrite_manifest(folder: Path, manifest: dict[str, object]) -> None:
    data = json.dumps(manifest).encode()
    (generation(folder) / "manifest.json").write_bytes(data)
    (folder / "CURRENT").write_text(f"{generation(folder).name} {sha256(data).hexdigest()}\n")


@pytest.mark.parametrize(
    "manifest", [{"format": 99}, {}, {"format": 1, "chunking": {"window": 9}, "model": {"name": "all-MiniLM-L6-v2"}}]
)
def test_an_index_of_another_version_is_rebuilt(manifest: dict[str, object], small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    rewrite_manifest(folder, manifest)
    index, log = opened(small, folder)
    assert "was made by another version; it is being rebuilt" in log[0]
    assert log[1:] == ["Indexing 2 of 2 chapters"]
    assert not (folder / "damaged").exists()
    check(index)
    assert opened(small, folder)[1] == []


def test_waiting_for_another_build_is_said(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    log = Log()
    lock = FileLock(folder / ".lock")
    with lock:
        waiter = threading.Thread(target=open_index, args=(small, folder), kwargs={"reporter": log.reporter()})
        waiter.start()
        deadline = time.monotonic() + 30
        while not log and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [line for line in log if "another process is building this index; waiting" in line] == list(log)
        assert log
    waiter.join()
    assert log[-1] == "Indexing 2 of 2 chapters"


def test_a_large_chapter_reports_on_its_way(small: Path, new_index: NewIndex) -> None:
    paragraphs = "\n\n".join(f"Boat {n} carries {n * 7} crates of tea to the harbour. " * 24 for n in range(200))
    (small / "03-boats.md").write_text(f"# Boats\n\n{paragraphs}\n")
    rows = [{"question": f"where is boat {n}?", "chapter": 3, "anchor": "boats"} for n in range(150)]
    (small / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    reports: list[Progress] = []
    open_index(small, new_index("index"), reporter=Reporter(progress=reports.append))
    steps = np.diff([0, *(report.passages for report in reports)])
    assert steps.min() >= 0
    assert steps.max() <= 64
    assert reports[-1] == Progress(3, 3, reports[-1].of_passages, reports[-1].of_passages)


def test_the_manifest_records_the_content_folder(small: Path, new_index: NewIndex) -> None:
    folder = new_index("index")
    opened(small, folder)
    assert json.loads((generation(folder) / "manifest.json").read_bytes())["content"] == str(small.resolve())


def test_the_shipped_edition_builds_into_sound_rows() -> None:
    index = open_index(CONTENT, CONTENT.parent / "index")
    sample = range(0, len(index.chunks), max(1, len(index.chunks) // 40))
    expected = index.encoder.encode_document([index.chunks[row].context for row in sample])
    assert (index.store.vectors()[list(sample)] * expected).sum(axis=1).min() > 0.999
