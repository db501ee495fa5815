"""A question and its first quote → the numbers or the default that may be what was asked for.

Owns when a question asks for a number, which numbers of a text are figures and which are
names (the 22 of 'Node 22'), which words are a default, and where figures stand in a piece of
text. Does not show them.
"""

import re
from collections.abc import Iterator, Sequence

_MOST = 6  # where more numbers would be bold, none stands out
_MOST_DEFAULTS = 2  # a sentence that states more of them compares
_BESIDE = 60  # characters around a code span that can tell that it is the default
_SHORT = 12  # words of a question whose 'default' or 'limit' is asked for and not told of

_TIME = r"(?:[mµn]?s|(?:nano|micro|milli)?seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
_BYTES = r"(?:[kKMGT]i?B|bytes?|bits?)\b"
_COUNT = r"(?:threads?|times|connections?|requests?|attempts?|retries|workers?)\b"
_WORD = r"(?:two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|sixty)\b"
_DIGITS = r"(?:\d{1,3}(?:_\d{3})+|\d+(?:,\d{3})*(?:\.\d+)*)"
_RANGE = rf"{_DIGITS}(?:(?:[ \xa0]?–[ \xa0]?|-){_DIGITS})?"
_ALONE = r"(?<![\w.,#/−-])", r"(?![\w-]|[.,]\d)"  # what must not stand around a figure
_UNIT = rf"[ \xa0]?(?:%|[x×](?!\w)|{_TIME}|{_BYTES}|{_COUNT})"
# 'and' joins a range only after 'between': in 'a limit of 20 and 100 ms' the 20 has no unit.
_END = rf"(?:one\b|{_DIGITS}|{_WORD})"
_SPAN = rf"(?:{_END}[ \xa0]to|(?<=\b[Bb]etween[ \xa0]){_END}[ \xa0]and)[ \xa0]{_END}{_UNIT}"
# A hyphen is a minus where a value begins: in 'kill -9' it makes an option, in '5 -10' a range.
_MINUS = (
    r"(?:(?<!\d )−|(?:(?<=[`(\"'=])|(?<=[=:] )|(?<=\b(?:is|to|of|or|at) )|(?<=\bdefault )|(?<=\breturns ))-)(?!0\d)"
)
_FIGURE = re.compile(
    rf"{_ALONE[0]}(?!(?:19|20)\d\d-\d)"
    rf"(?:{_SPAN}|{_RANGE}(?:{_UNIT})?|{_MINUS}{_DIGITS}(?:{_UNIT})?|{_WORD}{_UNIT}){_ALONE[1]}"
)
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
_DEFAULT_ASKED = re.compile(r"\bdefaults?\b", re.IGNORECASE)
_CODE = re.compile(r"(?<!`)`(?=\S)([^`|\n]{1,80})(?<=\S)`(?!`)")
# 'The default of' is followed by the setting, 'a default of' by its value.
_IS = (
    r"\b[Dd]efaults?(?:(?:\s[\w-]+){0,3}|\sof\s`[^`\n]{1,40}`)\s(?:is|are)|\b[Dd]efault(?:s|ed)?\sto|"
    r"(?:\ba|\bits|'s)\sdefault\sof"
)
_DEFAULT_BEFORE = re.compile(rf"(?:{_IS}|(?<!\bby )\b[Dd]efault:|\([Dd]efault)\s$")
_DEFAULT_AFTER = re.compile(
    r"\s(?:by|(?:is|are|as)\s(?:the|its))\sdefaults?\b|"
    r",?\s\(?(?:the|its|[A-Z]\w*'s)\sdefault(?=[.,;:)]|$|\s(?:in|on|for|since|everywhere)\b)"
)
_DENIED = re.compile(r"(?:\b(?:not|never|no longer|without|rather than|instead of)\b|n't\b)[^.,;:]*$")
_WORDS = r"([A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,2})"
_OPENING = r"(?:In|On|For|With|Under|At|By|Since|Here|There|It|This|That|These|Those|Which|What|The|An)\b"
_DEFAULT_WORDS = re.compile(
    rf"(?:{_IS}) {_WORDS}(?=[.,;:)]?(?:\s*$|\n)|[.,;:)]\s| (?:in|on|for|since|and|or|but|with)\b)|"
    rf"\b(?:is|are|uses?|at) {_WORDS} by default\b|"
    rf"(?:^|(?<=[.;:] )|(?<=\())(?!{_OPENING}){_WORDS} is the default\b",
    re.MULTILINE,
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
        question: The question; one that asks for neither number nor default has no figures.
        quote: The Markdown that answers it.

    Returns:
        Different figures as they are written, with their units, or the words that are the
        default where one is asked for and is no number. None where there are so many that to
        point at them is no help.
    """
    found: list[str] = []
    versions = list(_VERSIONS.finditer(quote))
    if asks_number(question):
        found += _fitting(question, _numbers(quote, [match.span() for match in versions]))
        if not found and _DEFAULT_ASKED.search(question):
            found += _defaults(question, quote)
    if _VERSION_ASKED.search(question):
        found += [number for match in versions for number in re.findall(rf"v?{_VERSION}", match[0])]
    shown = {piece for piece, bold in pieces(quote, found) if bold}
    distinct = tuple(number for number in dict.fromkeys(found) if number in shown)
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


def _defaults(question: str, quote: str) -> Sequence[str]:
    """The code spans, or where there are none the capitalised words, that a text calls the default."""
    spans = [match for match in _CODE.finditer(quote) if _is_default(quote, *match.span())]
    found = [match[1] for match in spans if _only_code(quote, match[1])]
    if not spans:
        words = [match for match in _DEFAULT_WORDS.finditer(quote) if not _denied(quote, match.start())]
        found = [value for match in words for value in match.groups() if value]
    new = [value for value in dict.fromkeys(found) if not _stands(question.casefold(), value.casefold())]
    return new if len(new) <= _MOST_DEFAULTS else ()


def _is_default(quote: str, start: int, end: int) -> bool:
    """Whether 'default' stands directly beside a code span and means it."""
    before, after = quote[max(0, start - _BESIDE) : start], quote[end : end + _BESIDE]
    return bool(_DEFAULT_BEFORE.search(before) or _DEFAULT_AFTER.match(after)) and not _denied(quote, start)


def _denied(quote: str, start: int) -> bool:
    """Whether the clause that leads to a place has a 'not'."""
    return bool(_DENIED.search(quote[max(0, start - _BESIDE) : start]))


def _only_code(quote: str, value: str) -> bool:
    """Whether a value in bold is bold in code alone: a `no` must not point at every 'no'."""
    return value.isupper() or _stands(quote, value) == quote.count(f"`{value}`")


def _stands(text: str, value: str) -> int:
    """How often a value would be bold in a text."""
    return sum(bold for _, bold in pieces(text, (value,)))
