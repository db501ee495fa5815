"""Numbers that answer: which of a quote's numbers are shown in bold, and where."""

import time

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


LEVEL = "what is the default isolation level"


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("In PostgreSQL `READ COMMITTED` is the default, and READ COMMITTED reads anew.", ("READ COMMITTED",)),
        ("The server defaults to `latin1`; set `utf8`.", ("latin1",)),
        ("Agents use `keep-alive` by default.", ("keep-alive",)),
        ("Express trusts none: the default is `false`. Set it to `true`.", ("false",)),
        ("The default isolation level is `REPEATABLE READ`.", ("REPEATABLE READ",)),
        ("Its mode (default: `session`) and level (default `read committed`).", ("session", "read committed")),
        ("Leaving `sessionAffinity` at `None`, its default, hides state.", ("None",)),
        ("It runs in `READ COMMITTED` (PostgreSQL's default) there.", ("READ COMMITTED",)),
        ("It has a default of `latest`.", ("latest",)),
        ("The default of `mode` is `session`.", ("session",)),
        ("The default is\n`a b`.", ("a b",)),
        ("| mode | `fork` by default |", ("fork",)),
        ("A transaction is Read Committed by default.", ("Read Committed",)),
        ("In PostgreSQL the default is Read Committed, in MySQL it is not.", ("Read Committed",)),
        ("READ COMMITTED is the default.", ("READ COMMITTED",)),
        ("The default isolation level is Serializable", ("Serializable",)),
    ],
)
def test_a_default_that_is_no_number(quote: str, found: tuple[str, ...]) -> None:
    assert figures(LEVEL, quote) == found
    assert {piece for piece, bold in pieces(quote, found) if bold} == set(found)


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("which isolation level has the limit", "The default is `false`."),
        ("what is the event loop", "`false` is the default."),
        ("is `READ COMMITTED` the default", "`READ COMMITTED` is the default."),  # the question states it
        (LEVEL, "`pool_mode` is set by hand, `session` or `transaction`."),
        (LEVEL, "The default `pool_mode` is on, and by default `tsc` writes output."),
        (LEVEL, "Drivers buffer by default: `pool.query()` holds all rows."),
        (LEVEL, "It does not check `__proto__` by default, and does not default to `on`."),
        (LEVEL, "With `-e`, the default level is kept."),
        (LEVEL, "The default of `mode` is on. It is isolated, the default of `node --test`."),
        (LEVEL, "Sampling rather than `perf` is the default choice."),
        (LEVEL, "`--restart` defaults to `no`, and no restart follows."),  # each 'no' would be bold
        (LEVEL, "`a` by default, `b` by default, `c` by default."),
        (LEVEL, "Five keys are sampled in Redis by default."),
        (LEVEL, "This is the default. In Postgres Serializable is the default. The default is PostgreSQL specific."),
        (LEVEL, "It is the Node.js default, by default Express sends it."),
        (LEVEL, "The default is ` `, or `` x ` y `` by default, or `open by default."),
    ],
)
def test_no_default_where_none_is_asked_for_or_stated(question: str, quote: str) -> None:
    assert figures(question, quote) == ()


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("`-1` by default, `acks: -1` too, `x=-2`", ("-1", "-2")),
        ("`max_slot_wal_keep_size` is −1 (unlimited) by default (default -1).", ("−1", "-1")),
        ("`kill -9` and `head -5`, release N−1, x-2, `-00`, `--5`", ()),
        ("3-4 of 5–6 rows, 7 −8", ("3-4", "5–6", "7")),
        ("It waits 300_000 ms or 1_000; not 1_0000, a_100 or 2025_06.", ("300_000 ms", "1_000")),
        ("between 5 and 15 minutes", ("5 and 15 minutes",)),
        ("5 to 15 minutes, 50 to 60 %, 1,000 to 1_500 ms", ("5 to 15 minutes", "50 to 60 %", "1,000 to 1_500 ms")),
        ("five to ten minutes, one to two hours", ("five to ten minutes", "one to two hours")),
        ("a limit of 20 and 100 ms", ("20", "100 ms")),  # two values, the first of another unit
        ("from 4 to 5 servers", ("4", "5")),
        ("Node 22 and 24 hours", ("24 hours",)),
        ("10 ms to 20 ms", ("10 ms", "20 ms")),
        ("between 5 and 9 ms, or 5 and 9 ms", ("5 and 9 ms",)),  # in bold as one there, too
    ],
)
def test_signs_and_ranges(quote: str, found: tuple[str, ...]) -> None:
    assert figures("what is the limit", quote) == found


def test_a_range_has_the_unit_asked_for() -> None:
    assert figures("how long", "Between 5 and 15 minutes, for 5 to 9 requests") == ("5 and 15 minutes",)
    assert figures("is a wait of 5 to 9 s the limit", "It is 5 to 9 s.") == ()


@pytest.mark.parametrize(
    "part", ["1", "1,000", "1_000", "1.", "1 to ", "-", "`", "`a", "` ", "A ", "Ab ", "default ", "is "]
)
def test_a_long_quote_costs_little(part: str) -> None:
    quote = (part * 3000)[:3000]
    begun = time.process_time()
    figures(LEVEL, f"{quote}x")
    assert time.process_time() - begun < 0.5


def test_a_figure_stands_alone() -> None:
    text = "x=4, 4.5, 14, 1,024, 4-7 and 4. Of 1,024 MB"
    shown = [(piece, bold) for piece, bold in pieces(text, ("4", "1,024 MB")) if bold]
    assert shown == [("4", True), ("4", True), ("1,024 MB", True)]
    assert list(pieces("4 ms", ("4", "4 ms"))) == [("4 ms", True)]


PARTS = [
    *"4.,- x%5\n`|msMiBN_−(",
    "5 to 15 ms",
    "between 4",
    " and 5 ms",
    " by default",
    "default is ",
    "`no`",
    "Ab Cd",
]


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join), st.sampled_from(["how many", LEVEL]))
def test_the_pieces_are_the_text_and_every_figure_is_among_them(text: str, question: str) -> None:
    found = figures(question, text)
    split = list(pieces(text, found))
    assert "".join(piece for piece, _ in split) == text
    assert set(found) == {piece for piece, bold in split if bold}
