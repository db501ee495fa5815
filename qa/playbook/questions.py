"""`questions.jsonl` → how people ask for each section.

Owns the file's form and its errors. Rows are `{"question", "chapter", "anchor", …}`.
"""

import json
import os
from pathlib import Path

from qa.types import Playbook, PlaybookError, Question

FILE = "questions.jsonl"


def read_questions(root: Path, playbook: Playbook) -> tuple[Question, ...]:
    """Reads the questions of a content folder; a folder without the file has none.

    Raises:
        PlaybookError: The file lies elsewhere, or a row is not JSON, lacks a field, or names
            no section.
    """
    path = root / FILE
    if not Path(os.path.realpath(path)).is_relative_to(root.resolve()):
        raise PlaybookError("a link that leaves the content folder; replace it with the file", path)
    if not path.exists():
        return ()
    if not path.is_file():
        raise PlaybookError("not a regular file; replace it with one or remove it", path)
    known = {section.id for chapter in playbook.chapters for section in chapter.sections}
    questions = []
    for line, row in read_jsonl(path):
        try:
            question = Question(str(row["question"]), int(str(row["chapter"])), str(row["anchor"]))
            question.question.encode()
        except (KeyError, TypeError, ValueError) as error:
            raise PlaybookError(
                f"a row needs question, chapter (a number) and anchor, got {error!r}; mend or remove the line",
                path,
                line,
            ) from error
        if question.section_id not in known:
            raise PlaybookError(f"no section {question.section_id!r}; mend or remove the line", path, line)
        questions.append(question)
    return tuple(questions)


def read_jsonl(path: Path) -> list[tuple[int, dict[str, object]]]:
    """Reads JSON Lines: each object with its line, counted from 1.

    Raises:
        PlaybookError: The file cannot be read, or a line is not a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlaybookError(f"cannot be read ({error}); check the file", path) from error
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "too long a number, or too deep")
            raise PlaybookError(f"not JSON ({reason}); mend or remove the line", path, number) from error
        if not isinstance(row, dict):
            raise PlaybookError("a line must be a JSON object; mend or remove it", path, number)
        rows.append((number, row))
    return rows
