"""Record when resting orders fill in hftbacktest: run by hand, in an environment of its own; the JSON is committed.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install hftbacktest==2.4.4 numba==0.68.1 numpy==2.2.6 pandas pyarrow
    /tmp/peer/bin/python tests/peers/record_queues.py > tests/peers/queues.json

Binance spot BTCUSDT, 2024-08-08, order book and trades (shared/data/l2_binance_spot_btcusdt). Every two seconds a limit order
of the smallest size joins the bids, then the asks, in turn, at the best price or three levels behind it, and is taken back 1.9
seconds later. No latency, no fees. Which price that is, is decided here from the raw rows and recorded.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "l2_binance_spot_btcusdt"
DEPTH = FOLDER / "btcusdt_spot_20240808_depth.parquet"
TRADES = FOLDER / "btcusdt_spot_20240808_trades.parquet"
EVERY, LIFE, FIRST, BEHIND = 2_000_000_000, 1_900_000_000, 5_000_000_000, 3
TICK, LOT, SIZE = 0.01, 0.00001, 0.00001
MODELS = ("back", "probability 1", "probability 2")


def rows() -> tuple[Any, Any]:
    """What counts of both files: the snapshot, the messages newer than it (a few came in before it), the trades after it."""
    import pandas as pd

    depth, trades = pd.read_parquet(DEPTH), pd.read_parquet(TRADES)
    snapshot = depth[depth.is_snapshot]
    first = snapshot.iloc[0]
    newer = depth[~depth.is_snapshot & (depth.last_update_id > first.last_update_id)]
    newer = newer.assign(
        line=newer.line.clip(lower=first.line), local_ts_ns=newer.local_ts_ns.clip(lower=first.local_ts_ns)
    )
    return pd.concat([snapshot, newer]), trades[trades.line > first.line]


def plan(depth: Any) -> list[list[Any]]:
    """[nanosecond, side, price] of each order, from the book that stands then."""
    book: dict[str, dict[float, float]] = {"b": {}, "a": {}}  # side -> price -> size
    orders: list[list[Any]] = []
    at = int(depth.local_ts_ns.iloc[0]) + FIRST
    for now, side, price, qty in zip(depth.local_ts_ns, depth.side, depth.price, depth.qty, strict=True):
        if now >= at:
            buys = len(orders) % 2 == 0
            prices = sorted((p for p, q in book["b" if buys else "a"].items() if q), reverse=buys)
            orders.append([at, "buy" if buys else "short", prices[BEHIND if len(orders) // 2 % 2 else 0]])
            at += EVERY
        book[side][price] = qty
    return orders[:-1]


def events(depth: Any, trades: Any) -> Any:
    """Both as the peer reads them."""
    import numpy as np
    import pandas as pd
    from hftbacktest import (
        BUY_EVENT,
        DEPTH_EVENT,
        DEPTH_SNAPSHOT_EVENT,
        EXCH_EVENT,
        LOCAL_EVENT,
        SELL_EVENT,
        TRADE_EVENT,
    )
    from hftbacktest.types import event_dtype

    kind = depth.is_snapshot.map({True: DEPTH_SNAPSHOT_EVENT, False: DEPTH_EVENT})
    first = depth.assign(ev=kind | depth.side.map({"b": BUY_EVENT, "a": SELL_EVENT}))
    second = trades.assign(ev=trades.buyer_is_maker.map({True: SELL_EVENT, False: BUY_EVENT}) | TRADE_EVENT)
    both = pd.concat([first, second]).sort_values(["local_ts_ns", "line"], kind="stable")
    made = np.zeros(len(both), dtype=event_dtype)
    made["ev"] = both.ev.to_numpy(np.uint64) | np.uint64(EXCH_EVENT | LOCAL_EVENT)
    made["exch_ts"] = made["local_ts"] = both.local_ts_ns.to_numpy()
    made["px"], made["qty"] = both.price.to_numpy(), both.qty.to_numpy()
    return made


def run(data: Any, orders: list[list[Any]], model: str) -> list[int | None]:
    """When each order was filled, or None."""
    from hftbacktest import GTC, LIMIT, BacktestAsset, HashMapMarketDepthBacktest

    asset = BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(0, 0).no_partial_fill_exchange()
    asset = asset.trading_value_fee_model(0, 0).tick_size(TICK).lot_size(LOT).last_trades_capacity(0)
    name, _, power = model.partition(" ")
    asset = asset.risk_adverse_queue_model() if name == "back" else asset.power_prob_queue_model(float(power))
    hbt = HashMapMarketDepthBacktest([asset])
    filled: list[int | None] = []
    hbt.wait_next_feed(False, 1)
    for number, (at, side, price) in enumerate(orders, 1):
        hbt.elapse(at - hbt.current_timestamp)
        (hbt.submit_buy_order if side == "buy" else hbt.submit_sell_order)(0, number, price, SIZE, GTC, LIMIT, False)
        hbt.elapse(LIFE)
        order = hbt.orders(0).get(number)
        filled.append(int(order.exch_timestamp) if order.exec_qty > 0 else None)
        if order.cancellable:
            hbt.cancel(0, number, False)
        hbt.elapse(1)
        hbt.clear_inactive_orders(0)
    hbt.close()
    return filled


def main() -> None:
    """Print one JSON object."""
    depth, trades = rows()
    orders, data = plan(depth), events(depth, trades)
    head = {"engine": "hftbacktest", "version": version("hftbacktest"), "python": platform.python_version()}
    runs = {model: run(data, orders, model) for model in MODELS}
    sys.stdout.write(json.dumps({**head, "life": LIFE, "size": SIZE, "orders": orders, "filled": runs}) + "\n")


if __name__ == "__main__":
    main()
