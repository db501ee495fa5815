"""A paragraph → its sentences, with exact offsets.

Owns where a sentence ends. A full stop inside inline code, a link target, a number, an
abbreviation or a product name such as `Node.js` does not end one. Takes linear time.
"""

import re

_MASKED = re.compile(r"`+|\[[^\[\]\n]*\]\([^)\s]{0,500}\)|https?://\S+")
_BACKTICKS = re.compile("`+")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|Fig|St|Dr|Mr|Ms|[A-Z]))\.$")
_LONGEST = 12
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_`]*+(?=\s)")
_OPENS = re.compile(r"\s+(?=[\"'“‘(\[*_`]*[A-Z0-9`\u00c0-\uffff])")


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Splits `text[start:end]` into sentence spans.

    Returns:
        Offsets into `text`, in order, without white space between them; together they
        hold every character of the paragraph that is not white space.
    """
    paragraph = text[start:end]
    masked = _masked(paragraph)
    spans, begin = [], 0
    for stop in _END.finditer(masked):
        opens = _OPENS.match(paragraph, stop.end())
        last = stop.start() + 1
        if not opens or _ABBREVIATION.search(masked, max(begin, last - _LONGEST), last):
            continue
        spans.append((start + begin, start + stop.end()))
        begin = opens.end()
    if begin < len(paragraph):
        spans.append((start + begin, end))
    return spans


def _masked(paragraph: str) -> str:
    """The paragraph with its code spans, links and addresses turned to letters."""
    closings = _closings(paragraph)
    parts, done = [], 0
    while match := _MASKED.search(paragraph, done):
        stop = closings[match.start()] if match[0].startswith("`") else match.end()
        parts += [paragraph[done : match.start()], "x" * (stop - match.start())]
        done = stop
    return "".join([*parts, paragraph[done:]])


def _closings(paragraph: str) -> dict[int, int]:
    """Where each run of backticks starts → where the code span it opens ends, or the run itself."""
    later: dict[int, int] = {}
    closings = {}
    for run in reversed(list(_BACKTICKS.finditer(paragraph))):
        closings[run.start()] = later.get(len(run[0]), run.end())
        later[len(run[0])] = run.end()
    return closings
