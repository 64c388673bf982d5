"""The nearest name, for messages: ` (did you mean 'slow'?)`, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint to append to a message about an unknown `name`."""
    close = get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
