"""Every Mermaid block of the edition parses, in the Mermaid that the page itself loads."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import gradio
import pytest
from playwright.sync_api import Page

from qa.playbook import read_playbook
from qa.playbook.checks import code_blocks
from tests.conftest import CONTENT

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def assets() -> Iterator[str]:
    """Gradio's own front end, served as plain files."""
    handler = functools.partial(_Quiet, directory=str(ASSETS))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_diagram_renders(assets: str, page: Page) -> None:
    (bundle,) = (ASSETS / "assets").glob("mermaid.core-*.js")
    page.goto(f"{assets}/assets/")
    page.evaluate(
        f"""async () => {{
          const bundle = await import("{assets}/assets/{bundle.name}");
          window.mermaid = Object.values(bundle).find((value) => value && value.parse && value.render);
          window.mermaid.initialize({{ startOnLoad: false }});
        }}"""
    )
    diagrams = [
        (c, line, code) for c, line, language, code in code_blocks(read_playbook(CONTENT)) if language == "mermaid"
    ]
    faults = []
    for number, (chapter, line, code) in enumerate(diagrams):
        said = page.evaluate(
            """async ([id, code]) => {
              try { return (await window.mermaid.render(id, code)).svg.includes("Syntax error") ? "syntax error" : ""; }
              catch (error) { return String(error); }
            }""",
            [f"d{number}", code],
        )
        if said:
            faults.append(f"{chapter.path}:{line}: {said[:200]}")
    assert faults == []
    assert len(diagrams) >= 2 * len(read_playbook(CONTENT).chapters)
