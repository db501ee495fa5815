"""`progress` and `gaps`: what is kept of the user, shown, taken along and deleted.

Owns the form of what is printed and the files written. Does not grade or group.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from qa.assistant import default_content, default_data
from qa.cli.terminal import AsJson, Content, Data, IndexDir, load, print_json, stderr, write
from qa.gaps import GapGroup, to_sheet
from qa.progress import Progress
from qa.report import Report, day, lost_in_words
from qa.types import PlaybookError, QAError


def gaps(
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write them to this file, as CSV.")] = None,
    data: Data = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """List the questions that the playbook did not answer, grouped by meaning."""
    groups = load(content, index, data=data).gaps()
    if csv:
        write(csv, to_sheet(groups), "--csv")
        stderr.print(f"{csv}: {len(groups)} groups written.", markup=False)
    if as_json:
        for group in groups:
            print_json(_gap_row(group))
    elif not csv:
        _show_gaps(groups)


def progress(
    export: Annotated[Path | None, typer.Option("--export", help="Write everything to this file, as JSON.")] = None,
    restore: Annotated[Path | None, typer.Option("--import", help="Add what an earlier export holds.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete everything that is kept.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: AsJson = False,
    data: Data = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Show what is due and the marks so far, or export, import or delete what is kept."""
    if (export is not None) + (restore is not None) + delete > 1:
        raise typer.BadParameter("give one of --export, --import and --delete")
    if export:
        write(export, json.dumps(_kept(content, data).export(), ensure_ascii=False, indent=1) + "\n", "--export")
        stderr.print(f"{export}: written.", markup=False)
    elif restore:
        stderr.print(f"{restore}: {_kept(content, data).restore(_read(restore))} new records.", markup=False)
    elif delete:
        kept = _kept(content, data)
        if not yes:
            typer.confirm("Delete every answer, mark, gap and thumb that is kept?", abort=True, err=True)
        kept.delete()
        stderr.print("Deleted.")
    else:
        coach, now = load(content, index, data=data).interview(), datetime.now(UTC)
        shown, lost = coach.report(), coach.lost()
        if lost:
            stderr.print(f"{lost_in_words(lost)}; --export takes them along.", markup=False)
        if as_json:
            print_json(_standing(shown, now))
        else:
            _show_standing(shown, now, lost)


def _kept(content: Path | None, data: Path | None) -> Progress:
    """What is kept, without loading the playbook."""
    if content and not content.is_dir():
        raise PlaybookError("no such content folder; name one with --content DIR", content)
    folder = data or default_data(content or default_content())
    return Progress.open(folder, notify=lambda text: stderr.print(text, markup=False))


def _standing(shown: Report, now: datetime) -> dict[str, Any]:
    later = [at for _, at in shown.due if at > now]
    return {
        "mark": shown.mark,
        "answered": len(shown.answers),
        "due": [
            {"id": question.id, "question": question.question, "section": question.part, "due": at.isoformat()}
            for question, at in shown.due
            if at <= now
        ],
        "next_due": later[0].isoformat() if later else None,
        "sections": [{"section": part.name, "mark": part.mark, "questions": part.answers} for part in shown.sections],
    }


def _show_standing(shown: Report, now: datetime, lost: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if shown.mark is None:
        if not lost:
            console.print("No answers yet; playbook-qa interview asks the first question.")
        return
    console.print("Due now" if shown.due and shown.due[0][1] <= now else "Nothing is due now.", style="bold")
    for question, at in shown.due:
        if at <= now:
            console.print(f"  {day(at)}  {question.question}", markup=False)
    if later := [at for _, at in shown.due if at > now]:
        console.print(f"{len(later)} more from {day(later[0])} on.")
    console.print("\nMarks by section, weakest first", style="bold")
    for part in shown.sections:
        console.print(f"  {part.mark:3}  {part.name or '(no section)'} ({part.answers} answered)", markup=False)


def _gap_row(group: GapGroup) -> dict[str, Any]:
    return {
        "question": group.question,
        "count": group.count,
        "first": group.first.isoformat(),
        "last": group.last.isoformat(),
        "questions": [{"question": gap.question, "count": gap.count} for gap in group.gaps],
    }


def _show_gaps(groups: tuple[GapGroup, ...]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not groups:
        console.print("Every question asked so far was answered.")
    for group in groups:
        console.print(f"{group.count:4}×  {day(group.last)}  {group.question}", markup=False)
        for gap in group.gaps[1:]:
            console.print(f"{' ' * 19}{gap.question}", markup=False, style="dim")


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise QAError(f"{path}: cannot be read ({error.strerror}); name another with --import") from error
    except (ValueError, RecursionError) as error:
        raise QAError(f"{path}: not JSON ({error}); give a file that progress --export wrote") from error
