"""The page: the views side by side.

Owns which views there are and their order. Does not serve them.
"""

import gradio as gr

from qa.assistant import Assistant
from qa.web import ask, coach, gaps, lookup, progress, reader, render


def build(assistant: Assistant) -> gr.Blocks:
    """The page over one assistant."""
    blocks: gr.Blocks
    with gr.Blocks(title="Playbook QA", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(render.HEADER, padding=False)
        with gr.Row():
            with gr.Column(scale=1, min_width=320), gr.Tabs(overflow_behavior="wrap"):
                with gr.Tab("Ask"):
                    ask.draw(assistant)
                with gr.Tab("Look up"):
                    lookup.draw(assistant)
                with gr.Tab("Interview"):
                    coach.draw(assistant, blocks)
                with gr.Tab("Progress") as tab:
                    progress.draw(assistant, tab)
                with gr.Tab("Gaps") as tab:
                    gaps.draw(assistant, tab)
            reader.draw(assistant, blocks)
    return blocks
