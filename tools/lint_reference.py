"""Write the table of lint's rules into docs/lint.md: `python tools/lint_reference.py`.

Rules: what stands between the two marks is made from `onepath.lint.rules`. `--check` writes nothing and ends with exit code 1
where they differ; the tests of lint compare them too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pages

from onepath.lint.rules import reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "lint.md"
FIRST, LAST = "<!-- rules: made by tools/lint_reference.py -->", "<!-- end of rules -->"


def page() -> str:
    """The page with the table in its place."""
    return pages.between(PAGE, FIRST, LAST, reference())


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
