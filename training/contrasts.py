"""A pair that agrees → pairs that differ from it in one word that matters.

Owns which words and numbers turn a statement round. A model that has read only true
statements learns what is true; one that has also read them turned round must compare.
"""

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

_OPPOSITES = dict(
    line.split(" / ", 1)
    for line in """before / after
always / never
more / fewer
higher / lower
increases / decreases
raises / lowers
faster / slower
larger / smaller
longer / shorter
synchronous / asynchronous
synchronously / asynchronously
parent / child
client / server
reads / writes
read / write
enabled / disabled
allowed / forbidden
producer / consumer
primary / replica
leader / follower
public / private
optimistic / pessimistic
encrypt / sign
issuer / audience
push / pull
succeeds / fails
retry / give up
stateless / stateful
horizontal / vertical
upstream / downstream
minimum / maximum
at least / at most
commit / roll back
committed / rolled back
can / cannot
is / is not
are / are not
does not / does
do not / do
doesn't / does
don't / do
isn't / is
aren't / are
can't / can
won't / will
never / always
must / must not
should / should not
will / will not
needs / does not need
blocks / does not block""".splitlines()
)
_TURNED = {b: a for a, b in _OPPOSITES.items()} | _OPPOSITES
_WORDS = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, _TURNED), key=len, reverse=True))})(?![\w'])", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.]*\d)")
_FACTORS = (2, 3, 5, 10)
_LONGEST = 30  # words of a passage; a longer one has other things beside the one that is turned


def contrasts(statement: str, passage: str, rng: np.random.Generator) -> Iterator[tuple[str, str, bool]]:
    """Turns one word or number that a statement and a passage stating it have once each.

    Yields:
        Statement, passage, and whether they still agree: with the passage turned, with the
        statement turned, and with both. Nothing where they share no such word.
    """
    shared = sorted(_marks(statement) & _marks(passage))
    if shared and len(passage.split()) <= _LONGEST:
        mark = shared[int(rng.integers(len(shared)))]
        instead = _TURNED.get(mark) or str(int(mark) * int(rng.choice(_FACTORS)) or 1)
        other, told = _turn(statement, mark, instead), _turn(passage, mark, instead)
        yield statement, told, False
        yield other, passage, False
        yield other, told, True


def _marks(text: str) -> set[str]:
    """The words and numbers that can be turned and stand in the text once."""
    found = Counter(match[0].lower() for pattern in (_WORDS, _NUMBER) for match in pattern.finditer(text))
    return {mark for mark, count in found.items() if count == 1}


def _turn(text: str, mark: str, instead: str) -> str:
    """The text with every `mark` replaced, a capital kept."""
    found = re.compile(rf"(?<![\w.]){re.escape(mark)}(?![\w'])", re.IGNORECASE)
    return found.sub(lambda match: instead.capitalize() if match[0][0].isupper() else instead, text)
