"""Quote the loop of src/onepath/loop.py in docs/architecture.md: `python tools/loop_reference.py`.

Rules: what stands between the two marks is the function as it is, word for word. `--check` writes nothing and ends with
exit code 1 where they differ; the test of the docs compares them too.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pages

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
LOOP = ROOT / "src" / "onepath" / "loop.py"
FIRST, LAST = "<!-- loop: made by tools/loop_reference.py -->", "<!-- end of loop -->"


def page() -> str:
    """The page with the function in its place."""
    return pages.between(PAGE, FIRST, LAST, f"```python\n{_function('_run')}\n```")


def _function(name: str) -> str:
    source = LOOP.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_source_segment(source, node) or ""
    raise SystemExit(f"{LOOP} has no function {name}")


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
