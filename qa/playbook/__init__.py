"""A folder of Markdown chapters → a `Playbook`.

Owns which files are chapters, their numbers, and what of a chapter may be quoted. Does
not embed, rank or cut into chunks (`chunks`), nor judge a chapter's form (`checks`).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from qa.playbook.markdown import Document, FrontMatterError, Heading, parse
from qa.types import Block, Chapter, Playbook, PlaybookError, Section

_NUMBERED = re.compile(r"(\d{1,6})(?:[-_. ]|$)")
_LABEL = re.compile(r"\*\*(key points|wrong claims|follow-ups)[:.]?\*\*[:.]?", re.IGNORECASE)
_LEVEL = re.compile(r"\*Level: \w+\*")
_NEVER_QUOTED = {"key points", "wrong claims", "follow-ups"}


def read_playbook(root: Path) -> Playbook:
    """Reads every chapter below `root`.

    Raises:
        PlaybookError: The folder is missing or empty, or a chapter cannot be read.
    """
    chapters: list[Chapter] = []
    unnumbered: list[Chapter] = []
    for path in chapter_files(root):
        text = decode(path)
        number, chapter = read_chapter(text, path, root)
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
    """The Markdown files below `root`, in path order, hidden ones left out.

    Raises:
        PlaybookError: The folder is missing, holds no Markdown, or a link leaves it.
    """
    if not root.is_dir():
        raise PlaybookError("no such content folder; name one with --content DIR", root)
    home = root.resolve()
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() != ".md":
                continue
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
                raise PlaybookError("a link that leaves the content folder; replace it with the file", path)
            files.append(path)
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
        PlaybookError: Its front matter is broken.
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
        title=title or str(document.front_matter.get("title") or _stem(path)),
        part=str(document.front_matter.get("section") or folder.title()),
        path=relative.as_posix(),
        text=text,
        sections=tuple(_sections(text, number or 0, document)),
    )
    return number, chapter


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
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PlaybookError(f"front matter 'number' must be a whole number, got {value!r}; mend it", path, 2)
    return value


def _stem(path: Path) -> str:
    return re.sub(r"^\d+[-_. ]+", "", path.stem).replace("-", " ").strip() or path.stem


def _numbered(chapter: Chapter, number: int) -> Chapter:
    sections = tuple(replace(section, chapter=number) for section in chapter.sections)
    return replace(chapter, number=number, sections=sections)


def _sections(text: str, number: int, document: Document) -> Iterator[Section]:
    """The introduction, then one section per heading below the first H1."""
    title = next((h for h in document.headings if h.level == 1), None)
    borders = [h for h in document.headings if h is not title]
    start = min([h.start for h in document.headings[:1]] + [b.start for b in document.blocks[:1]] + [len(text)])
    end = borders[0].start if borders else len(text)
    if title and title.start > end:
        title = None
    blocks = iter([*document.blocks, Block("prose", len(text), len(text))])
    following = next(blocks)

    def own(end: int, *, never: bool) -> tuple[Block, ...]:
        """The next blocks, up to `end`; those below an interview label may not be quoted."""
        nonlocal following
        taken = []
        while following.start < end:
            source = text[following.start : following.end]
            never = never or bool(_LABEL.match(source))
            taken.append(replace(following, quotable=not (never or _LEVEL.fullmatch(source))))
            following = next(blocks)
        return tuple(taken)

    introduction = own(end, never=False)
    if title or introduction:
        yield Section(number, title.anchor if title else "", (), start, end, introduction)
    path: list[Heading] = []
    for index, heading in enumerate(borders):
        end = borders[index + 1].start if index + 1 < len(borders) else len(text)
        path = [h for h in path if h.level < heading.level] + [heading]
        never = any(h.text.lower() in _NEVER_QUOTED for h in path)
        names = tuple(h.text for h in path)
        yield Section(number, heading.anchor, names, heading.start, end, own(end, never=never))
