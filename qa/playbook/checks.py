"""What must hold of a playbook, and of this edition's chapters.

Owns every rule that `playbook-qa verify` applies: integrity for any folder of Markdown
(offsets, anchors, links), and for an edition the list of chapters, the parts of a chapter,
its length, its diagrams and the form of its interview questions. Faults are lines of text
that name file and line. Does not mend anything, and does not run code blocks.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown_it.token import Token

from qa.playbook import assemble, chapter_files, decode, read_chapter, read_playbook
from qa.playbook.chunks import split
from qa.playbook.markdown import line_starts, parse, parser, without_front_matter
from qa.playbook.questions import read_questions
from qa.types import Chapter, Playbook, PlaybookError, Section

PARTS = (
    "Why it exists",
    "Mental model",
    "How it works",
    "In production",
    "When to use it",
    "When not to use it",
    "Failure modes",
    "Trade-offs and alternatives",
    "Interview questions",
    "Key takeaways",
)
WORDS = (1_100, 2_600)
DIAGRAMS = 2
QUESTIONS = 3
LEVELS = ("mid", "senior", "staff")
_LABELS = ("Key points", "Wrong claims", "Follow-ups")
_ROW = {"number": int, "title": str, "section": str, "path": str}
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_TAG = re.compile(r"<[a-z][^<>]*>", re.IGNORECASE)
_NAMED = re.compile(r"""\s(?:id|name)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_BACKED = re.compile(r"\(\[[^\]]+\]\(#([^)]+)\)\)\.?\s*$")
_LEVEL = re.compile(r"^\*Level: (\w+)\*$", re.MULTILINE)
_ITEM = re.compile(r"^[-*] (.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)


def check(root: Path) -> list[str]:
    """Integrity of any playbook: chunk offsets, anchors, links, questions.

    Returns:
        One line per fault; an unreadable folder or chapter is a fault too.
    """
    faults, read = [], []
    try:
        paths = chapter_files(root)
    except PlaybookError as error:
        return [str(error)]
    for path in paths:
        try:
            read.append(read_chapter(decode(path), path, root))
        except PlaybookError as error:
            faults.append(str(error))
    chapters = tuple(chapter for _, chapter in read)
    try:
        playbook = assemble(read, root)
        chapters = playbook.chapters
        if not faults:
            read_questions(root, playbook)
    except PlaybookError as error:
        faults.append(str(error))
    anchors = {chapter.path: _anchors(chapter) for chapter in chapters}
    return [*faults, *(fault for chapter in chapters for fault in _integrity(chapter, root, anchors))]


def check_edition(root: Path, edition: Path) -> list[str]:
    """The form of this edition's chapters.

    Args:
        root: The content folder.
        edition: JSON list of `{"number", "title", "section", "path"}`; paths are relative
            to `root`.

    Returns:
        One line per fault.

    Raises:
        PlaybookError: The edition is no such list.
    """
    wanted = _edition(edition)
    try:
        playbook = read_playbook(root)
    except PlaybookError:
        return []  # `check` tells
    chapters = {chapter.path: chapter for chapter in playbook.chapters}
    faults = [
        f"{root / row['path']}: missing; write chapter {row['number']}" for row in wanted if row["path"] not in chapters
    ]
    listed = {row["path"] for row in wanted}
    faults += [f"{root / path}: not in {edition}; rename or remove it" for path in chapters if path not in listed]
    for row in wanted:
        if row["path"] in chapters:
            faults += _form(chapters[row["path"]], row, root)
    return faults


def code_blocks(playbook: Playbook) -> Iterator[tuple[Chapter, int, str, str]]:
    """Every fence of every chapter: chapter, line of its first code line, language, code."""
    for chapter in playbook.chapters:
        for token in _tokens(chapter):
            if token.type == "fence" and token.map:
                language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
                yield chapter, token.map[0] + 2, language, token.content


def _edition(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PlaybookError(
            f"not a readable JSON list of chapters ({error}); name another with --edition", path
        ) from error
    if not isinstance(rows, list):
        raise PlaybookError("not a JSON list of chapters; name another with --edition", path)
    for position, row in enumerate(rows, 1):
        if not isinstance(row, dict) or any(not isinstance(row.get(key), kind) for key, kind in _ROW.items()):
            wanted = ", ".join(f"{key} ({kind.__name__})" for key, kind in _ROW.items())
            raise PlaybookError(f"its row {position} is not an object with {wanted}; mend it", path)
    return rows


def _integrity(chapter: Chapter, root: Path, anchors: dict[str, set[str]]) -> Iterator[str]:
    path = root / chapter.path
    for chunk in split(chapter):
        if chapter.text[chunk.start : chunk.end] != chunk.text or chunk.text != chunk.text.strip() or not chunk.text:
            yield f"{path}:{chapter.line(chunk.start)}: chunk {chunk.id} is not the text at its offsets"
    for line, href in _links(chapter):
        if _EXTERNAL.match(href):
            continue
        target, _, anchor = href.partition("#")
        known = anchors.get(_resolved(chapter, target) if target else chapter.path)
        if known is None:
            if not _exists(path.parent, unquote(target)):
                yield f"{path}:{line}: dead link {href!r}; no such file"
        elif anchor and unquote(anchor) not in known:
            yield f"{path}:{line}: dead link {href!r}; no such heading"


def _form(chapter: Chapter, row: dict[str, object], root: Path) -> Iterator[str]:
    path = root / chapter.path
    front = parse(chapter.text).front_matter
    for key in ("number", "title", "section"):
        if front.get(key) != row[key]:
            yield f"{path}:1: front matter has {key} {front.get(key)!r}, the edition {row[key]!r}"
    if chapter.title != row["title"]:
        yield f"{path}:1: the H1 is {chapter.title!r}, the edition has {row['title']!r}"
    for key, kind in (("summary", str), ("related", list)):
        if not isinstance(front.get(key), kind) or not front[key]:
            yield f"{path}:1: front matter lacks {key}"
    heads = [s for s in chapter.sections if len(s.heading_path) == 1]
    names = [s.heading_path[0] for s in heads]
    if len(names) != len(PARTS) or not all(name.startswith(part) for name, part in zip(names, PARTS, strict=True)):
        first = next((s for s, part in zip(heads, PARTS, strict=False) if not s.heading_path[0].startswith(part)), None)
        line = chapter.line(first.start) if first else 1
        yield f"{path}:{line}: its parts are {names}; want, in order, {list(PARTS)}"
        return
    fences = [token for token in _tokens(chapter) if token.type == "fence"]
    for token in fences:
        if not token.info.strip() and token.map:
            yield f"{path}:{token.map[0] + 1}: a code block without a language"
    yield from _amounts(chapter, fences, path)
    questions = [s for s in chapter.sections if len(s.heading_path) == 2 and s.heading_path[0] == PARTS[8]]
    if len(questions) < QUESTIONS:
        yield f"{path}:{chapter.line(heads[8].start)}: {len(questions)} interview questions, want {QUESTIONS}"
    for question in questions:
        for fault in _interview(chapter, question):
            yield f"{path}:{chapter.line(question.start)}: {fault}"


def _amounts(chapter: Chapter, fences: list[Token], path: Path) -> Iterator[str]:
    diagrams = sum(token.info.strip() == "mermaid" for token in fences)
    if diagrams < DIAGRAMS:
        yield f"{path}:1: {diagrams} Mermaid diagrams, want {DIAGRAMS}"
    words = len(_prose(chapter).split())
    if not WORDS[0] <= words <= WORDS[1]:
        yield f"{path}:1: {words} words of prose, want {WORDS[0]} to {WORDS[1]}"


def _interview(chapter: Chapter, question: Section) -> Iterator[str]:
    body = chapter.text[question.start : question.end]
    level = _LEVEL.search(body)
    if not level or level[1] not in LEVELS:
        yield f"no line '*Level: …*' with one of {', '.join(LEVELS)}"
    parts = re.split(rf"^\*\*({'|'.join(_LABELS)})\*\*[ \t]*$", body, flags=re.MULTILINE)
    if tuple(parts[1::2]) != _LABELS:
        yield f"its labels are {parts[1::2]}, want {list(_LABELS)}"
        return
    points, claims, follow_ups = (_ITEM.findall(part) for part in parts[2::2])
    anchors = {section.anchor for section in chapter.sections}
    if not points:
        yield "no key points"
    for point in points:
        backed = _BACKED.search(point)
        if not backed or backed[1] not in anchors:
            yield f"a key point does not end in a link to a section of its chapter: {point[:60]!r}"
    if not claims or not all("→" in claim for claim in claims):
        yield "wrong claims need a '→' and their correction"
    if not follow_ups:
        yield "no follow-ups"


def _tokens(chapter: Chapter) -> list[Token]:
    return parser().parse(without_front_matter(chapter.text))


def _links(chapter: Chapter) -> Iterator[tuple[int, str]]:
    line = 1
    for token in _tokens(chapter):
        line = token.map[0] + 1 if token.map else line
        for child in token.children or []:
            if child.type in ("link_open", "image"):
                yield line, str(child.attrGet("href") or child.attrGet("src") or "")


def _anchors(chapter: Chapter) -> set[str]:
    """What a link into the chapter may name: its headings, and `id` and `name` of HTML tags."""
    tokens = [inner for token in _tokens(chapter) for inner in (token, *(token.children or []))]
    tags = (tag for t in tokens if t.type in ("html_block", "html_inline") for tag in _TAG.findall(t.content))
    return {section.anchor for section in chapter.sections} | {name for tag in tags for name in _NAMED.findall(tag)}


def _exists(folder: Path, target: str) -> bool:
    try:
        return folder.joinpath(target).exists()
    except (OSError, ValueError):  # too long, or it holds a zero byte
        return False


def _resolved(chapter: Chapter, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(chapter.path), unquote(target)))


def _prose(chapter: Chapter) -> str:
    """The text without front matter, fences and the interview part."""
    text = without_front_matter(chapter.text)
    starts = line_starts(text)
    removed = [(starts[t.map[0]], starts[t.map[1]]) for t in _tokens(chapter) if t.type == "fence" and t.map]
    removed += [(s.start, s.end) for s in chapter.sections if s.heading_path[:1] == (PARTS[8],)]
    for start, end in sorted(removed, reverse=True):
        text = text[:start] + " " * (end - start) + text[end:]
    return text
