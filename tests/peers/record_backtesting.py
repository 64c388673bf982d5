"""Record an SMA crossover in backtesting.py: run by hand, in an environment of its own, and the JSON is committed.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install backtesting==0.6.6 pyarrow
    /tmp/peer/bin/python tests/peers/record_backtesting.py > tests/peers/backtesting.json

backtesting.py is AGPL: it is no dependency of onepath, is not imported by anything of it, and nothing was taken from it but
the figures. How it counts (0.6.6): market orders fill at the next open; commission is taken from cash at entry and again
at exit, each a share of that price; a trade still open at the end stays open, with its entry commission paid, and final
equity values it at the last close. `next` is first called on the second bar, which is before any average is warm.

The averages are compared as whole numbers (prices times a million, sums times the other window), so that no rounding can
decide a tie differently in two programs.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src" / "onepath" / "data" / "samples"
RUNS: dict[str, dict[str, Any]] = {
    "us10_aapl_daily": {"path": SAMPLES / "us10" / "AAPL.parquet", "fast": 20, "slow": 50},
    "btcusd_1m_day": {"path": SAMPLES / "btcusd_1m" / "BTCUSD.parquet", "fast": 10, "slow": 30},
    "bitfinex_1m_2018": {
        "path": ROOT.parent / "shared" / "data" / "crypto_1m_bitfinex" / "btcusd_1m_2018.parquet",
        "fast": 20,
        "slow": 50,
    },
}
CASH = 1_000_000
COMMISSION = 0.001
LISTED = 400
"""runs with more trades are recorded as a hash of all and the first and last few"""


def prices_hash(opens: Any, closes: Any) -> str:
    """SHA-256 of all opens, then all closes, as 64-bit floats: what both programs must have read."""
    both = hashlib.sha256(np.ascontiguousarray(opens, dtype="<f8").tobytes())
    both.update(np.ascontiguousarray(closes, dtype="<f8").tobytes())
    return both.hexdigest()


def trades_hash(trades: list[list[float]]) -> str:
    """SHA-256 of a line a trade: entry and exit price as Python writes them."""
    return hashlib.sha256("".join(f"{a!r} {b!r}\n" for a, b in trades).encode()).hexdigest()


def is_up(closes: Any, fast: int, slow: int) -> Any:
    """Whether the fast average is above the slow one, bar by bar; false until both are warm."""
    units = np.rint(np.asarray(closes) * 1e6).astype(np.int64)
    sums = np.concatenate(([0], np.cumsum(units)))
    up = np.zeros(len(units), dtype=bool)
    quick = sums[slow:] - sums[slow - fast : -fast]
    long = sums[slow:] - sums[:-slow]
    up[slow - 1 :] = quick * slow > long * fast
    return up


def record(path: Path, fast: int, slow: int) -> dict[str, Any]:
    """Run one and describe it."""
    from backtesting import Backtest, Strategy

    table = pd.read_parquet(path)
    names = {name: name.capitalize() for name in ("open", "high", "low", "close", "volume")}
    data = table[list(names)].rename(columns=names).reset_index(drop=True)
    up = is_up(data["Close"], fast, slow)

    class Cross(Strategy):
        """Long one unit while the fast average is above the slow one."""

        def init(self) -> None:
            """Nothing: the averages are made above."""

        def next(self) -> None:
            if up[len(self.data) - 1]:
                if not self.position:
                    self.buy(size=1)
            elif self.position:
                self.position.close()

    stats = Backtest(data, Cross, cash=CASH, commission=COMMISSION).run()
    closed = stats["_trades"]
    trades = [[float(a), float(b)] for a, b in zip(closed["EntryPrice"], closed["ExitPrice"], strict=True)]
    return {
        "fast": fast,
        "slow": slow,
        "cash": CASH,
        "commission": COMMISSION,
        "bars": len(data),
        "prices_sha256": prices_hash(data["Open"], data["Close"]),
        "trades": len(trades),
        "trades_sha256": trades_hash(trades),
        "first_trades": trades[:3],
        "last_trades": trades[-3:],
        "all_trades": trades if len(trades) <= LISTED else None,
        "open_entries": [float(trade.entry_price) for trade in stats["_strategy"].trades],
        "final_equity": float(stats["Equity Final [$]"]),
    }


def main() -> None:
    """Print one JSON object."""
    warnings.filterwarnings("ignore")
    made = {
        "engine": "backtesting.py",
        "version": version("backtesting"),
        "python": platform.python_version(),
        "runs": {name: record(**given) for name, given in RUNS.items()},
    }
    sys.stdout.write(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
