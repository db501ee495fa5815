"""The command line's contract: JSON Lines on stdout, words on stderr, exit codes."""

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qa.playbook import read_playbook
from qa.playbook.interview import read_interview
from qa.progress import Progress
from qa.types import Grade, PointGrade
from tests.conftest import CONTENT


def run(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qa", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd or CONTENT.parent,
        env={**os.environ, "COLUMNS": "300", **environment},
    )


def rows(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def built(edition: object) -> None:
    """The default index is current before the first command runs."""


def test_ask_prints_one_object_with_exact_citations() -> None:
    result = run("ask", "how many threads does the libuv pool have", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    (row,) = rows(result)
    assert set(row) == {"id", "question", "answered", "confidence", "text", "citations", "related"}
    assert row["answered"] is True
    assert 0 <= row["confidence"] <= 1
    wanted = "number chapter title heading_path anchor path start end start_line end_line quote url"
    for citation in row["citations"]:
        assert set(citation) == set(wanted.split())
        text = (CONTENT / citation["path"]).read_bytes().decode("utf-8")
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert citation["url"].startswith(f"?view=read&chapter={citation['chapter']}")
    assert all(set(link) == {"chapter", "title", "heading_path", "anchor", "path", "url"} for link in row["related"])


def test_search_prints_hits_best_first() -> None:
    (row,) = rows(run("search", "event loop phases", "--k", "7", "--json"))
    assert [set(hit) for hit in row["hits"]] == [
        {"chapter", "heading_path", "anchor", "path", "start_line", "end_line", "score", "similarity", "text"}
    ] * 7
    scores = [hit["score"] for hit in row["hits"]]
    assert scores == sorted(scores, reverse=True)
    hit = row["hits"][0]
    lines = (CONTENT / hit["path"]).read_text(encoding="utf-8").split("\n")
    assert "\n".join(lines[hit["start_line"] - 1 : hit["end_line"]]) == hit["text"]


def test_a_bad_row_is_reported_in_its_place_and_the_rest_run(tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    asked = [
        {"id": 1, "question": "what is the event loop"},
        {"id": 2, "question": "  "},
        {"id": "three"},
        {"id": 4, "question": "and its phases?", "history": ["what is the event loop"]},
        {"id": 5, "question": "x", "history": "not a list"},
    ]
    queries.write_text("\n".join(map(json.dumps, asked)))
    result = run("ask", "--queries", queries, "--json")
    assert result.returncode == 1
    given = rows(result)
    assert [row["id"] for row in given] == [1, 2, "three", 4, 5]
    assert given[0]["answered"]
    assert given[1]["error"] == "the question is blank; type a few words"
    assert "no text under 'question'" in given[2]["error"]
    assert given[3]["searched_for"] == "and its phases? (what is the event loop)"
    assert "history must be a list" in given[4]["error"]


@pytest.mark.parametrize("line", ["not json", "[1]", "[" * 100_000, "9" * 5_000, '{"question": "tides \\ud800"}'])
def test_an_odd_line_does_not_stop_the_others(line: str, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": 1, "question": "event loop phases"}\n' + line + '\n{"id": 3, "question": "jwt"}\n')
    result = run("search", "--queries", queries, "--json")
    given = rows(result)
    assert [row["id"] for row in given] == [1, None, 3]
    assert "Traceback" not in result.stderr
    if "ud800" not in line:
        assert result.returncode == 1
        assert "queries.jsonl:2: not a JSON object" in given[1]["error"]


def test_build_prepares_the_grading_model_where_there_are_interview_questions(
    tmp_path: Path, small: Path, new_index: Callable[[str], Path]
) -> None:
    place = ("--content", small, "--index", new_index("index"))
    assert run("build", *place).returncode == 0
    assert not list(tmp_path.glob("index/models/*/pairs.json"))
    chapter = small / "02-kitchen" / "02-bread.md"
    asked = "**Q**: Why knead?\n\n**A**: Kneading aligns the gluten strands, so the dough holds its gas."
    chapter.write_text(f"{chapter.read_text('utf-8')}\n{asked}\n", "utf-8")
    built = run("build", *place)
    assert (built.returncode, built.stdout) == (0, "")
    assert "Preparing the grading model" in built.stderr
    assert list(tmp_path.glob("index/models/*/pairs.json"))
    assert "Preparing" not in run("build", *place).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", ""], "the question is blank; type a few words"),
        (["ask", "x" * 100_000], "has 100,000 characters"),
        (["ask", "x", "--content", "nowhere"], "nowhere: no such content folder; name one with --content DIR"),
        (["ask", "x", "--section", "Cooking"], "no section 'Cooking'; --section takes one of: Node.js Internals"),
        (["ask", "--queries", "missing.jsonl"], "missing.jsonl: cannot be read"),
        (
            ["build", "--model", "no-such-model"],
            "no-such-model: no such folder; give --model a folder with a sentence-transformers model",
        ),
        (["verify", "--content", "nowhere"], "no such content folder"),
        (["verify", "--edition", "nowhere.json"], "nowhere.json: not a readable JSON list of chapters"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_input_is_one_clear_line_and_exit_code_1(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["ask", "x", "--queries", "y"],
        ["nonsense"],
        ["search", "x", "--k", "0"],
        ["progress", "--delete", "--import", "x"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_any_folder_of_markdown_is_answered_from(small: Path, tmp_path: Path) -> None:
    result = run("ask", "how long should I knead", "--content", small, "--index", tmp_path / "index")
    assert result.returncode == 0
    assert "Knead a wheat dough for ten minutes by hand." in result.stdout
    assert "02-kitchen/02-bread.md:12" in result.stdout
    assert "Indexing 2 of 2 chapters" in result.stderr


def test_verify_prints_every_fault_with_its_line(small: Path) -> None:
    (small / "03-links.md").write_text("# Links\n\n[a](01-sea/01-tides.md#tides) [b](gone.md)\n\n[c](#nowhere)\n")
    result = run("verify", "--content", small)
    assert result.returncode == 1
    assert "03-links.md:3: dead link 'gone.md'; no such file" in result.stderr
    assert "03-links.md:5: dead link '#nowhere'; no such heading" in result.stderr
    assert "2 faults" in result.stderr


def test_text_output_shows_quote_and_place() -> None:
    result = run("ask", "best pizza in naples")
    assert result.returncode == 0
    assert "The playbook does not cover this." in result.stdout


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    commands = ("build", "ask", "search", "interview", "gaps", "progress", "verify", "eval")
    assert all(f" {command} " in shown for command in commands)


def test_a_fast_search_finds_what_was_typed() -> None:
    (row,) = rows(run("search", "UV_THREADPOOL_SIZE", "--k", "3", "--fast", "--json"))
    assert row["hits"][0]["chapter"] == 5


@pytest.fixture
def asked(small: Path, new_index: Callable[[], Path], tmp_path: Path) -> list[str | Path]:
    """Where the small playbook lies, and a data folder with three questions it did not answer."""
    place: list[str | Path] = ["--content", small, "--index", new_index(), "--data", tmp_path / "data"]
    for question in ("quarterly revenue of the zeppelin company", "=cmd|'/c calc'!A1", "=CMD|'/C calc'!a1"):
        assert "does not cover" in run("ask", question, *place).stdout
    return place


def test_a_question_not_answered_is_a_gap(asked: list[str | Path], tmp_path: Path) -> None:
    answered = run("ask", "how long should I knead", "--json", *asked)
    assert rows(answered)[0]["answered"]
    assert [(row["question"], row["count"]) for row in rows(run("gaps", "--json", *asked))] == [
        ("=cmd|'/c calc'!A1", 2),
        ("quarterly revenue of the zeppelin company", 1),
    ]
    assert "   2×" in run("gaps", *asked).stdout
    assert run("gaps", "--csv", tmp_path / "gaps.csv", *asked).stdout == ""
    _, first, second = csv.reader((tmp_path / "gaps.csv").read_text(encoding="utf-8").splitlines())
    assert (first[:2], second[:2]) == (
        ["'=cmd|'/c calc'!A1", "2"],
        ["quarterly revenue of the zeppelin company", "1"],
    )


def test_queries_and_eval_record_no_gap(small: Path, new_index: Callable[[], Path], tmp_path: Path) -> None:
    place: list[str | Path] = ["--content", small, "--index", new_index()]
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"question": "quarterly revenue of the zeppelin company", "chapter": 1, "anchor": "tides"}\n')
    assert rows(run("ask", "--queries", queries, "--json", *place))[0]["answered"] is False
    measured = run("eval", "--questions", queries, "--json", *place)
    assert measured.returncode == 0
    figures = rows(measured)[0]
    assert (figures["type"], figures["questions"], figures["answered"][0]) == ("all", 1, 0.0)
    queries.write_text('{"question": "quarterly revenue of the zeppelin company", "covered": false}\n')
    assert rows(run("eval", "--questions", queries, "--json", *place))[0]["refused"] == [1.0, 1.0, 1.0]
    shown = run("gaps", *place)
    assert shown.stdout == "Every question asked so far was answered.\n"


def test_a_data_folder_that_fails_stops_no_answer(small: Path, new_index: Callable[[], Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = run(
        *("ask", "quarterly revenue of the zeppelin company", "--json"),
        *("--content", small, "--index", new_index(), "--data", tmp_path / "file"),
    )
    assert result.returncode == 0
    assert rows(result)[0]["answered"] is False
    assert "warning: this unanswered question was not noted" in result.stderr


def test_progress_is_taken_along_and_deleted(asked: list[str | Path], tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    place = asked[-2:]
    assert run("progress", "--export", file, *place).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(json.loads(file.read_bytes())["gaps"]) == 3
    refused = run("progress", "--delete", *place)  # nobody there to answer
    assert (refused.returncode, len(rows(run("gaps", "--json", *asked)))) == (1, 2)
    assert run("progress", "--delete", "--yes", *place).stderr == "Deleted.\n"
    assert run("gaps", "--json", *asked).stdout == ""
    assert "3 new records" in run("progress", "--import", file, *place).stderr
    assert "0 new records" in run("progress", "--import", file, *place).stderr
    assert len(rows(run("gaps", "--json", *asked))) == 2


def test_progress_shows_what_is_due_and_the_marks_by_section(tmp_path: Path) -> None:
    progress = Progress.open(tmp_path, notify=print)
    first, second, *_ = read_interview(read_playbook(CONTENT))
    now = datetime.now(UTC)
    session = progress.start_session({}, now - timedelta(days=9))
    for question, score, days in ((first, 30, 9), (first, 70, 8), (second, 90, 1)):
        attempt = progress.save_answer(session, question.id, "words", at=now - timedelta(days=days))
        progress.save_grade(attempt, Grade(score, tuple(PointGrade("missed", 0.1) for _ in question.points)))
    (row,) = rows(run("progress", "--json", "--data", tmp_path))
    assert (row["mark"], row["answered"]) == (80, 2)
    assert [due["id"] for due in row["due"]] == [first.id]
    assert row["due"][0]["question"] == first.question
    assert row["next_due"][:19] == (now + timedelta(days=7)).isoformat()[:19]
    assert row["sections"] == [{"section": "Node.js Internals", "mark": 80, "questions": 2}]
    shown = run("progress", "--data", tmp_path).stdout
    assert "Due now" in shown
    assert first.question in shown
    assert "80  Node.js Internals (2 answered)" in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}', "not an export of playbook-qa's progress"),
        (b"\xff\xfe", "kept.json: not JSON"),
        (b"[" * 100_000, "kept.json: not JSON"),
        (None, "kept.json: cannot be read (No such file or directory); name another with --import"),
    ],
    ids=["foreign", "bytes", "deep", "missing"],
)
def test_a_bad_import_is_named(content: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    if content is not None:
        file.write_bytes(content)
    result = run("progress", "--import", file, "--data", tmp_path / "data")
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_an_export_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "kept.json").mkdir()
    result = run("progress", "--export", tmp_path / "kept.json", "--data", tmp_path / "data")
    assert result.returncode == 1
    assert "kept.json: cannot be written (Is a directory); name another with --export" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "kept.json"]


def test_grade_marks_each_row_and_names_a_bad_one(tmp_path: Path) -> None:
    answers: list[dict[str, Any]] = [
        {
            "id": "a",
            "question": "How big is libuv's thread pool?",
            "key_points": ["The pool has four threads by default."],
            "wrong_claims": ["The pool has one thread per core. → It has four, whatever the machine."],
            "answer": "Unless you change it the pool has four threads.",
        },
        {"id": "b", "question": "q", "key_points": "none", "answer": "x"},
        {"id": "c", "question": "q", "key_points": [], "answer": "x"},
        {"id": "d", "question": "q", "key_points": ["p"]},
        {"id": "e", "question": "q", "key_points": ["p"], "answer": "pool has \ud83d four threads"},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(map(json.dumps, answers)) + "\n{broken\n", encoding="utf-8")
    result = run("grade", "--input", str(file), "--json")
    assert result.returncode == 1
    given = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["id"] for row in given] == ["a", "b", "c", "d", "e", None]
    assert given[0]["score"] >= 80
    assert set(given[0]["points"][0]) == {"verdict", "covered", "probability", "evidence", "start", "end"}
    assert given[0]["points"][0]["evidence"] == answers[0]["answer"]
    assert given[0]["contradictions"] == []
    errors = [row["error"] for row in given[1:]]
    assert "key_points must be a list of texts, got 'none'" in errors[0]
    assert "no key point to mark the answer by" in errors[1]
    assert "no text under 'answer'" in errors[2]
    assert "half a surrogate pair at character 9 of" in errors[3]
    assert "answers.jsonl:6: not a JSON object" in errors[4]
