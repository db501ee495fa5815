"""A chunk and what in it is near a question → the passage to quote.

Owns the choice of one run of whole sentences, list items and blocks. Does not rank chunks,
cite, or know how nearness is measured.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qa.playbook.markdown import list_items
from qa.playbook.sentences import sentences
from qa.types import Block, BlockKind, Chapter, Chunk

Span = tuple[int, int]
# What 100 characters more must add to the mean nearness of the question's tokens:
# `training/spans.py` prints what other prices and lengths show of the evidence.
_PRICE = 0.0015
_LONGEST_ITEMISED = 500  # a longer list is quoted in part
_LONGEST_BLOCK = 3_000  # so is a larger table or code block
_LONGEST_INTRODUCED = 1_200  # a block keeps the line that introduces it up to this length
_REFERS = re.compile(
    r"(?:it|its|this|that|these|those|they|their|them|both|either|neither|one|the (?:second|third|other|same|former|"
    r"latter)|but|so|then|also|and|or|otherwise|instead|however|therefore|such|here|there|yet|hence|thus)\b"
    r"|(?:in|at|on|with|for|after|under|by)\b[^.,;:]{1,40}?\b(?:they|it)\b",
    re.IGNORECASE,
)
# What says how a fault looks is of use only with what follows: its cause and what mends it.
_DESCRIBES = re.compile(r"\**(?:(?:the )?symptoms?|confirm)\b", re.IGNORECASE)
_SHOWN: tuple[BlockKind, ...] = ("code", "diagram")  # kinds that are quoted where they are asked for


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near the tokens of a chunk come to those of a question.

    `starts` are the tokens' offsets in the chapter, `(t,)`, `cosines` are `(t, q)`.
    """

    starts: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]

    def within(self, span: Span) -> npt.NDArray[np.float32]:
        """For each token of the question the cosine of the nearest token inside a span, `(q,)`."""
        inside = self.cosines[(self.starts >= span[0]) & (self.starts < span[1])]
        nearest: npt.NDArray[np.float32] = inside.max(axis=0, initial=-1.0)
        return nearest


@dataclass(frozen=True, slots=True)
class _Unit:
    """The least that is quoted: a sentence, a list item or a whole block."""

    kind: BlockKind
    start: int
    end: int
    opens: bool = True  # a quote may begin here
    closes: bool = True  # a quote may end here


def choose(
    chapter: Chapter, chunk: Chunk, near: Nearness, *, wanted: BlockKind | None, longest: int
) -> tuple[BlockKind, Span]:
    """What to quote of a chunk.

    Args:
        chapter: The chapter the chunk stands in.
        chunk: The chunk.
        near: How near its tokens come to the question's.
        wanted: The kind of block that was asked for, if one was.
        longest: Characters a run of several sentences or items has at most.

    Returns:
        The kind of what is quoted, of its last part where it has several, and its offsets.
    """
    section = chapter.section(chunk.anchor)
    around = [b for b in section.blocks if b.start < chunk.end and chunk.start < b.end] if section else []
    if chunk.text.endswith(":") and section:
        around += [b for b in section.blocks if b.start >= chunk.end and b.quotable][:1]
    whole = [b for b in around if b.start >= chunk.start and (b.end <= chunk.end or b.start >= chunk.end)]
    shown = [b for b in whole if b.kind == wanted]
    if shown:
        return _block(chapter, max(shown, key=lambda b: float(near.within((b.start, b.end)).mean())), around)
    told = [b for b in whole if b.kind not in _SHOWN]
    units = _units(chapter, told or whole or _pieces(around, chunk))
    run = _best(units, near, longest)
    if run:
        return run[-1].kind, (run[0].start, run[-1].end)
    blocks = [b for b in around if b.kind in _SHOWN] or around
    return _block(chapter, blocks[0], around) if blocks else ("prose", (chunk.start, chunk.end))


def _pieces(blocks: Sequence[Block], chunk: Chunk) -> list[Block]:
    """Of paragraphs and lists longer than a chunk, what lies in it."""
    told = (block for block in blocks if block.kind not in _SHOWN)
    return [replace(b, start=max(b.start, chunk.start), end=min(b.end, chunk.end)) for b in told]


def _block(chapter: Chapter, block: Block, around: Sequence[Block]) -> tuple[BlockKind, Span]:
    """A whole block, with the line that introduces it."""
    end = min(block.end, block.start + _LONGEST_BLOCK)
    if end < block.end:  # at a line's end, where lines are not longer than that
        line = chapter.text.rfind("\n", block.start, end)
        end = line if line > block.start + _LONGEST_BLOCK // 2 else end
    before = next((b for b, after in pairwise(around) if after == block), None)
    if before and before.kind == "prose" and chapter.text[before.end - 1] == ":":
        start = sentences(chapter.text, before.start, before.end)[-1][0]
        if end - start <= _LONGEST_INTRODUCED:
            return block.kind, (start, end)
    return block.kind, (block.start, end)


def _units(chapter: Chapter, blocks: Sequence[Block]) -> list[_Unit]:
    units: list[_Unit] = []
    for block in blocks:
        pieces = [(block.start, block.end)]
        if block.kind == "prose":
            pieces = sentences(chapter.text, block.start, block.end)
        elif block.kind == "list" and block.end - block.start > _LONGEST_ITEMISED:
            pieces = list_items(chapter.text, block) or pieces
        introduced = bool(units) and not units[-1].closes
        for number, (start, end) in enumerate(pieces):
            prose, more = block.kind == "prose", number + 1 < len(pieces)
            refers = prose and _REFERS.match(chapter.text, start)
            describes = prose and more and _DESCRIBES.match(chapter.text, start)
            opens = not (refers or (introduced and number == 0))
            closes = not (describes or chapter.text[end - 1] == ":")
            units.append(_Unit(block.kind, start, end, opens, closes))
    if not any(unit.opens for unit in units):
        units[:1] = [replace(unit, opens=True) for unit in units[:1]]
    return units


def _best(units: Sequence[_Unit], near: Nearness, longest: int) -> Sequence[_Unit]:
    """The run that says most for its length; none where no unit closes."""
    best: Sequence[_Unit] = ()
    most = -np.inf
    gains = [near.within((unit.start, unit.end)) for unit in units]
    for first, opening in enumerate(units):
        said = np.full(near.cosines.shape[1], -1.0, dtype=np.float32)
        for last in range(first, len(units)):
            said = np.maximum(said, gains[last])
            length = units[last].end - opening.start
            if length > longest and last > first and units[last - 1].closes:
                break
            value = float(said.mean()) - _PRICE * length / 100
            if value > most and opening.opens and units[last].closes:
                most, best = value, units[first : last + 1]
    return best
