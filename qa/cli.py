"""`playbook-qa`: arguments in, text or JSON Lines out.

Owns the command line, what goes to stdout and stderr, and the exit codes: 0 success, 1 an
error the user can mend, 2 wrong usage. Does not think.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from qa import evaluation
from qa import index as indexing
from qa.assistant import Assistant, default_content
from qa.playbook import decode
from qa.playbook.checks import check, check_edition
from qa.playbook.questions import read_jsonl
from qa.types import Answer, Citation, Hit, Link, Playbook, PlaybookError, QAError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask a Markdown playbook questions; every quote is exact and linked to its section.",
)
_EVALUATED = 60  # hits a rank is looked for in
_stderr = Console(stderr=True, highlight=False, soft_wrap=True)

Content = Annotated[Path | None, typer.Option(help="Folder of Markdown chapters.  [default: the edition in content/]")]
IndexDir = Annotated[Path | None, typer.Option("--index", help="Folder of the index.  [default: index/]")]
Queries = Annotated[Path | None, typer.Option(help='JSON Lines of {"id", "question"}, one question each.')]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]
Part = Annotated[str | None, typer.Option("--section", help="Keep to one section of chapters, such as 'Security'.")]
QuestionText = Annotated[str | None, typer.Argument(help="The question.")]


@app.command()
def build(
    content: Content = None,
    index: IndexDir = None,
    model: Annotated[str | None, typer.Option(help="Folder of a sentence-transformers model to embed with.")] = None,
) -> None:
    """Build the index, or refresh what changed."""
    assistant = _load(content, index, model)
    chapters = assistant.playbook.chapters
    _stderr.print(f"Index is current: {len(chapters)} chapters, {sum(len(c.sections) for c in chapters)} sections.")


@app.command()
def ask(
    question: QuestionText = None,
    queries: Queries = None,
    as_json: AsJson = False,
    section: Part = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Answer a question in the playbook's words, with citations."""
    rows = _rows(question, queries)
    assistant = _load(content, index)
    part = _part(assistant, section)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        history = row.get("history") or []
        if not isinstance(history, list) or not all(isinstance(turn, str) for turn in history):
            raise QAError(f"history must be a list of questions, got {history!r}; mend the row")
        result = assistant.ask(str(row["question"]), history=history, part=part)
        return _answer(result, with_search=bool(history))

    _each(rows, answer, _show_answer if not as_json else None)


@app.command()
def search(
    question: QuestionText = None,
    queries: Queries = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many hits.")] = 10,
    as_json: AsJson = False,
    section: Part = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Find the sections that treat a question."""
    rows = _rows(question, queries)
    assistant = _load(content, index)
    part = _part(assistant, section)

    def find(row: dict[str, Any]) -> dict[str, Any]:
        hits = assistant.search(str(row["question"]), k, part=part)
        return {"question": row["question"], "hits": [_hit(hit, assistant.playbook) for hit in hits]}

    _each(rows, find, _show_hits if not as_json else None)


@app.command()
def verify(
    content: Content = None,
    index: IndexDir = None,
    edition: Annotated[Path | None, typer.Option(help="List of chapters whose form is checked too.")] = None,
) -> None:
    """Check every chapter and the index: offsets, anchors, links; with --edition also the form."""
    folder = content or default_content()
    faults = [*check(folder), *(check_edition(folder, edition) if edition else [])]
    if not faults:
        faults = list(_misplaced(_load(content, index), folder))
    for fault in faults:
        _stderr.print(fault, markup=False)
    if faults:
        raise QAError(f"{len(faults)} faults in {folder}; mend the lines named above")
    _stderr.print(f"{folder}: no faults.")


@app.command("eval")
def evaluate(
    questions: Annotated[Path, typer.Option(help="JSON Lines of questions with chapter, anchor, also, evidence.")],
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
                f"a row needs question, chapter and anchor ({error}); mend it", questions, line
            ) from error
    assistant = _load(content, index)
    outcomes = evaluation.run(
        golden, lambda text: assistant.search(text, _EVALUATED), assistant.ask, assistant.playbook
    )
    kinds = sorted({outcome.golden.type for outcome in outcomes if outcome.golden.type})
    tables = {"all": outcomes} | {kind: [o for o in outcomes if o.golden.type == kind] for kind in kinds}
    for kind, chosen in tables.items():
        figures = evaluation.summarise(chosen)
        if as_json:
            values = {name: [round(v, 4) for v in (f.mean, f.low, f.high)] for name, f in figures.items()}
            print(json.dumps({"type": kind, "questions": len(chosen), **values}))
        else:
            print(f"{kind} ({len(chosen)} questions)")
            for name, f in figures.items():
                print(f"  {name:20} {f.mean:6.3f}  [{f.low:.3f}, {f.high:.3f}]")


def main() -> None:
    """Runs the command line; a `QAError` becomes one line on stderr and exit code 1."""
    try:
        app()
    except QAError as error:
        _stderr.print(f"error: {error}", markup=False, style="bold red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _load(content: Path | None, index: Path | None, model: str | None = None) -> Assistant:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[chapters]} chapters · {task.fields[rate]:.0f} chunks/s"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=_stderr, transient=True)
    task = bar.add_task("Embedding", total=None, chapters="", rate=0.0, start=False)

    def show(done: indexing.Progress) -> None:
        if not bar.live.is_started:
            bar.start()
            bar.start_task(task)
        elapsed = bar.tasks[0].elapsed or 0.0
        bar.update(
            task,
            completed=done.passages,
            total=done.of_passages,
            chapters=f"{done.chapters}/{done.of_chapters}",
            rate=done.passages / elapsed if elapsed else 0.0,
        )

    reporter = indexing.Reporter(notify=lambda text: _stderr.print(text, markup=False), progress=show)
    try:
        return Assistant.load(content, index, model=model, reporter=reporter)
    finally:
        if bar.live.is_started:
            bar.stop()


def _misplaced(assistant: Assistant, folder: Path) -> Iterable[str]:
    """Chunks of the index that are not the text at their offsets in the file."""
    texts = {chapter.path: decode(folder / chapter.path) for chapter in assistant.playbook.chapters}
    for chunk in assistant.chunks:
        if texts[chunk.path][chunk.start : chunk.end] != chunk.text:
            yield f"{folder / chunk.path}: the index holds another text at {chunk.start}; run playbook-qa build"


def _part(assistant: Assistant, name: str | None) -> str | None:
    """The section of chapters that `name` means, whatever its case."""
    if name is None:
        return None
    for part in assistant.parts:
        if part.lower() == name.strip().lower():
            return part
    raise QAError(f"no section {name!r}; --section takes one of: {', '.join(assistant.parts)}")


def _rows(question: str | None, queries: Path | None) -> list[dict[str, Any] | QAError]:
    if (question is None) == (queries is None):
        raise typer.BadParameter("give one question, or --queries FILE.jsonl")
    if queries is None:
        return [{"id": None, "question": question}]
    try:
        lines = queries.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QAError(f"{queries}: cannot be read ({error}); name another with --queries") from error
    return [_row(line, f"{queries}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: str, where: str) -> dict[str, Any] | QAError:
    """One line of a queries file, or what is wrong with it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    return row if isinstance(row, dict) else QAError(f"{where}: not a JSON object; mend or remove the line")


def _each(
    rows: Iterable[dict[str, Any] | QAError],
    work: Callable[[dict[str, Any]], dict[str, Any]],
    show: Callable[[dict[str, Any]], None] | None,
) -> None:
    """Works on each row; a bad one is reported in its place and the rest go on."""
    failed = 0
    for row in rows:
        name = None if isinstance(row, QAError) else row.get("id")
        try:
            if isinstance(row, QAError):
                raise row
            if not isinstance(row.get("question"), str):
                raise QAError("the row has no text under 'question'; add it")
            result = {"id": name, **work(row)}
        except QAError as error:
            failed += 1
            result = {"id": name, "error": str(error)}
            if show:
                _stderr.print(f"error: {error}", markup=False)
                continue
        if show:
            show(result)
        else:
            print(json.dumps(result, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8"))
    if failed:
        raise typer.Exit(1)


def _answer(answer: Answer, *, with_search: bool) -> dict[str, Any]:
    row = {
        "question": answer.question,
        "answered": answer.answered,
        "confidence": round(answer.confidence, 4),
        "text": answer.text,
        "citations": [_citation(citation) for citation in answer.citations],
        "related": [_link(link) for link in answer.related],
    }
    return {**row, "searched_for": answer.searched_for} if with_search else row


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        **_link(citation.source),
        "start": citation.start,
        "end": citation.end,
        "start_line": citation.start_line,
        "end_line": citation.end_line,
        "quote": citation.quote,
        "url": citation.url,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "chapter": link.chapter,
        "title": link.title,
        "heading_path": list(link.heading_path),
        "anchor": link.anchor,
        "path": link.path,
        "url": link.url,
    }


def _hit(hit: Hit, playbook: Playbook) -> dict[str, Any]:
    chunk = hit.chunk
    chapter = playbook.chapter(chunk.chapter)
    lines = (chapter.line(chunk.start), chapter.line(chunk.end - 1)) if chapter else (0, 0)
    return {
        "chapter": chunk.chapter,
        "heading_path": list(chunk.heading_path),
        "anchor": chunk.anchor,
        "path": chunk.path,
        "start_line": lines[0],
        "end_line": lines[1],
        "score": hit.score,
        "similarity": hit.similarity,
        "text": chunk.text,
    }


def _show_answer(row: dict[str, Any]) -> None:
    console = Console(highlight=False)
    print(row["text"], end="\n\n")
    for c in row["citations"]:
        where = " › ".join((c["title"], *c["heading_path"]))
        console.print(f"[{c['number']}] {c['chapter']}. {where}  {c['path']}:{c['start_line']}", markup=False)
    if row["related"] and row["citations"]:
        related = "; ".join(" › ".join((link["title"], *link["heading_path"])) for link in row["related"])
        console.print(f"Related: {related}", markup=False)


def _show_hits(row: dict[str, Any]) -> None:
    console = Console(highlight=False)
    for number, hit in enumerate(row["hits"], 1):
        where = " › ".join(hit["heading_path"]) or "(introduction)"
        console.print(f"{number:2}. {hit['path']}:{hit['start_line']}  {where}", markup=False, style="bold")
        console.print(f"    {' '.join(hit['text'].split())[:160]}", markup=False)
