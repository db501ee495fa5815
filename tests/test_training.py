"""What the grader is trained on: well-formed, true to its spans, and apart from what it is measured on."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from qa.assistant import default_content
from qa.playbook import read_playbook
from qa.playbook.interview import read_interview
from training.pairs import (
    DENIES,
    SILENT,
    STATES,
    Labelled,
    Mark,
    Pair,
    answer_pairs,
    contrast_pairs,
    echo_pairs,
    fact_pairs,
    read_answers,
    read_facts,
    read_rubrics,
    restated_pairs,
    stray_pairs,
)

GOLDEN = Path(__file__).parent / "golden" / "answers.jsonl"
TRAINING = Path(__file__).parent.parent / "training"
GRADED = {"strong", "partial", "weak", "wrong", "stuffed"}
CONTRASTED = {"strong", "plain", "twisted", "turned", "wrong", "weak"}
TEXT = "Heaps grow on the left side. Stacks grow on the other one. It is all memory, I guess."


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRAINING / name).read_text(encoding="utf-8").splitlines()]


def labelled(*marks: Mark) -> Labelled:
    return Labelled("q", 1, 1, ("The heap grows upwards",), TEXT, marks)


def test_passages_around_the_evidence_state_the_point_and_the_rest_says_nothing_of_it() -> None:
    first, second = "Heaps grow on the left side.", "Stacks grow on the other one."
    found = set(answer_pairs([labelled(Mark(0, STATES, 0, len(first)))], seed=0))
    point = "The heap grows upwards"
    assert found <= {
        Pair(point, first, STATES),
        Pair(point, f"{first} {second}", STATES),
        Pair(point, second, SILENT),
        Pair(point, TEXT[len(first) + 1 :], SILENT),
        Pair(point, "It is all memory, I guess.", SILENT),
    }
    assert {pair.label for pair in found} == {STATES, SILENT}


def test_evidence_longer_than_a_passage_is_a_passage_of_its_own() -> None:
    (told,) = [pair for pair in answer_pairs([labelled(Mark(0, DENIES, 0, len(TEXT)))], seed=0) if pair.label]
    assert told == Pair("The heap grows upwards", TEXT, DENIES)


def test_strays_are_passages_of_other_chapters() -> None:
    others = [
        Labelled(f"q{n}", n, 1, (f"Point {n} of the heap",), f"The heap of chapter {n} grows here.", ())
        for n in range(1, 6)
    ]
    found = list(stray_pairs(others, seed=0))
    assert found
    assert all(pair.label == SILENT and pair.statement.split()[1] not in pair.passage for pair in found)


def test_a_point_said_back_is_made_alone_or_beside_another() -> None:
    points = ("The heap grows up.", "The stack grows down", "Both are memory")
    found = list(echo_pairs([Labelled("q", 1, 3, points, TEXT, ())], seed=0))
    assert {pair.statement for pair in found} <= set(points)
    for pair in found:
        assert (pair.label == STATES) == (pair.statement.rstrip(".") in pair.passage)
    assert {pair.label for pair in found} == {STATES, SILENT}


def test_a_point_restated_is_made_and_its_twin_denies_it() -> None:
    points = ("The heap grows up", "The stack grows down", "Both are memory")
    restated = tuple((f"{point} near.", f"{point} far.") for point in points)
    turned, notes = tuple(f"{point} turned." for point in points), tuple(f"{point} noted" for point in points)
    answer = Labelled("q", 1, 3, points, TEXT, (), notes=notes, restated=restated, turned=turned)
    found = list(restated_pairs([answer, answer], seed=0))
    assert len(found) == 9 * len(points)
    for pair in found:
        (about,) = (point for point in points if point in pair.statement)
        turns = f"{about} turned" in pair.passage or "turned" in pair.statement
        assert pair.label == (SILENT if about not in pair.passage else DENIES if turns else STATES)


def test_a_denial_states_its_own_claim_and_mended_the_point() -> None:
    first, mended, claim = "Heaps grow on the left side.", "Heaps grow up.", "The heap grows to the left"
    other = TEXT.index("It is")
    answer = labelled(
        Mark(0, DENIES, 0, len(first), claim, mended),
        Mark(1, DENIES, other, len(TEXT), "Memory is one thing", "Some of it is."),
    )
    statements = (*answer.statements, "Not all of it is memory")
    found = set(contrast_pairs([dataclasses.replace(answer, statements=statements, points=2)], seed=0))
    point = answer.statements[0]
    (told,) = {pair.passage for pair in found if pair.statement == claim and pair.passage.startswith(first)}
    rest = told.removeprefix(first)
    assert rest in {"", " Stacks grow on the other one."}
    assert {
        Pair(point, mended + rest, STATES),
        Pair(claim, told, STATES),
        Pair(claim, mended + rest, DENIES),
        Pair("Memory is one thing", told, SILENT),
    } <= found
    assert len(found) == 8


def test_what_states_a_point_denies_its_twin() -> None:
    first = "Heaps grow on the left side."
    answer = dataclasses.replace(labelled(Mark(0, STATES, 0, len(first))), turned=("The heap grows downwards",))
    (found,) = contrast_pairs([answer], seed=0)
    assert found.statement == "The heap grows downwards" and found.passage.startswith(first) and found.label == DENIES


def test_a_statement_denies_the_claim_of_its_twin_and_what_is_hollow_says_neither() -> None:
    first, twin, claim, hollow = "Heaps grow on the left side.", "Heaps shrink.", "The heap shrinks", "Ah, heaps."
    found = list(contrast_pairs([labelled(Mark(0, STATES, 0, len(first), claim, twin, hollow))], seed=0))
    point = "The heap grows upwards"
    assert [(pair.statement, pair.label) for pair in found[:3]] == [(point, DENIES), (claim, STATES), (claim, DENIES)]
    denied, stated, told = (pair.passage for pair in found[:3])
    assert denied == stated == told.replace(first, twin)
    (silent,) = found[3:]
    assert silent.statement in {point, claim} and (silent.passage, silent.label) == (hollow, SILENT)


def test_a_fact_told_wrongly_is_denied_by_what_tells_it_rightly() -> None:
    row = {"writer": "w", "chapter": 1, "statement": "s", "states": ["a", "b", "c"], "denies": ["x", "y", "z"]}
    found = set(fact_pairs([{**row, "besides": ["o"]}], seed=0))
    assert {Pair("s", "s", STATES), Pair("s", "c", STATES), Pair("s", "z", DENIES), Pair("s", "o", SILENT)} <= found
    assert {Pair("a", "x", DENIES), Pair("x", "a", DENIES), Pair("b", "y", DENIES), Pair("y", "b", DENIES)} <= found


def test_facts_are_whole() -> None:
    for row in read_facts():
        told = [*row["states"], *row["denies"], *row["besides"]]
        assert (len(row["states"]), len(row["denies"]), len(row["besides"])) == (3, 3, 2), row["id"]
        assert len(set(told)) == len(told), row["id"]


def test_every_label_of_the_answers_stands_on_a_span_of_its_answer() -> None:
    bank = {question.id: question for question in read_interview(read_playbook(default_content()))}
    for answer in (*read_answers(bank), *read_rubrics()):
        for mark in answer.marks:
            assert 0 <= mark.statement < len(answer.statements)
            assert answer.text[mark.start : mark.end].strip()


def test_rubrics_are_whole_and_no_point_is_both_made_and_denied() -> None:
    for row in rows("rubrics.jsonl"):
        assert 5 <= len(row["key_points"]) <= 7
        told = [*row["notes"], *row["turned"], *(said for pair in row["restated"] for said in pair)]
        assert len(told) == 4 * len(row["key_points"])
        assert len(set(told)) == len(told), row["question"]
        assert all(len(row[kind]) == len(row["key_points"]) for kind in ("notes", "turned", "restated"))
        kinds = set(row["answers"])
        assert kinds >= GRADED or kinds == CONTRASTED
        for answer in row["answers"].values():
            made, denied = ({label["at"] for label in answer[kind]} for kind in ("covers", "contradicts"))
            assert not made & denied, (row["question"], made & denied)
            for label in answer["contradicts"]:
                assert set(label) in ({"at", "span"}, {"at", "span", "claim", "mended"})
                written = {label["span"], row["key_points"][label["at"]], label.get("claim"), label.get("mended")}
                assert len(written) == (4 if "claim" in label else 3), row["question"]
            for label in answer["covers"]:
                assert set(label) in ({"at", "span"}, {"at", "span", "spoilt", "claim", "hollow"})
                written = {row["key_points"][label["at"]], *(label[name] for name in label if name != "at")}
                assert len(written) == len(label), row["question"]


def test_no_training_data_is_of_a_golden_chapter() -> None:
    golden = {int(json.loads(line)["question_id"].split("#")[0]) for line in GOLDEN.read_text("utf-8").splitlines()}
    assert not golden & {int(row["question_id"].split("#")[0]) for row in rows("answers.jsonl")}
    assert not golden & {row["chapter"] for name in ("statements.jsonl", "rubrics.jsonl") for row in rows(name)}
