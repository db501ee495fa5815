"""Which files are chapters, how they are numbered, and what each kind of bad file says."""

import os
import time
from pathlib import Path

import pytest

from qa.playbook import read_playbook
from qa.playbook.questions import read_questions
from qa.types import PlaybookError
from tests.conftest import write_small


def refused(root: Path) -> str:
    with pytest.raises(PlaybookError) as caught:
        read_playbook(root)
    return str(caught.value)


def test_a_folder_is_read_with_its_titles_parts_and_sections(small: Path) -> None:
    tides, bread = read_playbook(small).chapters
    assert (tides.number, tides.title, tides.part, tides.path) == (1, "Tides", "Sea", "01-sea/01-tides.md")
    assert [section.id for section in bread.sections] == ["2#bread", "2#how-long-to-knead", "2#sourdough"]
    assert bread.sections[2].heading_path == ("Sourdough",)


def test_without_front_matter_number_and_part_come_from_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "03-data-layer"
    folder.mkdir()
    (folder / "07-hot-keys.md").write_text("# Hot *keys*\n\ntext\n")
    chapter = read_playbook(tmp_path).chapters[0]
    assert (chapter.number, chapter.title, chapter.part) == (7, "Hot keys", "Data Layer")


def test_files_without_any_number_are_numbered_in_path_order_after_the_others(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", "05-five.md"):
        (tmp_path / name).write_text("text")
    chapters = read_playbook(tmp_path).chapters
    assert [(c.number, c.path) for c in chapters] == [(5, "05-five.md"), (6, "a.md"), (7, "b.md")]
    assert chapters[1].sections[0].chapter == 6


def test_text_keeps_bom_tabs_and_line_ends(tmp_path: Path) -> None:
    data = "\ufeff# T\r\n\r\na\tb\u00a0c\r\n".encode()
    (tmp_path / "1-t.md").write_bytes(data)
    chapter = read_playbook(tmp_path).chapters[0]
    assert chapter.text.encode() == data
    assert chapter.title == "T"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert (
        refused(tmp_path / "nowhere") == f"{tmp_path / 'nowhere'}: no such content folder; name one with --content DIR"
    )


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    assert "holds no Markdown chapter" in refused(tmp_path)


def test_duplicate_numbers_name_both_files(small: Path) -> None:
    (small / "01-other.md").write_text("# Other\n")
    message = refused(small)
    assert "chapter number 1 is also that of" in message
    assert "01-other.md" in message
    assert "01-tides.md" in message


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("number: [1", "02-bread.md:2: front matter is not valid YAML"),
        ("number: two", "'number' must be a whole number, got 'two'"),
        ("number: -1", "'number' must be a whole number, got -1"),
        ("number: 1234567890", "'number' has more than 9 digits"),
        ("number: 0x" + "f" * 9_000, "'number' has more than 9 digits"),
        ("date: 2024-13-45", "02-bread.md:2: front matter is not valid YAML"),
        ('section: "\\ud800"', "02-bread.md:2: front matter 'section' must be one line of text"),
        ("section: [a, b]", "'section' must be one line of text"),
        ("section: 0x" + "f" * 9_000, "'section' must be one line of text"),
    ],
    ids=lambda value: value[:24],
)
def test_broken_front_matter_names_file_and_line(small: Path, front: str, said: str) -> None:
    (small / "02-kitchen" / "02-bread.md").write_text(f"---\n{front}\n---\n# Bread\n")
    assert said in refused(small)


def test_bad_utf8_names_the_line_and_the_byte(small: Path) -> None:
    (small / "02-kitchen" / "02-bread.md").write_bytes(b"# Bread\n\nfine\nna\xefve\n")
    assert "02-bread.md:4: not UTF-8 (byte 0xef at byte 16)" in refused(small)


def test_an_unreadable_file_is_named(small: Path) -> None:
    path = small / "02-kitchen" / "03-loop.md"
    path.symlink_to(path)
    assert "03-loop.md: cannot be read" in refused(small)


def test_a_link_out_of_the_folder_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n")
    (small / "03-secret.md").symlink_to(tmp_path / "secret.md")
    assert "a link that leaves the content folder" in refused(small)


def test_a_linked_folder_out_of_the_folder_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (small / "03-more").symlink_to(tmp_path / "elsewhere")
    assert "03-more: a link that leaves the content folder" in refused(small)


def test_linked_questions_out_of_the_folder_are_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jsonl").write_text("")
    (small / "questions.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    with pytest.raises(PlaybookError, match=r"questions\.jsonl: a link that leaves the content folder"):
        read_questions(small, read_playbook(small))


def test_a_folder_that_cannot_be_listed_is_named(small: Path) -> None:
    inner = os.open(small, os.O_RDONLY)
    for _ in range(20):  # a path beyond the longest that the system takes
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    assert "d: cannot be listed (File name too long)" in refused(small)


def test_pipes_are_no_chapters_and_no_questions(small: Path) -> None:
    os.mkfifo(small / "03-pipe.md")
    os.mkfifo(small / "questions.jsonl")
    playbook = read_playbook(small)
    assert len(playbook.chapters) == 2
    with pytest.raises(PlaybookError, match="not a regular file"):
        read_questions(small, playbook)


def test_a_file_name_that_is_not_utf8_is_named(small: Path) -> None:
    Path(os.fsdecode(os.fsencode(small) + b"/03-caf\xe9.md")).write_text("# Coffee\n")
    assert "the file name '03-caf\\udce9.md' in it is not UTF-8" in refused(small)


def test_a_file_that_is_a_folder_of_that_name_is_no_chapter(small: Path) -> None:
    (small / "04-folder.md").mkdir()
    assert len(read_playbook(small).chapters) == 2


def test_a_chapter_of_five_megabytes_is_read_in_bounded_time(tmp_path: Path) -> None:
    section = "## Part {0}\n\nSome text about part {0}.\n\n- a\n- b\n\n```js\nlet x = {0};\n```\n\n"
    text = "# Big\n\n" + "".join(section.format(n) for n in range(70_000))
    assert len(text) > 5_000_000
    (tmp_path / "1-big.md").write_text(text)
    started = time.perf_counter()
    chapter = read_playbook(tmp_path).chapters[0]
    assert time.perf_counter() - started < 60
    assert len(chapter.sections) == 70_001


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "questions.jsonl:1: not JSON"),
        ('{"chapter": ' + "9" * 5_000 + "}", "questions.jsonl:1: not JSON (too long a number"),
        ("[" * 100_000, "questions.jsonl:1: not JSON (too long a number, or too deep)"),
        ('{"question": "\\ud800", "chapter": 1, "anchor": "tides"}', "got UnicodeEncodeError"),
        ("[]", "a line must be a JSON object"),
        ('{"question": "q", "chapter": 1}', "a row needs question, chapter (a number) and anchor"),
        ('{"question": "q", "chapter": 1, "anchor": "gone"}', "no section '1#gone'"),
    ],
    ids=lambda value: value[:24],
)
def test_a_bad_row_of_questions_names_its_line(small: Path, row: str, said: str) -> None:
    (small / "questions.jsonl").write_text(row + "\n")
    with pytest.raises(PlaybookError, match=r"questions\.jsonl:1") as caught:
        read_questions(small, read_playbook(small))
    assert said in str(caught.value)


def test_deep_nesting_ends(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "03-deep.md").write_text("> " * 5_000 + "deep\n\n" + "[" * 5_000 + "\n\n" + "*a_ " * 5_000)
    started = time.perf_counter()
    assert len(read_playbook(tmp_path).chapters) == 3
    assert time.perf_counter() - started < 30
