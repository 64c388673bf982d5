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
from statistics import fmean, pstdev, stdev
from typing import Any

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.errors import StrategyError
from onepath.events import Fill
from onepath.examples.bracket_breakout import BracketBreakout
from onepath.examples.buy_and_hold import BuyAndHold
from onepath.examples.mean_reversion import MeanReversion
from onepath.examples.momentum import Momentum
from onepath.examples.pairs import Pairs
from onepath.examples.rsi_reversion import RsiReversion
from onepath.examples.sixty_forty import SixtyForty
from onepath.examples.sma_cross import SmaCross
from onepath.journal.codec import FILLS, decode
from onepath.orders import Order, OrderType
from onepath.result import Result
from onepath.simulator.queues import Front

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


def wilder_range(high: list[float], low: list[float], close: list[float], window: int) -> list[float]:
    """Wilder's average true range by the book, NaN until warm."""
    true = [max(up, before) - min(down, before) for up, down, before in zip(high[1:], low[1:], close, strict=False)]
    values = [math.nan] * window + [math.fsum(true[:window]) / window]
    for now in true[window:]:
        values.append((values[-1] * (window - 1) + now) / window)
    return values


def test_bracket_breakout_enters_above_the_channel_and_leaves_by_a_bracket() -> None:
    """Each entry is a stop at the highest high of twenty bars; its exits are 2 ranges below and 4 above it, in the size
    of the entry; what an entry bought is sold by its own exits, only one of which trades, and never below zero."""
    result = onepath.backtest(BracketBreakout, data="us10", symbols=("AAPL",), **FREE)
    table = pq.read_table(SAMPLES / "us10" / "AAPL.parquet")
    at, high, low, close = (table.column(name).to_pylist() for name in ("at", "high", "low", "close"))
    place = {moment: i for i, moment in enumerate(at)}
    ranges = wilder_range(high, low, close, 14)
    sent = {order.id: order for _, order in orders(result)}
    entries = [order for order in sent.values() if order.parent_id is None]
    tick = Decimal("0.000001")
    for entry in entries:
        i = place[entry.submitted_at]
        top = max(high[i - 19 : i + 1])
        loss, profit = (order for order in sent.values() if order.parent_id == entry.id)
        assert (entry.type, entry.stop) == (OrderType.STOP, exact(top))
        assert abs(loss.stop - exact(top - 2 * ranges[i])) <= tick
        assert abs(profit.limit - exact(top + 4 * ranges[i])) <= tick
        assert loss.quantity == profit.quantity == entry.quantity
    moves = [(sent[fill.order_id], fill) for _, fill in fills(result)]
    assert len(moves) > 50
    for (entry, bought), (leaving, sold) in zip(moves[::2], moves[1::2], strict=False):
        assert leaving.parent_id == entry.id
        assert sold.quantity == -bought.quantity
        assert bought.price >= entry.stop
        assert sold.price <= leaving.stop if leaving.type is OrderType.STOP else sold.price >= leaving.limit
    kinds = {leaving.type for leaving, _ in moves[1::2]}
    assert kinds == {OrderType.STOP, OrderType.LIMIT}, "both exits are seen"


def test_pairs_trades_wide_spreads_and_closes_narrow_ones() -> None:
    """Both legs are sent at the same close, for opposite sides and equal money; in beyond two deviations of the log
    ratio, out when half of one is passed on the way back; between the two moments nothing is sent."""
    result = onepath.backtest(Pairs, data="us10", symbols=("MSFT", "GOOGL"), **FREE)
    one, other = closes("us10", "MSFT"), closes("us10", "GOOGL")
    ratio = [math.log(a / b) for a, b in zip(one, other, strict=True)]
    score = [math.nan] * len(ratio)
    for i in range(59, len(ratio)):
        window = ratio[i - 59 : i + 1]
        score[i] = (ratio[i] - fmean(window)) / pstdev(window)
    sent: dict[int, list[Order]] = defaultdict(list)
    for moment, order in orders(result):
        sent[moment].append(order)
    side, expected = 0, []
    for i, now in enumerate(score):
        if not side and abs(now) >= 2:
            side = -1 if now > 0 else 1
            expected.append((i, side))
        elif side and now * side > -0.5:
            side = 0
            expected.append((i, 0))
    at = [moment for moment, _, _ in bars("us10", "MSFT")]
    assert [at[i] for i, _ in expected][: len(sent)] == list(sent)
    assert len(sent) == len(expected) > 60
    for (i, way), legs in zip(expected, sent.values(), strict=True):
        assert [leg.symbol for leg in legs] == ["MSFT", "GOOGL"]
        assert legs[0].side.sign == -legs[1].side.sign
        if way:
            assert legs[0].side.sign == way
            worth = [float(leg.quantity) * price[i] for leg, price in zip(legs, (one, other), strict=True)]
            assert abs(worth[0] - worth[1]) <= max(one[i], other[i])


def test_pairs_says_that_it_needs_two_symbols() -> None:
    """With one symbol the run ends with a sentence that says so."""
    with pytest.raises(StrategyError, match="two symbols; this session has 1"):
        onepath.backtest(Pairs, data="us10", symbols=("JPM",))


def test_market_making_waits_on_both_sides_and_never_takes() -> None:
    """Every fill is a maker's at the order's own price; bids are never above the best bid and offers never below the best
    ask at decision; no more than one order a side is at work, and never more than five sizes are held or owed."""
    result = cases.run("market_making")
    table = pq.read_table(SAMPLES / "btcusdt_quotes" / "BTCUSDT.quotes.parquet", columns=["at", "bid", "ask"])
    moments, bids, asks = (table.column(name).to_pylist() for name in ("at", "bid", "ask"))
    best = dict(zip(moments, zip(bids, asks, strict=True), strict=True))
    sent = orders(result)
    for at, order in sent:
        bid, ask = best[at]
        assert order.post_only
        assert order.limit <= exact(bid) if order.side is onepath.Side.BUY else order.limit >= exact(ask)
    made = fills(result)
    assert len(made) > 100
    assert all(fill.maker for _, fill in made)
    held, most = Decimal(0), Decimal("0.05")
    for _, fill in made:
        held += fill.quantity
        assert abs(held) <= most
    assert {fill.quantity > 0 for _, fill in made} == {True, False}
    working: dict[Any, set[int]] = defaultdict(set)
    sides = {order.id: order.side for _, order in sent}
    for row in result.journal.rows():
        if row.kind == "order.submitted":
            order = decode(row)
            working[order.side].add(order.id)
        elif row.kind in ("order.filled", "order.cancelled", "order.rejected", "order.expired"):
            report = decode(row)
            working[sides[report.order_id]].discard(report.order_id)
        assert all(len(ids) <= 1 for ids in working.values())


def test_market_making_depends_on_the_place_in_the_queue() -> None:
    """First in line earns on these two minutes, last in line does not: the optimism of a model shows in the result."""
    first = cases.run("market_making", queue=Front(), latency=None).portfolio().equity
    last = cases.run("market_making", latency=None).portfolio().equity
    assert last < 10_000 < first


LONG_ONLY = [name for name in cases.ARGUMENTS if name not in ("pairs", "market_making", "donchian_breakout")]


@pytest.mark.parametrize("name", LONG_ONLY)
def test_examples_never_borrow(name: str) -> None:
    """Examples that do not mean to go short never do, and none owes money after any instant, on the pinned runs."""
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
