"""Where in a user's own code an error happened: file:line for messages, so that nobody reads our stack."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path

_OURS = str(Path(__file__).parent)
_EXAMPLES = str(Path(__file__).parent / "examples")


def where(error: BaseException, strategy: object) -> str:
    """`file:line` of the innermost frame outside onepath, else where the strategy's class is written."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if not frame.filename.startswith(_OURS) or frame.filename.startswith(_EXAMPLES):
            return f"{frame.filename}:{frame.lineno}"
    rules: str = getattr(type(strategy), "source_path", "")
    if rules:  # there is no code of the user's: conditions in a file
        return rules
    try:
        return f"{inspect.getsourcefile(type(strategy))}:{inspect.getsourcelines(type(strategy))[1]}"
    except (OSError, TypeError):
        return type(strategy).__name__
