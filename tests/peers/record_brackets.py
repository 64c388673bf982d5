"""Record breakout entries with brackets in backtesting.py: run by hand, in an environment of its own; the JSON is committed.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install backtesting==0.6.6 pyarrow
    /tmp/peer/bin/python tests/peers/record_brackets.py > tests/peers/brackets.json

backtesting.py is AGPL: no dependency, not imported by anything of onepath, nothing taken from it but the figures.

The strategy, the same in both engines: a close above the highs (below the lows) of the ten bars before opens a trade of one
unit, long (short), by a market, limit, stop or stop-limit order, with a stop loss and a take profit, one of them, or a stop
loss that is moved up behind the closes. What is still open six bars later is closed, or cancelled, and only then is
the next breakout looked for: so a trade that differs in two engines does not change the next one. Prices of orders are whole
cents, computed from cents, so that no rounding can decide differently.
"""

from __future__ import annotations

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src" / "onepath" / "data" / "samples"
FILES = {
    "us10_aapl_daily": SAMPLES / "us10" / "AAPL.parquet",
    "btcusd_1m_day": SAMPLES / "btcusd_1m" / "BTCUSD.parquet",
}
ENTRIES = ("market", "limit", "stop", "stop_limit")
EXITS = ("both", "stop_loss", "take_profit", "trailed")
LOOK, HOLD = 10, 6
CASH = 10_000_000


class Slot(NamedTuple):
    """One trade to be: sent at the close of bar `at`, over at the open of bar `at + HOLD + 1`. Prices are cents."""

    at: int
    sign: int
    limit: int | None
    stop: int | None
    stop_loss: int | None
    take_profit: int | None
    trail: int | None
    """how far behind the close the stop loss follows"""


Bars = list[tuple[int, int, int, int]]
"""open, high, low, close in millionths"""
CENT = 10_000


def bars_of(path: Path) -> Bars:
    """The prices of a file."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["open", "high", "low", "close"])
    return list(zip(*([round(x * 1e6) for x in column.to_pylist()] for column in table.columns), strict=True))


def plan(bars: Bars, entry: str, exits: str) -> list[Slot]:
    """All trades, from closes and ranges alone."""
    slots: list[Slot] = []
    at = LOOK
    while at < len(bars) - HOLD - 2:
        before, close = bars[at - LOOK : at], bars[at][3]
        sign = (close > max(b[1] for b in before)) - (close < min(b[2] for b in before))
        if sign:
            size = max(2, sum(b[1] - b[2] for b in before) // LOOK // CENT) * sign
            slots.append(_slot(at, sign, close // CENT, size, entry, exits))
            at += HOLD
        at += 1
    return slots


def _slot(at: int, sign: int, close: int, size: int, entry: str, exits: str) -> Slot:
    """`size` is the usual range of a bar in cents, with the sign of the trade."""
    limit, stop, base = None, None, close
    if entry == "limit":
        base = limit = close - size // 2
    elif entry == "stop":
        base = stop = close + size // 2
    elif entry == "stop_limit":
        base = stop = close + size // 2
        limit = stop + (size // 3 or sign)
    loss = None if exits == "take_profit" else base - size
    profit = base + size * 3 // 2 if exits in ("both", "take_profit") else None
    return Slot(at, sign, limit, stop, loss, profit, abs(size) if exits == "trailed" else None)


def trailed(slot: Slot, level: int, close: int) -> int:
    """Where the stop loss is after a close (in millionths)."""
    if slot.trail is None:
        return level
    behind = close // CENT - slot.trail * slot.sign
    return max(level, behind) if slot.sign > 0 else min(level, behind)


def price(cents: int | None) -> float | None:
    """Cents as engines take them."""
    return None if cents is None else cents / 100


def record(path: Path, entry: str, exits: str) -> dict[str, Any]:
    """Run one and describe it."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    bars = bars_of(path)
    slots = {slot.at: slot for slot in plan(bars, entry, exits)}
    names = {name: name.capitalize() for name in ("open", "high", "low", "close", "volume")}
    data = pd.read_parquet(path)[list(names)].rename(columns=names).reset_index(drop=True)

    class Breakout(Strategy):
        """What the plan says."""

        def init(self) -> None:
            self.slot: Slot | None = None
            self.level = 0

        def next(self) -> None:
            at = len(self.data) - 1
            if at in slots:
                slot = self.slot = slots[at]
                self.level = slot.stop_loss or 0
                send = self.buy if slot.sign > 0 else self.sell
                send(
                    size=1,
                    limit=price(slot.limit),
                    stop=price(slot.stop),
                    sl=price(slot.stop_loss),
                    tp=price(slot.take_profit),
                )
            elif self.slot is not None and at == self.slot.at + HOLD:
                for order in list(self.orders):
                    if not order.is_contingent:
                        order.cancel()
                self.position.close()
                self.slot = None
            elif self.slot is not None and self.slot.trail and self.trades:
                level = trailed(self.slot, self.level, bars[at][3])
                if level != self.level:
                    self.level = level
                    self.trades[0].sl = price(level)

    stats = Backtest(data, Breakout, cash=CASH, commission=0).run()
    made = stats["_trades"].sort_values("EntryBar")
    columns = (made[name] for name in ("Size", "EntryBar", "EntryPrice", "ExitBar", "ExitPrice"))
    trades = [[int(s), int(a), float(p), int(b), float(q)] for s, a, p, b, q in zip(*columns, strict=True)]
    return {"slots": len(slots), "trades": trades, "final_equity": float(stats["Equity Final [$]"])}


def main() -> None:
    """Print one JSON object, a line a trade."""
    warnings.filterwarnings("ignore")
    runs = {
        f"{name} {entry} {exits}": record(path, entry, exits)
        for name, path in FILES.items()
        for entry in ENTRIES
        for exits in EXITS
    }
    head = {"engine": "backtesting.py", "version": version("backtesting"), "python": platform.python_version()}
    sys.stdout.write(json.dumps(head)[:-1] + ', "cash": ' + str(CASH) + ', "runs": {\n')
    lines = [f"{json.dumps(name)}: {json.dumps(run)}" for name, run in runs.items()]
    sys.stdout.write(",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
