"""Ranked chunks → an answer in the playbook's own words.

Owns which hits are quoted, how much of each, how quotes are cited, and what is said when
nothing is. Does no I/O.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from qa import intent
from qa.confidence import THRESHOLD, confidence
from qa.figures import figures
from qa.spans import Nearness, choose
from qa.types import Answer, BlockKind, Chunk, Citation, Hit, Link, Playbook, Section
from qa.words import terms

QUOTED = 1_200  # characters of quotes in one answer; one larger block may stand alone
_QUOTES = 4
_OF_A_SECTION = 2  # one quote of a section leaves out what its other chunks say: evidence 0.864 with 1, 0.897 with 2
_LONGEST_FIRST, _LONGEST_FURTHER = 600, 500  # characters of a run of several sentences or items
_LONGEST_INTRODUCTION = 200  # characters of what only leads to further headings
_INTRODUCED = 3  # characters at most between a line that ends in a colon and what it introduces
# A further quote must score at least this share of the first one's score.
_WORTH = 0.75
# Two quotes that share this much of the shorter one's words say the same.
_REPEATED = 0.7
_RELATED = 5
# Fewer words than this introduce something rather than say it.
_FEWEST_WORDS = 12
_SHOWN: tuple[BlockKind, ...] = ("code", "diagram")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_FENCES = ("```", "~~~")
_DIAGRAM = "```mermaid"
NOT_COVERED = "The playbook does not cover this."
ELSEWHERE = "The chosen section does not cover this; another one does."

Near = Callable[[Chunk], Nearness]


def compose(question: str, hits: Sequence[Hit], playbook: Playbook, near: Near) -> Answer:
    """Answers a question from its hits.

    Args:
        question: What was searched for.
        hits: Ranked chunks, best first.
        playbook: Where the hits' chapters stand.
        near: Chunk → how near its tokens come to the question's.

    Returns:
        An answer whose every quote is a slice of its chapter, or one that says that the
        playbook does not cover the question.
    """
    sure = confidence(hits)
    related = _related(hits)
    citations = _Quoter(question, playbook, near).citations(hits) if sure >= THRESHOLD else ()
    if not citations:
        return Answer(question, False, sure, _refusal(NOT_COVERED, related), (), related, question)
    cited = {(c.source.chapter, c.source.anchor) for c in citations}
    further = tuple(link for link in related if (link.chapter, link.anchor) not in cited)
    return Answer(question, True, sure, _text(citations), citations, further, question, _figures(question, citations))


def elsewhere(answer: Answer, hits: Sequence[Hit]) -> Answer:
    """An answer that is none, given that these were found in the whole playbook."""
    sure, related = confidence(hits), _related(hits)
    if sure < THRESHOLD:
        return answer
    text = _refusal(ELSEWHERE, related)
    return replace(answer, text=text, related=related, elsewhere=True, confidence=sure)


def _refusal(said: str, related: Sequence[Link]) -> str:
    nearest = ", ".join(" › ".join((link.title, *link.heading_path)) for link in related[:3])
    return f"{said} The nearest sections: {nearest}." if nearest else said


def _related(hits: Sequence[Hit]) -> tuple[Link, ...]:
    links = dict.fromkeys(hit.chunk.link for hit in hits)
    return tuple(links)[:_RELATED]


class _Quoter:
    """Chooses what to quote of the hits of one question."""

    def __init__(self, question: str, playbook: Playbook, near: Near) -> None:
        self._question = question
        self._wanted = intent.wanted(question)
        self._reason = intent.asks_reason(question)
        self._sides = intent.sides(question)
        self._playbook = playbook
        self._near = near
        self._chosen: list[Citation] = []

    def citations(self, hits: Sequence[Hit]) -> tuple[Citation, ...]:
        """The best spans of the best chunks, while they add something and there is room."""
        worth = [hit for hit in hits if hit.score >= _WORTH * hits[0].score]
        worth.sort(key=lambda hit: self._introduces(hit.chunk) or self._beside(hit.chunk))
        if self._wanted:
            near = {hit.chunk.section_id for hit in worth}
            shown = [hit for hit in hits if hit.chunk.section_id in near and self._holds_wanted(hit.chunk)]
            subject = frozenset(terms(intent.subject(self._question)))
            shown.sort(key=lambda hit: not _names(subject, hit.chunk.context))
            worth = [*shown, *(hit for hit in worth if hit not in shown)]
        for hit in worth:
            self._quote(hit.chunk)
        for side in self._sides:
            if not any(_names(side, citation.quote) for citation in self._chosen):
                self._quote_side(side, hits)
        return tuple(self._chosen)

    def _quote_side(self, side: frozenset[str], hits: Sequence[Hit]) -> None:
        """Quotes a side of a comparison that no quote names yet, if need be in place of one that names no side."""
        before = list(self._chosen)
        spare = [c for c in before[1:] if not any(_names(other, c.quote) for other in self._sides)][-1:]
        for gone in ([], spare):
            kept = [citation for citation in before if citation not in gone]
            for hit in hits:
                self._chosen = [replace(citation, number=n) for n, citation in enumerate(kept, 1)]
                if _names(side, hit.chunk.text) and self._quote(hit.chunk) and _names(side, self._chosen[-1].quote):
                    return
        self._chosen = before

    def _quote(self, chunk: Chunk) -> bool:
        """Quotes what of a chunk answers, unless there is no room for it or it adds nothing."""
        chosen = self._chosen
        chapter = self._playbook.chapter(chunk.chapter)
        of_section = sum(citation.source == chunk.link for citation in chosen)
        if chapter is None or len(chosen) == _QUOTES or of_section == _OF_A_SECTION:
            return False
        longest = _LONGEST_FURTHER if chosen else _LONGEST_FIRST
        kind, (start, end) = choose(chapter, chunk, self._near(chunk), wanted=self._wanted, longest=longest)
        quote = chapter.text[start:end]
        if any(citation.source == chunk.link and start < citation.end and citation.start < end for citation in chosen):
            return False
        if chosen and not self._adds(kind, quote):
            return False
        lines = chapter.line(start), chapter.line(end - 1)
        chosen.append(Citation(len(chosen) + 1, chunk.link, start, end, *lines, quote, kind))
        return True

    def _adds(self, kind: BlockKind, quote: str) -> bool:
        room = QUOTED - sum(len(citation.quote) for citation in self._chosen)
        words = set(terms(quote))
        repeats = any(_overlap(words, set(terms(citation.quote))) > _REPEATED for citation in self._chosen)
        unasked = kind in _SHOWN and self._wanted != kind
        said = len(terms(quote)) >= _FEWEST_WORDS and quote[-1] != ":"
        return len(quote) <= room and not repeats and not unasked and said

    def _introduces(self, chunk: Chunk) -> bool:
        """Whether a chunk is the line or two that only lead to what stands under further headings."""
        chapter = self._playbook.chapter(chunk.chapter)
        path = chunk.heading_path
        leads = chapter is not None and any(section.heading_path[:-1] == path for section in chapter.sections)
        return bool(path) and leads and len(chunk.text) <= _LONGEST_INTRODUCTION

    def _beside(self, chunk: Chunk) -> bool:
        """Whether a chunk is a diagram, or nothing but code where a reason was asked for."""
        code = chunk.text.startswith(_FENCES) and chunk.text.endswith(_FENCES)
        return chunk.text.startswith(_DIAGRAM) or (self._reason and code)

    def _holds_wanted(self, chunk: Chunk) -> bool:
        chapter = self._playbook.chapter(chunk.chapter)
        section: Section | None = chapter.section(chunk.anchor) if chapter else None
        end = chunk.end + _INTRODUCED if chunk.text.endswith(":") else chunk.end
        blocks = section.blocks if section else ()
        return any(b.kind == self._wanted and b.quotable and b.start < end and chunk.start < b.end for b in blocks)


def _names(side: frozenset[str], text: str) -> bool:
    """Whether a text speaks of one side of a comparison: it has at least half of its words."""
    return 2 * len(side & set(terms(text))) >= len(side)


def _overlap(words: set[str], other: set[str]) -> float:
    return len(words & other) / max(1, min(len(words), len(other)))


def _figures(question: str, citations: Sequence[Citation]) -> tuple[str, ...]:
    """The numbers of the first quote, where a number was asked for."""
    return () if citations[0].kind in _SHOWN else figures(question, citations[0].quote)


def _text(citations: Sequence[Citation]) -> str:
    """The quotes as Markdown, each followed by its number."""
    parts = []
    for citation in citations:
        gap = " " if citation.kind == "prose" else "\n\n"
        parts.append(f"{citation.quote}{_unclosed(citation.quote)}{gap}[{citation.number}]")
    return "\n\n".join(parts)


def _unclosed(quote: str) -> str:
    """What closes the fence of a code block that is quoted in part."""
    fences = _FENCE.findall(quote)
    return f"\n{fences[-1]}" if len(fences) % 2 else ""
