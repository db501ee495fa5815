"""Chapters, quotes and answers → what the page shows.

Owns the marks on a quote inside rendered Markdown, code highlighting, and in-app links.
Everything a chapter or a user wrote is escaped: its HTML is shown, never run. The result
is HTML blocks without blank lines, which Gradio's Markdown passes through its sanitiser;
Mermaid stays a fence, for the page to draw. Does not know Gradio.
"""

import posixpath
import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, MutableMapping, Sequence
from html import escape, unescape
from typing import Any
from urllib.parse import quote, unquote

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

from qa.confidence import in_words, percent
from qa.figures import pieces
from qa.playbook.markdown import Slugger, line_starts, parser, trimmed, visible_text, without_front_matter
from qa.types import Answer, Chapter, Citation, Link, Playbook, Section

HEADER = """<div id="top"><h1>Playbook QA</h1>
<p>Answers in the playbook's own words, each quote linked to its section.</p>
<button id="theme" type="button" aria-label="Switch between light and dark">Light / dark</button></div>"""
Span = tuple[int, int]
_TYPED, _AS_WRITTEN = '<p class="typed">', '<p class="typed as-written">'
_Env = MutableMapping[str, Any]


def chapter(shown: Chapter, playbook: Playbook, span: Span | None = None) -> str:
    """A whole chapter, with `span` of its text marked."""
    return _Page(playbook, shown).page(without_front_matter(shown.text), span)


def answer(given: Answer, playbook: Playbook, *, noted: bool = False) -> str:
    """An answer: how sure it is, its quotes with their numbers, the sources, and where to read on.

    Args:
        given: The answer.
        playbook: Where its quotes stand.
        noted: Whether the question was noted as one that the playbook does not answer.
    """
    chance = f"Probability that the playbook covers this: {percent(given.confidence)}"
    trust = []
    if given.citations:
        trust.append(f'<span class="sure" title="{chance}">{in_words(given.confidence)}</span>')
    if given.searched_for != " ".join(given.question.split()):
        trust.append(f'Searched for: <span class="searched">{escape(given.searched_for)}</span>')
        trust.append('<button type="button" class="change" title="Correct it and ask again">Change</button>')
    parts = [f'<p class="trust">{" ".join(trust)}</p>'] if trust else []
    if not given.citations:
        note = ' <span class="recorded">Your question is noted under Gaps.</span>' if noted else ""
        said = escape(given.text.split(". ")[0].rstrip("."))
        parts.append(f'<p><span class="not-covered" title="{chance}">{said}.</span>{note}</p>')
    for citation in given.citations:
        parts.append(quotation(citation, playbook, given.figures if citation.number == 1 else ()))
    if given.citations:
        sources = "".join(f"<li>{_cite(c, where(c.source))}</li>" for c in given.citations)
        parts.append(f'<ol class="sources">{sources}</ol>')
    if given.related:
        links = "".join(f"<li>{reference(link)}</li>" for link in given.related)
        heading = "Related" if given.citations else "Nearest sections"
        parts.append(f'<p class="related-heading">{heading}</p><ul class="related">{links}</ul>')
    return "\n\n".join(parts)


def quotation(shown: Citation, playbook: Playbook, figures: Sequence[str] = ()) -> str:
    """One quote, its figures in bold, with its number as the link that opens it."""
    source = playbook.chapter(shown.source.chapter)
    if source is None:
        return ""
    html = _Page(playbook, source, ids=False, figures=figures).page(shown.quote, None)
    number = _cite(shown, f"[{shown.number}]")
    if html.endswith("</p>"):
        return f"{html[: -len('</p>')]} {number}</p>"
    return f'{html}\n\n<p class="number">{number}</p>'


def reference(link: Link, label: str = "") -> str:
    """A link that opens a section, by its whole path unless it has a label."""
    return f'<a class="read" href="{_reading(link.chapter, link.anchor)}">{escape(label or where(link))}</a>'


def where(link: Link) -> str:
    """A section's place: its chapter's title and the headings above it."""
    return " › ".join((link.title, *link.heading_path))


def title(shown: Chapter, section: Section | None) -> str:
    """The line above an open chapter; `data-target` is the id to scroll to."""
    path = section.heading_path if section else ()
    target = f"s-{section.anchor}" if section else ""
    return (
        f'<span data-target="{escape(target)}">{escape(" › ".join((f"{shown.number}. {shown.title}", *path)))}</span>'
    )


def message(text: str) -> str:
    """A plain sentence for the reader of the page."""
    return f"<p>{escape(text)}</p>"


def notice(text: str) -> str:
    """A complaint that a screen reader reads out at once."""
    return f'<p role="alert">{escape(text)}</p>'


def plain(text: str, *, as_written: bool = False) -> str:
    """A user's words as Markdown that shows exactly them: one HTML block of one line."""
    one_line = escape(text).replace("\r", "&#13;").replace("\n", "&#10;")
    return f"{_AS_WRITTEN if as_written else _TYPED}{one_line}</p>"


def unplain(text: str) -> tuple[str, bool]:
    """What `plain` was given."""
    words = text.removeprefix(_TYPED).removeprefix(_AS_WRITTEN).removesuffix("</p>")
    return unescape(words), text.startswith(_AS_WRITTEN)


def code_styles() -> str:
    """The stylesheet of highlighted code, light and dark."""
    light: str = HtmlFormatter(style="xcode").get_style_defs(".playbook pre")  # type: ignore[no-untyped-call]
    dark: str = HtmlFormatter(style="github-dark").get_style_defs(".dark .playbook pre")  # type: ignore[no-untyped-call]
    return f"{light}\n{dark}"


class _Page(RendererHTML):
    """Renders one chapter's Markdown.

    Paragraphs are marked between two sentinels, for a quote may begin or end in the
    middle of one; all other blocks are marked by line, for they are quoted by line.
    """

    def __init__(self, playbook: Playbook, source: Chapter, *, ids: bool = True, figures: Sequence[str] = ()) -> None:
        super().__init__()
        self._source = source
        self._numbers = {chapter.path: chapter.number for chapter in playbook.chapters}
        self._slugger = Slugger()
        self._ids = ids
        self._figures = figures

    def page(self, text: str, span: Span | None) -> str:
        """Renders `text` with the characters of `span` marked."""
        opening, closing = _sentinels(text)
        lines = (0, 0)
        if span:
            starts = line_starts(text)
            lines = (bisect_right(starts, span[0]) - 1, bisect_right(starts, span[1] - 1))
            for start, end in reversed(_paragraphs(text)):
                if start < span[1] and span[0] < end:
                    begin, stop = max(start, span[0]), min(end, span[1])
                    text = text[:begin] + opening + text[begin:stop] + closing + text[stop:]
        env: _Env = {"opening": opening, "closing": closing, "on": False, "lines": lines}
        markdown = parser()
        blocks = [self._block(group, markdown.options, env) for group in _groups(markdown.parse(text))]
        return "\n\n".join(block for block in blocks if block)

    def _block(self, group: list[Token], options: OptionsDict, env: _Env) -> str:
        head = group[0]
        lines = [0, 0]
        for token in group:
            lines = token.map or lines
            if head.type != "paragraph_open" and token.type == "inline" and _meets(lines, env["lines"]):
                for child in token.children or []:
                    child.meta["marked"] = True
        if head.type == "fence" and head.info.strip().lower().startswith("mermaid"):
            outline = '<div class="marked-diagram"></div>\n\n' if _meets(lines, env["lines"]) else ""
            runs = re.findall("`+", head.content)
            fence = "`" * max(3, 1 + max(map(len, runs), default=0))
            return f"{outline}{fence}mermaid\n{head.content.rstrip()}\n{fence}"
        html = super().render(group, options, env)
        return re.sub(r"\n\s*\n", "\n", html).strip()

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        token = tokens[idx]
        html = []
        for piece in re.split(f"([{env['opening']}{env['closing']}])", token.content):
            if piece in (env["opening"], env["closing"]):
                env["on"] = piece == env["opening"]
            elif piece:
                marked = piece.strip() and (env["on"] or token.meta.get("marked"))
                html.append(_mark(self._bold(piece)) if marked else self._bold(piece))
        return "".join(html)

    def _bold(self, text: str) -> str:
        split = pieces(text, self._figures)
        return "".join(f"<strong>{escape(piece)}</strong>" if bold else escape(piece) for piece, bold in split)

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return f"<code>{self.text(tokens, idx, options, env)}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        token = tokens[idx]
        language = token.info.split(maxsplit=1)[0] if token.info.strip() else "text"
        first = (token.map or [0])[0] + (1 if token.type == "fence" else 0)
        return _code(_highlighted(token.content, language), first, env)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return self.fence(tokens, idx, options, env)

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return _code(escape(tokens[idx].content.rstrip()), (tokens[idx].map or [0])[0], env)

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return self.code_inline(tokens, idx, options, env)

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        anchor = self._slugger.slug(visible_text(tokens[idx + 1]))
        identity = f' id="s-{escape(anchor)}"' if self._ids else ""
        return f"<{tokens[idx].tag}{identity}>"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return f'<a href="{escape(self._href(str(tokens[idx].attrGet("href") or "")))}">'

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env) -> str:
        return f"<em>{escape(tokens[idx].content)}</em>"

    def _href(self, href: str) -> str:
        """An in-app address for a link between chapters, others as they are if they are safe."""
        if re.match(r"https?://", href, re.IGNORECASE):
            return href
        target, _, anchor = map(unquote, href.partition("#"))
        if not target:
            return _reading(self._source.number, anchor)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self._source.path), target))
        number = self._numbers.get(path)
        return "#" if number is None else _reading(number, anchor)


def _cite(citation: Citation, label: str) -> str:
    href = f"#cite-{citation.source.chapter}-{citation.start}-{citation.end}"
    return f'<a class="cite" href="{href}" title="{escape(where(citation.source))}">{escape(label)}</a>'


def _reading(chapter: int, anchor: str) -> str:
    return f"#read-{chapter}-{quote(anchor, safe='')}"


def _highlighted(code: str, language: str) -> str:
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    html: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return html.rstrip("\n")


def _code(html: str, first: int, env: _Env) -> str:
    """A block of code whose lines are those of the chapter from `first` on."""
    lines = [
        _mark(line) if line and _meets([first + n, first + n + 1], env["lines"]) else line
        for n, line in enumerate(html.split("\n"))
    ]
    return f"<pre><code>{'&#10;'.join(lines)}</code></pre>\n"


def _mark(html: str) -> str:
    return f"<mark>{html}</mark>"


def _meets(lines: Sequence[int], marked: tuple[int, int]) -> bool:
    return lines[0] < marked[1] and marked[0] < lines[1]


def _groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each top-level block."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _paragraphs(text: str) -> list[Span]:
    starts = line_starts(text)
    tokens = parser().parse(text)
    opened = (token for token in tokens if token.type == "paragraph_open" and token.level == 0)
    return [trimmed(text, starts[token.map[0]], starts[token.map[1]]) for token in opened if token.map]


def _sentinels(text: str) -> tuple[str, str]:
    """Two characters that the text does not show, punctuation so that emphasis parses the same.

    Private characters follow for a text that holds all punctuation of its plane.
    """
    held = set(unescape(text))
    every = map(chr, range(0x80, sys.maxunicode))
    free = (char for char in every if unicodedata.category(char) in ("Ps", "Pe", "Po", "Co") and char not in held)
    return next(free), next(free)
