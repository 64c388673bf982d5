"""Parameter sweeps against vectorbt, in one run:  python benchmarks/sweep.py [--json] [--quick]

What is compared. 400 combinations of an SMA crossover (fast 5 to 43 by 2, slow 60 to 155 by 5) over 500,000 one-minute bars of a
random walk, one unit, filled at the next open, 0.1 % a side, on one core. QuickBacktest: `quick.sweep(...)`, all its statistics
(33) of every combination included. The peer: vectorbt (its Rust engine where there is one), the fastest way that we found, with
five statistics of each combination (final value, total return, Sharpe ratio, maximum drawdown, trades), from the same file in a
process and an environment of its own (`.bench/venv-vectorbt_rust` or `venv-vectorbt`, see `peers/vectorbt_sweep.py`); where
neither is installed it is reported as absent, null. The floor: a bare compiled pass of the same rule, averages kept by sums, no
statistics. Compiling is not in the times: every program has run on 2,000 bars before.

Memory is the peak of each program's process, reading the file and importing included. Final equity of all combinations must be
vectorbt's within 1e-6, and the number of trades the same, or the program fails. `process_speedup` is a sweep of an ordinary
strategy through the engine on one process over the same on two. Ratios are the result; nanoseconds are for orientation.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onepath import TargetStrategy, sma

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).parent / "peers" / "vectorbt_sweep.py"
ENVIRONMENTS = ("venv-vectorbt_rust", "venv-vectorbt")
MINUTE = 60_000_000_000
T0 = 1_577_836_800 * 1_000_000_000
CASH, FEE = 100_000_000, 0.001
CHUNK = 20
"""columns that vectorbt works on at a time: more need more memory and are not faster"""


class Crossing(TargetStrategy):
    """One unit while the fast average is above the slow one."""

    sized = "quantity"

    class Params(TargetStrategy.Params):
        fast: int = 20
        slow: int = 50

    def features(self) -> dict[str, Any]:
        return {"quick": sma(self.params.fast), "calm": sma(self.params.slow)}

    @staticmethod
    def target(quick: float, calm: float) -> float:
        if quick > calm:
            return 1.0
        return 0.0 if quick < calm else math.nan


def write_bars(path: Path, count: int, seed: int = 11) -> None:
    """A random walk of one-minute bars as NumPy columns, in eight decimals, so that no two averages are equal; every close is
    followed by an open beside it."""
    import numpy as np

    draw = np.random.Generator(np.random.PCG64(seed))
    close = np.round(50_000.0 * np.exp(np.cumsum(draw.normal(0, 5e-4, count))), 8)
    opening = np.round(np.concatenate(([50_000.0], close[:-1])) * (1 + draw.normal(0, 5e-5, count)), 8)
    high = np.round(np.maximum(opening, close) * (1 + np.abs(draw.normal(0, 2e-4, count))), 8)
    low = np.round(np.minimum(opening, close) * (1 - np.abs(draw.normal(0, 2e-4, count))), 8)
    volume = np.round(draw.lognormal(5, 0.7, count) + 20, 3)
    time = (T0 + np.arange(count, dtype=np.int64) * MINUTE).astype("datetime64[ns]")
    np.savez(path, time=time, open=opening, high=high, low=low, close=close, volume=volume)


# -- in processes of their own


def child_quick(path: str, fasts: Sequence[int], slows: Sequence[int], rounds: int, out: str) -> dict[str, Any]:
    """QuickBacktest over the file."""
    import numpy as np

    from onepath.research import QuickBacktest

    _one_core()
    data = dict(np.load(path))
    how: dict[str, Any] = {"cash": CASH, "commission": FEE, "participation": None, "compiled": True}
    quick, short = QuickBacktest(data, **how), QuickBacktest({k: v[:2_000] for k, v in data.items()}, **how)
    del data
    params = [{"fast": fast, "slow": slow} for fast in fasts for slow in slows]
    short.sweep(Crossing, params[:2])
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        runs = quick.sweep(Crossing, params)
        times.append(time.perf_counter() - began)
    np.savez(out, **runs.stats)
    return {"seconds": min(times), "peak_mb": _peak_mb(), "refused": len(runs.refused)}


def child_floor(path: str, fasts: Sequence[int], slows: Sequence[int], rounds: int, _out: str) -> dict[str, Any]:
    """The bare compiled pass."""
    import numba
    import numpy as np

    _one_core()
    table = np.load(path)
    opens, closes = table["open"], table["close"]
    one = numba.njit(bare)
    one(opens[:2000], closes[:2000], 5, 60, float(CASH), FEE)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for fast in fasts:
            for slow in slows:
                one(opens, closes, fast, slow, float(CASH), FEE)
        times.append(time.perf_counter() - began)
    return {"seconds": min(times)}


def bare(opens: Any, closes: Any, fast: int, slow: int, cash: float, fee: float) -> float:
    """One combination and nothing besides: averages by sums, one unit, cash."""
    quick = calm = 0.0
    held = wanted = 0
    for i in range(len(closes)):
        if wanted != held:
            cash += opens[i] * (1 - fee) if held else -opens[i] * (1 + fee)
            held = wanted
        quick += closes[i]
        calm += closes[i]
        if i >= fast:
            quick -= closes[i - fast]
        if i >= slow:
            calm -= closes[i - slow]
        if i + 1 >= slow:
            wanted = 1 if quick / fast > calm / slow else 0
    return float(cash + held * closes[-1])


CHILDREN = {"quick": child_quick, "floor": child_floor}


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _peak_mb() -> float:
    # Not getrusage: its peak is inherited from the parent process.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


# -- the comparison


def peer_python() -> Path | None:
    """The interpreter of vectorbt's environment."""
    places = [ROOT / ".bench" / name / "bin" / "python" for name in ENVIRONMENTS]
    return next((place for place in places if place.exists()), None)


def _said(command: Sequence[object]) -> dict[str, Any]:
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[1]} failed: {done.stderr.strip()[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compare(folder: Path, count: int, fasts: Sequence[int], slows: Sequence[int], rounds: int) -> dict[str, Any]:
    """All programs over one file; ours before and after the peer, so that a noisy machine hits both."""
    path, cells = folder / "bars.npz", count * len(fasts) * len(slows)
    write_bars(path, count)
    grid = [",".join(map(str, fasts)), ",".join(map(str, slows))]
    ours = [sys.executable, __file__, "--child"]
    tail = [path, *grid, rounds, folder / "ours.npz"]
    _said([*ours, "quick", path, *grid, 1, folder / "ours.npz"])  # what is compiled is kept on disk
    first, floor, python = _said([*ours, "quick", *tail]), _said([*ours, "floor", *tail]), peer_python()
    peer = None if python is None else _said([python, PEER, path, *grid, CHUNK, 1, folder / "peer.npz"])
    second = _said([*ours, "quick", *tail])
    seconds = min(first["seconds"], second["seconds"])
    found: dict[str, Any] = {
        "ns_per_bar_combination": seconds / cells * 1e9,
        "vectorbt_ns_per_bar_combination": None if peer is None else peer["seconds"] / cells * 1e9,
        "floor_ns_per_bar_combination": floor["seconds"] / cells * 1e9,
        "times_faster": None if peer is None else peer["seconds"] / seconds,
        "bar_combinations_per_second": cells / seconds,
        "peak_mb": max(first["peak_mb"], second["peak_mb"]),
        "vectorbt_peak_mb": None if peer is None else peer["peak_mb"],
        "memory_share": None if peer is None else max(first["peak_mb"], second["peak_mb"]) / peer["peak_mb"],
        "vectorbt": None if peer is None else f"{peer['version']} ({peer['engine']})",
    }
    return found | ({} if peer is None else agreement(folder))


def agreement(folder: Path) -> dict[str, float]:
    """How far our figures are from vectorbt's: final equity (relative), and the number of trades."""
    import numpy as np

    ours, theirs = np.load(folder / "ours.npz"), np.load(folder / "peer.npz")
    equity = np.abs(ours["final_equity"] / theirs["final_equity"] - 1.0)
    return {
        "equity_difference": float(equity.max()),
        "trades_difference": float(np.abs(ours["trades"] - theirs["trades"]).max()),
    }


def process_speedup(folder: Path, count: int, points: int) -> float:
    """The same sweep through the engine on one process over that on two, least times of two rounds each."""
    import numpy as np
    import pandas as pd

    from onepath.examples.sma_cross import SmaCross
    from onepath.research import sweep

    write_bars(folder / "engine.npz", count)
    frame = pd.DataFrame(dict(np.load(folder / "engine.npz"))).set_index("time")
    times: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(2):
        for workers, found in times.items():
            began = time.perf_counter()
            sweep(
                SmaCross,
                frame,
                {"fast": list(range(5, 5 + points)), "slow": [200]},
                workers=workers,
                engine=True,
                cash=CASH,
                participation=None,  # the made-up bars are thin: orders would pile up, and the run be about them
                workspace=folder / f"log-{workers}-{turn}",
            )
            found.append(time.perf_counter() - began)
    return min(times[1]) / min(times[2])


LEAST = {"times_faster": 10.0, "process_speedup": 1.8}
"""what must be reached"""
MOST = {"memory_share": 0.1, "equity_difference": 1e-6, "trades_difference": 0.0}
"""what must not be passed"""


def missed(found: Mapping[str, Any], quick: bool) -> dict[str, Any]:
    """The bounds that do not hold; of a small run, where fixed costs weigh, only what must be equal and a wide margin."""
    least = {"times_faster": 2.0} if quick else LEAST
    most = {name: MOST[name] for name in ("equity_difference", "trades_difference")} if quick else MOST
    low = {name: found[name] for name, bound in least.items() if found.get(name) is not None and found[name] < bound}
    high = {name: found[name] for name, bound in most.items() if found.get(name) is not None and found[name] > bound}
    return {**low, **high}


def measure(quick: bool) -> dict[str, Any]:
    """All figures; `quick` is a small run, for a look and for CI."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fasts, slows = list(range(5, 45, 2)), list(range(60, 160, 5))
        if quick:
            found = compare(folder, 50_000, fasts[::5], slows[::4], 2)
            found["process_speedup"] = process_speedup(folder, 5_000, 4)
        else:
            found = compare(folder, 500_000, fasts, slows, 3)
            found["process_speedup"] = process_speedup(folder, 100_000, 16)
    return {key: round(value, 9) if isinstance(value, float) else value for key, value in found.items()}


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a small run")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    asked = parser.parse_args(None if arguments is None else list(arguments))
    if asked.child:
        what, path, fasts, slows, rounds, out = asked.child
        found = CHILDREN[what](
            path, list(map(int, fasts.split(","))), list(map(int, slows.split(","))), int(rounds), out
        )
        print(json.dumps(found))
        return
    found = measure(asked.quick)
    if asked.json:
        print(json.dumps(found))
    else:
        show(found)
    bad = missed(found, asked.quick)
    if bad:
        sys.exit(f"bounds that do not hold: {bad}")


def show(found: Mapping[str, Any]) -> None:
    """A line a figure."""
    for name, value in found.items():
        bound = (
            f"  (at least {LEAST[name]:g})" if name in LEAST else f"  (at most {MOST[name]:g})" if name in MOST else ""
        )
        said = "absent" if value is None else f"{value:,.3g}" if isinstance(value, float) and value < 1 else None
        print(f"{name:<34}{said or (f'{value:,.2f}' if isinstance(value, float) else value):>18}{bound}")


if __name__ == "__main__":
    main()
