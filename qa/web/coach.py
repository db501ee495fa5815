"""The Interview view: choose, answer, read the feedback, follow up, read the report.

Owns the steps on the page. Where an interview stands is asked of the coach each time, so a
closed page or a restarted server loses nothing. Does not choose questions or mark answers.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Any

import gradio as gr

from qa.assistant import Assistant
from qa.coach import DONT_KNOW, Coach, Turn
from qa.interview import LEVELS, Mode, Plan
from qa.types import InterviewQuestion, QAError
from qa.web import feedback, render

MODE_NAMES: list[tuple[str, Mode]] = [
    ("Practice: feedback after each answer", "practice"),
    ("Mock interview: marks at the end", "mock"),
    ("Review: only what is due again", "review"),
]
LEVEL_NAMES = [("As my answers go", ""), ("Mid", "mid"), ("Senior", "senior"), ("Staff", "staff")]
LENGTHS = ["3 questions", "5 questions", "10 questions", "15 minutes", "30 minutes", "60 minutes"]
TIMERS = [("None", 0), ("2 minutes", 120), ("3 minutes", 180), ("5 minutes", 300)]
Updates = dict[Any, Any]


def draw(assistant: Assistant, blocks: gr.Blocks) -> None:
    """Draws the view into the current Blocks; an interview left open goes on when the page loads."""
    view = _View(assistant)
    chosen = [view.mode, view.parts, view.chapters, view.level, view.length, view.timer]
    events: list[tuple[Any, Callable[..., Updates], Any]] = [
        (blocks.load, view.resume, None),
        (view.start.click, view.begin, chosen),
        (view.send.click, view.answered, [view.key, view.answer]),
        (view.unknown.click, view.not_known, view.key),
        (view.skip.click, view.skipped, view.key),
        (view.next.click, view.went_on, view.key),
        (view.follow.click, view.followed, view.key),
        (view.stop.click, view.finished, view.key),
        (view.finish.click, view.finished, view.key),
        (view.again.click, view.chose_again, None),
    ]
    for event, handler, inputs in events:
        event(
            _told(view.notice, handler),
            inputs,
            view.changed,
            queue=False,
            show_progress="minimal",
            show_progress_on=view.notice,
            api_visibility="private",
        ).then(None, None, None, js="() => window.playbook.coached()")
    judging = view.judged.click(
        _told(view.notice, view.disagreed),
        view.judged,
        view.notice,
        trigger_mode="multiple",  # the next is sent when this one is answered, perhaps before Gradio is done with it
        queue=False,
        api_visibility="private",
        show_progress="hidden",
    )
    judging.success(None, view.notice, None, js="(fault) => window.playbook.noted(fault)")
    judging.failure(None, None, None, js="() => window.playbook.noted(true)")


def _told(notice: gr.HTML, handler: Callable[..., Updates]) -> Callable[..., Updates]:
    """The handler, with what the user can mend told on the page, and what they typed left there."""

    def handle(*values: Any) -> Updates:
        try:
            return {notice: "", **handler(*values)}
        except QAError as error:
            return {notice: render.notice(str(error))}

    return handle


class _View:
    """The components of the view, and what their events change."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.key = gr.Textbox("", visible=False)  # session and place of the turn on the screen
        self.notice = gr.HTML("", elem_id="coach-notice", padding=False)
        with gr.Column(elem_id="coach-choice") as self.choice:
            self.mode = gr.Radio(MODE_NAMES, value="practice", label="Mode", elem_id="coach-mode")
            self.parts = gr.CheckboxGroup(
                list(assistant.parts),
                label="Sections",
                info="Choose none to be asked from all.",
                visible=len(assistant.parts) > 1,
                elem_id="coach-parts",
            )
            self.chapters = gr.Textbox(
                label="Chapters", info="Their numbers, such as 37, 41. Leave empty for all.", elem_id="coach-chapters"
            )
            self.level = gr.Radio(LEVEL_NAMES, value="", label="Level", elem_id="coach-level")
            self.length = gr.Radio(LENGTHS, value=LENGTHS[1], label="Length", elem_id="coach-length")
            self.timer = gr.Radio(TIMERS, value=0, label="Time for each answer", elem_id="coach-timer")
            with gr.Row(elem_classes="coach-buttons"):
                self.start = gr.Button("Start", variant="primary", elem_id="coach-start", min_width=160)
        self.card = gr.HTML("", elem_id="coach-card", elem_classes="playbook", visible=False, padding=False)
        with gr.Column(visible=False) as self.answering:
            self.answer = gr.Textbox(
                label="Your answer",
                info="In your own words, as you would say it aloud. Ctrl+Enter sends.",
                lines=10,
                max_lines=30,
                elem_id="coach-answer",
            )
            with gr.Row(elem_classes="coach-buttons"):
                self.send = gr.Button("Send answer", variant="primary", elem_id="coach-send", min_width=120)
                self.unknown = gr.Button("I don't know", elem_id="coach-unknown", min_width=120)
                self.skip = gr.Button("Skip", elem_id="coach-skip", min_width=90)
                self.stop = gr.Button("Finish", elem_id="coach-stop", min_width=90)
        with gr.Column(visible=False) as self.marked:
            self.feedback = gr.HTML("", elem_id="coach-feedback", elem_classes="playbook", padding=False)
            with gr.Accordion("Show the model answer", open=False, elem_id="coach-model") as self.model:
                self.quote = gr.Markdown("", elem_classes="playbook", latex_delimiters=[])
            self.offer = gr.HTML("", elem_id="coach-offer", elem_classes="playbook", padding=False)
            with gr.Row(elem_classes="coach-buttons"):
                self.next = gr.Button("Next question", variant="primary", elem_id="coach-next", min_width=120)
                self.follow = gr.Button("Answer the follow-up", elem_id="coach-follow", min_width=120)
                self.finish = gr.Button("Finish", elem_id="coach-finish", min_width=90)
        with gr.Column(visible=False) as self.ended:
            self.report = gr.HTML("", elem_id="coach-report", elem_classes="playbook", padding=False)
            with gr.Row(elem_classes="coach-buttons"):
                self.again = gr.Button("New interview", variant="primary", elem_id="coach-again", min_width=160)
        self.judged = gr.HTML(
            "", elem_id="coach-judged", visible="hidden", js_on_load="window.playbook.judges(element, props, trigger)"
        )
        self.changed = [
            self.key,
            self.notice,
            self.choice,
            self.card,
            self.answering,
            self.answer,
            self.marked,
            self.feedback,
            self.model,
            self.quote,
            self.offer,
            self.follow,
            self.ended,
            self.report,
        ]

    def begin(self, mode: Mode, parts: list[str], chapters: str, level: str, length: str, timer: int) -> Updates:
        amount, unit = length.split()
        plan = Plan(
            mode=mode,
            parts=tuple(parts),
            chapters=self._numbers(chapters),
            level=next((known for known in LEVELS if known == level), None),
            count=int(amount) if unit == "questions" else None,
            minutes=int(amount) if unit == "minutes" else None,
            timer=timer or None,
        )
        return self._shown(self._coach.start(plan))

    def resume(self) -> Updates:
        turn = self._coach.resume()
        return self._shown(turn) if turn else {}

    def answered(self, key: str, text: str) -> Updates:
        return self._moved(key, lambda turn: self._coach.answer(turn, text))

    def not_known(self, key: str) -> Updates:
        return self._moved(key, lambda turn: self._coach.answer(turn, DONT_KNOW))

    def skipped(self, key: str) -> Updates:
        return self._moved(key, self._coach.skip)

    def went_on(self, key: str) -> Updates:
        return self._moved(key, self._coach.next)

    def followed(self, key: str) -> Updates:
        return self._moved(key, self._coach.ask_follow_up)

    def finished(self, key: str) -> Updates:
        session = self._turn(key).session
        self._coach.finish(session)
        return self._reported(session)

    def chose_again(self) -> Updates:
        return {self.choice: gr.Column(visible=True), self.ended: gr.Column(visible=False)}

    def disagreed(self, judged: str) -> Updates:
        attempt, _, number = judged.partition("/")
        if not (attempt.isdecimal() and number.isdecimal()):
            raise QAError("this verdict is not known; reload the page")
        self._coach.dispute(int(attempt), int(number))
        return {}

    @property
    def _coach(self) -> Coach:
        return self._assistant.interview()

    def _turn(self, key: str) -> Turn:
        session, _, place = key.partition("/")
        if not (session.isdecimal() and place.isdecimal()):
            raise QAError("no interview is open here; start one")
        return self._coach.turn(int(session), int(place))

    def _moved(self, key: str, move: Callable[[Turn], Turn | None]) -> Updates:
        """What shows after a step: the turn it led to, or at the end the report."""
        turn = self._turn(key)
        following = move(turn)
        return self._shown(following) if following else self._reported(turn.session)

    def _shown(self, turn: Turn) -> Updates:
        now = datetime.now(UTC)
        shown: Updates = {
            self.key: f"{turn.session}/{turn.place}",
            self.choice: gr.Column(visible=False),
            self.ended: gr.Column(visible=False),
            self.card: gr.HTML(feedback.card(turn, now), visible=True),
            self.answering: gr.Column(visible=turn.answered is None),
            self.marked: gr.Column(visible=turn.answered is not None),
        }
        if turn.answered is None:
            return {**shown, self.answer: ""}
        offer = f"<p>Follow-up: <strong>{escape(turn.offered.text)}</strong></p>" if turn.offered else ""
        return {
            **shown,
            self.feedback: feedback.feedback(turn.answered, self._coach.disputed()),
            self.model: gr.Accordion(open=False),
            self.quote: self._quoted(turn.question),
            self.offer: offer,
            self.follow: gr.Button(visible=turn.offered is not None),
        }

    def _reported(self, session: int) -> Updates:
        kept = json.dumps(self._assistant.progress.export())
        shown, disputed = self._coach.report(session), self._coach.disputed()
        report = feedback.report(shown, disputed, kept=kept, model=self._quoted)
        return {
            self.card: gr.HTML("", visible=False),
            self.answering: gr.Column(visible=False),
            self.marked: gr.Column(visible=False),
            self.ended: gr.Column(visible=True),
            self.report: report,
        }

    def _quoted(self, question: InterviewQuestion) -> str:
        return render.quotation(self._coach.model_answer(question), self._assistant.playbook)

    def _numbers(self, typed: str) -> tuple[int, ...]:
        """The chapters that someone typed the numbers of."""
        words = re.findall(r"[^\s,;]+", typed)
        for word in words:
            if not (word.isdecimal() and len(word) < 10 and self._assistant.read(int(word))):
                raise QAError(f"no chapter {word!r} in this playbook; give chapters by their numbers, such as 37, 41")
        return tuple(map(int, words))
