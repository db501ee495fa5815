"""`build`, `verify` and `eval`: the index made, checked and measured.

Does not know what is wrong with a chapter or how a figure is computed.
"""

import json
from collections.abc import Iterable
from math import isnan
from pathlib import Path
from typing import Annotated

import typer

from qa import evaluation
from qa.assistant import Assistant, default_content
from qa.cli.terminal import AsJson, Content, IndexDir, load, stderr
from qa.playbook import decode
from qa.playbook.checks import check, check_edition
from qa.playbook.questions import read_jsonl
from qa.types import PlaybookError, QAError

_EVALUATED = 60  # hits a rank is looked for in


def build(
    content: Content = None,
    index: IndexDir = None,
    model: Annotated[str | None, typer.Option(help="Folder of a sentence-transformers model to embed with.")] = None,
) -> None:
    """Build the index, or refresh what changed; with interview questions, prepare the grading model too."""
    assistant = load(content, index, model=model)
    chapters = assistant.playbook.chapters
    stderr.print(f"Index is current: {len(chapters)} chapters, {sum(len(c.sections) for c in chapters)} sections.")
    assistant.prepare()


def verify(
    content: Content = None,
    index: IndexDir = None,
    edition: Annotated[Path | None, typer.Option(help="List of chapters whose form is checked too.")] = None,
) -> None:
    """Check every chapter and the index: offsets, anchors, links; with --edition also the form."""
    folder = content or default_content()
    faults = [*check(folder), *(check_edition(folder, edition) if edition else [])]
    if not faults:
        faults = list(_misplaced(load(content, index), folder))
    for fault in faults:
        stderr.print(fault, markup=False)
    if faults:
        raise QAError(f"{len(faults)} faults in {folder}; mend the lines named above")
    stderr.print(f"{folder}: no faults.")


def evaluate(
    questions: Annotated[
        Path,
        typer.Option(help="JSON Lines: question, chapter, anchor, also, evidence; or chapters; or covered: false."),
    ],
    as_json: AsJson = False,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Measure how well questions with known answers are answered."""
    rows = read_jsonl(questions)
    golden = []
    for line, row in rows:
        try:
            golden.append(evaluation.Golden.from_row(row))
        except (KeyError, ValueError) as error:
            raise PlaybookError(
                f"a row needs question, and chapter and anchor, chapters, or covered: false ({error}); mend it",
                questions,
                line,
            ) from error
    if not golden:
        raise PlaybookError("there is no question in it; name another file", questions)
    assistant = load(content, index)
    outcomes = evaluation.run(
        golden, lambda text: assistant.search(text, _EVALUATED), assistant.ask, assistant.playbook
    )
    covered = [outcome for outcome in outcomes if outcome.golden.chapters]
    uncovered = [outcome for outcome in outcomes if not outcome.golden.chapters]
    kinds = sorted({outcome.golden.type for outcome in covered if outcome.golden.type})
    tables = {"all": covered} | {kind: [o for o in covered if o.golden.type == kind] for kind in kinds}
    for kind, chosen in tables.items():
        if chosen:
            _show_figures(kind, len(chosen), evaluation.summarise(chosen), as_json=as_json)
    if uncovered:
        _show_figures("uncovered", len(uncovered), evaluation.refusals(covered, uncovered), as_json=as_json)


def _show_figures(kind: str, count: int, figures: dict[str, evaluation.Interval], *, as_json: bool) -> None:
    if as_json:
        values = {
            name: [None if isnan(v) else round(v, 4) for v in (f.mean, f.low, f.high)] for name, f in figures.items()
        }
        print(json.dumps({"type": kind, "questions": count, **values}))
        return
    print(f"{kind} ({count} questions)")
    for name, f in figures.items():
        bounds = "" if isnan(f.low) else f"  [{f.low:.3f}, {f.high:.3f}]"
        print(f"  {name:20} {f.mean:6.3f}{bounds}")


def _misplaced(assistant: Assistant, folder: Path) -> Iterable[str]:
    """Chunks of the index that are not the text at their offsets in the file."""
    texts = {chapter.path: decode(folder / chapter.path) for chapter in assistant.playbook.chapters}
    for chunk in assistant.chunks:
        if texts[chunk.path][chunk.start : chunk.end] != chunk.text:
            yield f"{folder / chunk.path}: the index holds another text at {chunk.start}; run playbook-qa build"
