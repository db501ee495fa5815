"""Nothing leaves the machine: build, ask and serve are run with every look-up recorded."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.conftest import CONTENT
from tests.test_web import free_port

# Loaded by Python before the program: records look-ups and connections, refuses those that
# are not loopback.
RECORDER = """
import json, os, socket

def record(kind, address):
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    unix = kind == "connect" and not isinstance(address, tuple)
    if unix or host in (None, "", "127.0.0.1", "::1", "localhost", "0.0.0.0"):
        return
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps([kind, str(host)]) + "\\n")
    raise OSError(f"the test allows no {kind} of {host}")

for kind, name in (("look-up", "getaddrinfo"), ("look-up", "gethostbyname"), ("look-up", "gethostbyname_ex")):
    def wrapped(host, *rest, _call=getattr(socket, name), _kind=kind, **named):
        record(_kind, host)
        return _call(host, *rest, **named)
    setattr(socket, name, wrapped)

class Recording(socket.socket):
    def connect(self, address):
        record("connect", address)
        return super().connect(address)
    def connect_ex(self, address):
        record("connect", address)
        return super().connect_ex(address)
    def sendto(self, data, *rest):
        record("send", rest[-1])
        return super().sendto(data, *rest)

socket.socket = Recording
"""


def test_build_ask_and_serve_touch_no_network(small: Path, tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(RECORDER)
    record = tmp_path / "record"
    home = tmp_path / "home"
    home.mkdir()
    quiet = {name: value for name, value in os.environ.items() if name not in ("CI", "GRADIO_ANALYTICS_ENABLED")}
    environment = {**quiet, "PYTHONPATH": str(tmp_path / "hooks"), "RECORD": str(record), "HOME": str(home)}
    place = ["--content", str(small), "--index", str(tmp_path / "index")]
    for command in (["build", *place], ["ask", "how long do I knead", *place]):
        subprocess.run([sys.executable, "-m", "qa", *command], env=environment, check=True, capture_output=True)
    port = free_port()
    serve = [sys.executable, "app.py", "--port", str(port), *place]
    with subprocess.Popen(serve, cwd=CONTENT.parent, env=environment) as server:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        else:
            raise AssertionError("the app did not start")
        time.sleep(3)  # what phones home does so after the start
        server.terminate()
    assert not record.exists(), [json.loads(line) for line in record.read_text().splitlines()]
    assert not list(home.rglob("*openvino*"))


def test_the_recorder_records() -> None:
    """The test above can fail: a look-up of a foreign name is written down."""
    namespace: dict[str, object] = {}
    original = socket.socket, socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex
    try:
        os.environ["RECORD"] = "/dev/null"
        exec(RECORDER, namespace)
        try:
            socket.getaddrinfo("example.org", 80)
        except OSError as error:
            assert "allows no look-up of example.org" in str(error)
        else:
            raise AssertionError("the look-up went through")
    finally:
        os.environ.pop("RECORD")
        socket.socket, socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex = original  # type: ignore[misc]
