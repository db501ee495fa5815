"""The Gaps view: what people asked and the playbook does not answer.

Owns the table and its download. Does not group.
"""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

import gradio as gr

from qa.assistant import Assistant
from qa.gaps import GapGroup, to_sheet
from qa.types import QAError
from qa.web import render

_NONE = "Every question asked so far was answered."


def draw(assistant: Assistant, tab: gr.Tab) -> None:
    """Draws the view into the current Blocks; it is read anew whenever `tab` is opened."""
    table = gr.HTML("", elem_id="gaps", elem_classes="playbook", padding=False)

    def show() -> str:
        try:
            return _table(assistant.gaps())
        except QAError as error:
            return render.notice(str(error))

    tab.select(show, None, table, queue=False, show_progress="minimal", api_visibility="private")


def _table(groups: Sequence[GapGroup]) -> str:
    if not groups:
        return render.message(_NONE)
    # the file travels in the page, so that no copy of it is left on the server's disk
    download = f"data:text/csv;charset=utf-8,{quote(to_sheet(groups))}"
    return (
        f'<p><a class="download" href="{download}" download="gaps.csv">Download as CSV</a></p>'
        '<table><thead><tr><th scope="col">Asked</th><th scope="col">Question</th><th scope="col">Last</th></tr>'
        f"</thead><tbody>{''.join(map(_row, groups))}</tbody></table>"
    )


def _row(group: GapGroup) -> str:
    others = "".join(f"<li>{escape(gap.question)}</li>" for gap in group.gaps[1:])
    also = f'<ul class="also">{others}</ul>' if others else ""
    day = f"{group.last.astimezone():%Y-%m-%d}"
    return f"<tr><td>{group.count}×</td><td>{escape(group.question)}{also}</td><td>{day}</td></tr>"
