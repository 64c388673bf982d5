"""Bars built of real ticks are those that were published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import onepath
from onepath import Context, Instrument, Strategy
from onepath.backtest import plan
from onepath.data import open_feed
from onepath.feeds.ticks import in_memory
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.session import Session

TICKS = Path(__file__).resolve().parents[3] / "shared/data/fx_ticks_eurusd_fxcm"
SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
SIDES = ("bid", "ask")
FIELDS = ("open", "high", "low", "close")


class Collects(Strategy):
    """Keeps every bar that closes, by symbol and interval."""

    def __init__(self, *intervals: str) -> None:
        super().__init__()
        self.intervals = intervals
        self.bars: dict[tuple[str, str], list[Bar]] = {}

    def on_start(self, context: Context) -> None:
        self.context = context
        context.timeframes.require(*self.intervals)

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        self.bars.setdefault((bar.symbol, interval), []).append(bar)


def collected(feed: Any, *intervals: str) -> Collects:
    strategy = Collects(*intervals)
    outcome = Session(plan(strategy, feed, 1_000), MemoryJournal("t")).run()
    assert outcome.errors == ()
    return strategy


@pytest.mark.skipif(not TICKS.exists(), reason="the recorded EUR/USD ticks (shared/data) are not on this machine")
def test_the_ticks_of_fxcm_make_the_bars_that_fxcm_published() -> None:
    """EUR/USD, 1 to 15 May 2014: 1,144,807 quotes, bid and ask each as a price, make the 15,857 published bars of a minute,
    starts and prices exactly; the last of them is the one under way at the end."""
    ticks = pd.read_parquet(TICKS / "eurusd_quote_ticks_201405.parquet")
    published = pd.read_csv(TICKS / "eurusd_1m_quote_bars_201405.csv.gz", parse_dates=["timestamp"])
    at = ticks["timestamp"].astype("datetime64[ns, UTC]").astype("int64").to_numpy()
    sizes = np.ones(len(ticks))
    columns = {side: {"trades": {"at": at, "price": ticks[side].to_numpy(), "size": sizes}} for side in SIDES}
    found = collected(in_memory(columns, {side: Instrument(symbol=side) for side in SIDES}), "1m")
    starts = published["timestamp"].astype("datetime64[ns, UTC]").astype("int64").tolist()
    assert len(starts) == 15_857
    for side in SIDES:
        forming = found.context.timeframes[side, "1m"].forming
        assert forming is not None
        bars = [*found.bars[side, "1m"], forming]
        assert [bar.start for bar in bars] == starts
        assert [(b.open, b.high, b.low, b.close) for b in bars] == list(
            published[[f"{side}_{field}" for field in FIELDS]].itertuples(index=False, name=None)
        )


def test_a_day_of_bitcoin_resampled_by_pandas() -> None:
    """The 1,440 bars of a minute of the sample make the bars of 5m, 1h and 4h that pandas resamples them to; prices exactly,
    volumes to 1e-12 (pandas sums in another order)."""
    rows = pd.read_parquet(SAMPLES / "btcusd_1m" / "BTCUSD.parquet")
    rows.index = pd.to_datetime(rows["start"], unit="ns", utc=True)
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    found = collected(open_feed("btcusd_1m"), "5m", "1h", "4h", "1d")
    for interval, rule, number in (("5m", "5min", 288), ("1h", "1h", 24), ("4h", "4h", 6), ("1d", "1D", 1)):
        right = rows.resample(rule).agg(how)
        bars = found.bars["BTCUSD", interval]
        assert len(bars) == number == len(right)
        assert [(b.open, b.high, b.low, b.close) for b in bars] == list(
            right[list(FIELDS)].itertuples(index=False, name=None)
        )
        assert [b.volume for b in bars] == pytest.approx(right["volume"].tolist(), rel=1e-12)
