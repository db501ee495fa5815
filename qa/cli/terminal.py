"""What the commands share: their options, the loading with its progress bar, words on stderr.

Does not define a command.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from qa import index as indexing
from qa.assistant import Assistant
from qa.types import QAError

stderr = Console(stderr=True, highlight=False, soft_wrap=True)

Content = Annotated[Path | None, typer.Option(help="Folder of Markdown chapters.  [default: the edition in content/]")]
IndexDir = Annotated[Path | None, typer.Option("--index", help="Folder of the index.  [default: index/]")]
Data = Annotated[Path | None, typer.Option(help="Folder of what is kept of you.  [default: your data folder]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]
Part = Annotated[str | None, typer.Option("--section", help="Keep to one section of chapters, such as 'Security'.")]


def load(content: Path | None, index: Path | None, *, data: Path | None = None, model: str | None = None) -> Assistant:
    """The assistant; a bar on stderr shows what is embedded."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[chapters]} chapters · {task.fields[rate]:.0f} chunks/s"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=stderr, transient=True)
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

    reporter = indexing.Reporter(notify=lambda text: stderr.print(text, markup=False), progress=show)
    try:
        return Assistant.load(content, index, data=data, model=model, reporter=reporter)
    finally:
        if bar.live.is_started:
            bar.stop()


def named_part(assistant: Assistant, name: str | None) -> str | None:
    """The section of chapters that `name` means, whatever its case."""
    if name is None:
        return None
    for part in assistant.parts:
        if part.lower() == name.strip().lower():
            return part
    raise QAError(f"no section {name!r}; --section takes one of: {', '.join(assistant.parts)}")


def print_json(row: dict[str, Any]) -> None:
    """Prints one line of JSON Lines."""
    print(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8"))


def write(path: Path, text: str, option: str) -> None:
    """Writes a file for its owner's eyes; one of that name stays whole until the new one is.

    Raises:
        QAError: It cannot be written; `option` is what named it.
    """
    new = path.parent / f".{path.name}.new"
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise QAError(f"{path}: cannot be written ({error.strerror}); name another with {option}") from error
