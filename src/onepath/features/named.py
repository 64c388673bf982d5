"""Features by name: the built-in ones, and what a text such as `ema(9, on=macd())` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from onepath.features.definition import Feature
from onepath.features.technical import BUILT_IN


def builtins() -> Mapping[str, Callable[..., Feature]]:
    """The constructors of all built-in features by name, in the order of the reference."""
    return MappingProxyType({make.__name__: make for make in BUILT_IN})
