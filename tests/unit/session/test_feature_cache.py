"""A session with a feature cache: the same to the last byte, whether nothing, something or everything was in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onepath import Context, OrderIntent, Strategy, backtest
from onepath.build import build
from onepath.config import load
from onepath.errors import DataError
from onepath.featurecache import FeatureCache
from onepath.features import ema, rsi, sma

CONFIG = """\
mode: backtest
data: {path: X.csv, symbols: [X], interval: 1m}
strategies:
  - {name: crossing, class: crossing.py, capital: 100000}
features: FEATURES
"""
STRATEGY = """\
from onepath import Strategy, ema, rsi, sma


class Crossing(Strategy):
    def on_start(self, context):
        context.features.require(fast=ema(5), slow=sma(20), strength=rsi(14))

    def generate_orders(self, context):
        f = context.features["X"]
        return context.target("X", weight=1.0 if f.ready and f.fast > f.slow and f.strength < 70 else 0.0)
"""


class Crossing(Strategy):
    def on_start(self, context: Context) -> None:
        context.features.require(fast=ema(5), slow=sma(20), strength=rsi(14))

    def generate_orders(self, context: Context) -> Sequence[OrderIntent]:
        orders: list[OrderIntent] = []
        for symbol in context.symbols:
            f = context.features[symbol]
            up = f.ready and f.fast > f.slow and f.strength < 70
            orders += context.target(symbol, weight=0.5 if up else 0.0)
        return orders


def bars(seed: int, size: int = 3_000) -> Any:
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.002, size)))
    opened = np.concatenate([[100.0], close[:-1]])
    columns = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    times = pd.date_range("2024-01-01", periods=size, freq="min", tz="UTC")
    return pd.DataFrame(columns | {"volume": np.full(size, 1e6)}, index=times)


DATA = {"X": bars(1), "Y": bars(2)}


def journal(result: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in result._store.rows()]


def rows(data: Any, cache: Path | None) -> list[tuple[Any, ...]]:
    """Every row of the journal, the manifest among them."""
    from onepath.backtest import _remembering, prepared
    from onepath.journal.memory import MemoryJournal
    from onepath.session import Session

    kept = MemoryJournal("cached")
    Session(_remembering(prepared(Crossing, data), cache), kept).run()
    return [tuple(row) for row in kept.rows()]


def test_the_journal_is_the_same_with_and_without(tmp_path: Path) -> None:
    """Without a cache, with an empty one, with a full one and with half of one: every row, manifest included, is equal."""
    without = rows(DATA, None)
    assert sum(row[2] == "order.submitted" for row in without) > 50
    assert rows(DATA, tmp_path) == without
    full = FeatureCache(tmp_path).held()
    assert full.entries == 6  # three features of two symbols, in one batch of each
    assert rows(DATA, tmp_path) == without
    assert FeatureCache(tmp_path).held() == full
    for path in sorted(tmp_path.glob("*/*"))[::2]:
        path.unlink()
    assert rows(DATA, tmp_path) == without
    assert FeatureCache(tmp_path).held() == full


def test_what_is_found_is_what_is_used(tmp_path: Path) -> None:
    """That the cache is read at all: with values in it that were put there falsely, decisions are others."""
    without = rows(DATA, None)
    rows(DATA, tmp_path)
    cache = FeatureCache(tmp_path)
    for path in tmp_path.glob("*/*"):
        entry = cache._read(path, 3_000)
        assert entry is not None
        # 0.0 in place of every value, under a right checksum
        data = path.read_bytes()
        body = bytes(8 * 3_000) + data[32 + 8 * 3_000 :]
        from onepath.featurecache import _HEADER, _MAGIC, _checksum

        head = (3_000, len(entry[1]))
        path.write_bytes(_HEADER.pack(_MAGIC, *head, _checksum(path, head, body)) + body)
    assert rows(DATA, tmp_path) != without


def test_by_default_a_backtest_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without feature_cache no folder is made."""
    monkeypatch.chdir(tmp_path)
    backtest(Crossing, DATA)
    assert list(tmp_path.iterdir()) == []
    backtest(Crossing, DATA, feature_cache=tmp_path / "kept")
    assert FeatureCache(tmp_path / "kept").held().entries == 6


def workspace(folder: Path, features: str) -> Path:
    DATA["X"].rename_axis("time").to_csv(folder / "X.csv")
    (folder / "crossing.py").write_text(STRATEGY)
    (folder / "config.yaml").write_text(CONFIG.replace("FEATURES", features))
    return folder / "config.yaml"


def ran(config: Path) -> Any:
    session = build(load(config), home=config.parent, session_id="s", journal_path=None)
    return session.run()


def test_a_configured_session_keeps_its_features_in_the_workspace(tmp_path: Path) -> None:
    """features.cache is on unless said otherwise, in .cache/features; off, nothing is written; the decisions are the same."""
    off = ran(workspace(tmp_path, "{cache: false}"))
    assert not (tmp_path / ".cache").exists()
    on, again = ran(workspace(tmp_path, "{cache_size: 10MB}")), ran(workspace(tmp_path, "{cache_size: 10MB}"))
    assert FeatureCache(tmp_path / ".cache/features").held().entries == 3
    assert off.hash == on.hash == again.hash
    assert off.decisions > 20


def test_without_computing_on_demand_what_is_missing_is_refused(tmp_path: Path) -> None:
    """The sentence names the feature and the command with the file; once it is there, the session runs."""
    config = workspace(tmp_path, "{compute_on_demand: false}")
    with pytest.raises(
        DataError,
        match=r"feature ema\(window=5\) on close is not in the cache .*`onepath features compute .*config.yaml`",
    ):
        ran(config)
    wanted = ran(workspace(tmp_path, "{cache: true}"))
    assert ran(workspace(tmp_path, "{compute_on_demand: false}")).hash == wanted.hash
