"""A playbook's interview questions, each with its model answer and what that must hold.

Owns the forms a question may be written in: this edition's (a heading, the answer, lists of
key points, wrong claims and follow-ups), and bold labels anywhere in a chapter, such as
`**Q: "…"**` with `**A**: "…"`, or `**Question**`, `**Weak answer**`, `**Strong answer**` and
`**Follow-up**` with its own `**Answer**`. Does not choose, ask or mark.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import cast
from urllib.parse import unquote

from markdown_it.token import Token

from qa.playbook.labels import KINDS, LABEL
from qa.playbook.markdown import Slugger, line_starts, parser, trimmed, visible_text
from qa.playbook.sentences import sentences
from qa.types import Chapter, InterviewQuestion, KeyPoint, Level, Link, Playbook, Section, WrongClaim
from qa.words import terms

_LEVEL = re.compile(
    r"^[ \t>]*[*_]{1,2}Level[*_]*:[*_]*[ \t]*(mid|senior|staff)\b[*_. \t]*$", re.MULTILINE | re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:Q|Question)[ ]?\d*[:.]\s*", re.IGNORECASE)
_EMPTY_QUOTE = re.compile(r"(?:[\r\n]+[ \t]*>[ \t>]*)+\Z")
_QUOTED = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_OPENS = re.compile(r"[*_]*[\"“„«]")
_CLOSES = re.compile(r"[\"”“»][*_]*(?=[ \t>]*(?:(?:\r\n?|\n)[ \t>]*(?:[\r\n]|\Z)|\Z))")
_BACKING = re.compile(r"\s*\((?:(?:see\b|and\b|[,;&\s])*\[[^\[\]]*\]\([^()\s]*\))+\)", re.IGNORECASE)
_SPECIFIC = re.compile(r"`[^`]+`|\b\w*\d\w*\b|\b[a-z]+[A-Z]\w*\b|\b[A-Z]{2,}\w*\b")
_MARKDOWN = parser()
_MOST_POINTS = 7
_FEWEST_WORDS = 3  # fewer words that matter say nothing one could check


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a label heads: the text up to the next one."""

    kind: str
    start: int
    end: int


@dataclass(slots=True)
class _Draft:
    """A question as far as it was read."""

    question: str
    level: Level | None = None
    answer: tuple[int, int] | None = None
    points: tuple[KeyPoint, ...] = ()
    wrong_claims: tuple[WrongClaim, ...] = ()
    follow_ups: tuple[str, ...] = ()
    headed: bool = False  # whether it takes its section's id


def read_interview(playbook: Playbook) -> tuple[InterviewQuestion, ...]:
    """Finds every interview question, in reading order.

    Returns:
        Questions that have a model answer and at least one key point. Where a playbook
        lists no key points, the statements of the model answer are taken.
    """
    chapters = {chapter.path: chapter for chapter in playbook.chapters}
    found: list[InterviewQuestion] = []
    for chapter in playbook.chapters:
        for section in chapter.sections:
            if LABEL.search(chapter.text, section.start, section.end):
                found += _Reader(chapters, chapter, section).questions()
    return tuple(found)


class _Reader:
    """Reads the questions of one section."""

    def __init__(self, chapters: Mapping[str, Chapter], chapter: Chapter, section: Section) -> None:
        self._chapters = chapters
        self._chapter = chapter
        self._section = section
        self._text = chapter.text
        self._heading = section.heading_path[-1] if section.heading_path else chapter.title

    def questions(self) -> Iterator[InterviewQuestion]:
        """The questions that have an answer and something to check it by."""
        slugger = Slugger()
        for draft in self._drafts():
            if draft.answer is None:
                continue
            start, end = draft.answer
            points = draft.points or tuple(
                KeyPoint(statement, self._here) for statement in _statements(self._text[start:end])
            )
            if not points:
                continue
            yield InterviewQuestion(
                id=self._section.id if draft.headed else f"{self._section.id}/{slugger.slug(draft.question)}",
                question=draft.question,
                part=self._chapter.part,
                level=draft.level,
                source=self._here,
                start=start,
                end=end,
                points=points,
                wrong_claims=draft.wrong_claims,
                follow_ups=draft.follow_ups,
            )

    @property
    def _here(self) -> Link:
        return _link(self._chapter, self._section)

    def _drafts(self) -> list[_Draft]:
        """What the labels say, in order; an answer belongs to the question or follow-up before it."""
        drafts: list[_Draft] = []
        main: _Draft | None = None  # what points, claims and follow-ups belong to
        asked: _Draft | None = None  # what the next answer answers
        first, *labelled = self._pieces()
        for piece in labelled:
            if piece.kind == "question":
                main = asked = self._asked(piece)
                drafts.append(main)
                continue
            if main is None and (piece.kind == "points" or (piece.kind == "answer" and self._heading.endswith("?"))):
                main = asked = self._headed(first)
                drafts.append(main)
            if main is None:
                continue
            if piece.kind == "answer" and asked:
                asked.answer = self._unquoted(piece.start, piece.end)
            elif piece.kind == "points":
                main.points = tuple(self._point(item) for item in _items(self._text[piece.start : piece.end]))
            elif piece.kind == "claims":
                main.wrong_claims = tuple(_claims(_items(self._text[piece.start : piece.end])))
            elif piece.kind == "follow_up":
                texts = [_bare(_plain(item)) for item in _items(self._text[piece.start : piece.end])]
                main.follow_ups += tuple(texts)
                asked = _Draft(texts[0], main.level) if len(texts) == 1 else None
                drafts += [asked] if asked else []
        return drafts

    def _headed(self, body: _Piece) -> _Draft:
        """A question that is its section's heading, answered by what stands below it."""
        level = _LEVEL.search(self._text, body.start, body.end)
        start, end = trimmed(self._text, level.end() if level else body.start, body.end)
        answer = self._unquoted(start, end) if start < end else None
        return _Draft(_bare(_NUMBERED.sub("", self._heading, count=1)), _level(level), answer, headed=True)

    def _asked(self, piece: _Piece) -> _Draft:
        level = _LEVEL.search(self._text, piece.start, piece.end)
        items = _items(self._text[piece.start : level.start() if level else piece.end])
        return _Draft(_bare(_plain(items[0])) if items else self._heading, _level(level))

    def _pieces(self) -> list[_Piece]:
        """The section cut at its labels and rules; the first piece is what stands before them."""
        body = self._text[self._section.start : self._section.end]
        starts = line_starts(body)
        cuts: list[tuple[int, int, str, str]] = []  # the line's start, the text's start, the kind, what closes it
        top = 0
        for before, token in _pairs(_MARKDOWN.parse(body)):
            if token.type == "heading_open" and token.level == 0 and token.map:
                top = starts[token.map[1]]
            elif token.type == "hr" and token.map:
                cuts.append((starts[token.map[0]], starts[token.map[1]], "", ""))
            elif token.type == "inline" and token.map and before == "paragraph_open":
                for line in range(*token.map):
                    if label := LABEL.match(body, starts[line]):
                        kind = next(kind for kind in KINDS if label[kind])
                        cuts.append((starts[line], label.end(), kind, label["mark"] if label["open"] else ""))
        borders = [(top, top, "", ""), *cuts]
        ends = [border[0] for border in cuts] + [len(body)]
        return [self._piece(border, end, body) for border, end in zip(borders, ends, strict=True)]

    def _piece(self, border: tuple[int, int, str, str], end: int, body: str) -> _Piece:
        _, start, kind, closing = border
        quote = _EMPTY_QUOTE.search(body[start:end].rstrip())
        start, end = trimmed(body, start, start + quote.start() if quote else end)
        if closing and body.endswith(closing, start, end):
            end -= len(closing)
        return _Piece(kind, self._section.start + start, self._section.start + end)

    def _unquoted(self, start: int, end: int) -> tuple[int, int] | None:
        """The answer within its quotation marks, up to the last paragraph that ends in one."""
        opening = _OPENS.match(self._text, start, end)
        closings = list(_CLOSES.finditer(self._text[:end], opening.end())) if opening else []
        if opening and closings:
            start, end = trimmed(self._text, opening.end(), closings[-1].start())
        return (start, end) if start < end else None

    def _point(self, item: str) -> KeyPoint:
        inline = _MARKDOWN.parseInline(item)[0]
        hrefs = (str(child.attrGet("href") or "") for child in inline.children or [] if child.type == "link_open")
        backing = next(filter(None, map(self._linked, hrefs)), self._here)
        return KeyPoint(_plain(_BACKING.sub("", item)), backing)

    def _linked(self, href: str) -> Link | None:
        """The section of the playbook that a link leads to."""
        target, _, anchor = map(unquote, href.partition("#"))
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self._chapter.path), target))
        chapter = self._chapters.get(path) if target else self._chapter
        section = chapter.section(anchor) if chapter else None
        if chapter and not anchor:
            section = chapter.sections[0]
        return _link(chapter, section) if chapter and section else None


def _link(chapter: Chapter, section: Section) -> Link:
    return Link(chapter.number, chapter.title, section.heading_path, section.anchor, chapter.path)


def _level(found: re.Match[str] | None) -> Level | None:
    return cast(Level, found[1].lower()) if found else None


def _items(source: str) -> list[str]:
    """The items of the lists in a piece, or its first paragraph where it has none."""
    paragraphs = _paragraphs(source)
    items = [content for content, listed in paragraphs if listed]
    return items or [content for content, _ in paragraphs[:1]]


def _paragraphs(source: str) -> list[tuple[str, bool]]:
    """The paragraphs of a piece, and whether each stands in a list."""
    first, newline, rest = source.partition("\n")
    depth, found = 0, []
    for before, token in _pairs(_MARKDOWN.parse(first + newline + dedent(_QUOTED.sub("", rest)))):
        depth += token.nesting if token.type.endswith(("_list_open", "_list_close")) else 0
        if token.type == "inline" and before == "paragraph_open":
            found.append((token.content, depth > 0))
    return found


def _pairs(tokens: Sequence[Token]) -> Iterator[tuple[str, Token]]:
    """Each token with the type of the one before it."""
    return zip(["", *(token.type for token in tokens)], tokens, strict=False)


def _claims(items: Iterable[str]) -> Iterator[WrongClaim]:
    for item in items:
        claim, _, correction = map(str.strip, _plain(item).partition("→"))
        if claim and correction:
            yield WrongClaim(claim, correction)


def _plain(source: str) -> str:
    """What a reader sees of a line of Markdown."""
    return " ".join(visible_text(_MARKDOWN.parseInline(source)[0]).split())


def _bare(text: str) -> str:
    """The text without the quotation marks around it."""
    return text[1:-1].strip() if len(text) > 1 and text[0] in '"“„«' and text[-1] in '"”“»' else text


def _statements(answer: str) -> list[str]:
    """What an answer states: its sentences and items, the most specific where there are many."""
    said = [sentence for content, listed in _paragraphs(answer) for sentence in _sentences(content, join=listed)]
    checkable = [
        sentence
        for sentence in dict.fromkeys(said)
        if len(set(terms(_plain(sentence)))) >= _FEWEST_WORDS and sentence[-1] not in "?:"
    ]
    chosen = sorted(checkable, key=_specifics, reverse=True)[:_MOST_POINTS]
    return [_plain(sentence) for sentence in checkable if sentence in chosen]


def _sentences(content: str, *, join: bool) -> list[str]:
    """The sentences of a paragraph; in a list's item a heading of a few words joins what it heads."""
    spans = sentences(content, 0, len(content))
    if join and len(spans) > 1 and len(terms(content[: spans[0][1]])) < _FEWEST_WORDS:
        spans[:2] = [(spans[0][0], spans[1][1])]
    return [content[start:end] for start, end in spans]


def _specifics(sentence: str) -> tuple[int, int]:
    """How much of it names something: code, figures, identifiers; then how many words it has."""
    return len(_SPECIFIC.findall(sentence)), len(set(terms(sentence)))
