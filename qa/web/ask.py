"""The Ask view: a chat whose answers are quotes with numbered links.

Owns the conversation on the page. Does not decide what is quoted.
"""

from typing import Any

import gradio as gr

from qa.assistant import Assistant
from qa.types import Answer, QAError
from qa.web import render

EVERYWHERE = "All sections"
Messages = list[dict[str, Any]]


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
        feedback_options=None,
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
    several = len(assistant.parts) > 1
    with gr.Accordion("Keep to one section of the playbook", open=False, visible=several):
        part = gr.Radio([EVERYWHERE, *assistant.parts], value=EVERYWHERE, label="Section", elem_id="part")

    def ask(text: str, messages: Messages, chosen: str) -> tuple[str, Messages, str]:
        try:
            given = assistant.ask(text, history=_asked(messages), part=None if chosen == EVERYWHERE else chosen)
        except QAError as error:
            return text, messages, render.notice(str(error))
        return "", [*messages, *_turn(text, given, assistant)], ""

    def ask_example(messages: Messages, chosen: str, event: gr.SelectData) -> tuple[str, Messages, str]:
        return ask(event.value["text"], messages, chosen)

    gr.on(
        [question.submit, send.click],
        ask,
        [question, chat, part],
        [question, chat, notice],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    chat.example_select(
        ask_example,
        [chat, part],
        [question, chat, notice],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _turn(question: str, given: Answer, assistant: Assistant) -> Messages:
    return [
        {"role": "user", "content": render.plain(question)},
        {"role": "assistant", "content": render.answer(given, assistant.playbook)},
    ]


def _asked(messages: Messages) -> list[str]:
    """The user's earlier questions, oldest first."""
    asked = []
    for message in messages:
        if message["role"] == "user":
            content = message["content"]
            text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
            asked.append(render.unplain(text))
    return asked
