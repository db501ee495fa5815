"""What is found, what is quoted, and when the answer is 'not covered'."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from qa import answering
from qa.assistant import LONGEST_QUESTION, Assistant
from qa.confidence import THRESHOLD
from qa.index import open_index
from qa.retrieval import Retriever
from qa.types import Answer, QuestionRefused
from tests.conftest import CONTENT

ASKED = [
    "how many threads does libuv's pool have and how do I change it",
    "what are the phases of the event loop",
    "why is my container killed with exit code 137",
    "how should a server handle SIGTERM",
    "difference between nextTick and setImmediate",
    "jwt revoke",
    "what does UV_THREADPOOL_SIZE do",
    "p99 climbs while cpu stays flat",
    "<script>alert(1)</script> event loop lag",
    "memory grows when piping a fast source into a slow client",
]
OFF_TOPIC = ["best pizza in naples", "how do I knit a scarf", "who won the world cup in 1998", "asdf qwer zxcv"]


@pytest.fixture(scope="module")
def sea(small_module: Path, module_index: Path) -> Assistant:
    return Assistant(open_index(small_module, module_index))


@pytest.mark.parametrize("question", ASKED)
def test_every_quote_is_the_slice_it_says_it_is(edition: Assistant, question: str) -> None:
    answer = edition.ask(question)
    assert answer.answered
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    for citation in answer.citations:
        text = (CONTENT / citation.source.path).read_bytes().decode("utf-8")
        assert text[citation.start : citation.end] == citation.quote == citation.quote.strip()
        assert citation.start_line == 1 + text.count("\n", 0, citation.start)
        assert citation.end_line == 1 + text.count("\n", 0, citation.end - 1)
        chapter = edition.read(citation.source.chapter)
        assert chapter is not None
        section = chapter.section(citation.source.anchor)
        assert section is not None
        assert section.start <= citation.start < citation.end <= section.end
        assert section.heading_path == citation.source.heading_path
        assert f"[{citation.number}]" in answer.text
        assert citation.quote in answer.text


@pytest.mark.parametrize("question", ASKED)
def test_quotes_fit_the_page_and_at_most_two_are_of_one_section(edition: Assistant, question: str) -> None:
    citations = edition.ask(question).citations
    assert 1 <= len(citations) <= 4
    assert sum(len(c.quote) for c in citations[1:]) + min(len(citations[0].quote), answering.QUOTED) <= answering.QUOTED
    assert max(Counter((c.source.chapter, c.source.anchor) for c in citations).values()) <= 2
    for first, second in combinations(citations, 2):
        same = first.source == second.source
        assert not same or first.end <= second.start or second.end <= first.start


@pytest.mark.parametrize("question", ASKED)
def test_no_quote_cuts_a_sentence_a_fence_or_a_table(edition: Assistant, question: str) -> None:
    for citation in edition.ask(question).citations:
        if citation.kind == "prose":
            assert citation.quote[-1] in ".!?:)\"'`*", citation.quote
        assert citation.quote.count("```") % 2 == 0


@pytest.mark.parametrize("question", OFF_TOPIC)
def test_what_the_playbook_does_not_treat_is_not_answered(edition: Assistant, question: str) -> None:
    answer = edition.ask(question)
    assert not answer.answered
    assert answer.citations == ()
    assert answer.text.startswith(answering.NOT_COVERED)
    assert 1 <= len(answer.related) <= 5
    assert answer.confidence < THRESHOLD


def test_wrong_claims_key_points_and_follow_ups_are_never_found(edition: Assistant) -> None:
    chapter = edition.read(1)
    assert chapter is not None
    claims = re.findall(r"^- (.+?) →", chapter.text, re.MULTILINE)
    assert claims
    for claim in claims:
        assert all(claim not in hit.chunk.text for hit in edition.search(claim, 50))
        assert all(claim not in citation.quote for citation in edition.ask(claim).citations)


def test_meaning_and_words_both_find(sea: Assistant) -> None:
    assert (
        sea.search("why does the ocean rise two times per day", 1)[0].chunk.anchor == "why-high-water-comes-twice-a-day"
    )
    assert sea.search("230", 1)[0].chunk.anchor == "how-long-to-knead"


def test_hits_are_ordered_and_their_similarity_is_the_cosine(edition: Assistant) -> None:
    hits = edition.search("thread pool size", 20)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    encoder = edition._index.encoder
    query = encoder.encode_query(["thread pool size"])[0]
    for hit in hits:
        assert hit.similarity == pytest.approx(float(encoder.encode_document([hit.chunk.context])[0] @ query), abs=5e-3)


def test_a_section_filter_keeps_every_hit_inside(edition: Assistant) -> None:
    hits = edition.search("how do I stop a password leak", 30, part="Node.js Internals")
    assert len(hits) == 30
    assert {hit.chunk.chapter for hit in hits} <= set(range(1, 11))


def test_questions_lead_to_their_section(small: Path, new_index) -> None:  # type: ignore[no-untyped-def]
    (small / "questions.jsonl").write_text('{"question": "my loaf is a brick", "chapter": 2, "anchor": "sourdough"}\n')
    retriever = Retriever(open_index(small, new_index("index")))
    assert retriever.search("loaf like a brick", 1)[0].chunk.anchor == "sourdough"


def test_identifiers_are_found_whole_and_in_parts(sea: Assistant) -> None:
    assert sea.terms("keepAliveTimeout") == ["keepalivetimeout", "keep", "aliv", "timeout"]
    assert sea.terms("UV_THREADPOOL_SIZE=4, the sizes") == ["uv_threadpool_s", "uv", "threadpool", "size", "4", "size"]


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\x00\x07", "?!…", "\u2028"])
def test_a_blank_question_is_refused(edition: Assistant, question: str) -> None:
    with pytest.raises(QuestionRefused, match="the question is blank; type a few words"):
        edition.ask(question)
    with pytest.raises(QuestionRefused, match="blank"):
        edition.search(question)


def test_a_question_of_100_000_characters_is_refused(edition: Assistant) -> None:
    with pytest.raises(QuestionRefused, match="has 100,000 characters, 2,000 are the most"):
        edition.ask("x" * 100_000)
    longest = "What is the event loop?".ljust(LONGEST_QUESTION)
    assert edition.ask(longest).answered


def test_control_characters_do_not_change_the_answer(edition: Assistant) -> None:
    def quotes(answer: Answer) -> list[str]:
        return [citation.quote for citation in answer.citations]

    assert quotes(edition.ask("event\x00 loop\u2028 phases\x1b")) == quotes(edition.ask("event loop phases"))


def test_a_follow_up_is_searched_with_the_question_before_it(edition: Assistant) -> None:
    answer = edition.ask("and what is its default size?", history=["what is the libuv thread pool?"])
    assert answer.searched_for == "and what is its default size? (what is the libuv thread pool?)"
    assert answer.citations[0].source.chapter == 5


def test_a_follow_up_of_a_follow_up_keeps_the_topic(edition: Assistant) -> None:
    answer = edition.ask("how do I change it?", history=["what is the libuv thread pool?", "and its default size?"])
    assert answer.searched_for.startswith("how do I change it? (")
    assert answer.citations[0].source.chapter == 5


def test_a_long_run_of_follow_ups_keeps_the_topic(edition: Assistant) -> None:
    history = ["what is the libuv thread pool?", "and its default size?", "and how do I change it?", "and on Windows?"]
    assert edition.rewrite("and in Docker?", history) == f"and in Docker? ({history[-1]} ({history[0]}))"
    assert "libuv" in edition.rewrite("but why four?", [*history, "and in Docker?"] * 2)


@pytest.mark.parametrize(
    "question",
    [
        "what does exit code 137 mean in kubernetes?",
        "jwt revoke",
        "is it safe to store a JWT in localStorage?",
        "why does this circuit breaker never open although every call fails?",
    ],
)
def test_a_new_question_is_searched_alone(edition: Assistant, question: str) -> None:
    assert edition.ask(question, history=["what is the libuv thread pool?"]).searched_for == question


def test_a_reason_is_not_answered_with_code_alone(tmp_path: Path, module_index: Path) -> None:
    (tmp_path / "01-zebra.md").write_text(
        "# Zebra\n\n## Zebra routes fail under load\n\n"
        "```js\n// why zebra routes fail under load\nfail(zebra.routes)\n```\n\n"
        "## Queues\n\nThe routes of a zebra fail under load because their queue is bounded and nobody drains it.\n"
    )
    assistant = Assistant(open_index(tmp_path, module_index))
    question = "why do zebra routes fail under load"
    assert assistant.search(question, 1)[0].chunk.text.startswith("```js")
    assert assistant.ask(question).citations[0].kind == "prose"


def test_one_quote_of_a_block_beyond_the_window_is_whole(tmp_path: Path, module_index: Path) -> None:
    code = "\n".join(f"route('/zebra/{n}', handler{n});" for n in range(60))
    (tmp_path / "01-zebra.md").write_text(f"# Zebra\n\n## Routes\n\nThe zebra routes are:\n\n```js\n{code}\n```\n")
    assistant = Assistant(open_index(tmp_path, module_index))
    citation = assistant.ask("show me the zebra routes").citations[0]
    assert citation.kind == "code"
    assert citation.quote == f"```js\n{code}\n```"
    assert len(citation.quote) > answering.QUOTED


def test_a_code_block_quoted_in_part_is_closed_in_the_text(tmp_path: Path, module_index: Path) -> None:
    lines = "\n".join(f"const loaf{n} = bake({n});" for n in range(200))
    (tmp_path / "01-loaves.md").write_text(f"# Loaves\n\nHow loaves are baked:\n\n```js\n{lines}\n```\n", "utf-8")
    answer = Assistant(open_index(tmp_path, module_index)).ask("show me code for baking loaves")
    assert answer.citations[0].kind == "code"
    assert answer.text.count("```") == 2
    assert answer.citations[0].quote in answer.text


def test_what_another_section_covers_is_no_gap(edition: Assistant) -> None:
    question = "how many threads does libuv's pool have and how do I change it"
    answer = edition.ask(question, part="TypeScript & Large Systems")  # Security and others do treat the pool
    assert (answer.answered, answer.elsewhere, answer.citations) == (False, True, ())
    assert answer.text.startswith(answering.ELSEWHERE)
    assert any("pool" in " ".join(link.heading_path).lower() or "libuv" in link.title for link in answer.related)
    assert edition.note(answer) == ""
    assert not edition.ask("best pizza in naples", part="Security").elsewhere


@pytest.mark.parametrize("question", ["trpc or openapi for two node backends", "BRIN or btree on an append only table"])
def test_both_sides_of_a_comparison_are_quoted(edition: Assistant, question: str) -> None:
    answer = edition.ask(question)
    quoted = " ".join(citation.quote for citation in answer.citations).lower()
    first, second = re.findall(r"(\w+) or (\w+)", question.lower())[0]
    assert first in quoted.replace("-", "")
    assert second in quoted.replace("-", "")
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
