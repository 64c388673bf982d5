"""The data that comes with the package: whole, small, licensed, and what its provenance says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from onepath.data import catalogue, open_feed
from onepath.data.quality import check_dataset

EXPECTED = {"us10": (25_160, 10, "XNYS"), "btcusd_1m": (1_440, 1, "24/7"), "eurusd_1h": (6_225, 1, "24/5")}
EVERY = pytest.mark.parametrize("name", sorted(EXPECTED))


@EVERY
def test_a_sample_opens_by_name(name: str) -> None:
    """Each sample opens by its name, on its calendar, with the rows its provenance states."""
    rows, symbols, calendar = EXPECTED[name]
    feed = open_feed(name)
    assert (feed.total, len(feed.instruments)) == (rows, symbols)
    assert {i.calendar for i in feed.instruments.values()} == {calendar}
    assert sum(batch.size for batch in feed.batches()) == rows
    assert f"rows: {rows:,}" in (catalogue.SAMPLES / name / "PROVENANCE.md").read_text()


@EVERY
def test_a_sample_is_the_file_it_says(name: str) -> None:
    """Each file has the hash that dataset.json and the provenance record."""
    folder = catalogue.SAMPLES / name
    for entry in json.loads((folder / "dataset.json").read_text())["symbols"].values():
        found = hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
        assert found == entry["sha256"]
        assert found in (folder / "PROVENANCE.md").read_text()


@EVERY
def test_a_sample_has_its_licence_beside_it(name: str) -> None:
    """The licence text and the holder's name are in the folder."""
    text = (catalogue.SAMPLES / name / "LICENSE").read_text()
    assert "Copyright" in text
    assert "Apache License" in text or "MIT License" in text


def test_samples_are_small() -> None:
    """All samples together stay under one and a half megabytes."""
    assert sum(p.stat().st_size for p in catalogue.SAMPLES.rglob("*") if p.is_file()) < 1_500_000


@EVERY
def test_samples_are_sound(name: str) -> None:
    """The quality check finds nothing wrong in a sample."""
    report = check_dataset(catalogue.find(name))
    assert report.severities.get("error", 0) == 0
    assert set(report.counts) <= {"gap"}


@EVERY
def test_prices_lie_on_the_tick_grid(name: str) -> None:
    """Every price of a sample is a whole number of ticks, so that fills are at prices of the data."""
    dataset = catalogue.find(name)
    for symbol in dataset.symbols:
        tick = float(dataset.instrument(symbol).tick_size)
        for column in ("open", "high", "low", "close"):
            ticks = pq.read_table(dataset.file(symbol)).column(column).to_numpy() / tick
            assert np.abs(ticks - np.round(ticks)).max() < 1e-4


def test_samples_are_the_originals(shared: Path) -> None:
    """The sample of one day of bitcoin is, bar for bar, the recorded original."""
    original = open_feed({"BTCUSD": shared / "crypto_small_basana/bitstamp_btcusd_min_2020_01_01.csv.gz"})
    assert open_feed("btcusd_1m").fingerprint() == original.fingerprint()
    ours = open_feed({"EURUSD": shared / "fx_1h_equity_daily_gym/eurusd_1h_ask.csv.gz"})
    assert open_feed("eurusd_1h").fingerprint() == ours.fingerprint()
