"""`grade`: answers in, marks with their verdicts out.

Owns the form of its rows. Does not mark.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from qa.cli.rows import Shown, each, read_rows
from qa.cli.terminal import AsJson, Content, IndexDir, load
from qa.types import Grade, QAError, WrongClaim

_ARROWS = ("→", "->")


def grade(
    answers: Annotated[
        Path,
        typer.Option("--input", help='JSON Lines of {"id", "question", "key_points", "wrong_claims"?, "answer"}.'),
    ],
    as_json: AsJson = False,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Mark interview answers by key points."""
    rows = read_rows(answers, "--input")
    grader = load(content, index).grader

    def mark(row: dict[str, Any]) -> Shown:
        answer = row.get("answer")
        if not isinstance(answer, str):
            raise QAError("the row has no text under 'answer'; add it")
        _whole(answer)
        points, claims = _texts(row, "key_points"), _texts(row, "wrong_claims")
        wrong = [_wrong_claim(claim) for claim in claims]
        given = grader.grade(str(row["question"]), answer, key_points=points, wrong_claims=wrong)
        return _grade(given), partial(_show, given, points)

    each(rows, mark, as_json=as_json)


def _texts(row: dict[str, Any], key: str) -> list[str]:
    texts = row.get(key) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise QAError(f"{key} must be a list of texts, got {texts!r}; mend the row")
    for text in texts:
        _whole(text)
    return texts


def _whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QAError(f"half a surrogate pair at character {error.start} of {text[:40]!r}; mend the row") from error


def _wrong_claim(text: str) -> WrongClaim:
    """A wrong claim as it is written: 'claim → correction'."""
    arrow = next((arrow for arrow in _ARROWS if arrow in text), _ARROWS[0])
    claim, _, correction = text.partition(arrow)
    return WrongClaim(claim.strip(), correction.strip())


def _grade(given: Grade) -> dict[str, Any]:
    return {
        "score": given.score,
        "points": [
            {
                "verdict": point.verdict,
                "covered": point.covered,
                "probability": round(point.probability, 4),
                "evidence": point.evidence,
                "start": point.start,
                "end": point.end,
            }
            for point in given.points
        ],
        "contradictions": [
            {"claim": wrong.claim, "correction": wrong.correction, "evidence": wrong.evidence}
            for wrong in given.contradictions
        ],
    }


def _show(given: Grade, points: list[str]) -> None:
    print(f"{given.score} of 100")
    for point, text in zip(given.points, points, strict=True):
        print(f"  {point.verdict:12} {text}")
    for wrong in given.contradictions:
        print(f"  {'wrong':12} {wrong.claim} → {wrong.correction}")
