"""A paragraph → its sentences, with exact offsets.

Owns where a sentence ends. A full stop inside inline code, a link target, a number, an
abbreviation or a product name such as `Node.js` does not end one.
"""

import re

_MASKED = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)|\[[^\]\n]*\]\([^)\s]*\)|https?://\S+", re.DOTALL)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|Fig|St|Dr|Mr|Ms|[A-Z]))\.$")
_END = re.compile(r"[.!?…]+[\"'”’)\]*_`]*(?=\s)")
_OPENS = re.compile(r"\s+[\"'“‘(\[*_`]*[A-Z0-9`\u00c0-\uffff]")


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Splits `text[start:end]` into sentence spans.

    Returns:
        Offsets into `text`, in order, without white space between them; together they
        hold every character of the paragraph that is not white space.
    """
    paragraph = text[start:end]
    masked = _MASKED.sub(lambda match: "x" * len(match[0]), paragraph)
    spans, begin = [], 0
    for stop in _END.finditer(masked):
        opens = _OPENS.match(paragraph, stop.end())
        if not opens or _ABBREVIATION.search(masked, begin, stop.start() + 1):
            continue
        spans.append((start + begin, start + stop.end()))
        begin = stop.end() + len(masked[stop.end() :]) - len(masked[stop.end() :].lstrip())
    if begin < len(paragraph):
        spans.append((start + begin, end))
    return spans
