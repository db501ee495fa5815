"""The Look up view: search as you type.

Owns the search box and its results. Does not rank.
"""

import gradio as gr

from qa.assistant import Assistant
from qa.types import QAError
from qa.web import render

_RESULTS = 10


def draw(assistant: Assistant) -> None:
    """Draws the view into the current Blocks."""
    query = gr.Textbox(
        label="Search the playbook",
        elem_id="lookup",
        placeholder="keepAliveTimeout, exit code 137, drain…",
        info="↑ ↓ move through the results, Enter opens, Esc returns here",
    )
    found = gr.HTML("", elem_id="results", elem_classes="playbook", padding=False)

    def look_up(text: str) -> str:
        if not text.strip():
            return ""
        try:
            return render.results(assistant.search(text, 5 * _RESULTS), text, assistant.terms, most=_RESULTS)
        except QAError as error:
            return render.message(str(error))

    gr.on(
        [query.change, query.submit],
        look_up,
        query,
        found,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
