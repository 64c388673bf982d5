"""An order larger than the best price, in a whole session over a recorded order book.

Binance spot BTCUSDT, 2024-08-08. What the book held when the order came is put together here, from the raw rows, with
plain dictionaries; the expected fills are read off it by hand: best price first, level by level.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath.events import Fill
from onepath.instruments import exact
from onepath.journal.codec import FILLS, decode
from onepath.result import Result

DEPTH = Path(__file__).resolve().parents[4] / "shared/data/l2_binance_spot_btcusdt/btcusdt_spot_20240808_depth.parquet"
pytestmark = pytest.mark.skipif(not DEPTH.is_file(), reason=f"recorded data is absent: {DEPTH}")
SIZE = Decimal(25)


class Sweep(onepath.Strategy):
    """Buys `size` in one order once it has seen `after` messages, at the market or up to `limit`."""

    class Params(onepath.Strategy.Params):
        size: float
        after: int
        limit: float | None = None

    def on_start(self, context: onepath.Context) -> None:
        self.seen, self.sent = 0, False

    def on_market_event(self, event: Any, context: onepath.Context) -> None:
        self.seen += 1

    def generate_orders(self, context: onepath.Context) -> Any:
        if self.sent or self.seen < self.params.after:
            return []
        self.sent = True
        (symbol,) = context.symbols
        return context.buy(symbol, self.params.size, limit=self.params.limit, time_in_force="ioc")


def ran(after: int, limit: float | None = None) -> Result:
    return onepath.backtest(
        Sweep(size=float(SIZE), after=after, limit=limit),
        data={"BTCUSDT": {"book": DEPTH}},
        time="local_ts_ns",
        symbols="BTCUSDT",
        asset_class="crypto",
        cash=10_000_000,
        commission=onepath.MakerTaker(maker_bps=10, taker_bps=10),
    )


def asks_at(at: int) -> list[tuple[Decimal, Decimal]]:
    """Asks of the book after every message up to `at`, best first; messages older than the snapshot do not count."""
    rows = pd.read_parquet(DEPTH)
    snapshot = rows[rows.is_snapshot]
    changes = rows[~rows.is_snapshot & (rows.last_update_id > snapshot.last_update_id.iloc[0])]
    asks = {row.price: row.qty for row in snapshot[snapshot.side == "a"].itertuples()}
    for row in changes[(changes.local_ts_ns <= at) & (changes.side == "a")].itertuples():
        asks[row.price] = row.qty
    return [(exact(price), exact(size)) for price, size in sorted(asks.items()) if size]


def swept(levels: list[tuple[Decimal, Decimal]], size: Decimal, limit: Decimal) -> list[tuple[Decimal, Decimal]]:
    """What `size` takes of the levels up to `limit`."""
    taken = []
    for price, offered in levels:
        if price > limit or not size:
            break
        taken.append((price, min(size, offered)))
        size -= taken[-1][1]
    return taken


def fills(result: Result) -> list[Fill]:
    return [decode(row) for row in result.journal.rows(FILLS)]


@pytest.mark.parametrize("after", [1, 500, 2_000])
def test_a_market_order_walks_the_recorded_book(after: int) -> None:
    """Twenty-five bitcoins at the market take every ask from the best one on, each whole at its own price and the last
    in part, as taker at 10 bps; and cash falls by exactly that."""
    result = ran(after)
    made = fills(result)
    expected = swept(asks_at(made[0].executed_at), SIZE, Decimal("Infinity"))
    assert len(expected) > 20
    assert [(fill.price, fill.quantity) for fill in made] == expected
    assert {fill.maker for fill in made} == {False}
    paid = sum(price * quantity for price, quantity in expected)
    assert result.portfolio().cash == 10_000_000 - paid - paid / 1000


def test_a_limit_ends_the_walk() -> None:
    """With a limit at the fifth ask the first five levels trade, nothing beyond, and the rest is cancelled."""
    first = fills(ran(500))
    limit = first[4].price
    result = ran(500, float(limit))
    made = fills(result)
    assert [(fill.price, fill.quantity) for fill in made] == swept(asks_at(made[0].executed_at), SIZE, limit)
    assert len(made) == 5
    assert result.execution.total.cancelled + result.execution.total.partly_filled >= 1
