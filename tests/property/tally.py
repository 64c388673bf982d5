"""Counts the examples that the property tests of this folder really ran.

Rules: `counted` goes outermost, over `@settings` and `@given`; it counts calls of the test's body that were not thrown away.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

EXAMPLES: Counter[str] = Counter()
PLANNED: dict[str, int] = {}


def counted(test: Callable[..., Any]) -> Callable[..., Any]:
    """Count the examples of a property test."""
    inner = test.hypothesis.inner_test  # type: ignore[attr-defined]
    name = f"{test.__module__}.{test.__name__}"

    @functools.wraps(inner)
    def body(*args: Any, **kwargs: Any) -> Any:
        EXAMPLES[name] += 1
        return inner(*args, **kwargs)

    test.hypothesis.inner_test = body  # type: ignore[attr-defined]
    return test
