"""The Progress view: how one stands over all interviews, what is due, and taking it along.

Owns the downloads of everything and the import of an earlier one. Does not mark or store.
"""

import json

import gradio as gr

from qa.assistant import Assistant
from qa.types import QAError
from qa.web import feedback, render

_NONE = "No answers yet. The Interview tab asks the first question."
# The page's script reads the file, so that nothing is uploaded to the server's disk.
_IMPORT = (
    '<label class="download">Import a JSON export '
    '<input type="file" id="progress-file" accept="application/json,.json"></label>'
)


def draw(assistant: Assistant, tab: gr.Tab) -> None:
    """Draws the view into the current Blocks; it is read anew whenever `tab` is opened."""
    notice = gr.HTML("", elem_id="progress-notice", padding=False)
    shown = gr.HTML("", elem_id="progress", elem_classes="playbook", padding=False)
    gr.HTML(_IMPORT, elem_classes="playbook", padding=False)
    file = gr.HTML(
        "", elem_id="progress-import", visible="hidden", js_on_load="window.playbook.imports(element, props, trigger)"
    )

    def show() -> str:
        try:
            return standing(assistant)
        except QAError as error:
            return render.notice(str(error))

    def restore(text: str) -> tuple[str, str]:
        try:
            new = assistant.progress.restore(json.loads(text))
        except (ValueError, RecursionError):
            return render.notice("this file is not JSON; choose one that 'All progress (JSON)' saved"), show()
        except QAError as error:
            return render.notice(str(error)), show()
        return f'<p role="status">{new} new records imported.</p>', show()

    tab.select(show, None, shown, queue=False, show_progress="minimal", api_visibility="private")
    file.click(restore, file, [notice, shown], queue=False, show_progress="minimal", api_visibility="private")


def standing(assistant: Assistant) -> str:
    """How one stands, and the downloads where anything is kept, also of questions that left the playbook.

    Raises:
        QAError: What is kept cannot be read.
    """
    coach = assistant.interview()
    report, due, lost, kept = coach.report(), coach.due(), coach.lost(), assistant.progress.export()
    if report.mark is None and not lost:
        html = render.message(_NONE)
    else:
        heading = f"{due} question{' is' if due == 1 else 's are'} due now"
        note = feedback.lost(lost) if lost else ""
        html = f"<h2>{heading}</h2>{note}{feedback.standing(report)}"
    anything = any(rows for rows in kept.values() if isinstance(rows, list))
    return html + (feedback.downloads(report, json.dumps(kept)) if anything else "")
