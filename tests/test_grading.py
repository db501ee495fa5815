"""Marks: earned by what an answer says, by nothing else."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.assistant import Assistant
from qa.grading import LONGEST_ANSWER, Grader, _held, _idle, _is_keywords, passages
from qa.pairs import PairModel, Probabilities
from qa.playbook.interview import read_interview
from qa.playbook.questions import read_jsonl
from qa.types import Grade, InterviewQuestion, QuestionRefused, WrongClaim

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "golden" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
]
STRONG = [row for row in ROWS if row["kind"] == "strong"]
WORTHLESS = ["", "   \n", "dont know", "I don't know", "no idea, sorry", "xyz", "asdf qwer zxcv uiop", "!!! ???", "🚀"]


@pytest.fixture(scope="module")
def grader(edition: Assistant) -> Grader:
    return edition.grader


@pytest.fixture(scope="module")
def bank(edition: Assistant) -> dict[str, InterviewQuestion]:
    return {question.id: question for question in read_interview(edition.playbook)}


@pytest.fixture(scope="module")
def mark(grader: Grader, bank: dict[str, InterviewQuestion]) -> Callable[[str, str], Grade]:
    """Marks an answer to a question of the bank, by its id."""
    return lambda name, answer: marked(grader, bank[name], answer)


def test_no_rubric_asks_what_a_golden_question_asks(edition: Assistant, bank: dict[str, InterviewQuestion]) -> None:
    rubrics = Path(__file__).parent.parent / "training" / "rubrics.jsonl"
    trained = [str(row["question"]) for _, row in read_jsonl(rubrics)]
    golden = [bank[name].question for name in sorted({row["question_id"] for row in ROWS})]
    encode = edition._index.encoder.encode_query
    nearest = (encode(trained) @ encode(golden).T).max(axis=1)
    assert [question for question, cosine in zip(trained, nearest, strict=True) if cosine >= 0.8] == []


def marked(grader: Grader, asked: InterviewQuestion, answer: str) -> Grade:
    points = [point.text for point in asked.points]
    return grader.grade(asked.question, answer, key_points=points, wrong_claims=asked.wrong_claims)


@pytest.mark.parametrize("answer", WORTHLESS)
def test_what_says_nothing_earns_nothing(grader: Grader, bank: dict[str, InterviewQuestion], answer: str) -> None:
    for row in STRONG[::12]:
        assert marked(grader, bank[row["question_id"]], answer).score == 0


def test_the_question_copied_back_earns_nothing(grader: Grader, bank: dict[str, InterviewQuestion]) -> None:
    for row in STRONG[::3]:
        asked = bank[row["question_id"]]
        assert marked(grader, asked, asked.question).score == 0
        assert marked(grader, asked, f"{asked.question} {asked.question}").score == 0


def test_a_strong_answer_beats_a_list_of_keywords(grader: Grader, bank: dict[str, InterviewQuestion]) -> None:
    for row in STRONG[::6]:
        asked = bank[row["question_id"]]
        stuffed = next(r for r in ROWS if r["question_id"] == asked.id and r["kind"] == "stuffed")
        assert marked(grader, asked, row["answer"]).score > marked(grader, asked, stuffed["answer"]).score


@pytest.mark.parametrize(
    ("passage", "keywords"),
    [
        ("timers, poll, check, close callbacks, setImmediate, microtasks, 1 ms, undefined order", True),
        ("The poll phase waits for I/O and runs the callbacks of what has arrived.", False),
        ("Default: 4 threads, UV_THREADPOOL_SIZE raises them", False),  # a short note
        ("dns.lookup uses libuv's pool, whereas dns.resolve uses c-ares sockets directly.", False),
    ],
)
def test_a_list_of_keywords_is_told_from_a_note(passage: str, keywords: bool) -> None:
    assert _is_keywords(passage) == keywords


def test_keywords_and_generalities_make_no_point_and_earn_a_little_where_they_are_not_false(grader: Grader) -> None:
    points = ["The pool has four threads by default.", "UV_THREADPOOL_SIZE changes how many there are."]
    grades = [
        grader.grade("How big is libuv's thread pool?", answer, key_points=points)
        for answer in (
            "I like to read books about history.",
            "libuv, thread pool, four threads, default, UV_THREADPOOL_SIZE, size, startup, file system, dns",
            "The size of the thread pool is something that I always keep an eye on, it matters a lot.",
        )
    ]
    assert all(point.verdict == "missed" for grade in grades for point in grade.points)
    unrelated, keywords, general = (grade.score for grade in grades)
    assert 0 == unrelated < keywords < general <= 10


def test_who_says_the_key_points_word_for_word_makes_them(grader: Grader, bank: dict[str, InterviewQuestion]) -> None:
    made, denied = [], []
    for row in STRONG[::4]:
        asked = bank[row["question_id"]]
        points = [point.text for point in asked.points]
        said = "\n".join(f"I'd say {point[0].lower()}{point[1:]}" for point in points)
        grade = grader.grade(asked.question, said, key_points=points)
        made += [point.covered for point in grade.points]
        denied += [point.verdict == "contradicted" for point in grade.points]
    assert np.mean(made) >= 0.97
    assert not any(denied)


def test_every_verdict_rests_on_a_slice_of_the_answer(grader: Grader, bank: dict[str, InterviewQuestion]) -> None:
    for row in ROWS[::9]:
        grade = marked(grader, bank[row["question_id"]], row["answer"])
        assert len(grade.points) == len(bank[row["question_id"]].points)
        rests = [(p.evidence, p.start, p.end) for p in grade.points if p.verdict != "missed"]
        rests += [(c.evidence, c.start, c.end) for c in grade.contradictions]
        for evidence, start, end in rests:
            assert evidence == row["answer"][start:end] != ""
        assert all(p.evidence is None is p.start for p in grade.points if p.verdict == "missed")


def sentences_in_some_order(row: dict[str, Any]) -> st.SearchStrategy[tuple[dict[str, Any], list[str]]]:
    spans = list(dict.fromkeys(label["span"] for label in row["covers"]))
    return st.tuples(st.just(row), st.permutations(spans))


@settings(deadline=None, max_examples=25, derandomize=True, database=None)
@given(given=st.sampled_from(STRONG).flatmap(sentences_in_some_order))
def test_a_sentence_that_makes_a_further_point_takes_none_away(
    mark: Callable[[str, str], Grade], given: tuple[dict[str, Any], list[str]]
) -> None:
    """Over subsets of the sentences that make the key points of strong answers, in any order."""
    row, said = given
    grades = [mark(row["question_id"], "\n".join(said[:n])) for n in range(1, len(said) + 1)]
    for before, after in pairwise(grades):
        for point, later in zip(before.points, after.points, strict=True):
            assert later.probability >= point.probability - 0.02  # bf16 differs a little by batch
        false = [len(g.contradictions) + sum(p.verdict == "contradicted" for p in g.points) for g in (before, after)]
        if false[1] <= false[0]:
            assert after.score >= before.score - 1


@pytest.mark.parametrize("false", ["Stacks grow as objects do.", "The pool has one thread per CPU core by default."])
def test_what_was_false_before_is_false_after_a_further_point(grader: Grader, false: str) -> None:
    points = [
        "The pool has four threads by default.",
        "File access and getaddrinfo run on the pool.",
        "Sockets never use the pool.",
        "UV_THREADPOOL_SIZE changes the number of threads.",
    ]
    said = ["", " Reading files happens on these threads.", " TCP sockets do not need them at all."]
    answers = [false + "".join(said[: n + 1]) for n in range(len(said))]
    scores = [grader.grade("What does libuv's pool do?", answer, key_points=points).score for answer in answers]
    assert scores == sorted(scores)


def test_what_holds_a_passage_that_makes_a_point_is_as_little_false_as_it() -> None:
    spans = passages("heaps grow upwards here. stacks grow downwards there. that is all")
    making = np.array([[0.9, 0.0, 0.2, 0.1, 0.0]], dtype=np.float32)
    assert _idle(making, _held(spans)).tolist() == pytest.approx([0.1, 1.0, 0.8, 0.1, 0.8])


def test_two_statements_are_read_together_only_where_one_is_heard(grader: Grader) -> None:
    said = [
        "By default libuv's pool has four threads.",
        "Lunch is served at noon in the canteen on the second floor.",
        "We play football on Thursdays after work, weather permitting.",
        "My cousin paints landscapes and sells them at the market.",
    ]
    spans = passages(" ".join(said))
    read: list[str] = []

    class Reading(PairModel):
        def __init__(self) -> None:
            """Reads as the grader's model does, and keeps what it read."""

        def relate(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
            read.extend(passage for _, passage in pairs)
            return grader._model.relate(pairs)

    told = [" ".join(said)[slice(*span)] for span in spans]
    near = np.ones((1, len(told)), np.bool_)
    Grader(Reading(), grader._encoder)._relate(["The pool has four threads."], told, near, _held(spans))
    assert read == [*said, " ".join(said[:2])]


@given(st.text(alphabet="ab. !?;,\n-é🚀", max_size=80))
def test_passages_are_slices_in_order_without_outer_space(answer: str) -> None:
    for start, end in passages(answer):
        assert 0 <= start < end <= len(answer)
        assert answer[start:end] == answer[start:end].strip()


def test_an_answer_is_cut_at_statements_and_a_run_on_one_at_its_commas() -> None:
    answer = "i use retries. they back off; with jitter of course"
    assert [answer[slice(*span)] for span in passages(answer)] == [
        "i use retries.",
        "they back off;",
        "with jitter of course",
        "i use retries. they back off;",
        "they back off; with jitter of course",
    ]
    run_on = ", ".join(f"first clause number {n} says it" for n in range(12))
    assert max(len(run_on[slice(*span)].split()) for span in passages(run_on)) <= 50


def test_what_cannot_be_marked_is_refused(grader: Grader) -> None:
    with pytest.raises(QuestionRefused, match=f"has 8,001 characters, {LONGEST_ANSWER:,} are the most; shorten it"):
        grader.grade("q", "x" * 8_001, key_points=["p"])
    with pytest.raises(QuestionRefused, match="no key point to mark the answer by"):
        grader.grade("q", "an answer", key_points=[])


def test_a_false_statement_is_named_with_its_correction(grader: Grader) -> None:
    wrong = WrongClaim("The pool has one thread per CPU core by default.", "It has four, whatever the machine.")
    grade = grader.grade(
        "How big is libuv's thread pool?",
        "By default the pool has one thread for each CPU core.",
        key_points=["The pool has four threads by default."],
        wrong_claims=[wrong],
    )
    assert grade.score == 0
    assert not grade.points[0].covered
    assert [(c.claim, c.correction) for c in grade.contradictions] == [(wrong.claim, wrong.correction)]
