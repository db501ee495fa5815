"""Answers in a terminal: bold numbers, how sure, what was searched for, what was noted."""

import re
from pathlib import Path

import pytest

from qa.assistant import Assistant
from qa.confidence import in_words, percent
from tests.test_cli import rows, run

POOL = "How many threads does libuv's pool have?"


def test_numbers_that_answer_are_bold_in_a_terminal_and_plain_in_a_pipe(edition: Assistant) -> None:
    given = edition.ask(POOL)
    assert "4" in given.figures
    plain = run("ask", POOL).stdout
    assert plain.startswith(f"{given.text}\n\n[1] ")
    shown = run("ask", POOL, FORCE_COLOR="1", TERM="xterm").stdout
    assert re.sub(r"\x1b\[\d*m", "", shown) == plain
    assert set(re.findall(r"\x1b\[1m(.*?)\x1b\[0m", shown)) == set(given.figures)
    (row,) = rows(run("ask", POOL, "--json", FORCE_COLOR="1"))
    assert row["text"] == given.text


def test_an_answer_ends_with_how_sure_it_is(edition: Assistant) -> None:
    sure = edition.ask(POOL).confidence
    assert run("ask", POOL).stdout.endswith(f"\n{in_words(sure)} ({percent(sure)})\n")


def test_a_mended_question_is_told() -> None:
    assert run("ask", "evnt loop lag").stdout.startswith("Searched for: event loop lag\n\n")
    assert "Searched for" not in run("ask", "event   loop lag").stdout


@pytest.mark.parametrize("usable", [True, False])
def test_a_question_not_covered_is_told_as_noted_only_if_it_was(tmp_path: Path, usable: bool) -> None:
    data = tmp_path / "data"
    if not usable:
        data.write_text("x")
    result = run("ask", "best pizza in naples", "--data", data)
    assert result.returncode == 0
    assert result.stdout.startswith("The playbook does not cover this.")
    assert ("Your question is noted" in result.stdout) is usable
    assert ("was not noted" in result.stderr) is not usable
