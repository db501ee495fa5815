"""The house keeps its shape: who imports whom, how long a module is, what its docstring says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [*sorted((ROOT / "qa").rglob("*.py")), ROOT / "app.py"]
LONGEST = 350
# module -> the modules of the house it may import
TABLE = {
    "qa": set(),
    "qa.__main__": {"qa.cli"},
    "qa.types": set(),
    "qa.playbook.markdown": {"qa.types"},
    "qa.playbook.sentences": set(),
    "qa.playbook": {"qa.types", "qa.playbook.markdown"},
    "qa.playbook.chunks": {"qa.types", "qa.playbook.markdown", "qa.playbook.sentences"},
    "qa.playbook.questions": {"qa.types"},
    "qa.playbook.checks": {
        "qa.types",
        "qa.playbook",
        "qa.playbook.chunks",
        "qa.playbook.markdown",
        "qa.playbook.questions",
    },
    "qa.export": {"qa.types"},
    "qa.encoder": {"qa.types", "qa.export"},
    "qa.store": {"qa.encoder"},
    "qa.manifest": {"qa.types"},
    "qa.index": {
        "qa.types",
        "qa.playbook",
        "qa.playbook.chunks",
        "qa.playbook.questions",
        "qa.encoder",
        "qa.manifest",
        "qa.store",
    },
    "qa.retrieval": {"qa.types", "qa.encoder", "qa.index"},
    "qa.answering": {"qa.types", "qa.playbook.sentences"},
    "qa.assistant": {"qa.types", "qa.index", "qa.retrieval", "qa.answering"},
    "qa.evaluation": {"qa.types"},
    "qa.cli": {
        "qa.types",
        "qa.assistant",
        "qa.evaluation",
        "qa.index",
        "qa.playbook",
        "qa.playbook.checks",
        "qa.playbook.questions",
    },
    "qa.web": set(),
    "qa.web.render": {"qa.types", "qa.playbook.markdown"},
    "qa.web.ask": {"qa.types", "qa.assistant", "qa.web.render"},
    "qa.web.lookup": {"qa.types", "qa.assistant", "qa.web.render"},
    "qa.web.reader": {"qa.assistant", "qa.web.render"},
    "app": {"qa.types", "qa.assistant", "qa.index", "qa.web.ask", "qa.web.lookup", "qa.web.reader", "qa.web.render"},
}
# a deferred import of a dependency that is heavy and seldom needed
DEFERRED = {("qa.encoder", "qa.export")}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """The modules of the house that a file imports, at any depth."""
    names = {name_of(module) for module in MODULES}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & names) or {node.module}
    return {name for name in found if name.split(".")[0] == "qa"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_the_table_allows(path: Path) -> None:
    assert imports(path) <= TABLE[name_of(path)]


def test_the_table_has_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(TABLE):
        ready = {name for name, needs in TABLE.items() if needs <= done} - done
        assert ready, f"a cycle among {set(TABLE) - done}"
        done |= ready


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_and_says_what_it_owns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_inside_functions_are_the_stated_exceptions(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inner = {
        (name_of(path), node.module or "")
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
    }
    assert inner <= DEFERRED
    assert not any(isinstance(node, ast.Import) for function in functions for node in ast.walk(function))
