"""Counts the examples that property tests really ran, over all xdist workers, and says so at the end of a run.

Rules: `tests/conftest.py` watches every Hypothesis test as it is collected; a state machine calls `lived` when it ends. An
example counts when its body came to an end, so what `assume` threw away does not. A run of all tests, or of all of this folder,
that passes with fewer than `LEAST` fails.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST = 20_000
EXAMPLES: Counter[str] = Counter()
FOLDER = Path(__file__).parent


def watch(test: Any) -> None:
    """Count the examples of a test, if it is one of Hypothesis'."""
    handle = getattr(test, "hypothesis", None)
    if handle is None or getattr(handle.inner_test, "counted", False):
        return
    inner: Callable[..., Any] = handle.inner_test

    @functools.wraps(inner)
    def body(*args: Any, **kwargs: Any) -> Any:
        found = inner(*args, **kwargs)
        lived(test.__name__)
        return found

    body.counted = True  # type: ignore[attr-defined]
    handle.inner_test = body


def lived(name: str) -> None:
    """One more example of this name came to its end."""
    EXAMPLES[name] += 1


def is_full(config: Any) -> bool:
    """Whether the run was asked for all property tests."""
    option = config.option
    partly = option.keyword or option.markexpr or option.collectonly or getattr(option, "lf", False)
    partly = partly or option.deselect or option.ignore or option.ignore_glob
    asked = [Path(config.invocation_params.dir, argument).resolve() for argument in config.args]
    return not partly and any(path == FOLDER or path in FOLDER.parents for path in asked)
