"""Ranked chunks → an answer in the playbook's own words.

Owns which spans are quoted, how they are cited, when the answer is 'not covered', and how
a follow-up is read in the light of the questions before it. Does no I/O.
"""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from qa.playbook.sentences import sentences
from qa.types import Answer, Block, BlockKind, Chapter, Chunk, Citation, Hit, Link, Playbook

QUOTED = 1_200  # characters of quotes in one answer; one larger block may stand alone
_QUOTES = 4
_SENTENCES = 5
_LONGEST_PROSE = 700
_LONGEST_BLOCK = 3_000  # a larger table, list or code block is quoted in part
# A further quote must score at least this share of the first one's score.
_WORTH = 0.7
# Two quotes that share this much of the shorter one's words say the same.
_REPEATED = 0.6
_RELATED = 5
# Slope and intercept of the confidence, and the share of an asked question's cosine in it:
# `training/confidence.py` prints them with their figures.
_COVERED = (17.2, -10.8)
_COVERED_WITHOUT_QUESTIONS = (22.7, -9.4)
_ASKED = 0.5
# Answers at least 90 % of questions that were kept out of the keys.
THRESHOLD = 0.37
NOT_COVERED = "The playbook does not cover this."

# Fewer words than this introduce something rather than say it.
_FEWEST_WORDS = 12
_WANTED: dict[BlockKind, re.Pattern[str]] = {
    "diagram": re.compile(r"\b(diagrams?|flow ?charts?|draw(ing)?|picture)\b", re.IGNORECASE),
    "code": re.compile(
        r"\b(show me|examples?|snippets?|sample|code for|code to|implement(ed|ation)?)\b", re.IGNORECASE
    ),
    "table": re.compile(r"\b(table|compare all|overview of)\b", re.IGNORECASE),
}
_CONTINUES = re.compile(
    r"^(and|but|so|or|also|then|ok(ay)?|what about|how about|why not|what if|same|instead|default)\b", re.IGNORECASE
)
_REFERS = re.compile(
    r"\b(it|its|that|this|those|these|they|them|ones?|there|the same|instead|both|either|each)\b", re.IGNORECASE
)
_SHORT, _REFERRING = 5, 12  # words that a follow-up has at most, without and with a word that refers
# How much nearer the playbook a question must be with the one before it than alone.
_NEARER = 0.05

Span = tuple[int, int]
Terms = Callable[[str], list[str]]


def rewrite(question: str, before: str, near: Callable[[str], float]) -> str:
    """What to search for when a question follows another.

    Args:
        question: The question, as typed.
        before: What the question before it was searched as.
        near: How near a text is to what the playbook treats; see `nearness`.

    Returns:
        The question alone, or joined to the one before it: when it opens as a
        continuation, or is short or refers to something, and means more joined than alone.
    """
    joined = f"{before} {question}"
    if _CONTINUES.search(question):
        return joined
    words = len(question.split())
    open_ended = words <= _SHORT or (words <= _REFERRING and _REFERS.search(question))
    return joined if open_ended and near(joined) > near(question) + _NEARER else question


def compose(question: str, hits: Sequence[Hit], playbook: Playbook, terms: Terms) -> Answer:
    """Answers a question from its hits.

    Args:
        question: What was searched for.
        hits: Ranked chunks, best first.
        playbook: Where the hits' chapters stand.
        terms: Text → its stemmed words, as the ranking saw them.

    Returns:
        An answer whose every quote is a slice of its chapter, or one that says that the
        playbook does not cover the question.
    """
    confidence = _confidence(hits)
    related = _related(hits)
    quoter = _Quoter(question, playbook, terms)
    citations = quoter.citations(hits) if confidence >= THRESHOLD else ()
    if not citations:
        nearest = ", ".join(" › ".join((link.title, *link.heading_path)) for link in related[:3])
        text = f"{NOT_COVERED} The nearest sections: {nearest}." if nearest else NOT_COVERED
        return Answer(question, False, confidence, text, (), related, question)
    cited = {(c.source.chapter, c.source.anchor) for c in citations}
    further = tuple(link for link in related if (link.chapter, link.anchor) not in cited)
    return Answer(question, True, confidence, _text(citations), citations, further, question)


def nearness(hits: Sequence[Hit]) -> float:
    """What tells that a question is covered: the best cosines to a chunk and to an asked question."""
    similarity = max((hit.similarity for hit in hits), default=0.0)
    return similarity + _ASKED * max((hit.asked for hit in hits), default=0.0)


def _confidence(hits: Sequence[Hit]) -> float:
    """The probability that the playbook covers the question, a logistic of its nearness."""
    slope, intercept = _COVERED if any(hit.asked for hit in hits) else _COVERED_WITHOUT_QUESTIONS
    return 1 / (1 + math.exp(-(slope * nearness(hits) + intercept)))


def _related(hits: Sequence[Hit]) -> tuple[Link, ...]:
    links = dict.fromkeys(hit.chunk.link for hit in hits)
    return tuple(links)[:_RELATED]


class _Quoter:
    """Chooses what to quote of the hits of one question."""

    def __init__(self, question: str, playbook: Playbook, terms: Terms) -> None:
        self._asked = set(terms(question))
        self._wanted = next((kind for kind, words in _WANTED.items() if words.search(question)), None)
        self._playbook = playbook
        self._terms = terms

    def citations(self, hits: Sequence[Hit]) -> tuple[Citation, ...]:
        """The best span of each of the best sections, while they add something and there is room."""
        worth = [hit for hit in hits if hit.score >= _WORTH * hits[0].score]
        if self._wanted:
            worth.sort(key=lambda hit: not any(block.kind == self._wanted for block in self._whole_blocks(hit.chunk)))
        chosen: list[Citation] = []
        said: list[set[str]] = []
        for hit in worth:
            chunk = hit.chunk
            chapter = self._playbook.chapter(chunk.chapter)
            if chapter is None or any(citation.source == chunk.link for citation in chosen):
                continue
            kind, (start, end) = self._span(chapter, chunk)
            quote = chapter.text[start:end]
            words = self._terms(quote)
            room = QUOTED - sum(len(citation.quote) for citation in chosen)
            repeats = any(_overlap(set(words), other) > _REPEATED for other in said)
            unasked = kind == "diagram" and self._wanted != "diagram"
            if chosen and (len(quote) > room or repeats or unasked or len(words) < _FEWEST_WORDS or quote[-1] == ":"):
                continue
            said.append(set(words))
            lines = chapter.line(start), chapter.line(end - 1)
            chosen.append(Citation(len(chosen) + 1, chunk.link, start, end, *lines, quote, kind))
            if len(chosen) == _QUOTES:
                break
        return tuple(chosen)

    def _whole_blocks(self, chunk: Chunk) -> list[Block]:
        """The blocks that stand inside a chunk, and the one too large to share it that it introduces."""
        chapter = self._playbook.chapter(chunk.chapter)
        section = chapter.section(chunk.anchor) if chapter else None
        blocks = section.blocks if section else ()
        following = [b for b in blocks if b.start >= chunk.end][:1] if chunk.text.endswith(":") else []
        return [b for b in blocks if chunk.start <= b.start and b.end <= chunk.end] + following

    def _span(self, chapter: Chapter, chunk: Chunk) -> tuple[BlockKind, Span]:
        """What to quote of a chunk: all of it where it is short prose, else its best block."""
        whole = self._whole_blocks(chunk)
        if not whole:
            return self._piece(chapter, chunk)
        spoken = [span for b in whole if b.kind == "prose" for span in sentences(chapter.text, b.start, b.end)]
        prose = all(b.kind == "prose" for b in whole)
        if prose and len(spoken) <= _SENTENCES and chunk.end - chunk.start <= _LONGEST_PROSE:
            return "prose", (chunk.start, chunk.end)
        introductions = {b: after for b, after in pairwise(whole) if chapter.text[b.end - 1] == ":"}
        ranked = max(whole, key=lambda block: self._fitness(chapter, block))
        best = introductions.get(ranked, ranked)
        if best.kind == "prose":
            return "prose", self._window(chapter.text, sentences(chapter.text, best.start, best.end))
        if best.end - best.start > _LONGEST_BLOCK:
            return best.kind, (chunk.start, chunk.end)
        before = next((b for b, after in introductions.items() if after == best), best)
        return best.kind, (before.start if best.end - before.start <= QUOTED else best.start, best.end)

    def _piece(self, chapter: Chapter, chunk: Chunk) -> tuple[BlockKind, Span]:
        """What to quote of a chunk that is a piece of one block beyond the window."""
        section = chapter.section(chunk.anchor)
        around = next(b for b in section.blocks if b.start < chunk.end and chunk.start < b.end) if section else None
        if around is None or around.kind == "prose":
            return "prose", self._window(chapter.text, sentences(chapter.text, chunk.start, chunk.end))
        whole = around.end - around.start <= _LONGEST_BLOCK
        return around.kind, (around.start, around.end) if whole else (chunk.start, chunk.end)

    def _fitness(self, chapter: Chapter, block: Block) -> tuple[bool, bool, int, int]:
        """How well a block answers: its kind first, then the asked words in it, then its place."""
        found = self._asked & set(self._terms(chapter.text[block.start : block.end]))
        return block.kind == self._wanted, block.kind != "diagram", len(found), -block.start

    def _window(self, text: str, spans: Sequence[Span]) -> Span:
        """The run of at most five sentences that holds most of the asked words, the shortest such."""
        said = [set(self._terms(text[start:end])) & self._asked for start, end in spans]
        best, most = spans[0], -1
        for first in range(len(spans)):
            for last in range(first, min(first + _SENTENCES, len(spans))):
                start, end = spans[first][0], spans[last][1]
                found = len(set().union(*said[first : last + 1]))
                if found > most and (last == first or end - start <= _LONGEST_PROSE):
                    best, most = (start, end), found
        return best


def _overlap(words: set[str], other: set[str]) -> float:
    return len(words & other) / max(1, min(len(words), len(other)))


def _text(citations: Sequence[Citation]) -> str:
    """The quotes as Markdown, each followed by its number."""
    parts = []
    for citation in citations:
        gap = " " if citation.kind == "prose" else "\n\n"
        parts.append(f"{citation.quote}{gap}[{citation.number}]")
    return "\n\n".join(parts)
