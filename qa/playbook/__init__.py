"""A folder of Markdown chapters → a `Playbook`.

Owns which files are chapters, their numbers, and what of a chapter may be quoted. Does
not embed, rank or cut into chunks (`chunks`), nor judge a chapter's form (`checks`).
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from stat import S_ISREG
from typing import NoReturn

from qa.playbook.labels import LABEL
from qa.playbook.markdown import Document, FrontMatterError, Heading, line_starts, parse, trimmed
from qa.types import Block, Chapter, Playbook, PlaybookError, Section

_NUMBERED = re.compile(r"(\d{1,6})(?:[-_. ]|$)")
_HIDES = re.compile(r"\*\*(key points|wrong claims|follow-ups)[:.]?\*\*", re.IGNORECASE)
_LEVEL = re.compile(r"\*Level: \w+\*")
_INTERVIEW = "interview questions"
_NEVER_QUOTED = {"key points", "wrong claims", "follow-ups"}
_LARGEST = 999_999_999


def read_playbook(root: Path) -> Playbook:
    """Reads every chapter below `root`.

    Raises:
        PlaybookError: The folder is missing or empty, or a chapter cannot be read.
    """
    return assemble((read_chapter(decode(path), path, root) for path in chapter_files(root)), root)


def assemble(read: Iterable[tuple[int | None, Chapter]], root: Path) -> Playbook:
    """Chapters as `read_chapter` gives them, those without a number numbered after the others.

    Raises:
        PlaybookError: Two chapters have one number.
    """
    chapters: list[Chapter] = []
    unnumbered: list[Chapter] = []
    for number, chapter in read:
        (chapters if number is not None else unnumbered).append(chapter)
    first = max((chapter.number for chapter in chapters), default=0) + 1
    chapters += [_numbered(chapter, number) for number, chapter in enumerate(unnumbered, first)]
    chapters.sort(key=lambda chapter: chapter.number)
    for one, other in pairwise(chapters):
        if one.number == other.number:
            raise PlaybookError(
                f"chapter number {one.number} is also that of {root / one.path}; give one of them another number",
                root / other.path,
            )
    return Playbook(tuple(chapters))


def chapter_files(root: Path) -> list[Path]:
    """The Markdown files below `root`, in path order; hidden and special ones left out.

    Raises:
        PlaybookError: The folder is missing, unreadable or holds no Markdown, a link leaves
            it, or a file's name is not UTF-8.
    """
    if not root.is_dir():
        raise PlaybookError("no such content folder; name one with --content DIR", root)
    home = root.resolve()
    files = []
    for folder, folders, names in os.walk(root, onerror=_unlisted):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            _stay(Path(folder, name), home)
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() != ".md":
                continue
            _stay(path, home)
            if not _is_special(path):
                files.append(_named(path, root))
    if not files:
        raise PlaybookError(
            "holds no Markdown chapter (NN-title.md); add one, or name a folder with --content DIR", root
        )
    return sorted(files)


def content_hashes(root: Path) -> dict[str, str]:
    """SHA-256 of each chapter file, by its path relative to `root`."""
    return {path.relative_to(root).as_posix(): sha256(_bytes(path)).hexdigest() for path in chapter_files(root)}


def decode(path: Path) -> str:
    """A chapter's text: UTF-8, line ends and BOM kept as they are.

    Raises:
        PlaybookError: The file cannot be read or is not UTF-8.
    """
    data = _bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise PlaybookError(
            f"not UTF-8 (byte 0x{data[error.start]:02x} at byte {error.start}); save the file as UTF-8", path, line
        ) from error


def read_chapter(text: str, path: Path, root: Path) -> tuple[int | None, Chapter]:
    """Reads one chapter.

    Returns:
        Its number, or None where neither front matter nor file name gives one, and the
        chapter (numbered 0 in that case).

    Raises:
        PlaybookError: Its front matter is broken, or its number, title or section unusable.
    """
    try:
        document = parse(text)
    except FrontMatterError as error:
        raise PlaybookError(str(error), path, error.line) from error
    number = _number(document, path)
    title = next((h.text for h in document.headings if h.level == 1 and h.text), None)
    relative = path.relative_to(root)
    folder = re.sub(r"^\d+[-_. ]+", "", relative.parent.name).replace("-", " ").strip()
    chapter = Chapter(
        number=number or 0,
        title=title or _line(document, "title", path) or _stem(path),
        part=_line(document, "section", path) or folder.title(),
        path=relative.as_posix(),
        text=text,
        sections=tuple(_sections(text, number or 0, document)),
    )
    return number, chapter


def _unlisted(error: OSError) -> NoReturn:
    raise PlaybookError(
        f"cannot be listed ({error.strerror}); check its permissions", Path(os.fsdecode(error.filename))
    ) from error


def _stay(path: Path, home: Path) -> None:
    if not Path(os.path.realpath(path)).is_relative_to(home):
        raise PlaybookError("a link that leaves the content folder; replace it with what it links to", path)


def _is_special(path: Path) -> bool:
    """Whether this is a folder, pipe or device; what cannot be told is left to the reader."""
    try:
        return not S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _named(path: Path, root: Path) -> Path:
    name = str(path.relative_to(root))
    if not _is_text(name):
        raise PlaybookError(f"the file name {name!a} in it is not UTF-8; rename the file", root)
    return path


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PlaybookError(f"cannot be read ({error.strerror}); check its permissions", path) from error


def _number(document: Document, path: Path) -> int | None:
    value = document.front_matter.get("number")
    if value is None:
        match = _NUMBERED.match(path.stem)
        return int(match[1]) if match else None
    if isinstance(value, int) and value > _LARGEST:
        raise PlaybookError("front matter 'number' has more than 9 digits; give a smaller one", path, 2)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PlaybookError(f"front matter 'number' must be a whole number, got {value!r}; mend it", path, 2)
    return value


def _line(document: Document, key: str, path: Path) -> str:
    """A value of the front matter as text, '' where it has none."""
    value = document.front_matter.get(key)
    try:
        text = str(value or "") if isinstance(value, str | int | float | date | None) else None
    except ValueError:  # an integer of more than 4,300 digits
        text = None
    if text is None or not _is_text(text):
        raise PlaybookError(f"front matter '{key}' must be one line of text; mend it", path, 2)
    return text


def _labelled(text: str, block: Block) -> list[Block]:
    """A block with a weak answer, cut before each line with a label; any other as it is."""
    if block.kind in {"code", "diagram"}:
        return [block]
    starts = [block.start + offset for offset in line_starts(text[block.start : block.end])[:-1]]
    labels = [label for start in starts if (label := LABEL.match(text, start))]
    if not any(label["weak"] for label in labels):
        return [block]
    cuts = sorted({block.start, *(label.start() for label in labels)})
    spans = (trimmed(text, *span) for span in pairwise([*cuts, block.end]))
    return [replace(block, start=start, end=end) for start, end in spans]


def _stem(path: Path) -> str:
    return re.sub(r"^\d+[-_. ]+", "", path.stem).replace("-", " ").strip() or path.stem


def _numbered(chapter: Chapter, number: int) -> Chapter:
    sections = tuple(replace(section, chapter=number) for section in chapter.sections)
    return replace(chapter, number=number, sections=sections)


def _sections(text: str, number: int, document: Document) -> Iterator[Section]:
    """The introduction, then one section per heading below the first H1."""
    first = next(iter(document.headings), None)
    title = first if first and first.level == 1 else None
    borders = [h for h in document.headings if h is not title]
    start = min([h.start for h in document.headings[:1]] + [b.start for b in document.blocks[:1]] + [len(text)])
    end = borders[0].start if borders else len(text)
    blocks = iter([*document.blocks, Block("prose", len(text), len(text))])
    following = next(blocks)

    def own(end: int, *, interview: bool = False, never: bool = False) -> tuple[Block, ...]:
        """The next blocks, up to `end`; weak answers, and in an interview what labels head, may not be quoted."""
        nonlocal following
        taken: list[Block] = []
        weak = False
        while following.start < end:
            level = interview and _LEVEL.fullmatch(text[following.start : following.end])
            for block in _labelled(text, following):
                never = never or bool(interview and _HIDES.match(text, block.start))
                if label := LABEL.match(text, block.start):
                    weak = bool(label["weak"])
                    never = never or bool(interview and (label["points"] or label["claims"] or label["follow_up"]))
                taken.append(replace(block, quotable=not (never or level or weak)))
            following = next(blocks)
        return tuple(taken)

    introduction = own(end)
    if title or introduction:
        yield Section(number, title.anchor if title else "", (), start, end, introduction)
    path: list[Heading] = []
    for index, heading in enumerate(borders):
        end = borders[index + 1].start if index + 1 < len(borders) else len(text)
        path = [h for h in path if h.level < heading.level] + [heading]
        interview = any(h.level == 2 and h.text.lower() == _INTERVIEW for h in path)
        never = interview and any(h.text.lower() in _NEVER_QUOTED for h in path)
        names = tuple(h.text for h in path)
        blocks_here = own(end, interview=interview, never=never)
        yield Section(number, heading.anchor, names, heading.start, end, blocks_here)
