"""The command line's contract: JSON Lines on stdout, words on stderr, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CONTENT


def run(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qa", *map(str, arguments)],
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
    assert given[3]["searched_for"] == "what is the event loop and its phases?"
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
    "arguments", [["ask"], ["ask", "x", "--queries", "y"], ["nonsense"], ["search", "x", "--k", "0"]]
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
    assert all(command in shown for command in ("build", "ask", "search", "verify"))
