"""Checks every JavaScript, TypeScript and JSON block of the chapters for syntax.

`make check` runs it. It needs Node.js and npm, and says so where they are missing.
JavaScript is read by `node --check`, first as a module, then as a script; TypeScript by
the compiler's own parser: syntax only, for a block may use names it does not declare.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qa.assistant import default_content
from qa.playbook import read_playbook
from qa.playbook.checks import code_blocks

NODE = Path(__file__).parent / "node"


def faults(content: Path) -> Iterator[str]:
    """One line per block that does not parse."""
    blocks = list(code_blocks(read_playbook(content)))
    for chapter, line, language, code in blocks:
        if language == "json":
            try:
                json.loads(code)
            except json.JSONDecodeError as error:
                yield f"{content / chapter.path}:{line + error.lineno - 1}: {error.msg}"
    scripts = [block for block in blocks if block[2] in ("js", "javascript", "mjs", "cjs", "ts", "typescript", "tsx")]
    rows = [
        {"where": f"{content / c.path}", "line": line, "language": name, "code": code}
        for c, line, name, code in scripts
    ]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "blocks.json")
        listed.write_text(json.dumps(rows), encoding="utf-8")
        command = ["node", str(NODE / "check_blocks.mjs"), str(listed)]
        yield from subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def main() -> None:
    """Prints every fault; exits 1 when there is one."""
    if not shutil.which("node") or not shutil.which("npm"):
        print("code blocks not checked: Node.js and npm are not installed (apt-get install nodejs npm)")
        return
    if not (NODE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=NODE, check=True)
    found = list(faults(default_content()))
    print("\n".join(found) if found else "code blocks: no faults")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
