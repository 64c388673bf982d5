"""TA-Lib's functions as features: TA-Lib's values, the same live and over history, and plain words where that cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepath
from onepath.errors import StrategyError
from onepath.features import Feature, compiled, compute, talib, typical_price
from onepath.features import talib as made
from onepath.features.definition import FIELDS
from onepath.features.running import Running

library = pytest.importorskip("talib", reason="TA-Lib is not installed")
module = __import__("sys").modules["onepath.features.talib"]
SAMPLES = Path(onepath.__file__).parent / "data" / "samples"


@cache
def days() -> dict[str, np.ndarray]:
    import pyarrow.parquet as pq

    table = pq.read_table(SAMPLES / "us10" / "XOM.parquet", columns=list(FIELDS))
    return {field: table[field].to_numpy().astype(float).copy() for field in FIELDS}


WHOLE: list[tuple[Feature, Callable[[dict[str, Any]], Any], float]] = [
    (made("ADX", 14), lambda b: library.ADX(b["high"], b["low"], b["close"], 14), 1e-9),
    (made("RSI", 14), lambda b: library.RSI(b["close"], 14), 1e-9),
    (made("EMA", 30), lambda b: library.EMA(b["close"], 30), 1e-9),
    (made("MACD", 12, 26, 9, output="macdsignal"), lambda b: library.MACD(b["close"], 12, 26, 9)[1], 1e-9),
    (made("BBANDS", 20, output="upperband"), lambda b: library.BBANDS(b["close"], 20)[0], 1e-9),
    (made("BBANDS", 20, 2.0, 2.0, 1, output="upperband"), lambda b: library.BBANDS(b["close"], 20, 2, 2, 1)[0], 1e-9),
    (made("CCI", 14), lambda b: library.CCI(b["high"], b["low"], b["close"], 14), 1e-9),
    (made("CDLENGULFING"), lambda b: library.CDLENGULFING(b["open"], b["high"], b["low"], b["close"]), 0.0),
    (made("SAR", 0.02, 0.2), lambda b: library.SAR(b["high"], b["low"], 0.02, 0.2), 1e-9),
    (made("KAMA", 30), lambda b: library.KAMA(b["close"], 30), 1e-4),
    (made("HT_DCPERIOD"), lambda b: library.HT_DCPERIOD(b["close"]), 1e-9),
    (made("TRIX", 10), lambda b: library.TRIX(b["close"], 10), 1e-9),
    (made("ADOSC", 3, 10), lambda b: library.ADOSC(b["high"], b["low"], b["close"], b["volume"], 3, 10), 1e-9),
]


@pytest.mark.parametrize(("feature", "whole", "apart"), WHOLE, ids=lambda v: v.name if isinstance(v, Feature) else "")
def test_the_window_is_long_enough(feature: Feature, whole: Callable[[dict[str, Any]], Any], apart: float) -> None:
    """Over ten years of real days the value of the window is that of the whole history, from the same day on; a pattern's zeros
    before its lookback are no values."""
    bars = days()
    ours, theirs = compute(feature, bars), whole(bars).astype(float)
    first = feature.warm_up - 1
    assert np.isnan(ours[:first]).all()
    scale = float(np.nanmedian(np.abs(theirs))) or 100.0
    np.testing.assert_allclose(ours[first:], theirs[first:], rtol=apart, atol=apart * scale)


@pytest.mark.parametrize("feature", [made("ADX", 5), made("CCI", 5), made("MACD", 3, 6, 3, output="macd")], ids=repr)
def test_live_is_history(feature: Feature) -> None:
    """Bar by bar, over history, and cut anywhere: the same bits; after a NaN it begins anew."""
    bars = {field: column[:900].copy() for field, column in days().items()}
    for column in bars.values():
        column[100] = math.nan
    rows = list(zip(*(bars[f].tolist() for f in feature.inputs), strict=True))  # type: ignore[index]
    live, cut = Running(feature), Running(feature)
    history = compute(feature, bars)
    one = np.array([live.once(row) for row in rows])
    parts = [cut.over([list(c) for c in zip(*rows[a:b], strict=True)]) for a, b in ((0, 7), (7, 400), (400, 900))]
    np.testing.assert_array_equal(one, history)
    np.testing.assert_array_equal(np.concatenate(parts), history)
    assert np.isnan(history[100 : 100 + feature.warm_up]).all()
    after = {field: column[101:] for field, column in bars.items()}
    np.testing.assert_array_equal(history[101 : 101 + feature.window], compute(feature, after)[: feature.window])
    assert np.isfinite(history[100 + feature.warm_up :]).all()


def test_states_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two symbols with one step, more than there are copies kept of: each goes on from its own state."""
    monkeypatch.setattr(module, "_KEPT", 1)
    feature = made("SMA", 3)
    a, b = Running(feature), Running(feature)
    got = [(a.once((x,)), b.once((-x,))) for x in (1.0, 2.0, 3.0, 7.0)]
    assert got[2:] == [(2.0, -2.0), (4.0, -4.0)]


def test_inputs_can_be_others() -> None:
    """One input for one, two for two: the mean of typical prices (4 + 8) / 2 = 6; the sum of volume and close."""
    bars = {"high": [6.0, 9.0], "low": [2.0, 8.0], "close": [4.0, 7.0], "volume": [1.0, 2.0]}
    assert compute(made("SMA", 2, on=typical_price()), bars)[1] == 6.0
    assert compute(made("ADD", on=("volume", "close")), bars).tolist() == [5.0, 9.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: made("ADXX"), "TA-Lib has no function 'ADXX' (did you mean 'ADX'?)"),
        (lambda: made("OBV"), "talib:OBV adds up from the first bar on, so it has no window; use obv()"),
        (lambda: made("NVI"), "talib:NVI adds up from the first bar on, so it has no window"),
        (lambda: made("MAXINDEX"), "talib:MAXINDEX gives a place in its input"),
        (lambda: made("ADX", 14, 3), "talib:ADX takes timeperiod=14, not 2 numbers"),
        (lambda: made("TRANGE", 3), "talib:TRANGE takes no parameters, not 1 numbers"),
        (lambda: made("ADX", "14"), "talib:ADX: parameters are numbers, not '14'"),  # type: ignore[arg-type]
        (lambda: made("RSI", 1), "talib:RSI(1): TA-Lib refuses these parameters"),
        (lambda: made("MACD"), "talib:MACD has several outputs: name one of macd, macdsignal, macdhist"),
        (lambda: made("MACD", output="macdsig"), "talib:MACD has no output 'macdsig' (did you mean 'macdsignal'?)"),
        (lambda: made("ADX", on="close"), "talib:ADX takes 3 inputs (high, low, close), not 1"),
        (lambda: made("SMA", 100_001), "talib:SMA(100001): TA-Lib refuses these parameters"),
    ],
)
def test_what_cannot_be_says_why(make: Callable[[], Feature], words: str) -> None:
    """One sentence: what was asked for and what there is."""
    with pytest.raises(StrategyError) as caught:
        make()
    assert str(caught.value).startswith(words)


def test_without_talib_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is absent."""
    module._package.cache_clear()
    module._about.cache_clear()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(StrategyError, match=r"need TA-Lib: pip install 'onepath\[talib\]'"):
        made("RSI", 14)


def test_one_output_may_be_named() -> None:
    """`real` of a function that has no other, and a step that is compiled code already is not compiled again."""
    assert made("RSI", 14, output="real").inputs == ("close",)
    assert talib("RSI", 14).step is made("RSI", 14).step


def test_a_long_history_takes_the_step_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other features are compiled, TA-Lib's are not: no warning, and the same values."""
    closes = days()["close"]
    short = compute(made("RSI", 14), closes)
    monkeypatch.setattr(compiled, "worth", lambda values: True)
    np.testing.assert_array_equal(compute(made("RSI", 14), closes), short)
