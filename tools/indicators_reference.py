"""Write the table of the built-in features into docs/indicators.md: `python tools/indicators_reference.py`.

Rules: what stands between the two marks is made from the constructors' docstrings. `--check` writes nothing and ends with exit
code 1 where they differ; the test of the docs compares them too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pages

from onepath.features.reference import Entry, entries

PAGE = Path(__file__).resolve().parents[1] / "docs" / "indicators.md"
FIRST, LAST = "<!-- indicators: made by tools/indicators_reference.py -->", "<!-- end of indicators -->"


def page() -> str:
    """The page with the table in its place."""
    return pages.between(PAGE, FIRST, LAST, table())


def table() -> str:
    """One line a feature."""
    lines = ["| feature | of | first value at | TA-Lib | what it is |", "|---|---|---:|---|---|"]
    lines += [f"| `{e.signature}` | {e.kind} | {e.warm_up} | {e.talib or '-'} | {_told(e)} |" for e in entries()]
    return "\n".join(lines)


def _told(entry: Entry) -> str:
    """The docstring without what the other columns say."""
    text = " ".join(entry.doc.split())
    kept = [s for s in re.split(r"(?<=[.)]) (?=[A-Z0-9])", text) if not s.startswith(("First value", "Raises"))]
    return " ".join(kept).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
