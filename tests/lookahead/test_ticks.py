"""The same for quotes and trades: what comes after a moment changes nothing that was before it."""

from __future__ import annotations

import random
from bisect import bisect_right
from pathlib import Path
from typing import Any

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.backtest import plan
from onepath.data import open_feed
from onepath.feeds.ticks import in_memory
from onepath.journal.memory import MemoryJournal
from onepath.ports import Row
from onepath.session import Session

FOLDER = Path(onepath.__file__).parent / "data" / "samples" / "btcusdt_quotes"
SYMBOL = "BTCUSDT"
Streams = dict[str, dict[str, list[Any]]]


def streams(rows: int) -> Streams:
    """The first quotes of the bundled minutes, and the trades up to the last of them."""
    found = {}
    for kind in ("quotes", "trades"):
        table = pq.read_table(FOLDER / f"{SYMBOL}.{kind}.parquet")
        found[kind] = {name: table.column(name).to_pylist() for name in table.column_names}
    return cut(found, found["quotes"]["at"][rows])


def cut(data: Streams, at: int) -> Streams:
    """Nothing after `at`."""
    return {
        kind: {name: values[: bisect_right(columns["at"], at)] for name, values in columns.items()}
        for kind, columns in data.items()
    }


def scrambled(data: Streams, at: int, seed: int) -> Streams:
    """Other prices and sizes after `at`, the times as they were."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    level = chance.choice([0.99, 1.01])
    made: Streams = {}
    for kind, columns in data.items():
        first = bisect_right(columns["at"], at)
        factors = [level * chance.uniform(0.9999, 1.0001) for _ in columns["at"][first:]]
        made[kind] = {
            name: values[:first] + [value * f for value, f in zip(values[first:], factors, strict=True)]
            if name not in ("at", "aggressor")
            else values
            for name, values in columns.items()
        }
    return made


def rows_of(data: Streams) -> list[Row]:
    """All that the journal of a market-making run over these streams says, but for where and how it ended."""
    arguments = {k: v for k, v in cases.arguments("market_making").items() if k != "data"}
    feed = in_memory({SYMBOL: data}, open_feed("btcusdt_quotes").instruments)
    journal = MemoryJournal("look")
    outcome = Session(plan(feed=feed, marks="1s", **arguments), journal).run()
    assert outcome.errors == ()
    return [row for row in journal.rows() if row.kind.startswith(("order.", "position", "signal"))]


@pytest.mark.parametrize("part", [0.3, 0.7])
def test_market_making_never_looks_ahead(part: float) -> None:
    """Quotes and trades cut off, or other ones, after a moment: every order, report and position up to it is the same."""
    data = streams(6_000)
    at = data["quotes"]["at"][int(6_000 * part)]
    whole = [row for row in rows_of(data) if row.at <= at]
    assert len(whole) > 30
    for other in (cut(data, at), scrambled(data, at, 1), scrambled(data, at, 2)):
        assert [row for row in rows_of(other) if row.at <= at] == whole
