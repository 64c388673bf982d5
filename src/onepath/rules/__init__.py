"""Strategies without code: a YAML file of features, conditions and sizes, run by the same engine as any strategy.

    Dip = onepath.rules.load("strategies/dip.yaml")
    onepath.backtest(Dip(oversold=25.0), data="us10", symbols=["AAPL"])

The whole language: docs/rules.md. Rules: importing this reads no file, and brings in nothing until a file is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onepath.strategy import Strategy

__all__ = ["load", "loads"]


def load(path: str | Path) -> type[Strategy]:
    """The strategy that a rule file describes: pass it to `onepath.backtest`, or make one with other parameters.

    Raises StrategyError with file, line and key where the file is wrong, ConfigError where there is none.

    >>> Dip = onepath.rules.load("strategies/dip.yaml")
    >>> onepath.backtest(Dip(oversold=25.0), data="us10", symbols=["AAPL"])
    """
    from onepath.rules import loading

    return loading.load(path)


def loads(text: str, name: str = "rules.yaml") -> type[Strategy]:
    """The same from a text; `name` is what complaints and the record call it."""
    from onepath.rules import loading

    return loading.made(text, name)
