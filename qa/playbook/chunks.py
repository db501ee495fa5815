"""A section → chunks: runs of whole blocks that fit the embedding model's window.

Owns how a section is cut. Fences, tables, lists and diagrams stay whole unless one alone
exceeds the window; then lists are cut at items, code and tables at line ends, prose at
sentences. Does not embed or rank.
"""

from collections.abc import Iterator
from itertools import pairwise

from langchain_text_splitters import RecursiveCharacterTextSplitter

from qa.playbook.markdown import line_starts, list_items, trimmed
from qa.playbook.sentences import sentences
from qa.types import Block, Chapter, Chunk, Section

# MiniLM reads 256 tokens. On the playbook's prose a token is 4.6 characters, so 1,000
# characters and a heading path fill the window; smaller blocks are packed up to TARGET.
WINDOW = 1_000
TARGET = 700

Span = tuple[int, int]


def split(chapter: Chapter) -> tuple[Chunk, ...]:
    """Cuts a chapter into chunks, in reading order.

    Returns:
        Chunks whose `text` equals `chapter.text[start:end]`. Blocks that must not be
        quoted (weak answers, an interview's key points, wrong claims and follow-ups) are in none.
    """
    chunks: list[Chunk] = []
    for section in chapter.sections:
        for number, (start, end) in enumerate(_runs(chapter.text, section)):
            chunks.append(
                Chunk(
                    chapter=chapter.number,
                    anchor=section.anchor,
                    number=number,
                    title=chapter.title,
                    heading_path=section.heading_path,
                    path=chapter.path,
                    start=start,
                    end=end,
                    text=chapter.text[start:end],
                )
            )
    return tuple(chunks)


def _runs(text: str, section: Section) -> Iterator[Span]:
    """Greedy runs of neighbouring pieces, each at most WINDOW long where pieces allow."""
    run: Span | None = None
    for block in section.blocks:
        if not block.quotable:
            if run:
                yield run
            run = None
            continue
        for start, end in _pieces(text, block):
            # a line that ends in a colon says what the next block is, so they stay together
            room = WINDOW if run and text[run[1] - 1] == ":" else TARGET
            if run and end - run[0] <= room and text[run[1] : start].isspace():
                run = (run[0], end)
            else:
                if run:
                    yield run
                run = (start, end)
    if run:
        yield run


def _pieces(text: str, block: Block) -> list[Span]:
    if block.end - block.start <= WINDOW:
        return [(block.start, block.end)]
    if block.kind == "list":
        items = list_items(text, block)
        atoms = items if _covers(text, block, items) else _lines(text, block)
    elif block.kind == "prose":
        atoms = sentences(text, block.start, block.end)
    else:
        atoms = _lines(text, block)
    return [piece for atom in _packed(atoms) for piece in _cut(text, atom)]


def _covers(text: str, block: Block, atoms: list[Span]) -> bool:
    """Whether all that lies between the atoms is white space."""
    borders = [block.start, *(offset for atom in atoms for offset in atom), block.end]
    gaps = list(zip(borders[::2], borders[1::2], strict=True))
    return all(start <= end and not text[start:end].strip() for start, end in gaps)


def _lines(text: str, block: Block) -> list[Span]:
    starts = [block.start + offset for offset in line_starts(text[block.start : block.end])]
    spans = [trimmed(text, start, end) for start, end in pairwise(starts)]
    return [(start, end) for start, end in spans if start < end]


def _packed(atoms: list[Span]) -> Iterator[Span]:
    run: Span | None = None
    for start, end in atoms:
        if run and end - run[0] <= WINDOW:
            run = (run[0], end)
        else:
            if run:
                yield run
            run = (start, end)
    if run:
        yield run


def _cut(text: str, span: Span) -> list[Span]:
    """Cuts what no natural border fits: a sentence, an item or a line beyond the window."""
    start, end = span
    if end - start <= WINDOW:
        return [span]
    splitter = RecursiveCharacterTextSplitter(chunk_size=WINDOW, chunk_overlap=0, add_start_index=True)
    pieces = splitter.create_documents([text[start:end]])
    begins = [start + piece.metadata["start_index"] for piece in pieces]
    return [(begin, begin + len(piece.page_content)) for begin, piece in zip(begins, pieces, strict=True)]
