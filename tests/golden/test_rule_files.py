"""The bundled rule files do what stands in them, checked against prices read from the sample files and indicators computed here.

Rules: averages, ranges and strengths are computed in the plainest way there is, from whole lists.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.journal.codec import decode
from onepath.orders import Order
from onepath.result import Result

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"


class Prices:
    """The bars of a symbol, and indicators over them by their place."""

    def __init__(self, dataset: str, symbol: str) -> None:
        table = pq.read_table(SAMPLES / dataset / f"{symbol}.parquet", columns=["at", "high", "low", "close"])
        self.at, self.high, self.low, self.close = (table.column(name).to_pylist() for name in table.column_names)
        self.place = {at: place for place, at in enumerate(self.at)}

    def mean(self, place: int, bars: int) -> float:
        return fmean(self.close[place - bars + 1 : place + 1])

    def top(self, place: int, bars: int) -> float:
        """The highest high of the bars before this one."""
        return max(self.high[place - bars : place])

    def bottom(self, place: int, bars: int) -> float:
        return min(self.low[place - bars : place])

    @cache  # noqa: B019 - a few objects, for the length of the tests
    def range(self, bars: int) -> list[float]:
        """Wilder's average true range by place; zeros before there is one."""
        closes = list(zip(self.high, self.low, self.close, strict=True))
        true = [max(h, c) - min(low, c) for (_, _, c), (h, low, _) in pairwise(closes)]
        return self._wilder(true, bars)

    @cache  # noqa: B019
    def strength(self, bars: int) -> list[float]:
        """Wilder's RSI by place."""
        changes = [b - a for a, b in pairwise(self.close)]
        up = self._wilder([max(c, 0.0) for c in changes], bars)
        down = self._wilder([max(-c, 0.0) for c in changes], bars)
        return [100 * u / (u + d) if u + d else 0.0 for u, d in zip(up, down, strict=True)]

    @staticmethod
    def _wilder(values: list[float], bars: int) -> list[float]:
        """Of differences, so the first is that of place 1."""
        found = [0.0] * bars + [fmean(values[:bars])]
        for value in values[bars:]:
            found.append((found[-1] * (bars - 1) + value) / bars)
        return found


def submitted(result: Result) -> list[Order]:
    return [decode(row) for row in result.journal.rows(("order.submitted",))]


def closed_at(result: Result) -> dict[str, list[int]]:
    """When positions of a symbol ended."""
    found: dict[str, list[int]] = {}
    for row in result.journal.rows(("position",)):
        event = decode(row)
        if event.change == "closed":
            found.setdefault(event.symbol, []).append(row.at)
    return found


def test_rsi_dip_buys_dips_of_a_rising_market() -> None:
    """Every entry is above its 200-day mean with an RSI below 35, its stop three ranges below; every close is for its reason."""
    result = cases.run("rsi_dip")
    prices = {symbol: Prices("us10", symbol) for symbol in ("AAPL", "JPM", "MSFT", "XOM")}
    seen = 0
    for order in submitted(result):
        bars = prices[order.symbol]
        t = bars.place[order.submitted_at]
        if order.tag == "entry":
            seen += 1
            assert bars.close[t] > bars.mean(t, 200)
            assert bars.strength(14)[t] < 35
        elif order.tag == "stop_loss":
            assert float(order.stop or 0) == pytest.approx(
                bars.close[t] - 3 * bars.range(14)[t], abs=0.011
            )  # to the cent below
        elif order.tag == "emergency_exit":
            assert bars.close[t] < bars.mean(t, 200) - 2 * bars.range(14)[t]
    assert seen > 30
    closes = result.signals[result.signals["type"] == "long close"]
    for row in closes.itertuples():
        bars = prices[row.symbol]
        t = bars.place[row.at.value]
        held = row.values.get("position.bars", 0)
        assert bars.strength(14)[t] > 60 or held >= 20


def test_donchian_breakout_trades_breakouts_at_the_edge() -> None:
    """Every entry follows a close out of the 55-bar range by at most two bars, waits at the edge, and comes ten bars after the
    last position ended, or later; every exit by `close` is a close out of the 20-bar range on the other side."""
    result = cases.run("donchian_breakout")
    bars = Prices("eurusd_1h", "EURUSD")
    ended = closed_at(result)["EURUSD"]
    seen = {"buy": 0, "short": 0}
    for order in submitted(result):
        t = bars.place[order.submitted_at]
        if order.tag == "entry":
            seen[order.side] += 1
            edge = bars.top(t, 55) if order.side == "buy" else bars.bottom(t, 55)
            sign = 1 if order.side == "buy" else -1
            outs = [bars.top(t - k, 55) if sign > 0 else bars.bottom(t - k, 55) for k in range(3)]
            assert any((bars.close[t - k] - out) * sign > 0 for k, out in enumerate(outs))
            assert (bars.close[t] - edge) * sign < 2 * bars.range(20)[t]
            assert float(order.limit or 0) == pytest.approx(edge, abs=1.1e-5)
            before = [at for at in ended if at <= order.submitted_at]
            assert not before or t - min(place for at, place in bars.place.items() if at >= before[-1]) >= 10
        elif order.tag == "close":
            out = bars.close[t] < bars.bottom(t, 20) if order.side == "sell" else bars.close[t] > bars.top(t, 20)
            assert out
    assert min(seen.values()) > 30
