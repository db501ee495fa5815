"""Fixtures: the edition itself, small playbooks, and one export of the real model."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from qa.assistant import Assistant, default_content
from qa.encoder import OpenVINOEncoder
from qa.exports import DEFAULT_MODEL, open_grader, open_model

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CONTENT = default_content()
INDEX = CONTENT.parent / "index"

TIDES = """---
number: 1
title: Tides
section: Sea
---
# Tides

Tides are the rise and fall of sea levels, caused mostly by the Moon.

## Why high water comes twice a day

The Moon pulls the near ocean towards it and leaves the far ocean behind, so two bulges face \
opposite ways. The Earth turns through both in 24 hours and 50 minutes.

## Spring and neap tides

| Tide | Moon | Range |
| --- | --- | --- |
| spring | new or full | large |
| neap | quarter | small |
"""
BREAD = """---
number: 2
title: Bread
section: Kitchen
---
# Bread

Bread is flour, water, salt and something that makes gas.

## How long to knead

Knead a wheat dough for ten minutes by hand. Gluten is ready when a piece stretches until light shines through.

```bash
# not a heading
bake --temperature 230 --minutes 35
```

## Sourdough

Feed the starter with equal weights of flour and water, then wait until it has doubled.
"""


@pytest.fixture(scope="session", autouse=True)
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where programs that the tests start keep what they are asked, in place of the user's own data."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def edition() -> Assistant:
    """The shipped chapters behind the default index."""
    return Assistant.load()


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model, exported by the code under test; the grader's lies beside it."""
    exports = tmp_path_factory.mktemp("exports")
    _, folder = open_model(DEFAULT_MODEL, exports, print)
    open_grader(exports, print)
    return folder


@pytest.fixture(scope="session")
def encoder(export: Path) -> OpenVINOEncoder:
    """The default model, loaded."""
    return OpenVINOEncoder(export)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A content folder of two chapters."""
    return write_small(tmp_path / "content")


@pytest.fixture(scope="module")
def small_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, shared by a module's tests, which must not change it."""
    return write_small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def module_index(tmp_path_factory: pytest.TempPathFactory, export: Path) -> Path:
    """An index folder with the exported model, shared by a module's tests."""
    folder = tmp_path_factory.mktemp("index")
    shutil.copytree(export.parent, folder / "models")
    return folder


@pytest.fixture
def new_index(tmp_path: Path, export: Path) -> Callable[[str], Path]:
    """Makes index folders that already hold the exported model."""

    def make(name: str = "index") -> Path:
        folder = tmp_path / name
        shutil.copytree(export, folder / "models" / export.name)
        return folder

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it with `apt-get install chromium` to run the browser tests")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which no script may fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def write_small(root: Path) -> Path:
    """Writes the two small chapters below `root`."""
    (root / "01-sea").mkdir(parents=True)
    (root / "02-kitchen").mkdir()
    (root / "01-sea" / "01-tides.md").write_text(TIDES, encoding="utf-8")
    (root / "02-kitchen" / "02-bread.md").write_text(BREAD, encoding="utf-8")
    return root
