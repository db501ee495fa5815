"""A question and its first quote → the numbers that may be what was asked for.

Owns when a question asks for a number, which numbers of a text are figures and which are
names (the 22 of 'Node 22'), and where figures stand in a piece of text. Does not show them.
"""

import re
from collections.abc import Iterator, Sequence

_MOST = 6  # where more numbers would be bold, none stands out
_SHORT = 12  # words of a question whose 'default' or 'limit' is asked for and not told of

_TIME = r"(?:[mµn]?s|(?:nano|micro|milli)?seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
_BYTES = r"(?:[kKMGT]i?B|bytes?|bits?)\b"
_COUNT = r"(?:threads?|times|connections?|requests?|attempts?|retries|workers?)\b"
_WORD = r"(?:two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|sixty)\b"
_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)*"
_RANGE = rf"{_DIGITS}(?:(?:[ \xa0]?–[ \xa0]?|-){_DIGITS})?"
_ALONE = r"(?<![\w.,#/-])", r"(?![\w-]|[.,]\d)"  # what must not stand around a figure
_UNIT = rf"[ \xa0]?(?:%|[x×](?!\w)|{_TIME}|{_BYTES}|{_COUNT})"
_FIGURE = re.compile(rf"{_ALONE[0]}(?!(?:19|20)\d\d-\d)(?:{_RANGE}(?:{_UNIT})?|{_WORD}{_UNIT}){_ALONE[1]}")
_ITEM_NUMBER = re.compile(r"^[ \t>]*\d+[.)]\s", re.MULTILINE)
_VERSION = r"\d+(?:\.\d+)*(?![\w.]*\d)"
# A capital makes a name inside a sentence, a second one or '.js' also where a sentence opens.
_NAME = r"(?:(?<=[\w,;:|] )|(?<=[(`*]))[A-Z]\w{0,30}[a-z]\w{0,30}(?:\.js)?|\b[A-Z][a-z]\w{0,30}(?:[A-Z]\w{0,30}|\.js)"
_KNOWN = (
    r"\b(?:Node|RFC|PID|(?:TLS|HTTP)(?=\s\d+\.)|libuv|node|npm|pnpm|undici|glibc|openssl|nginx|"
    r"[Vv]ersions?|[Cc]hapters?|[Ss]teps?)"
)
_VERSIONS = re.compile(
    rf"(?:{_NAME}|{_KNOWN})`?\s+v?{_VERSION}(?:(?:,|\s?–|,?\s(?:or|and|to))\s?v?{_VERSION})*|\bv{_VERSION}"
)

_NOUN = (
    r"(?:defaults?|limits?|maximum|minimum|max|min|at most|at least|sizes?|timeouts?|ports?|"
    r"(?:exit|status|http|response) codes?|percent(?:age)?|ttl|intervals?|threshold|seconds|minutes|bytes|[kmg]b)\b"
    r"(?!\s+\d)"  # 'exit code 137' states the number
)
_ASKED = re.compile(
    r"\bhow (?:many|much|long|big|large|often|high|fast|far|old|small|soon|quickly)\b|\bnumber of\b|"
    rf"\b(?:what|which|whats)\b(?:\W+\w+){{0,8}}?\W+{_NOUN}",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"\b{_NOUN}", re.IGNORECASE)
_VERSION_ASKED = re.compile(
    r"\bsince when\b|\b(?:which|what)(?:\W+\w+){0,4}?\W+(?:versions?|releases?)\b", re.IGNORECASE
)
# What a question's words make of the unit: the first that fits.
_KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(unit))
    for asked, unit in (
        (
            r"\bhow (?:long|often|soon|quickly|old)\b|\b(?:timeouts?|ttl|intervals?|lifetime|delay|downtime|seconds|"
            r"minutes|hours|days)\b",
            rf"[\d \xa0]{_TIME}$",
        ),
        (r"\b(?:bytes|bits|[kmg]i?b|memory|ram)\b", rf"[\d \xa0]{_BYTES}$"),
        (r"\bpercent(?:age)?\b|%|\bshare\b", r"%$"),
        (r"\bhow many\b|\bnumber of\b|\b(?:ports?|codes?)\b", rf"(?:\d|{_COUNT})$"),
    )
)


def figures(question: str, quote: str) -> tuple[str, ...]:
    """The numbers in a quote that may answer a question, in the order they stand there.

    Args:
        question: The question; one that asks for no number has no figures.
        quote: The Markdown that answers it.

    Returns:
        Different figures as they are written, with their units. None where there are so
        many that to point at them is no help.
    """
    found: list[str] = []
    versions = list(_VERSIONS.finditer(quote))
    if asks_number(question):
        found += _fitting(question, _numbers(quote, [match.span() for match in versions]))
    if _VERSION_ASKED.search(question):
        found += [number for match in versions for number in re.findall(rf"v?{_VERSION}", match[0])]
    distinct = tuple(dict.fromkeys(found))
    return distinct if len(distinct) <= _MOST else ()


def asks_number(question: str) -> bool:
    """Whether a figure or a default would answer a question."""
    short = len(question.split()) <= _SHORT
    return bool(_ASKED.search(question) or (short and _NAMED.search(question)))


def pieces(text: str, figures: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """A text in pieces, and whether each is one of the figures."""
    longest_first = "|".join(map(re.escape, sorted(figures, key=len, reverse=True)))
    split = re.split(rf"{_ALONE[0]}({longest_first}){_ALONE[1]}", text) if figures else [text]
    return ((piece, number % 2 == 1) for number, piece in enumerate(split) if piece)


def _numbers(quote: str, names: Sequence[tuple[int, int]]) -> list[str]:
    """The figures of a text that are neither a name's part nor a list's numbering."""
    items = [match.span() for match in _ITEM_NUMBER.finditer(quote)]
    found = []
    for match in _FIGURE.finditer(quote):
        bare = match[0][-1].isdigit()
        named = bare and any(start <= match.start() < end for start, end in names)
        if not named and not any(start <= match.start() < end for start, end in items):
            found.append(match[0])
    return found


def _fitting(question: str, numbers: Sequence[str]) -> Sequence[str]:
    """Those that the question does not state itself, of the unit it asks for if it asks for one."""
    told = {match[0] for match in _FIGURE.finditer(question)}
    new = [number for number in numbers if number not in told]
    unit = next((unit for asked, unit in _KINDS if asked.search(question)), None)
    return [number for number in new if unit.search(number)] if unit else new
