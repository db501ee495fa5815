"""The README says what is: its commands are the Makefile's, its links lead somewhere."""

import re
import subprocess

import pytest

from tests.conftest import CONTENT

ROOT = CONTENT.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_every_make_command_of_the_readme_is_a_target() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"run", "test"} <= named <= TARGETS


@pytest.mark.parametrize("target", ["run", "test"])
def test_make_knows_how_to_make_the_target(target: str) -> None:
    result = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"run": "app.py --host 127.0.0.1 --port 7860", "test": "-m pytest"}[target] in result.stdout


def test_host_and_port_can_be_chosen() -> None:
    command = ["make", "--dry-run", "run", "HOST=127.0.0.2", "PORT=8000"]
    assert (
        "--host 127.0.0.2 --port 8000"
        in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_pinned_versions_are_on_the_registries() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "torch==2.13.0\n" in pins
    assert "+" not in re.sub(r"#.*", "", pins)
