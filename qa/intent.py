"""A question's wording → what it asks for.

Owns the kind of block it wants shown, the two sides of a comparison, and how it is read after
the question before it. Does not search or quote.
"""

import re
from collections.abc import Callable

from qa.types import BlockKind
from qa.words import terms

_WANTED: dict[BlockKind, re.Pattern[str]] = {
    "diagram": re.compile(
        r"^\W*draw\b|\b(diagrams?|flow ?charts?|draw (me|an?|how)|(can|could) you draw|picture of|"
        r"simple picture|visuali[sz]e)\b",
        re.IGNORECASE,
    ),
    # 'table' alone is mostly one of a database
    "table": re.compile(
        r"\b((as|draw|show me|give me) a table|comparison table|table of (all|the)|compare all|overview of)\b",
        re.IGNORECASE,
    ),
    "code": re.compile(
        r"^show\b|^\W*examples? (?!of\b)|\b(show me|(can|could) you show|please show|an? (\w+ )?example|"
        r"example (of|for)|worked examples?|with examples?|snippets?|code (for|to|that|samples?|examples?)|"
        r"(sample|example) (code|class|query|schema|settings|config\w*)|"
        r"how (to|(do|would|can|should) (i|you|we)) implement)\b|"
        r"\b((?<!for )examples?|implementation)\W*$",
        re.IGNORECASE,
    ),
}
_REASON = re.compile(r"\b(why|reasons?)\b", re.IGNORECASE)  # it is not answered by something to look at
_BETWEEN = re.compile(
    r"\b(?:between|compare|comparing|differences? of|distinguish)\s+(.+?)\s+"
    r"(?:and|with|to|from|vs\.?|versus)\s+(.+)",
    re.IGNORECASE,
)
_VERSUS = re.compile(
    r"(.+?)\s+(?:vs\.?|versus|compared (?:to|with)|as opposed to|rather than|instead of|"
    r"differs? from|different from|(?:better|worse|faster|slower|safer|cheaper) than)\s+(.+)",
    re.IGNORECASE,
)
_EITHER = re.compile(r"(.+?),?\s+or\s+(.+)", re.IGNORECASE)
_BARE = re.compile(  # 'polling or webhooks'
    r"^\W*(?!(?:is|are|was|does|do|did|can|could|will|would|has|have|why|how)\b)\S+(?: \S+){0,2}? or \S", re.IGNORECASE
)
_CHOOSES = re.compile(
    r"\b(which|should|better|best|prefer|choose|pick|use|need|differ(ence)?s?|when|what do)\b", re.IGNORECASE
)
_BORDER = re.compile(
    r"[,;:?!()]|\s[-–—]\s|\b(?:which|what|when|where|why|how|who|is|are|was|do|does|should|would|could|can|will|i|we|you|the|a|"
    r"an|use|using|used|choose|choosing|prefer|between|for|in|on|at|with|from|if|it|them|to|please|explain|difference|of|"
    r"better|best|pick|take|go|and|me|my|our|whats|what's)\b",
    re.IGNORECASE,
)
_SIDE = 4  # words that name one side of a comparison at most
_CONTINUES = re.compile(
    r"^(and|but|or|then|ok(ay)?|what about|how about|why not|what if|instead|same (for|with|in|on))\b", re.IGNORECASE
)
_FOLLOWS = 12  # words that a follow-up has at most, unless it opens as a continuation
# How much nearer the playbook a question must be with the one before it than alone, and how much
# less near one that opens as a continuation may be.
_NEARER, _OPENED = 0.03, 0.05


def wanted(question: str) -> BlockKind | None:
    """The kind of block a question asks to be shown."""
    if asks_reason(question):
        return None
    return next((kind for kind, words in _WANTED.items() if words.search(question)), None)


def asks_reason(question: str) -> bool:
    """Whether a reason is asked for, which code alone does not give."""
    return bool(_REASON.search(question))


def subject(question: str) -> str:
    """The question without the words that ask for a kind of block."""
    kind = wanted(question)
    return _WANTED[kind].sub(" ", question) if kind else question


def sides(question: str) -> tuple[frozenset[str], ...]:
    """The stemmed words that tell the two sides of a comparison apart; `()` where nothing is compared."""
    match = _BETWEEN.search(question) or _VERSUS.search(question)
    if not match and (_CHOOSES.search(question) or _BARE.search(question)):
        match = _EITHER.search(question)
    if not match:
        return ()
    first = [piece for piece in _BORDER.split(match[1]) if piece.strip()]
    second = [piece for piece in _BORDER.split(match[2]) if piece.strip()]
    if not first or not second:
        return ()
    left = frozenset(terms(" ".join(first[-1].split()[-_SIDE:])))
    right = frozenset(terms(" ".join(second[0].split()[:_SIDE])))
    return (left - right, right - left) if left - right and right - left else ()


def rewrite(question: str, before: str, near: Callable[[str], float]) -> str:
    """What to search for when a question follows another.

    Args:
        question: The question, as typed.
        before: What the question before it was searched as.
        near: How near a text is to what the playbook treats.

    Returns:
        The question alone, or with the one before it in brackets: when it opens as a
        continuation, or is short and nearer to the playbook so.
    """
    joined = f"{question} ({before})"
    if _CONTINUES.search(question):
        return joined if near(joined) > near(question) - _OPENED else question
    short = len(question.split()) <= _FOLLOWS
    return joined if short and near(joined) > near(question) + _NEARER else question
