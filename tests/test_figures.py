"""Numbers that answer: which of a quote's numbers are shown in bold, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.figures import asks_number, figures, pieces

POOL = (
    "The size is 4 by default, set by `UV_THREADPOOL_SIZE`, with a maximum of 1024 (128 before libuv 1.30). libuv "
    "creates all threads at once, each with an 8 MiB stack of virtual memory since libuv 1.45."
)


@pytest.mark.parametrize(
    "question",
    [
        "how many threads does the pool have",
        "How long does Stripe keep idempotency keys?",
        "v8 cpu profiler default sampling interval",
        "what is the max payload of NOTIFY, and why did ours fail so late on that Tuesday in spring",
        "k6 exit code when a threshold is not met",
    ],
)
def test_a_question_asks_for_a_number(question: str) -> None:
    assert asks_number(question)


@pytest.mark.parametrize(
    "question",
    [
        "what is the event loop",
        "exit code 137",  # it states the number
        "requests run into the gateway timeout, yet the database shows no load and nothing is slow, why is that",
        "order numbers end in other digits",
    ],
)
def test_a_question_that_tells_of_a_number_asks_for_none(question: str) -> None:
    assert not asks_number(question)
    assert figures(question, "It is 7.") == ()


@pytest.mark.parametrize(
    ("question", "quote", "found"),
    [
        ("how many threads does the pool have", POOL, ("4", "1024", "128")),
        ("how much memory does each thread of the pool take", POOL, ("8 MiB",)),
        ("since which libuv version is the maximum 1024", POOL, ("1.30", "1.45")),
        ("how many threads, and since which version", POOL, ("4", "1024", "128", "1.30", "1.45")),
        ("how many threads", "A Node 22 or 24 process has seven threads, two of them idle.", ("seven threads",)),
        ("which version do I need", "Publishing needs npm 11.5.1 or later.", ("11.5.1",)),
        ("since when", "It is stable since v22.18 and Node.js 24.", ("v22.18", "24")),
        ("default limit", "Since Fastify 5 it is 1 MiB, in Express 100 KB.", ("1 MiB", "100 KB")),
        ("how long is the token valid", "For 5 minutes, 300 requests at most.", ("5 minutes",)),
        ("how many requests", "For 5 minutes, 300 at most.", ("300",)),
        ("what percentage of traffic", "At 3 requests, 5 % of 200.", ("5 %",)),
        ("how many of the 16 cores", "Of 16 cores, 2 are used.", ("2",)),
        ("default size", "1. Take 4,096 rows.\n2. Send 1,000,000.", ("4,096", "1,000,000")),
        ("how fast", "It is 10x faster, or 2.5× at 50–90 ms, 3-4 ms.", ("10x", "2.5×", "50–90 ms", "3-4 ms")),
        ("maximum size", "RFC 8628 of 2024-05-01, chapter 41, #7, a/3, x-2, id7, UTF-8.", ()),
        ("default", "| a | b |\n| --- | --- |\n| size | `16` |", ("16",)),
        ("how many", "1, 2, 3, 4, 5, 6 and 7", ()),  # where all is bold nothing stands out
        ("how many", "4 and 4 again", ("4",)),
        ("how many", "", ()),
    ],
)
def test_the_figures_of_a_quote(question: str, quote: str, found: tuple[str, ...]) -> None:
    assert figures(question, quote) == found


def test_a_figure_stands_alone() -> None:
    text = "x=4, 4.5, 14, 1,024, 4-7 and 4. Of 1,024 MB"
    shown = [(piece, bold) for piece, bold in pieces(text, ("4", "1,024 MB")) if bold]
    assert shown == [("4", True), ("4", True), ("1,024 MB", True)]
    assert list(pieces("4 ms", ("4", "4 ms"))) == [("4 ms", True)]


@given(st.text(alphabet="4.,- x%5\n`|msMiBN", max_size=60))
def test_the_pieces_are_the_text_and_every_figure_is_among_them(text: str) -> None:
    found = figures("how many", text)
    split = list(pieces(text, found))
    assert "".join(piece for piece, _ in split) == text
    assert set(found) == {piece for piece, bold in split if bold}
