"""Ranked chunks → an answer in the playbook's own words.

Owns which spans are quoted, how they are cited, when the answer is 'not covered', and how
a follow-up is read in the light of the questions before it. Does no I/O.
"""

import math
import re
from collections.abc import Callable, Sequence

from qa.playbook.sentences import sentences
from qa.types import Answer, Block, BlockKind, Chapter, Chunk, Citation, Hit, Link, Playbook

QUOTED = 1_200  # characters of quotes in one answer; one larger block may stand alone
_QUOTES = 4
_SENTENCES = 5
_LONGEST_PROSE = 700
# A further quote must score at least this share of the first one's score.
_WORTH = 0.6
# Two quotes that share this much of the shorter one's words say the same.
_REPEATED = 0.6
_RELATED = 5
# Confidence is a logistic of the best cosine.
_SLOPE, _MIDDLE = 14.0, 0.40
THRESHOLD = 0.5
NOT_COVERED = "The playbook does not cover this."

_FOLLOW_UP = re.compile(
    r"^(and|but|so|or|also|then|ok(ay)?|what about|how about|why not|same|instead)\b"
    r"|\b(it|its|that|this|those|these|they|them|one|ones|there|the same|instead)\b",
    re.IGNORECASE,
)

Span = tuple[int, int]
Terms = Callable[[str], list[str]]


def rewrite(question: str, history: Sequence[str]) -> str:
    """What to search for: a follow-up is joined to the question it follows."""
    if not history or not (_FOLLOW_UP.search(question) or len(question.split()) <= 3):
        return question
    return f"{history[-1]} {question}"


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
    asked = set(terms(question))
    related = _related(hits)
    citations = _citations(hits, playbook, asked, terms) if confidence >= THRESHOLD else ()
    if not citations:
        nearest = ", ".join(" › ".join((link.title, *link.heading_path)) for link in related[:3])
        text = f"{NOT_COVERED} The nearest sections: {nearest}." if nearest else NOT_COVERED
        return Answer(question, False, confidence, text, (), related, question)
    cited = {(c.source.chapter, c.source.anchor) for c in citations}
    further = tuple(link for link in related if (link.chapter, link.anchor) not in cited)
    return Answer(question, True, confidence, _text(citations), citations, further, question)


def _confidence(hits: Sequence[Hit]) -> float:
    if not hits:
        return 0.0
    best = max(hit.similarity for hit in hits)
    return 1 / (1 + math.exp(-_SLOPE * (best - _MIDDLE)))


def _related(hits: Sequence[Hit]) -> tuple[Link, ...]:
    links = dict.fromkeys(hit.chunk.link for hit in hits)
    return tuple(links)[:_RELATED]


def _citations(hits: Sequence[Hit], playbook: Playbook, asked: set[str], terms: Terms) -> tuple[Citation, ...]:
    """The best span of each of the best sections, while they add something and there is room."""
    chosen: list[Citation] = []
    said: list[set[str]] = []
    used: set[str] = set()
    for hit in hits:
        chunk = hit.chunk
        chapter = playbook.chapter(chunk.chapter)
        if chapter is None or chunk.section_id in used or hit.score < _WORTH * hits[0].score:
            continue
        kind, (start, end) = _span(chapter, chunk, asked, terms)
        words = set(terms(chapter.text[start:end]))
        room = QUOTED - sum(len(citation.quote) for citation in chosen)
        if chosen and (end - start > room or any(_overlap(words, other) > _REPEATED for other in said)):
            continue
        used.add(chunk.section_id)
        said.append(words)
        chosen.append(
            Citation(
                number=len(chosen) + 1,
                source=chunk.link,
                start=start,
                end=end,
                start_line=chapter.line(start),
                end_line=chapter.line(end - 1),
                quote=chapter.text[start:end],
                kind=kind,
            )
        )
        if len(chosen) == _QUOTES:
            break
    return tuple(chosen)


def _span(chapter: Chapter, chunk: Chunk, asked: set[str], terms: Terms) -> tuple[BlockKind, Span]:
    """What to quote of a chunk: all of it where it is short prose, else its best block."""
    section = chapter.section(chunk.anchor)
    blocks = [b for b in section.blocks if b.start < chunk.end and chunk.start < b.end] if section else []
    whole = [b for b in blocks if chunk.start <= b.start and b.end <= chunk.end]
    if not whole:  # a piece of one block beyond the window
        return blocks[0].kind, (chunk.start, chunk.end)
    spoken = [span for b in whole if b.kind == "prose" for span in sentences(chapter.text, b.start, b.end)]
    prose = all(b.kind == "prose" for b in whole)
    if prose and len(spoken) <= _SENTENCES and chunk.end - chunk.start <= _LONGEST_PROSE:
        return "prose", (chunk.start, chunk.end)

    def score(block: Block) -> tuple[int, int]:
        return len(asked & set(terms(chapter.text[block.start : block.end]))), -block.start

    best = max(whole, key=score)
    if best.kind == "prose":
        return "prose", _window(chapter.text, sentences(chapter.text, best.start, best.end), asked, terms)
    before = next((b for b in whole if b.kind == "prose" and chapter.text[b.end : best.start].isspace()), None)
    introduced = before and chapter.text[before.start : before.end].endswith(":")
    return best.kind, (before.start if before and introduced else best.start, best.end)


def _window(text: str, spans: Sequence[Span], asked: set[str], terms: Terms) -> Span:
    """The run of at most five sentences that holds most of the asked words, the shortest such."""
    said = [set(terms(text[start:end])) & asked for start, end in spans]
    best = (spans[0][0], spans[0][1])
    most = -1
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
