"""Markdown text → front matter, headings, blocks and anchors, all with exact offsets.

Owns the Markdown grammar (through markdown-it-py, whose tokens carry line maps) and
GitHub's heading slugs. Does not know files, chapters or chunks.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from qa.types import Block, BlockKind

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(?:(.*?)\r?\n)??---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_LINE_END = re.compile(r"\r\n?|\n")
_KINDS: Mapping[str, BlockKind] = {
    "paragraph_open": "prose",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
    "html_block": "html",
}


# what PyYAML raises for a value that its tag does not fit, such as 2024-13-45
_BAD_YAML = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class FrontMatterError(ValueError):
    """Front matter that cannot be read; `line` counts from 1 in the file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading outside of fences, lists and quotes, with its anchor on GitHub."""

    level: int
    text: str
    anchor: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its front matter, and headings and blocks in reading order."""

    front_matter: Mapping[str, object]
    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]


def parser() -> MarkdownIt:
    """The one grammar of the house: CommonMark with GFM tables and strikethrough."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def parse(text: str) -> Document:
    """Parses one file.

    Args:
        text: The decoded file; a BOM, front matter and any line ends are allowed.

    Raises:
        FrontMatterError: The file opens with `---` and no mapping follows it.
    """
    front_matter, body = _front_matter(text)
    blanked = _blanked(text, body)
    starts = line_starts(text)
    slugger = Slugger()
    headings, blocks = [], []
    tokens = parser().parse(blanked)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            content = visible_text(tokens[index + 1])
            anchor = slugger.slug(content)
            if token.level == 0 and token.map:
                start, end = trimmed(blanked, *_offsets(starts, token.map))
                headings.append(Heading(int(token.tag[1]), content, anchor, start, end))
        elif token.level == 0 and token.map and token.type in _KINDS:
            start, end = trimmed(blanked, *_offsets(starts, token.map))
            kind = _KINDS[token.type]
            if token.type == "fence" and token.info.strip().lower().startswith("mermaid"):
                kind = "diagram"
            if start < end:
                blocks.append(Block(kind, start, end))
    return Document(front_matter, tuple(headings), tuple(blocks))


def without_front_matter(text: str) -> str:
    """The text with its BOM and front matter turned to spaces: every offset stays."""
    return _blanked(text, _front_matter(text)[1])


def visible_text(inline: Token) -> str:
    """The text a reader sees of an inline token."""
    return "".join(_visible(inline.children or [])).strip()


def line_starts(text: str) -> list[int]:
    """Offsets at which the parser's lines start, and the end of the text.

    The parser ends lines at CRLF, LF and lone CR; `str.splitlines` knows more ends.
    """
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    if starts[-1] != len(text):
        starts.append(len(text))
    return starts


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without outer white space."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def list_items(text: str, block: Block) -> list[tuple[int, int]]:
    """Offsets of the top-level items of a list block, markers included."""
    # from the start of its line, blanked as `parse` does: tabs and nesting depend on the column
    first = 1 + max(text.rfind("\n", 0, block.start), text.rfind("\r", 0, block.start))
    source = " " * (block.start - first) + text[block.start : block.end]
    starts = line_starts(source)
    items = [t for t in parser().parse(source) if t.type == "list_item_open" and t.level == 1]
    spans = (trimmed(source, *_offsets(starts, t.map)) for t in items if t.map)
    return [(first + start, first + end) for start, end in spans]


class Slugger:
    """GitHub's heading anchors, unique within one file; '' is that of an introduction without a heading."""

    def __init__(self) -> None:
        self._seen = {"": 0}

    def slug(self, heading: str) -> str:
        """The anchor of the next heading with this plain text."""
        kept = (c for c in heading.strip().lower() if c in " -" or _is_word(c))
        plain = "".join(kept).replace(" ", "-")
        anchor = plain
        while anchor in self._seen:
            self._seen[plain] += 1
            anchor = f"{plain}-{self._seen[plain]}"
        self._seen[anchor] = 0
        return anchor


def _is_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc")


def _visible(children: list[Token]) -> Iterator[str]:
    for child in children:
        if child.type in ("text", "code_inline"):
            yield child.content
        elif child.type in ("softbreak", "hardbreak"):
            yield " "


def _blanked(text: str, end: int) -> str:
    return "".join(char if char in "\r\n" else " " for char in text[:end]) + text[end:]


def _front_matter(text: str) -> tuple[Mapping[str, object], int]:
    """The front matter and the offset at which Markdown begins."""
    opening = re.match(r"\ufeff?---[ \t]*(?:\r?\n|\Z)", text)
    if not opening:
        return {}, 1 if text.startswith("\ufeff") else 0
    match = _FRONT_MATTER.match(text)
    if not match:
        raise FrontMatterError("front matter opens with '---' and is never closed; add a line '---' after it", 1)
    try:
        values = yaml.safe_load(match[1] or "")
    except _BAD_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = 2 + (mark.line if mark else 0)
        reason = getattr(error, "problem", None) or "a value that does not fit its type, or too deep"
        raise FrontMatterError(
            f"front matter is not valid YAML ({reason}); mend this line or quote the value", line
        ) from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise FrontMatterError(
            f"front matter must be 'key: value' lines, got {type(values).__name__}; mend it or remove the '---' lines",
            2,
        )
    return values, match.end()


def _offsets(starts: list[int], lines: list[int]) -> tuple[int, int]:
    first, last = lines
    return starts[min(first, len(starts) - 1)], starts[min(last, len(starts) - 1)]
