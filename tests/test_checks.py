"""Each rule of `verify` names the file and the line of what breaks it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from qa.playbook.checks import check, check_edition
from qa.types import PlaybookError
from tests.conftest import CONTENT

EDITION = json.loads((CONTENT / "edition.json").read_text(encoding="utf-8"))
ROW = next(row for row in EDITION if row["number"] == 37)
TEXT = (CONTENT / ROW["path"]).read_text(encoding="utf-8")
# Links to other chapters would be dead in a folder that holds one chapter.
ALONE = re.sub(r"\[([^\]]+)\]\([^)#]+\.md#[^)]*\)", r"\1", TEXT)


def faults(root: Path, text: str, path: str = ROW["path"]) -> list[str]:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
    (root / "edition.json").write_text(json.dumps([ROW]))
    return [*check(root), *check_edition(root, root / "edition.json")]


def test_the_edition_is_the_list_of_ninety() -> None:
    assert [row["number"] for row in EDITION] == list(range(1, 91))
    assert len({row["section"] for row in EDITION}) == 10


def test_a_sound_chapter_has_no_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, ALONE) == []


def cut(start: str, end: str) -> Callable[[str], str]:
    return lambda text: text[: text.index(start)] + text[text.index(end) :]


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, count)


BROKEN: list[tuple[str, Callable[[str], str], str]] = [
    ("number", swap("number: 37", "number: 38"), r":1: front matter has number 38, the edition 37"),
    (
        "title",
        swap("\n# Circuit Breaker\n", "\n# Breaker\n"),
        r":1: the H1 is 'Breaker', the edition has 'Circuit Breaker'",
    ),
    ("section", swap("section: System Design", "section: Security"), r":1: front matter has section 'Security'"),
    ("summary", lambda text: re.sub(r"summary: .*\n", "", text), r":1: front matter lacks summary"),
    ("missing part", cut("## When to use it\n", "## When not to use it\n"), r":\d+: its parts are"),
    (
        "repeated part",
        swap("## Key takeaways\n", "## Mental model\n\nAgain.\n\n## Key takeaways\n"),
        r":\d+: its parts are",
    ),
    ("no language", swap("```mermaid", "```"), r":\d+: a code block without a language"),
    ("diagrams", lambda text: text.replace("```mermaid", "```text"), r":1: 0 Mermaid diagrams, want 2"),
    ("level", lambda text: re.sub(r"\*Level: \w+\*", "", text, count=1), r":\d+: no line '\*Level: …\*'"),
    ("arrow", lambda text: text.replace("→", "-"), r":\d+: wrong claims need a '→'"),
    ("labels", swap("**Follow-ups**", "**Next**"), r":\d+: its labels are \['Key points', 'Wrong claims'\]"),
    (
        "unbacked point",
        lambda text: re.sub(r" \(\[[^\]]+\]\(#[^)]+\)\)", "", text, count=1),
        r":\d+: a key point does not end",
    ),
    ("dead anchor", swap("## Key takeaways\n", "## Key takeaways\n\n[x](#nowhere)\n"), r":\d+: dead link '#nowhere'"),
    ("dead image", swap("## Key takeaways\n", "## Key takeaways\n\n![x](gone.png)\n"), r":\d+: dead link 'gone.png'"),
    ("zero byte", swap("## Key takeaways\n", "## Key takeaways\n\n[x](a%00b)\n"), r":\d+: dead link 'a%00b'"),
    ("dead file", swap("## Key takeaways\n", "## Key takeaways\n\n[x](gone.md)\n"), r":\d+: dead link 'gone.md'"),
    (
        "too long",
        swap("## Key takeaways\n", "## Key takeaways\n\n" + "word " * 2_600),
        r":1: \d{4} words of prose, want 1100 to 2600",
    ),
    ("too short", cut("## Failure modes\n", "## Trade-offs and alternatives\n"), r"its parts are"),
]


@pytest.mark.parametrize(("name", "change", "said"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_a_broken_rule_is_named_with_file_and_line(
    name: str, change: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    changed = change(ALONE)
    assert changed != ALONE, name
    found = faults(tmp_path, changed)
    assert any(re.search(re.escape(ROW["path"]) + said, fault) or re.search(said, fault) for fault in found), found
    assert all(str(tmp_path / ROW["path"]) in fault for fault in found)


def test_a_missing_chapter_and_a_stray_one_are_named(tmp_path: Path) -> None:
    found = faults(tmp_path, ALONE, "04-system-design/37-breaker.md")
    assert f"{tmp_path / ROW['path']}: missing; write chapter 37" in found
    assert any("37-breaker.md: not in" in fault for fault in found)


def test_links_to_named_places_images_and_other_hosts_are_no_faults(small: Path) -> None:
    (small / "tide.png").write_bytes(b"")
    (small / "03-links.md").write_text(
        '# Links\n\n<a id="here"></a>Text and <a name=there>a name</a>.\n\n<div\n class="x" id=\'block\'>\n</div>\n\n'
        "[1](#here) [2](#there) [3](03-links.md#block) ![tide](tide.png) ![far](https://example.com/a.png) [4](//a.b)\n"
    )
    assert check(small) == []


def test_every_unreadable_chapter_is_told_and_the_others_are_checked(small: Path) -> None:
    (small / "03-bad.md").write_bytes(b"\xff")
    (small / "04-worse.md").write_text("---\nnumber: two\n---\n")
    (small / "05-dead.md").write_text("# Dead\n\n[x](#gone)\n")
    found = check(small)
    assert len(found) == 3
    for name, fault in zip(("03-bad.md", "04-worse.md", "05-dead.md"), found, strict=True):
        assert name in fault


@pytest.mark.parametrize(
    "rows", ["[1]", "{}", '[{"number": 1}]', '[{"number": "1", "title": "", "section": "", "path": ""}]', "[" * 100_000]
)
def test_an_edition_of_another_form_is_refused(rows: str, small: Path) -> None:
    edition = small / "edition.json"
    edition.write_text(rows)
    with pytest.raises(PlaybookError, match=r"edition\.json: "):
        check_edition(small, edition)


def test_too_few_interview_questions_are_counted(tmp_path: Path) -> None:
    start = ALONE.index("\n### ", ALONE.index("## Interview questions"))
    end = ALONE.index("## Key takeaways")
    questions = ALONE[start:end].split("\n### ")[1:]
    text = ALONE[:start] + "\n### " + questions[0] + ALONE[end:]
    assert any(fault.endswith("1 interview questions, want 3") for fault in faults(tmp_path, text))
