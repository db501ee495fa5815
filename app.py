"""The Gradio app: `python app.py` serves the playbook on http://127.0.0.1:7860."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import typer
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from qa.assistant import Assistant
from qa.index import Reporter
from qa.types import QAError, ServerError
from qa.web import page, render

WEB = Path(render.__file__).parent
LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")
THEME = gr.themes.Default(
    primary_hue="blue", neutral_hue="slate", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
)


def serve(
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    content: Annotated[Path | None, typer.Option(help="Folder of Markdown chapters.")] = None,
    index: Annotated[Path | None, typer.Option(help="Folder of the index.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of what is kept of you.")] = None,
    insecure_no_auth: Annotated[bool, typer.Option(help="Serve other machines, to anyone who asks.")] = False,
) -> None:
    """Serve the playbook to a browser."""
    if not (insecure_no_auth or host == "localhost" or LOOPBACK.fullmatch(host)):
        raise ServerError(
            f"host {host} is open to other machines and there are no accounts; add --insecure-no-auth to allow it"
        )
    reporter = Reporter(notify=lambda text: print(text, file=sys.stderr))
    assistant = Assistant.load(content, index, data=data, reporter=reporter)
    hosts = ["*"] if insecure_no_auth else ["127.0.0.1", "localhost", host]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    try:
        page.build(assistant).launch(
            server_name=host,
            server_port=port,
            theme=THEME,
            css=render.code_styles() + (WEB / "style.css").read_text(encoding="utf-8"),
            head=f"<script>{(WEB / 'page.js').read_text(encoding='utf-8')}</script>",
            app_kwargs={"middleware": [guard]},
            footer_links=[],
            max_file_size=1,
            run_history=False,
            enable_monitoring=False,
        )
    except OSError as error:
        raise ServerError(f"cannot listen on {host}:{port} ({error}); choose another with PORT=… or --port") from error


if __name__ == "__main__":
    try:
        typer.run(serve)
    except QAError as error:
        sys.exit(f"error: {error}")
