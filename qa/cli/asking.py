"""`ask` and `search`: questions in, quotes and hits out.

Owns the form of their rows. Does not choose what is quoted.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from qa.cli.rows import Shown, each, read_rows
from qa.cli.terminal import AsJson, Content, Data, IndexDir, Part, load, named_part, stderr
from qa.confidence import in_words, percent
from qa.figures import pieces
from qa.types import Answer, Citation, Hit, Link, Playbook, QAError

Queries = Annotated[Path | None, typer.Option(help='JSON Lines of {"id", "question"}, one question each.')]
QuestionText = Annotated[str | None, typer.Argument(help="The question.")]


def ask(
    question: QuestionText = None,
    queries: Queries = None,
    as_json: AsJson = False,
    section: Part = None,
    data: Data = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Answer a question in the playbook's words, with citations."""
    rows = _asked(question, queries)
    assistant = load(content, index, data=data)
    part = named_part(assistant, section)

    def answer(row: dict[str, Any]) -> Shown:
        history = row.get("history") or []
        if not isinstance(history, list) or not all(isinstance(turn, str) for turn in history):
            raise QAError(f"history must be a list of questions, got {history!r}; mend the row")
        result = assistant.ask(str(row["question"]), history=history, part=part)
        complaint = assistant.note(result) if queries is None else ""
        if complaint:
            stderr.print(f"warning: {complaint}", markup=False)
        noted = queries is None and result.is_gap and not complaint
        return _answer(result, with_search=bool(history)), partial(_show_answer, result, noted=noted)

    each(rows, answer, as_json=as_json)


def search(
    question: QuestionText = None,
    queries: Queries = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many hits.")] = 10,
    fast: Annotated[bool, typer.Option("--fast", help="Rank as the search box does while one types.")] = False,
    as_json: AsJson = False,
    section: Part = None,
    content: Content = None,
    index: IndexDir = None,
) -> None:
    """Find the sections that treat a question."""
    rows = _asked(question, queries)
    assistant = load(content, index)
    part = named_part(assistant, section)

    def find(row: dict[str, Any]) -> Shown:
        hits = assistant.search(str(row["question"]), k, part=part, rerank=not fast)
        found = [_hit(hit, assistant.playbook) for hit in hits]
        return {"question": row["question"], "hits": found}, partial(_show_hits, found)

    each(rows, find, as_json=as_json)


def _asked(question: str | None, queries: Path | None) -> list[dict[str, Any] | QAError]:
    if (question is None) == (queries is None):
        raise typer.BadParameter("give one question, or --queries FILE.jsonl")
    return [{"id": None, "question": question}] if queries is None else read_rows(queries, "--queries")


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


def _show_answer(answer: Answer, *, noted: bool) -> None:
    console = Console(highlight=False)
    if answer.searched_for != " ".join(answer.question.split()):
        console.print(f"Searched for: {answer.searched_for}", markup=False, end="\n\n")
    _show_text(console, answer)
    for citation in answer.citations:
        source = citation.source
        place = f"{source.chapter}. {_where(source)}  {source.path}:{citation.start_line}"
        console.print(f"[{citation.number}] {place}", markup=False)
    if answer.citations:
        if answer.related:
            console.print(f"Related: {'; '.join(map(_where, answer.related))}", markup=False)
        console.print(f"{in_words(answer.confidence)} ({percent(answer.confidence)})", markup=False)
    elif noted:
        console.print("Your question is noted; `playbook-qa gaps` lists such questions.", markup=False)


def _show_text(console: Console, answer: Answer) -> None:
    """Prints the answer, its figures in bold; where there is no bold, exactly as it is."""
    if not (answer.figures and console.is_terminal):
        print(answer.text, end="\n\n")
        return
    quoted = len(answer.citations[0].quote)
    text = Text()
    for piece, bold in pieces(answer.text[:quoted], answer.figures):
        text.append(piece, style="bold" if bold else "")
    console.print(text.append(answer.text[quoted:]), end="\n\n", soft_wrap=True)


def _where(link: Link) -> str:
    return " › ".join((link.title, *link.heading_path))


def _show_hits(hits: Sequence[dict[str, Any]]) -> None:
    console = Console(highlight=False)
    for number, hit in enumerate(hits, 1):
        where = " › ".join(hit["heading_path"]) or "(introduction)"
        console.print(f"{number:2}. {hit['path']}:{hit['start_line']}  {where}", markup=False, style="bold")
        console.print(f"    {' '.join(hit['text'].split())[:160]}", markup=False)
