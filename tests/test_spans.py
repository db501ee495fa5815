"""What of a chunk is quoted: whole sentences, items and blocks that say what was asked."""

from pathlib import Path

import numpy as np
import pytest

from qa.playbook import read_chapter
from qa.playbook.chunks import split
from qa.spans import Nearness, choose
from qa.types import BlockKind, Chapter

TEXT = """# Bread

## Dough

Flour holds water. Kneading makes gluten strong. It then holds gas. Salt slows yeast down.

The times of a dough are:

- knead ten minutes
- rise two hours

```bash
bake --minutes 35
```

## Faults

### The crumb is dense

Symptom: the loaf sinks. Confirm by pressing it. The yeast was dead. In a cold room it sleeps.
"""


def chapter() -> Chapter:
    _, read = read_chapter(TEXT, Path("/book/01-bread.md"), Path("/book"))
    return read


def near(word: str) -> Nearness:
    """One token a letter; a question of one token that is near to `word` alone."""
    starts = np.arange(len(TEXT))
    cosines = np.zeros((len(TEXT), 1), dtype=np.float32)
    at = TEXT.index(word)
    cosines[at : at + len(word)] = 1
    return Nearness(starts, cosines)


def quoted(
    word: str, wanted: BlockKind | None = None, longest: int = 400, anchor: str = "dough"
) -> tuple[BlockKind, str]:
    book = chapter()
    chunk = next(chunk for chunk in split(book) if chunk.anchor == anchor)
    kind, (start, end) = choose(book, chunk, near(word), wanted=wanted, longest=longest)
    return kind, TEXT[start:end]


@pytest.mark.parametrize(
    ("word", "quote"),
    [
        ("Salt", "Salt slows yeast down."),
        ("Flour", "Flour holds water."),
        ("gas", "Kneading makes gluten strong. It then holds gas."),  # 'It' does not open a quote
    ],
)
def test_the_sentence_that_says_it_is_quoted(word: str, quote: str) -> None:
    assert quoted(word) == ("prose", quote)


@pytest.mark.parametrize(
    ("word", "quote"),
    [
        ("sinks", "Symptom: the loaf sinks. Confirm by pressing it. The yeast was dead."),
        ("pressing", "Confirm by pressing it. The yeast was dead."),
        ("sleeps", "The yeast was dead. In a cold room it sleeps."),
    ],
)
def test_a_symptom_comes_with_its_cause(word: str, quote: str) -> None:
    assert quoted(word, anchor="the-crumb-is-dense") == ("prose", quote)


def test_a_line_that_introduces_a_list_comes_with_it() -> None:
    _, quote = quoted("times of")
    assert quote == "The times of a dough are:\n\n- knead ten minutes\n- rise two hours"


def test_code_is_quoted_where_it_is_asked_for_and_not_else() -> None:
    assert quoted("bake", wanted="code") == ("code", "```bash\nbake --minutes 35\n```")
    assert "bake" not in quoted("bake")[1]


def test_a_run_is_no_longer_than_allowed_unless_one_sentence_is() -> None:
    assert len(quoted("gas", longest=10)[1]) <= len("Kneading makes gluten strong. It then holds gas.")
    assert quoted("Salt", longest=10)[1] == "Salt slows yeast down."


@pytest.mark.parametrize("break_", ["", "\n\n## Wide\n\n"])
def test_of_a_paragraph_longer_than_a_chunk_the_sentence_that_says_it_is_quoted(break_: str) -> None:
    said = [f"Loaf {number} rests for {number} minutes." for number in range(200)]
    text = f"# Loaves\n\n{break_}{' '.join(said)}\n"
    _, book = read_chapter(text, Path("/book/02-loaves.md"), Path("/book"))
    for number in (0, 77, 199):
        at = text.index(said[number])
        chunk = next(chunk for chunk in split(book) if chunk.start <= at < chunk.end)
        cosines = np.zeros((len(text), 1), dtype=np.float32)
        cosines[at : at + len(said[number])] = 1
        kind, (start, end) = choose(book, chunk, Nearness(np.arange(len(text)), cosines), wanted=None, longest=400)
        assert (kind, text[start:end]) == ("prose", said[number])


def test_a_line_of_code_without_end_is_quoted_in_part() -> None:
    text = f"# Loaves\n\n```js\n{'x' * 9_000}\n```\n"
    _, book = read_chapter(text, Path("/book/02-loaves.md"), Path("/book"))
    for chunk in split(book):
        near_all = Nearness(np.arange(len(text)), np.ones((len(text), 1), dtype=np.float32))
        _, (start, end) = choose(book, chunk, near_all, wanted="code", longest=400)
        assert 100 < end - start <= 3_000
