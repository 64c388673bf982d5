"""The nearest name, for messages: ` (did you mean 'slow'?)`, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str], likeness: float = 0.5) -> str:
    """A hint to append to a message about an unknown `name`; `likeness` is how like it a name must be, up to 1."""
    close = get_close_matches(str(name), list(map(str, names)), n=1, cutoff=likeness)
    return f" (did you mean {close[0]!r}?)" if close else ""
