"""Each example strategy does what its docstring says, checked against prices read from the sample files by this module.

Rules: indicators, holdings and equity are computed here, in the plainest way there is, from the bars and the fills.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import stdev
from typing import Any

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.errors import StrategyError
from onepath.events import Fill
from onepath.examples.buy_and_hold import BuyAndHold
from onepath.examples.mean_reversion import MeanReversion
from onepath.examples.momentum import Momentum
from onepath.examples.rsi_reversion import RsiReversion
from onepath.examples.sixty_forty import SixtyForty
from onepath.examples.sma_cross import SmaCross
from onepath.journal.codec import FILLS, decode
from onepath.orders import Order, OrderType
from onepath.result import Result

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
FREE: dict[str, Any] = {"participation": None}


def bars(dataset: str, symbol: str) -> list[tuple[int, float, float]]:
    """`at`, open, close of every bar, straight from the file."""
    table = pq.read_table(SAMPLES / dataset / f"{symbol}.parquet", columns=["at", "open", "close"])
    return list(zip(*(table.column(name).to_pylist() for name in ("at", "open", "close")), strict=True))


def closes(dataset: str, symbol: str) -> list[float]:
    return [close for _, _, close in bars(dataset, symbol)]


def orders(result: Result) -> list[tuple[int, Order]]:
    return [(row.at, decode(row)) for row in result.journal.rows(("order.submitted",))]


def fills(result: Result) -> list[tuple[int, Fill]]:
    return [(row.at, decode(row)) for row in result.journal.rows(FILLS)]


def month(at: int) -> tuple[int, int]:
    moment = dt.datetime.fromtimestamp(at / 1e9, dt.UTC)
    return moment.year, moment.month


def holdings(result: Result, instants: list[int]) -> Iterator[tuple[int, dict[str, Decimal]]]:
    """What was held after the fills of each instant."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    waiting = fills(result)
    for at in instants:
        while waiting and waiting[0][0] <= at:
            fill = waiting.pop(0)[1]
            held[fill.symbol] += fill.quantity
        yield at, {symbol: quantity for symbol, quantity in held.items() if quantity}


def exact(price: float) -> Decimal:
    return Decimal(repr(price))


def test_buy_and_hold_buys_equal_weights_once_and_waits() -> None:
    """Ten buys at the second day's open, each worth a tenth of 99 % less at most one share, and nothing after."""
    result = onepath.backtest(BuyAndHold, data="us10", **FREE)
    bought = fills(result)
    assert len(bought) == len(orders(result)) == 10
    assert {fill.symbol for _, fill in bought} == {p.stem for p in (SAMPLES / "us10").glob("*.parquet")}
    worth = Decimal(0)
    for at, fill in bought:
        (first, _, close), (second, opened, _) = bars("us10", fill.symbol)[:2]
        assert (at, fill.price) == (second, exact(opened))
        assert 0 <= Decimal("9900") - fill.quantity * exact(close) < exact(close)
        assert dict(orders(result))[first].submitted_at == first
        worth += fill.quantity * (exact(closes("us10", fill.symbol)[-1]) - fill.price)
    assert result.portfolio().equity == 100_000 + worth


def test_sixty_forty_sets_the_weights_right_each_month() -> None:
    """At the first close of each month what is held and ordered is 60 % and 40 % of equity, to less than a share."""
    result = onepath.backtest(SixtyForty, data="us10", symbols=("JPM", "XOM"), **FREE)
    price = {symbol: {at: exact(close) for at, _, close in bars("us10", symbol)} for symbol in ("JPM", "XOM")}
    instants = [at for at, _, _ in bars("us10", "JPM")]
    firsts = [at for before, at in zip([0, *instants], instants, strict=False) if month(before) != month(at)]
    assert len(firsts) == 120
    asked = orders(result)
    assert {at for at, _ in asked} <= set(firsts)
    spent = iter(fills(result))
    cash, cash_at = Decimal(100_000), {}
    fill = next(spent, None)
    for at in instants:
        while fill is not None and fill[0] <= at:
            cash -= fill[1].quantity * fill[1].price
            fill = next(spent, None)
        cash_at[at] = cash
    for at, held in holdings(result, instants):
        if at not in firsts:
            continue
        equity = cash_at[at] + sum(quantity * price[symbol][at] for symbol, quantity in held.items())
        for symbol, weight in (("JPM", Decimal("0.6")), ("XOM", Decimal("0.4"))):
            wish = sum(o.quantity * o.side.sign for moment, o in asked if moment == at and o.symbol == symbol)
            target = (held.get(symbol, Decimal(0)) + wish) * price[symbol][at]
            assert abs(target - weight * equity) < price[symbol][at], (at, symbol)


def test_sixty_forty_says_that_it_needs_two_symbols() -> None:
    """With one symbol the run ends with a sentence that says so, not with a failure to unpack."""
    with pytest.raises(StrategyError, match="two symbols; this session has 1"):
        onepath.backtest(SixtyForty, data="us10", symbols=("JPM",))


def test_sma_cross_is_in_the_market_while_fast_is_above_slow() -> None:
    """From the bar after warm-up on, AAPL is held at each open exactly if the averages of the close before say so."""
    result = onepath.backtest(SmaCross(fast=20, slow=50, weight=0.5), data="us10", symbols=("AAPL",), **FREE)
    price = closes("us10", "AAPL")
    instants = [at for at, _, _ in bars("us10", "AAPL")]
    checked = 0
    for i, (_, held) in enumerate(holdings(result, instants)):
        if i < 50:
            assert held == {}
            continue
        fast, slow = math.fsum(price[i - 20 : i]) / 20, math.fsum(price[i - 50 : i]) / 50
        assert (fast > slow) == ("AAPL" in held), i
        checked += 1
    assert checked == 2_466


def test_mean_reversion_buys_below_the_band_and_sells_at_the_mean() -> None:
    """Entries are closes more than 3 deviations below the 50-bar mean, exits the first close back at it."""
    result = onepath.backtest(MeanReversion(window=50, entry=3.0, weight=0.9), data="eurusd_1h", **FREE)
    price = closes("eurusd_1h", "EURUSD")
    at = [moment for moment, _, _ in bars("eurusd_1h", "EURUSD")]
    place = {moment: i for i, moment in enumerate(at)}

    def distance(i: int) -> float:
        return price[i] / (math.fsum(price[i - 49 : i + 1]) / 50) - 1

    def is_low(i: int) -> bool:
        risk = stdev([price[j] / price[j - 1] - 1 for j in range(i - 49, i + 1)])
        return distance(i) < -3.0 * risk

    moves = [(place[moment], order.side) for moment, order in orders(result)]
    assert len(moves) > 100
    expected, held = [], False
    for i in range(50, len(price) - 1):
        if not held and is_low(i):
            expected.append((i, onepath.Side.BUY))
            held = True
        elif held and expected[-1][0] < i and distance(i) >= 0:
            expected.append((i, onepath.Side.SELL))
            held = False
    assert moves[: len(expected)] == expected
    assert len(moves) - len(expected) in {0, 1}, "only an order on the very last bar is left out above"


def wilder(price: list[float], window: int) -> list[float]:
    """Wilder's RSI, NaN until warm, with averages kept by the book: old x (n - 1) + new, over n."""
    changes = [b - a for a, b in pairwise(price)]
    gain = math.fsum(max(c, 0) for c in changes[:window]) / window
    loss = math.fsum(max(-c, 0) for c in changes[:window]) / window
    values = [math.nan] * window + [100 - 100 / (1 + gain / loss)]
    for change in changes[window:]:
        gain = (gain * (window - 1) + max(change, 0)) / window
        loss = (loss * (window - 1) + max(-change, 0)) / window
        values.append(100 - 100 / (1 + gain / loss))
    return values


def test_rsi_reversion_buys_low_sells_high_and_protects() -> None:
    """Buys only below 30, sells at the market only above 70, and a stop 10 % below the close guards what is held."""
    result = onepath.backtest(RsiReversion, data="us10", symbols=("TSLA",), **FREE)
    price = closes("us10", "TSLA")
    strength = wilder(price, 14)
    place = {at: i for i, (at, _, _) in enumerate(bars("us10", "TSLA"))}
    seen: dict[str, int] = defaultdict(int)
    for at, order in orders(result):
        i = place[at]
        if order.side is onepath.Side.BUY:
            seen["buy"] += 1
            assert strength[i] < 30
        elif order.type is OrderType.MARKET:
            seen["sell"] += 1
            assert strength[i] > 70
        else:
            seen["stop"] += 1
            assert order.type is OrderType.STOP
            assert order.stop is not None
            assert 0 <= exact(price[i] * 0.9) - order.stop < Decimal("0.000001"), "the tick of the sample's prices"
    assert seen["stop"] >= seen["buy"] - 1
    assert min(seen.values()) >= 5
    stopped = [o.id for _, o in orders(result) if o.type is OrderType.STOP]
    assert any(fill.order_id in stopped for _, fill in fills(result)), "no stop was ever hit: choose other data"


def test_momentum_holds_the_strongest_three() -> None:
    """After each month's change exactly the three symbols with the best 126-day return are held, never more."""
    result = onepath.backtest(Momentum, data="us10", **FREE)
    symbols = sorted(p.stem for p in (SAMPLES / "us10").glob("*.parquet"))
    price = {symbol: closes("us10", symbol) for symbol in symbols}
    instants = [at for at, _, _ in bars("us10", "AAPL")]
    months = 0
    chosen: set[str] = set()
    for i, (at, held) in enumerate(holdings(result, instants)):
        assert len(held) <= 3
        assert set(held) == chosen, at
        if i >= 126 and (not chosen or month(instants[i - 1]) != month(at)):
            ranked = sorted(symbols, key=lambda s: -(price[s][i] / price[s][i - 126] - 1))
            chosen = set(ranked[:3])
            months += 1
    assert months == 114, "July 2015 to December 2024"


@pytest.mark.parametrize(
    "name",
    list(cases.ARGUMENTS),
)
def test_examples_never_borrow(name: str) -> None:
    """No example goes short, and none owes money after any instant, on the pinned runs."""
    result = cases.run(name)
    held: dict[str, Decimal] = defaultdict(Decimal)
    cash = Decimal(str(cases.arguments(name).get("cash", 100_000)))
    made = fills(result)
    for (at, fill), later in zip(made, [*made[1:], (None, None)], strict=True):
        held[fill.symbol] += fill.quantity
        cash -= fill.quantity * fill.price + fill.fee
        assert held[fill.symbol] >= 0
        if later[0] != at:
            assert cash >= 0, (at, cash)
