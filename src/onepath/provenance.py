"""Which code a strategy is: the name it can be found by again, and the hash of its source.

Rules: part of the manifest, so equal code gives equal bytes on every machine: no absolute paths.
"""

from __future__ import annotations

import hashlib
import inspect


def source_of(strategy: type, named: str | None = None) -> dict[str, str]:
    """`class` as the registry finds it (or import path), `source_sha256` of the file it is written in."""
    text, path = getattr(strategy, "source_text", ""), getattr(strategy, "source_path", "")  # of rules: their file
    if not text:
        try:
            text = inspect.getsource(inspect.getmodule(strategy) or strategy)
        except (OSError, TypeError):
            text = ""
    return {
        "class": named or path or f"{strategy.__module__}:{strategy.__qualname__}",
        "source_sha256": hashlib.sha256(text.encode()).hexdigest() if text else "",
    }
