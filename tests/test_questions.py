"""The question files: every row leads where it says, and no set leaks into another."""

import json
import re
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from qa.assistant import Assistant
from qa.playbook import read_playbook
from tests.conftest import CONTENT

GOLDEN = Path(__file__).parent / "golden"
PLAYBOOK = read_playbook(CONTENT)
SECTIONS = {section.id: (chapter, section) for chapter in PLAYBOOK.chapters for section in chapter.sections}
INTERVIEW = "Interview questions"
MANY_WORDS = 40


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


SHIPPED = rows(CONTENT / "questions.jsonl")
MEASURED = rows(GOLDEN / "questions.jsonl")
UNCOVERED = rows(GOLDEN / "uncovered.jsonl")
CONVERSATIONS = rows(GOLDEN / "conversations.jsonl")


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip() or text


@pytest.mark.parametrize(("name", "given"), [("shipped", SHIPPED), ("golden", MEASURED)])
def test_every_row_names_sections_that_exist_and_evidence_that_is_verbatim(
    name: str, given: list[dict[str, Any]]
) -> None:
    faults = []
    for row in given:
        assert set(row) == {"id", "type", "question", "chapter", "anchor", "also", "evidence"}, row
        sections = [f"{row['chapter']}#{row['anchor']}", *row["also"]]
        faults += [f"{name} {row['id']}: no section {section}" for section in sections if section not in SECTIONS]
        texts = [SECTIONS[section][0].text for section in sections if section in SECTIONS]
        if not row["evidence"] or row["type"] not in ("plain", "symptom", "specific"):
            faults.append(f"{name} {row['id']}: no evidence, or type {row['type']!r}")
        for span in row["evidence"]:
            if not any(span in text for text in texts):
                faults.append(f"{name} {row['id']}: not verbatim: {span!r}")
    assert faults == []
    assert len({row["id"] for row in given}) == len(given)


@pytest.mark.parametrize(("given", "least"), [(SHIPPED, 24), (MEASURED, 8)], ids=["shipped", "golden"])
def test_every_chapter_has_its_number_of_questions_of_every_type(given: list[dict[str, Any]], least: int) -> None:
    counts = Counter(row["chapter"] for row in given)
    assert {c.number: counts[c.number] for c in PLAYBOOK.chapters if counts[c.number] < least} == {}
    types = Counter((row["chapter"], row["type"]) for row in given)
    short = [(c.number, kind) for c in PLAYBOOK.chapters for kind in ("plain", "symptom", "specific")]
    assert [key for key in short if types[key] < least // 4] == []


def test_every_section_of_more_than_40_words_has_its_question() -> None:
    asked = {f"{row['chapter']}#{row['anchor']}" for row in SHIPPED}
    missing = []
    for section_id, (chapter, section) in SECTIONS.items():
        body = re.sub(r"```.*?```", "", chapter.text[section.start : section.end], flags=re.DOTALL)
        if section.heading_path[:1] != (INTERVIEW,) and len(body.split()) > MANY_WORDS and section_id not in asked:
            missing.append(section_id)
    assert missing == []


def test_no_question_stands_in_two_files_or_in_a_chapter() -> None:
    turns = [turn["question"] for row in CONVERSATIONS for turn in row["turns"]]
    sets = {
        "shipped": [row["question"] for row in SHIPPED],
        "golden": [row["question"] for row in MEASURED],
        "uncovered": [row["question"] for row in UNCOVERED],
        "conversations": turns,
    }
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for name, questions in sets.items():
        for question in questions:
            homes[plain(question)].append(name)
    repeated = [question for question, found in homes.items() if len(found) > 1 and set(found) != {"conversations"}]
    assert repeated == []
    chapters = " ".join(plain(chapter.text) for chapter in PLAYBOOK.chapters)
    long = [q for q in chain(sets["shipped"], sets["golden"]) if len(q.split()) > 4]
    assert [question for question in long if plain(question) in chapters] == []


def test_no_golden_question_is_a_paraphrase_of_a_shipped_one(edition: Assistant) -> None:
    golden = edition._index.encoder.encode_query([row["question"] for row in MEASURED])
    assert len(edition._index.questions) == len(SHIPPED)
    _, nearest = edition._index.keys.search(golden, 1)
    assert [row["question"] for row, (cosine,) in zip(MEASURED, nearest, strict=True) if cosine >= 0.9] == []


def test_uncovered_questions_are_near_misses_and_others() -> None:
    assert Counter(row["kind"] for row in UNCOVERED) == {"near": 120, "off": 80}


def test_conversations_have_two_to_four_turns_with_their_place() -> None:
    assert len(CONVERSATIONS) >= 60
    for row in CONVERSATIONS:
        assert 2 <= len(row["turns"]) <= 4
        for turn in row["turns"]:
            assert f"{turn['chapter']}#{turn['anchor']}" in SECTIONS, turn
