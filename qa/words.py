"""Text → the words that ranking and marking compare.

Owns what counts as a word, the stop words and the stemmer. Does not score.
"""

import re

import Stemmer

STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can could did do does for from had has have he her his how i if in into
        is it its just me my no not of on or our she should so some than that the their them then there these they
        this those to us was we were what when where which who why will with would you your""",
    )
)
_WORD = re.compile(r"[^\W_](?:[\w.+#-]*[^\W_]|[+#]+)?[+#]*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.-]+")
_stem = Stemmer.Stemmer("english").stemWord


def terms(text: str) -> list[str]:
    """The stemmed words of a text, stop words left out; `maxSockets` counts as itself and as its parts."""
    found = []
    for word in re.findall(r"[^\W_][\w.+#-]*", text):
        parts = [part for part in _CAMEL.split(word) if part]
        found += [word, *parts] if len(parts) > 1 else parts
    words = (match[0] for word in found for match in _WORD.finditer(word.lower()))
    return [_stem(word) for word in words if word not in STOPWORDS]
