"""The built-in features against TA-Lib, on one core, in one run:  python benchmarks/features.py [--json] [--quick]

What is compared, in processor time. Twenty built-ins over 500,000 one-minute bars, each through `onepath.features.compute`,
compiled, against TA-Lib's function over the same arrays: the best of alternating rounds, so that a noisy machine hits both.
Ratios are the result. Where TA-Lib gives several outputs at once (MACD, STOCH, BBANDS) it is timed as it is called, all of them;
ours gives the one asked for. The twenty are the indicators of requirement FEAT-004 that TA-Lib has, with their parts; all others
that both have are listed below them, and `others_ratio_worst` is the worst of these. The worst are those where TA-Lib does one
vectorised subtraction or comparison (0.2 to 1 ns a bar), which a step from bar to bar cannot.
Live: one bar through `FeaturePlant.update` with all twenty.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from engine import bars, show
from onepath import features
from onepath.features import Feature, compute
from onepath.features.plant import FeaturePlant
from onepath.market import Bar

BARS = {"talib_ratio_worst": 1.5, "live_update_us": 20.0}
"""what each figure must not pass"""
Arrays = dict[str, Any]


def twenty() -> dict[str, tuple[Feature, Callable[[Any, Arrays], Any]]]:
    """Name, ours, and how TA-Lib is called: the indicators the requirement names, with their parts."""
    f = features
    return {
        "returns": (f.returns(10), lambda t, b: t.ROCP(b["close"], 10)),
        "standard_deviation": (f.standard_deviation(20), lambda t, b: t.STDDEV(b["close"], 20)),
        "atr": (f.atr(14), lambda t, b: t.ATR(*_hlc(b), 14)),
        "rsi": (f.rsi(14), lambda t, b: t.RSI(b["close"], 14)),
        "macd": (f.macd(), lambda t, b: t.MACD(b["close"])),
        "macd_signal": (f.macd_signal(), lambda t, b: t.MACD(b["close"])),
        "macd_histogram": (f.macd_histogram(), lambda t, b: t.MACD(b["close"])),
        "sma": (f.sma(20), lambda t, b: t.SMA(b["close"], 20)),
        "ema": (f.ema(20), lambda t, b: t.EMA(b["close"], 20)),
        "bollinger_upper": (f.bollinger_upper(20), lambda t, b: t.BBANDS(b["close"], 20)),
        "bollinger_lower": (f.bollinger_lower(20), lambda t, b: t.BBANDS(b["close"], 20)),
        "rolling_max": (f.rolling_max(20), lambda t, b: t.MAX(b["close"], 20)),
        "rolling_min": (f.rolling_min(20), lambda t, b: t.MIN(b["close"], 20)),
        "donchian_upper": (f.donchian_upper(20), lambda t, b: t.MAX(b["high"], 20)),
        "donchian_lower": (f.donchian_lower(20), lambda t, b: t.MIN(b["low"], 20)),
        "adx": (f.adx(14), lambda t, b: t.ADX(*_hlc(b), 14)),
        "plus_di": (f.plus_di(14), lambda t, b: t.PLUS_DI(*_hlc(b), 14)),
        "minus_di": (f.minus_di(14), lambda t, b: t.MINUS_DI(*_hlc(b), 14)),
        "stochastic_k": (f.stochastic_k(14, 3), lambda t, b: t.STOCH(*_hlc(b), 14, 3, 0, 3, 0)),
        "stochastic_d": (f.stochastic_d(14, 3, 3), lambda t, b: t.STOCH(*_hlc(b), 14, 3, 0, 3, 0)),
    }


def others() -> dict[str, tuple[Feature, Callable[[Any, Arrays], Any]]]:
    """The rest of those that both have."""
    f = features
    return {
        "typical_price": (f.typical_price(), lambda t, b: t.TYPPRICE(*_hlc(b))),
        "cci": (f.cci(20), lambda t, b: t.CCI(*_hlc(b), 20)),
        "dx": (f.dx(14), lambda t, b: t.DX(*_hlc(b), 14)),
        "obv": (f.obv(), lambda t, b: t.OBV(b["close"], b["volume"])),
        "mfi": (f.mfi(14), lambda t, b: t.MFI(*_hlc(b), b["volume"], 14)),
        "wma": (f.wma(20), lambda t, b: t.WMA(b["close"], 20)),
        "dema": (f.dema(20), lambda t, b: t.DEMA(b["close"], 20)),
        "tema": (f.tema(20), lambda t, b: t.TEMA(b["close"], 20)),
        "linear_regression": (f.linear_regression(14), lambda t, b: t.LINEARREG(b["close"], 14)),
        "median_price": (f.median_price(), lambda t, b: t.MEDPRICE(b["high"], b["low"])),
        "momentum": (f.momentum(10), lambda t, b: t.MOM(b["close"], 10)),
        "roc": (f.roc(10), lambda t, b: t.ROC(b["close"], 10)),
        "williams_r": (f.williams_r(14), lambda t, b: t.WILLR(*_hlc(b), 14)),
        "correlation": (f.correlation(30, "high", "low"), lambda t, b: t.CORREL(b["high"], b["low"], 30)),
        "donchian_middle": (f.donchian_middle(20), lambda t, b: t.MIDPRICE(b["high"], b["low"], 20)),
        "true_range": (f.true_range(), lambda t, b: t.TRANGE(*_hlc(b))),
        "natr": (f.natr(14), lambda t, b: t.NATR(*_hlc(b), 14)),
        "accumulation_distribution": (
            f.accumulation_distribution(),
            lambda t, b: t.AD(*_hlc(b), b["volume"]),
        ),
        "slope": (f.slope(14), lambda t, b: t.LINEARREG_SLOPE(b["close"], 14)),
        "bollinger_middle": (f.bollinger_middle(20), lambda t, b: t.BBANDS(b["close"], 20)),
    }


def _hlc(b: Arrays) -> tuple[Any, Any, Any]:
    return b["high"], b["low"], b["close"]


def arrays(count: int) -> Arrays:
    """The bars of the engine's benchmark as arrays."""
    import numpy as np

    _, _, opening, high, low, close, volume = bars(count)
    named = {"open": opening, "high": high, "low": low, "close": close, "volume": volume}
    return {name: np.array(column) for name, column in named.items()}


def timed(program: Callable[[], Any]) -> float:
    """Seconds of the processor, so that a machine that does other things does not decide."""
    began = time.thread_time()
    program()
    return time.thread_time() - began


def compared(
    table: dict[str, tuple[Feature, Callable[[Any, Arrays], Any]]], data: Arrays, rounds: int
) -> dict[str, tuple[float, float]]:
    """Nanoseconds a bar, ours and TA-Lib's; NaN where TA-Lib is not installed."""
    talib: Any = __import__("talib") if find_spec("talib") else None
    count = len(data["close"])
    found = {}
    for name, (feature, theirs) in table.items():
        compute(feature, data)  # compiles
        mine, its = [], []
        for _ in range(rounds):
            mine.append(timed(lambda f=feature: compute(f, data)))  # type: ignore[misc]
            its.append(timed(lambda t=theirs: t(talib, data)) if talib else math.nan)  # type: ignore[misc]
        found[name] = (min(mine) / count * 1e9, min(its) / count * 1e9)
    return found


def live_us(count: int, rounds: int) -> float:
    """Microseconds of one bar through all twenty, as a live session takes it; the best of rounds."""
    chosen = {name: feature for name, (feature, _) in twenty().items()}
    columns = bars(count)
    took = []
    for _ in range(rounds):
        plant = FeaturePlant(chosen, ["BTC"], None)
        events = [Bar("BTC", *row) for row in zip(*columns, strict=True)]
        began = time.thread_time()
        for event in events:
            plant.update(event, None)
        took.append((time.thread_time() - began) / count * 1e6)
        if not plant.views["BTC"].ready:
            raise SystemExit("the live features are not ready")
    return min(took)


def measure(quick: bool) -> tuple[dict[str, float | None], dict[str, tuple[float, float]]]:
    """The figures, and the table behind them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    __import__("numba")  # so that every run is worth compiling
    data, rounds = arrays(60_000 if quick else 500_000), 5 if quick else 25
    chosen, rest = compared(twenty(), data, rounds), compared(others(), data, rounds)
    return {
        "talib_ratio_worst": _worst(chosen),
        "talib_ratio_median": _ratio(statistics.median(a / b for a, b in chosen.values())),
        "others_ratio_worst": _worst(rest),
        "live_update_us": round(live_us(2_000 if quick else 10_000, 5), 2),
    }, chosen | rest


def _worst(table: dict[str, tuple[float, float]]) -> float | None:
    return _ratio(max(ours / theirs for ours, theirs in table.values()))


def _ratio(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="an eighth of the size; bounds are not held to")
    asked = parser.parse_args(list(arguments) if arguments is not None else None)
    found, table = measure(asked.quick)
    if asked.json:
        print(json.dumps(found))
    else:
        _print(found, table)
    if find_spec("talib") is None:
        print("TA-Lib is absent: pip install 'onepath[talib]'", file=sys.stderr)
    missed = {name: found[name] for name, most in BARS.items() if (found[name] or 0.0) > most}
    if missed and not asked.quick:
        sys.exit(f"not within bounds: {missed}")


def _print(found: dict[str, float | None], table: dict[str, tuple[float, float]]) -> None:
    chosen = twenty()
    print(f"{'feature':<28}{'ours ns':>9}{'TA-Lib ns':>11}{'ratio':>8}")
    for name, (ours, theirs) in table.items():
        print(
            f"{name:<28}{ours:>9.2f}{theirs:>11.2f}{ours / theirs:>8.2f}{'' if name in chosen else '  (not of the 20)'}"
        )
    show({name: value for name, value in found.items() if value is not None}, BARS)


if __name__ == "__main__":
    main()
