"""A question with typos → the question that was meant.

Owns which words are taken for typos and what they become: only words that neither the
playbook nor the embedding model knows, and only into words of the playbook one slip away.
Code is left alone. Does not search.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable

from rapidfuzz.distance import OSA

_WORD = re.compile(r"(?<![\w.$/@-])[A-Za-z][a-z]{3,}(?![\w/(@-]|[.:]\w)")
_TIMES = 3  # a word the playbook uses less often may be a typo itself, or another's neighbour


class Speller:
    """Mends the typos of questions to one playbook."""

    def __init__(self, texts: Iterable[str], known: Collection[str]) -> None:
        """Learns a playbook's words.

        Args:
            texts: Its passages.
            known: Further words that are no typos, in lower case.
        """
        counts = Counter(word for text in texts for word in re.findall(r"[a-z]{4,}", text.lower()))
        self._counts = {word: count for word, count in counts.items() if count >= _TIMES}
        self._known = known
        self._used = frozenset(counts)
        self._by_length: dict[int, list[str]] = {}
        for word in self._counts:
            self._by_length.setdefault(len(word), []).append(word)

    def mend(self, question: str) -> str:
        """The question with its typos mended; the question itself where it has none."""
        return _WORD.sub(lambda match: self._mended(match[0]), question)

    def _mended(self, word: str) -> str:
        lower = word.lower()
        if lower in self._used or lower in self._known:
            return word
        lengths = (len(word) - 1, len(word), len(word) + 1)
        near = [other for length in lengths for other in self._by_length.get(length, ()) if _slips(lower, other)]
        if not near:
            return word
        meant = max(near, key=lambda other: (self._counts[other], other))
        return meant.capitalize() if word[0].isupper() else meant


def _slips(word: str, meant: str) -> bool:
    """Whether `word` is `meant` with a letter left out inside, doubled, or swapped with its neighbour.

    Another letter, or one more at an end, mostly makes another word (deno, pager, recap).
    """
    if word[0] != meant[0] or OSA.distance(word, meant, score_cutoff=1) != 1:
        return False
    if len(word) == len(meant):
        return sorted(word) == sorted(meant)
    if len(word) < len(meant):
        return word[-1] == meant[-1]
    return any(word[:at] + word[at + 1 :] == meant and word[at] == word[at - 1] for at in range(1, len(word)))
