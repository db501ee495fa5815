"""The Look up view: search as you type.

Owns the search box and how its results read. Does not rank.
"""

import re
from collections.abc import Callable, Sequence
from html import escape
from itertools import islice

import gradio as gr

from qa.assistant import Assistant
from qa.types import Hit, QAError
from qa.web import render

_RESULTS = 10
_SNIPPET = 240  # characters


class _Entered:
    """What a visitor sent with Enter last; changed in place, for what was typed may be under way meanwhile."""

    text = ""


def draw(assistant: Assistant) -> None:
    """Draws the view into the current Blocks."""
    query = gr.Textbox(
        label="Search the playbook",
        elem_id="lookup",
        placeholder="keepAliveTimeout, exit code 137, drain…",
        info="Enter looks again, more closely; ↑ ↓ move through the results, Enter opens one, Esc returns here",
    )
    found = gr.HTML("", elem_id="results", elem_classes="playbook", padding=False)
    entered = gr.State(_Entered())

    def typed(text: str, entered: _Entered) -> str:
        quick = look_up(text, closely=False)
        # Enter may have come while this looked, and its results must not be replaced by quick ones
        return look_up(text, closely=True) if entered.text == text else quick

    def enter(text: str, entered: _Entered) -> str:
        entered.text = text
        return look_up(text, closely=True)

    def look_up(text: str, *, closely: bool) -> str:
        if not text.strip():
            return ""
        try:
            return results(assistant.search(text, 5 * _RESULTS, rerank=closely), text, assistant.terms)
        except QAError as error:
            return render.message(str(error))

    query.change(
        typed,
        [query, entered],
        found,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    query.submit(enter, [query, entered], found, queue=False, show_progress="hidden", api_visibility="private").success(
        None, None, None, js="() => window.playbook.found()"
    )


def results(hits: Sequence[Hit], question: str, terms: Callable[[str], list[str]], *, most: int = _RESULTS) -> str:
    """Search results: the best hit of each section, with the words that were looked for marked.

    Args:
        hits: What was found, best first.
        question: What was looked for.
        terms: Gives the words of a text as the search sees them.
        most: How many sections to show.
    """
    asked = set(terms(question))
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.chunk.section_id, hit)
    items = []
    for hit in islice(best.values(), most):
        chunk = hit.chunk
        inner = (
            f'<span class="where">{escape(str(chunk.chapter))}. {escape(render.where(chunk.link))}</span>'
            f'<span class="snippet">{_snippet(chunk.text, asked, terms)}</span>'
        )
        href = f"#cite-{chunk.chapter}-{chunk.start}-{chunk.end}"
        items.append(f'<li><a class="result" href="{href}">{inner}</a></li>')
    return f'<ol class="results">{"".join(items)}</ol>'


def _snippet(text: str, asked: set[str], terms: Callable[[str], list[str]]) -> str:
    """The first lines of a chunk that hold an asked word, with each such word marked."""
    words = _bare(text).split()
    found = [bool(asked & set(terms(word))) for word in words]
    begin = max(0, found.index(True) - 6) if any(found) else 0
    shown: list[str] = []
    for word, hit in zip(words[begin:], found[begin:], strict=True):
        shown.append(f"<mark>{escape(word)}</mark>" if hit else escape(word))
        if sum(map(len, words[begin : begin + len(shown)])) > _SNIPPET:
            break
    return ("… " if begin else "") + " ".join(shown) + (" …" if begin + len(shown) < len(words) else "")


def _bare(text: str) -> str:
    """A chunk without its Markdown marks; the underscores of a name are none."""
    text = re.sub(r"^\s*(?:```.*|~~~.*|[|\s:-]+|#+|>|[-*+])(?=\s|$)", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]\n]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[`*]|(?<!\w)_+|_+(?!\w)", "", text.replace("|", " "))
