"""The reader: one chapter beside the answer, opened at a section or at a marked quote.

Owns the addresses `?view=read&chapter=37&section=failure-modes&span=start-end` and the
in-page links `#cite-37-start-end` and `#read-37-failure-modes`, which `page.js` sends here.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import gradio as gr

from qa.assistant import Assistant
from qa.web import render

_LINK = re.compile(
    r"#(?:cite-(?P<quoted>\d{1,9})-(?P<start>\d{1,9})-(?P<end>\d{1,9})|read-(?P<chapter>\d{1,9})-(?P<anchor>.*))"
)
_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Place:
    """What to open: a chapter, and a section of it or a span of its text."""

    chapter: int
    anchor: str = ""
    span: tuple[int, int] | None = None


def draw(assistant: Assistant, blocks: gr.Blocks) -> None:
    """Draws the reader into the current Blocks and listens for links and addresses."""
    with gr.Column(visible=False, elem_id="reader", scale=1, min_width=320) as panel:
        with gr.Row(elem_id="reader-bar"):
            title = gr.HTML("", elem_id="reader-title", padding=False)
            close = gr.Button("Close", size="sm", elem_id="close-reader", min_width=70, scale=0)
        page = gr.Markdown("", elem_id="reader-page", elem_classes="playbook", latex_delimiters=[])
    place = gr.HTML("", elem_id="place", visible="hidden", js_on_load="window.playbook.listen(element, props, trigger)")

    def show(at: Place | None) -> tuple[gr.Column, str, str]:
        chapter = assistant.read(at.chapter) if at else None
        if at is None or chapter is None:
            missing = f"chapter {at.chapter}" if at else "such place"
            return gr.Column(visible=True), "", render.message(f"There is no {missing} in this playbook.")
        section = chapter.section(at.anchor)
        if at.span:
            section = chapter.section_at(at.span[0]) or section
        html = render.chapter(chapter, assistant.playbook, at.span)
        return gr.Column(visible=True), render.title(chapter, section), html

    def open_link(link: str) -> tuple[gr.Column, str, str]:
        return show(_linked(link))

    def open_address(request: gr.Request) -> tuple[gr.Column, str, str]:
        parameters = dict(request.query_params)
        if "chapter" not in parameters:
            return gr.Column(visible=False), "", ""
        return show(_addressed(parameters))

    shown = [panel, title, page]
    scroll = "() => window.playbook.scroll()"
    place.click(open_link, place, shown, queue=False, show_progress="hidden", api_visibility="private").then(
        None, None, None, js=scroll
    )
    blocks.load(open_address, None, shown, queue=False, show_progress="hidden", api_visibility="private").then(
        None, None, None, js=scroll
    )
    close.click(
        lambda: gr.Column(visible=False), None, panel, queue=False, show_progress="hidden", api_visibility="private"
    ).then(None, None, None, js="() => window.playbook.closed()")


def _linked(link: str) -> Place | None:
    match = _LINK.fullmatch(link)
    if not match:
        return None
    if match["quoted"]:
        return Place(int(match["quoted"]), span=(int(match["start"]), int(match["end"])))
    return Place(int(match["chapter"]), anchor=unquote(match["anchor"]))


def _addressed(parameters: dict[str, str]) -> Place | None:
    if not re.fullmatch(r"\d{1,9}", parameters["chapter"]):
        return None
    span = _SPAN.fullmatch(parameters.get("span", ""))
    return Place(
        int(parameters["chapter"]),
        anchor=parameters.get("section", ""),
        span=(int(span[1]), int(span[2])) if span else None,
    )
