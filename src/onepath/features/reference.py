"""What the built-in features are, read from their constructors: for the command line and the page of the docs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

from onepath.errors import StrategyError
from onepath.features.definition import Feature
from onepath.features.named import builtins

_USUAL = 20
"""the window of an example, where there is no default"""


class Entry(NamedTuple):
    """One built-in feature."""

    name: str
    signature: str
    example: str
    """a call that works"""
    kind: str
    """of what events: bars, quotes, trades or book"""
    inputs: tuple[str, ...]
    """the fields it is computed from, through other features too"""
    warm_up: int
    """events until its first value, in the example"""
    version: int
    low: float
    high: float
    summary: str
    talib: str
    """TA-Lib's function, where it has it"""
    doc: str


def entries() -> list[Entry]:
    """All built-in features, in the order of the reference."""
    return [_entry(name, make) for name, make in builtins().items()]


def _entry(name: str, make: Callable[..., Feature]) -> Entry:
    signature = inspect.signature(make)
    doc = inspect.cleandoc(make.__doc__ or "")
    summary = " ".join(doc.partition("\n\n")[0].split())
    try:
        example, made = f"{name}()", make()
    except (TypeError, StrategyError):
        example, made = f"{name}({_USUAL})", make(_USUAL)
    known = re.search(r"\b[Aa]s TA-Lib's ([A-Z]+(?:_[A-Z]+)?)|TA-Lib's (MAX|MIN) of", doc)
    written = ", ".join(_parameter(parameter) for parameter in signature.parameters.values())
    return Entry(
        *(name, f"{name}({written})", example, made.kind, fields(made), made.total_warm_up, made.version),
        *(made.low, made.high, summary, (known[1] or known[2]) if known else "", doc),
    )


def _parameter(parameter: inspect.Parameter) -> str:
    return parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"


def fields(feature: Feature) -> tuple[str, ...]:
    """The fields a feature is computed from, through other features too, each once."""
    found: dict[str, None] = {}
    for needed in feature.inputs:
        found |= {needed: None} if isinstance(needed, str) else dict.fromkeys(fields(needed))
    return tuple(found)
