"""Strategies as people who come from pandas and other frameworks write them: what is right is left alone, the rest is found."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from onepath.lint import lint
from onepath.testing import bars, trial

FRAMES = '''\
"""Bollinger bands with pandas."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from onepath import Context, OrderIntent, OrderState, Strategy

log = logging.getLogger(__name__)
HERE = Path(__file__).parent if "__file__" in globals() else Path()
SECTORS = {"tech": ["AAPL", "MSFT"]}
PRICES = ["open", "high", "low", "close"]


@dataclass
class Band:
    low: float
    high: float
    touched: list[int] = field(default_factory=list)


def band(closes: pd.Series, width: float) -> Band:
    mean, deviation = closes.rolling(5).mean(), closes.rolling(5).std()
    return Band((mean - width * deviation).iloc[-1], (mean + width * deviation).iloc[-1])


class Bollinger(Strategy):
    """Buys below the lower band, sells above the upper one."""

    class Params(Strategy.Params):
        width: float = 1.0
        weight: float = 0.5

    def on_start(self, context: Context) -> None:
        context.historical_data.require(10)
        self.bands: dict[str, Band] = {}
        self.frame = pd.DataFrame(columns=PRICES)
        self.rng = np.random.default_rng(7)

    def on_market_event(self, event, context: Context) -> None:
        frame = pd.DataFrame({name: [getattr(b, name) for b in context.historical_data[event.symbol]] for name in PRICES})
        frame["previous"] = frame.close.shift(1)
        frame["returns"] = frame.close.pct_change().fillna(0)
        if len(frame) >= 5:
            self.bands[event.symbol] = band(frame.close, self.params.width)
            log.debug("band of %s", event.symbol)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders = []
        for symbol, found in self.bands.items():
            price = float(context.price(symbol))
            found.touched.append(context.now)
            if price < found.low:
                orders += context.target(symbol, weight=self.params.weight)
            elif price > found.high:
                orders.extend(context.close(symbol))
        return orders

    def on_order_update(self, order: OrderState, context: Context) -> None:
        context.metadata["last"] = order.id


if __name__ == "__main__":
    import time

    import onepath

    began = time.time()
    print(onepath.backtest(Bollinger, data=pd.read_csv("x.csv")), time.time() - began)
'''

LEARNS = '''\
"""A model that learns which way the next bar goes."""

import random

import numpy as np

from onepath import Context, OrderIntent, Params, Strategy


class Learns(Strategy):
    class Params(Params):
        seed: int = 1
        size: int = 8

    def on_start(self, context: Context) -> None:
        context.timeframes.require("2m", keep=self.params.size)
        self.random = random.Random(self.params.seed)
        self.weights = [0.0, 0.0]
        self.up = {symbol: False for symbol in context.symbols}

    def on_bar(self, bar, interval: str, context: Context) -> None:
        closes = np.array(context.timeframes[bar.symbol, interval].closes(self.params.size))
        if len(closes) < 4:
            return
        moves = np.diff(closes)
        labels = moves[1:] > 0
        self.weights[0] += float(labels.mean()) - 0.5 + 1e-9 * self.random.random()
        self.up[bar.symbol] = self.weights[0] * moves[-1] > 0

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        return [o for symbol, up in self.up.items() for o in context.target(symbol, weight=0.4 if up else 0)]
'''

PORTED = """\
import datetime
import random
import requests
import pandas as pd
from onepath import Strategy, rsi

positions = {}
KEY = open("key.txt").read()


class Ported(Strategy):
    trades = []

    class Params(Strategy.Params):
        period = 14
        level: int = 30

    def initialize(self, context):
        self.key = KEY
        self.session = requests.Session()

    def on_start(self, context):
        context.features.require(rsi=rsi(14))
        self.frame = pd.read_csv("all_of_2024.csv")
        self.frame["target"] = self.frame.close.shift(-1)
        self.waiting = (x for x in range(3))

    def on_bar(self, bar):
        print(bar)
        positions[bar.symbol] = bar.close

    def generate_orders(self, context):
        f = context.features[context.symbols[0]]
        if f.rsi14 < self.params.levle and random.random() > 0.5:
            self.trades.append(datetime.datetime.now())
            context.buy(context.symbols[0], 1, stoploss=90)
        for symbol in set(positions):
            if context.portfolio.positions[symbol].average_price == 1.5 * 3:
                return self.sell(symbol)
        return []
"""


def found(text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.rule) for finding in lint("s.py", text)]


@pytest.mark.parametrize(("text", "name"), [(FRAMES, "Bollinger"), (LEARNS, "Learns")])
def test_what_runs_well_is_left_alone(text: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found in them, and they do run, and trade."""
    assert found(text) == []
    module = ModuleType("strategy_of_a_user")
    monkeypatch.setitem(sys.modules, "strategy_of_a_user", module)  # dataclasses look there
    exec(compile(text, "s.py", "exec"), vars(module))  # noqa: S102 - our own text, above
    prices = [100, 101, 100, 102, 101, 103, 90, 92, 95, 99, 104, 108, 110, 115, 118, 121, 119, 125, 90, 80, 85, 91, 97]
    assert len(trial(getattr(module, name), {"X": bars(prices)}).orders) >= 2


def test_what_was_ported_from_elsewhere() -> None:
    """Every fault of a script that was made into a strategy, at its line."""
    assert found(PORTED) == [
        *((8, "OP104"), (15, "OP131"), (16, "OP134"), (20, "OP102")),
        *((23, "OP142"), (24, "OP104"), (25, "OP151"), (26, "OP165")),
        *((28, "OP122"), (28, "OP143"), (29, "OP163"), (30, "OP111")),
        *((34, "OP141"), (34, "OP133"), (34, "OP106"), (35, "OP112"), (35, "OP101"), (36, "OP115"), (36, "OP125")),
        *((37, "OP108"), (39, "OP114")),
    ]
