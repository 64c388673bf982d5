"""The peer of `benchmarks/sweep.py`: the same sweep by vectorbt, in an environment of its own.

    .bench/venv-vectorbt_rust/bin/python benchmarks/peers/vectorbt_sweep.py DATA FASTS SLOWS CHUNK ROUNDS OUT

Its best way of those tried: each window's average once, signals as NumPy comparisons shifted by a bar, CHUNK columns at a time so
that they fit memory, one unit, filled at the next open, 0.1 % a side; of every column the final value, total return, Sharpe
ratio, maximum drawdown and number of closed trades. The least time of ROUNDS, after a warm-up on 2,000 rows; the figures go to
OUT (.npz), one JSON line to the screen.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt  # type: ignore[import-not-found]
from vectorbt._engine import is_rust_available  # type: ignore[import-not-found]

CASH, FEE = 100_000_000.0, 0.001


def sweep(opens: Any, closes: Any, fasts: list[int], slows: list[int], chunk: int) -> Any:
    """The figures of all combinations, a column each."""
    pairs = [(fast, slow) for fast in fasts for slow in slows]
    fast_means = vbt.MA.run(closes, fasts).ma.to_numpy()
    slow_means = vbt.MA.run(closes, slows).ma.to_numpy()
    fast_at, slow_at = {w: i for i, w in enumerate(fasts)}, {w: i for i, w in enumerate(slows)}
    found = []
    for i in range(0, len(pairs), chunk):
        part = pairs[i : i + chunk]
        a, b = fast_means[:, [fast_at[p[0]] for p in part]], slow_means[:, [slow_at[p[1]] for p in part]]
        entries, exits = np.zeros(a.shape, bool), np.zeros(a.shape, bool)
        np.greater(a[:-1], b[:-1], out=entries[1:])
        np.less(a[:-1], b[:-1], out=exits[1:])
        folio = vbt.Portfolio.from_signals(
            closes, entries, exits, price=opens, size=1.0, fees=FEE, init_cash=CASH, freq="1min"
        )
        value = (
            folio.value()
        )  # what the others follow from: asked one by one, each is computed anew, or 9 GB are cached
        returns = value.pct_change().fillna(0.0).vbt.returns(freq="1min")
        final = value.iloc[-1]
        columns = (
            final,
            final / CASH - 1.0,
            returns.sharpe_ratio(),
            returns.max_drawdown(),
            folio.trades.closed.count(),
        )
        found.append(np.array([column.to_numpy() for column in columns]))
    return np.concatenate(found, axis=1)


def numbers(text: str) -> list[int]:
    return list(map(int, text.split(",")))


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main() -> None:
    path, given_fasts, given_slows, given_chunk, rounds, out = sys.argv[1:]
    fasts, slows, chunk = numbers(given_fasts), numbers(given_slows), int(given_chunk)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    vbt.settings.caching["enabled"] = False
    table = np.load(path)
    index = pd.DatetimeIndex(table["time"])
    opens, closes = (pd.Series(table[name], index=index) for name in ("open", "close"))
    sweep(opens[:2000], closes[:2000], fasts[:2], slows[:2], chunk)
    times = []
    for _ in range(int(rounds)):
        began = time.perf_counter()
        found = sweep(opens, closes, fasts, slows, chunk)
        times.append(time.perf_counter() - began)
    np.savez(out, final_equity=found[0], total_return=found[1], sharpe=found[2], max_drawdown=found[3], trades=found[4])
    engine = "rust" if is_rust_available() else "numba"
    said = {"seconds": min(times), "peak_mb": peak_mb(), "version": vbt.__version__, "engine": engine}
    sys.stdout.write(json.dumps(said) + "\n")


main()
