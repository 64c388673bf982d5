"""A workspace with prices and strategies, for tests of sweeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from onepath.config import load
from onepath.research.sweeping import Terms
from onepath.research.sweeps import Sweep, sweep_config

STRATEGY = '''"""Strategies of tests."""
import os
import time
from onepath import Strategy, sma

class Cross(Strategy):
    """In the market while the fast average is above the slow one."""
    class Params(Strategy.Params):
        fast: int = 3
        slow: int = 10
        fault: str = ""
        pause: float = 0.0

        def __post_init__(self):
            if self.fast >= self.slow:
                raise ValueError("fast must be below slow")

    def on_start(self, context):
        context.features.require(fast=sma(self.params.fast), slow=sma(self.params.slow))
        time.sleep(self.params.pause)

    def generate_orders(self, context):
        f = context.features[context.symbols[0]]
        if self.params.fault == "raise":
            raise RuntimeError("no luck today")
        if self.params.fault == "die":
            os._exit(3)
        if f.ready:
            return context.target(context.symbols[0], weight=0.9 if f.fast > f.slow else 0)
        return []
'''
CONFIG = """\
mode: backtest
data: {path: ABC.csv, calendar: 24/7}
execution: {commission: {model: bps, params: {bps: 5}}}
strategies:
  - {name: cross, class: cross.py, capital: 100000}
"""


def days(count: int, seed: int = 4) -> list[tuple[str, float, float, float, float, float]]:
    """Daily bars from 2019 on: a random walk with a drift that turns now and then."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0, 0.004, count // 20 + 1), 20)[:count]
    close = 100 * np.exp(np.cumsum(random.normal(drift, 0.01)))
    first = np.datetime64("2019-01-01")
    dates = first + np.arange(count)
    opens = np.concatenate([[100.0], close[:-1]])
    return [
        (str(d), float(o), float(max(o, c) * 1.001), float(min(o, c) * 0.999), float(c), 1e6)
        for d, o, c in zip(dates, opens, close, strict=True)
    ]


def write(home: Path, rows: list[Any] | None = None) -> Path:
    """The workspace; returns the configuration."""
    home.mkdir(parents=True, exist_ok=True)
    (home / ".onepath").write_text("")
    (home / "cross.py").write_text(STRATEGY)
    lines = [",".join(map(repr, row)).replace("'", "") for row in rows or days(400)]
    (home / "ABC.csv").write_text("date,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    (home / "backtest.yaml").write_text(CONFIG)
    return home / "backtest.yaml"


def swept(home: Path, params: dict[str, Any], **terms: Any) -> Sweep:
    """A sweep of the workspace's configuration."""
    if not (home / "backtest.yaml").exists():
        write(home)
    return sweep_config(load(home / "backtest.yaml"), home, params, Terms(**{"workers": 1, **terms}))


def told(found: Sweep) -> bytes:
    """All that a sweep found, but for whether it was known already."""
    return repr([(one.number, one.point, one.trial.key, one.found) for one in found.tried]).encode()


def read_shared(ticket: Any, pipe: Any) -> None:
    """A process that reads every column of a shared feed: bytes of its own that it grew by, the sum, whether it may write."""
    before = _private()
    carried, _memory = ticket.opened()
    columns = carried.unpacked().columns["A"]
    total = sum(float(column.sum()) for column in columns.values())
    pipe.send((_private() - before, total, columns["close"].flags.writeable))
    os._exit(0)


def _private() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private"))
