"""The command line as a user meets it: arguments in, exit code and two texts out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from onepath.cli import main

STRATEGY = '''"""Buys one share of each symbol on every tenth bar."""
from typing import Annotated
from onepath import Params, Range, Strategy

class Often(Strategy):
    """Buys and sells."""
    class Params(Params):
        every: Annotated[int, Range(1, 100)] = 10

    count = 0

    def generate_orders(self, context):
        self.count += 1
        if self.count % self.params.every:
            return []
        held = context.portfolio.quantity(context.symbols[0])
        return context.close(context.symbols[0]) if held else context.buy(context.symbols[0], 1)
'''
CONFIG = """\
mode: backtest
data:
  path: prices.csv
  symbols: [ABC]
  calendar: XNYS
strategies:
  - name: often
    class: often.py
    capital: 10000
    params:
      every: 10
"""


class Told(NamedTuple):
    """What a command ended with and said."""

    code: int
    out: str
    err: str


Cli = Callable[..., Told]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Told:
        capfd.readouterr()
        try:
            main(arguments)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Told(code, *capfd.readouterr())

    return run


def bars(rows: int = 60) -> list[list[str]]:
    """Daily bars of one symbol, from Monday 2024-01-01 on, weekdays alone."""
    lines = []
    for index in range(rows):
        week, weekday = divmod(index, 5)
        day = 1 + 7 * week + weekday
        month, ordinal = 1, day
        for length in (31, 29, 31, 30, 31, 30):
            if ordinal <= length:
                break
            month, ordinal = month + 1, ordinal - length
        price = round(100 + 10 * math.sin(index / 5), 2)
        lines.append([f"2024-{month:02}-{ordinal:02}", f"{price}", f"{price + 1}", f"{price - 1}", f"{price}", "1000"])
    return lines


def write_csv(path: Path, rows: list[list[str]], header: str = "date,open,high,low,close,volume") -> None:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with prices, a strategy and a configuration that fit together."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "often.py").write_text(STRATEGY)
    write_csv(tmp_path / "prices.csv", [["ABC", *row] for row in bars()], "symbol,date,open,high,low,close,volume")
    return tmp_path
