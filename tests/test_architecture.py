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
    "qa.playbook.labels": set(),
    "qa.playbook": {"qa.types", "qa.playbook.labels", "qa.playbook.markdown"},
    "qa.playbook.chunks": {"qa.types", "qa.playbook.markdown", "qa.playbook.sentences"},
    "qa.playbook.questions": {"qa.types"},
    "qa.playbook.interview": {
        "qa.types",
        "qa.playbook.labels",
        "qa.playbook.markdown",
        "qa.playbook.sentences",
        "qa.words",
    },
    "qa.playbook.checks": {
        "qa.types",
        "qa.playbook",
        "qa.playbook.chunks",
        "qa.playbook.markdown",
        "qa.playbook.questions",
    },
    "qa.words": set(),
    "qa.export": {"qa.types"},
    "qa.exports": {"qa.types", "qa.export"},
    "qa.encoder": {"qa.types", "qa.exports", "qa.words"},
    "qa.store": {"qa.encoder"},
    "qa.tokens": {"qa.encoder"},
    "qa.manifest": {"qa.types"},
    "qa.index": {
        "qa.types",
        "qa.playbook",
        "qa.playbook.chunks",
        "qa.playbook.questions",
        "qa.encoder",
        "qa.exports",
        "qa.manifest",
        "qa.store",
        "qa.tokens",
    },
    "qa.retrieval": {"qa.types", "qa.encoder", "qa.index", "qa.spans", "qa.words"},
    "qa.spans": {"qa.types", "qa.playbook.markdown", "qa.playbook.sentences"},
    "qa.intent": {"qa.types", "qa.words"},
    "qa.figures": set(),
    "qa.confidence": {"qa.types"},
    "qa.spelling": set(),
    "qa.suggestions": {"qa.types"},
    "qa.answering": {"qa.types", "qa.confidence", "qa.figures", "qa.intent", "qa.spans", "qa.words"},
    "qa.pairs": {"qa.types", "qa.exports"},
    "qa.grading": {"qa.types", "qa.encoder", "qa.pairs", "qa.words"},
    "qa.progress.database": {"qa.types"},
    "qa.progress.schedule": set(),
    "qa.progress.exchange": {"qa.types", "qa.progress.database"},
    "qa.progress": {"qa.types", "qa.progress.database", "qa.progress.exchange", "qa.progress.schedule"},
    "qa.sheets": set(),
    "qa.gaps": {"qa.encoder", "qa.progress", "qa.sheets"},
    "qa.interview": {"qa.types", "qa.words"},
    "qa.report": {"qa.types", "qa.interview", "qa.sheets"},
    "qa.coach": {"qa.types", "qa.grading", "qa.interview", "qa.progress", "qa.report"},
    "qa.assistant": {
        "qa.types",
        "qa.answering",
        "qa.coach",
        "qa.confidence",
        "qa.exports",
        "qa.gaps",
        "qa.grading",
        "qa.index",
        "qa.intent",
        "qa.manifest",
        "qa.pairs",
        "qa.playbook.interview",
        "qa.progress",
        "qa.retrieval",
        "qa.spelling",
        "qa.suggestions",
        "qa.words",
    },
    "qa.evaluation": {"qa.types"},
    "qa.cli": {
        "qa.types",
        "qa.cli.asking",
        "qa.cli.grading",
        "qa.cli.interview",
        "qa.cli.progress",
        "qa.cli.terminal",
        "qa.cli.upkeep",
    },
    "qa.cli.terminal": {"qa.types", "qa.assistant", "qa.index"},
    "qa.cli.rows": {"qa.types", "qa.cli.terminal"},
    "qa.cli.asking": {"qa.types", "qa.cli.rows", "qa.cli.terminal", "qa.confidence", "qa.figures"},
    "qa.cli.grading": {"qa.types", "qa.cli.rows", "qa.cli.terminal"},
    "qa.cli.interview": {"qa.types", "qa.assistant", "qa.cli.terminal", "qa.coach", "qa.interview", "qa.report"},
    "qa.cli.progress": {
        "qa.types",
        "qa.assistant",
        "qa.cli.terminal",
        "qa.gaps",
        "qa.progress",
        "qa.report",
    },
    "qa.cli.upkeep": {
        "qa.types",
        "qa.assistant",
        "qa.cli.terminal",
        "qa.evaluation",
        "qa.playbook",
        "qa.playbook.checks",
        "qa.playbook.questions",
    },
    "qa.web": set(),
    "qa.web.render": {"qa.types", "qa.confidence", "qa.figures", "qa.playbook.markdown"},
    "qa.web.ask": {"qa.types", "qa.assistant", "qa.web.render"},
    "qa.web.feedback": {"qa.types", "qa.coach", "qa.interview", "qa.report", "qa.web.render"},
    "qa.web.coach": {"qa.types", "qa.assistant", "qa.coach", "qa.interview", "qa.web.feedback", "qa.web.render"},
    "qa.web.progress": {"qa.types", "qa.assistant", "qa.web.feedback", "qa.web.render"},
    "qa.web.gaps": {"qa.types", "qa.assistant", "qa.gaps", "qa.web.render"},
    "qa.web.lookup": {"qa.types", "qa.assistant", "qa.web.render"},
    "qa.web.reader": {"qa.assistant", "qa.web.render"},
    "qa.web.page": {
        "qa.assistant",
        "qa.web.ask",
        "qa.web.coach",
        "qa.web.gaps",
        "qa.web.lookup",
        "qa.web.progress",
        "qa.web.reader",
        "qa.web.render",
    },
    "app": {"qa.types", "qa.assistant", "qa.index", "qa.web.page", "qa.web.render"},
}
# a deferred import of a dependency that is heavy and seldom needed
DEFERRED = {("qa.exports", "qa.export")}


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
