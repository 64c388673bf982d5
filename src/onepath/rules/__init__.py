"""Strategies without code: a YAML file of features, conditions and sizes, run by the same engine as any strategy.

    Dip = onepath.rules.load("strategies/dip.yaml")
    onepath.backtest(Dip(oversold=25), data="us10", symbols=["AAPL"])

The whole language: docs/rules.md. Rules: importing this reads no file and brings in no YAML.
"""

from onepath.rules.loading import load, loads

__all__ = ["load", "loads"]
