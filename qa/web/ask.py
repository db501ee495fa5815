"""The Ask view: a chat whose answers are quotes with numbered links.

Owns the conversation, which is what stands on the page: what was asked, cited and suggested
is read from its messages. Does not decide what is quoted or suggested.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from qa.assistant import Assistant
from qa.types import Playbook, QAError
from qa.web import render

EVERYWHERE = "All sections"
Messages = list[dict[str, Any]]
Updates = dict[Any, Any]
_CITED = re.compile(r'href="#cite-(\d{1,9})-(\d{1,9})-')


def draw(assistant: Assistant) -> None:
    """Draws the view into the current Blocks."""
    examples: Any = [{"text": example} for example in assistant.examples]
    chat = gr.Chatbot(
        label="Conversation",
        elem_id="chat",
        elem_classes="playbook",
        height="auto",
        layout="panel",
        placeholder="Ask in your own words. Answers are the playbook's, word for word.",
        examples=examples or None,
        latex_delimiters=[],
        line_breaks=False,
        show_label=False,
        buttons=["copy"],
        group_consecutive_messages=False,
    )
    with gr.Row(elem_id="ask-row"):
        question = gr.Textbox(
            label="Your question",
            elem_id="question",
            placeholder="Why does p99 climb while CPU stays flat?",
            lines=1,
            max_lines=6,
            scale=5,
            autofocus=True,
        )
        send = gr.Button("Ask", variant="primary", elem_id="send", scale=1, min_width=80)
    notice = gr.HTML("", elem_id="notice", padding=False)
    exactly = gr.Checkbox(label="Search for exactly this", visible=False, elem_id="exactly")
    searched = gr.HTML(
        "", elem_id="searched", visible="hidden", js_on_load="window.playbook.corrects(element, props, trigger)"
    )
    several = len(assistant.parts) > 1
    with gr.Accordion("Keep to one section of the playbook", open=False, visible=several):
        part = gr.Radio([EVERYWHERE, *assistant.parts], value=EVERYWHERE, label="Section", elem_id="part")

    def ask(text: str, messages: Messages, chosen: str, as_written: bool) -> Updates:
        return answered(text, messages, chosen, as_written=as_written, typed=True)

    def ask_example(messages: Messages, chosen: str, event: gr.SelectData) -> Updates:
        return answered(event.value["text"], messages, chosen, as_written=True)

    def ask_suggested(messages: Messages, chosen: str, event: gr.SelectData) -> Updates:
        return answered(event.value, messages, chosen, as_written=True)

    def answered(text: str, messages: Messages, chosen: str, *, as_written: bool, typed: bool = False) -> Updates:
        part = None if chosen == EVERYWHERE else chosen
        try:
            given = assistant.ask(text, history=_history(messages), part=part, as_written=as_written)
        except QAError as error:
            return {notice: render.notice(str(error))}
        complaint = assistant.note(given)
        shown = render.answer(given, assistant.playbook, noted=given.is_gap and not complaint)
        following = assistant.suggest(given, seen=_cited(messages, assistant.playbook), said=_said(messages))
        turn: Messages = [
            {"role": "user", "content": render.plain(text, as_written=as_written)},
            {"role": "assistant", "content": shown, "options": [{"value": asked} for asked in following]},
        ]
        emptied = {question: "", exactly: gr.Checkbox(value=False, visible=False)} if typed else {}
        return {chat: [*messages, *turn], notice: render.notice(complaint) if complaint else "", **emptied}

    def correct(searched: str) -> Updates:
        return {question: searched, exactly: gr.Checkbox(value=True, visible=True)}

    def rate(messages: Messages, event: gr.LikeData) -> str:
        before = _asked(messages[: event.index] if isinstance(event.index, int) else [])
        if not before or not isinstance(event.liked, bool):
            return ""  # a thumb taken back
        try:
            assistant.progress.feedback(before[-1][0], None, event.liked, datetime.now(UTC))
        except QAError as error:
            return render.notice(str(error))
        return ""

    events: list[tuple[Any, Callable[..., Updates], Any]] = [
        (question.submit, ask, [question, chat, part, exactly]),
        (send.click, ask, [question, chat, part, exactly]),
        (chat.example_select, ask_example, [chat, part]),
        (chat.option_select, ask_suggested, [chat, part]),
    ]
    for event, handler, inputs in events:
        event(
            handler,
            inputs,
            [question, exactly, chat, notice],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    searched.click(
        correct, searched, [question, exactly], queue=False, show_progress="hidden", api_visibility="private"
    ).then(None, None, None, js="() => window.playbook.corrected()")
    chat.like(rate, chat, notice, queue=False, show_progress="hidden", api_visibility="private")


def _asked(messages: Messages) -> list[tuple[str, bool]]:
    """The user's questions, oldest first, and whether each was taken as it was written."""
    return [render.unplain(_text(message)) for message in messages if message["role"] == "user"]


def _history(messages: Messages) -> list[str]:
    """The questions that the next one may lean on: none before one that was taken as it was written."""
    history: list[str] = []
    for text, as_written in _asked(messages):
        history = [text] if as_written else [*history, text]
    return history


def _cited(messages: Messages, playbook: Playbook) -> set[str]:
    """The ids of the sections that the answers cite."""
    cited = set()
    for message in messages:
        for number, start in _CITED.findall(_text(message)) if message["role"] == "assistant" else ():
            chapter = playbook.chapter(int(number))
            section = chapter.section_at(int(start)) if chapter else None
            cited |= {section.id} if section else set()
    return cited


def _said(messages: Messages) -> list[str]:
    """What was asked or suggested."""
    suggested = [option["value"] for message in messages for option in message.get("options") or ()]
    return suggested + [text for text, _ in _asked(messages)]


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
