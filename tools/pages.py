"""How the tools write a page of the docs: whole, or what stands between two marks of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def between(page: Path, first: str, last: str, made: str) -> str:
    """The page with `made` between the marks `first` and `last`."""
    before, _, rest = page.read_text(encoding="utf-8").partition(first)
    _, _, after = rest.partition(last)
    return f"{before}{first}\n{made}\n{last}{after}"


def put(page: Path, made: Callable[[], str]) -> int:
    """Write the page, or with `--check` compare it: the exit code."""
    if "--check" in sys.argv[1:]:
        return int(page.read_text(encoding="utf-8") != made())
    page.write_text(made(), encoding="utf-8")
    return 0
