"""Make the sample data that comes with the package, from the recorded originals in `../shared/data`.

Usage: `.venv/bin/python tools/make_samples.py [folder of the originals]`
Rules: the same originals give the same bytes. Each sample is a data set of the catalogue with PROVENANCE.md, written
here, and LICENSE, kept by hand, beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from onepath.data import assets, catalogue
from onepath.data.ingest import import_file
from onepath.data.tickcolumns import TickOptions
from onepath.feeds.checks import stamp
from onepath.instruments import Instrument

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "src/onepath/data/samples"


@dataclass(frozen=True)
class Sample:
    """One sample: its original, what it is, and what was done to it."""

    name: str
    original: str
    asset_class: str
    symbol: str | None
    source: str
    licence: str
    remarks: str
    tick_size: Decimal | None = None
    from_float32: bool = False


ALL = (
    Sample(
        name="us10",
        original="equity_daily_us10_roboquant/us10_2015_2024.parquet",
        asset_class="equity",
        symbol=None,
        source="PyPI roboquant 2.0.1, file roboquant/feeds/resources/us10.parquet, as one table of date, symbol, OHLCV",
        licence="Apache-2.0, Copyright 2024, 2025 Neural Layer",
        remarks=(
            "Ten US stocks, daily, 2015-01-02 to 2024-12-31, adjusted for splits and dividends. The original holds "
            "prices as 32-bit floats; here they are the shortest decimals that give those floats, which have at most six "
            "places, hence the tick size of 0.000001. A date is a session of the New York Stock Exchange: bars run "
            "from 09:30 to 16:00 New York, early closes not regarded. Ten companies that did well until today are "
            "no fair universe: results on them are flattered by survivorship."
        ),
        tick_size=Decimal("0.000001"),
        from_float32=True,
    ),
    Sample(
        name="btcusd_1m",
        original="crypto_small_basana/bitstamp_btcusd_min_2020_01_01.csv.gz",
        asset_class="crypto",
        symbol="BTCUSD",
        source="github.com/gbeced/basana at 9ad401fa8399, tests/data, bitstamp_btcusd_min_2020_01_01",
        licence="Apache-2.0, Copyright 2022-2023 Gabriel Martin Becedillas Ruiz",
        remarks="Bitstamp BTC/USD, one-minute bars of 2020-01-01 UTC, unchanged.",
    ),
    Sample(
        name="eurusd_1h",
        original="fx_1h_equity_daily_gym/eurusd_1h_ask.csv.gz",
        asset_class="fx",
        symbol="EURUSD",
        source="PyPI gym_anytrading 2.0.0, hourly EUR/USD ask prices",
        licence="MIT, Copyright (c) 2019 Mohammad Amin Haghpanah",
        remarks=(
            "EUR/USD ask prices, hourly, 2017, unchanged. The original does not state its time zone; times are taken "
            "as published and read as UTC, which fits: its weeks then begin on Sundays at 17:00 New York, summer and "
            "winter. They are ask prices: a sale would have been at the bid, a little lower. Volume is as published, "
            "in a unit that the original does not state."
        ),
    ),
)


@dataclass(frozen=True)
class TickSample:
    """A sample of ticks: the first quotes of a recording, and the trades until the last of them."""

    name: str
    symbol: str
    quotes: str
    trades: str
    rows: int
    source: str
    licence: str
    remarks: str


TICKS = TickSample(
    name="btcusdt_quotes",
    symbol="BTCUSDT",
    quotes="l2_binance_usdm_btcusdt/btcusdt_usdm_20240808_bbo.parquet",
    trades="l2_binance_usdm_btcusdt/btcusdt_usdm_20240808_trades.parquet",
    rows=20_000,
    source="github.com/nkaz001/hftbacktest at 5f3ec40b2afb, examples/usdm/btcusdt_20240808.gz, as tables",
    licence="MIT, Copyright (c) 2022 nkaz001@protonmail.com",
    remarks=(
        "Binance USD-M futures BTCUSDT, evening of 2024-08-08 UTC: the first 20,000 best bids and offers of a recording "
        "and all trades until the last of them, unchanged. Times are those of receipt, local_ts_ns of the original, which "
        "puts quotes and trades on one clock; that clock was about 1.2 seconds behind the exchange's own."
    ),
)


def main(originals: Path) -> None:
    """Make all samples."""
    for sample in ALL:
        make(sample, originals / sample.original)
    make_ticks(TICKS, originals)


def make(sample: Sample, original: Path) -> None:
    """One sample, in place of the one that is there; its LICENSE stays."""
    with tempfile.TemporaryDirectory() as scratch:
        source = decimals(original, Path(scratch)) if sample.from_float32 else original
        import_file(
            source,
            scratch,
            sample.name,
            symbol=sample.symbol,
            asset_class=sample.asset_class,
            stamps="start",
            instruments=instruments(sample, original),
        )
        target = SAMPLES / sample.name
        for file in sorted((Path(scratch) / sample.name).iterdir()):
            shutil.copyfile(file, target / file.name)
    record_original(target, original)
    dataset = catalogue.load(target)
    (target / "PROVENANCE.md").write_text(provenance(sample, dataset, original), encoding="utf-8")


def make_ticks(sample: TickSample, originals: Path) -> None:
    """The sample of ticks, in place of the one that is there; its LICENSE stays."""
    quotes = pq.read_table(originals / sample.quotes).slice(0, sample.rows)
    trades = pq.read_table(originals / sample.trades)
    trades = trades.filter(pc.less_equal(trades.column("local_ts_ns"), pc.max(quotes.column("local_ts_ns"))))
    instrument = msgspec.structs.replace(
        assets.default(sample.symbol, "crypto", None),
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        currency="USDT",
        base="BTC",
    )
    target = SAMPLES / sample.name
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for table, original in ((quotes, sample.quotes), (trades, sample.trades)):
            cut = Path(scratch) / Path(original).name
            pq.write_table(table, cut)
            import_file(
                cut,
                scratch,
                sample.name,
                symbol=sample.symbol,
                asset_class="crypto",
                instruments={sample.symbol: instrument},
                ticks=TickOptions(time="local_ts_ns"),
            )
        for file in sorted((Path(scratch) / sample.name).iterdir()):
            shutil.copyfile(file, target / file.name)
    meta = json.loads((target / catalogue.DATASET).read_text(encoding="utf-8"))
    for source, original in zip(meta["sources"], (sample.quotes, sample.trades), strict=True):
        source |= {"sha256": sha256(originals / original)}
    catalogue.write_meta(target, meta)
    (target / "PROVENANCE.md").write_text(tick_provenance(sample, catalogue.load(target)), encoding="utf-8")


def tick_provenance(sample: TickSample, dataset: catalogue.Dataset) -> str:
    """What PROVENANCE.md of a sample of ticks says."""
    facts = catalogue.describe(dataset)
    rows = "\n".join(
        f"| {s} | {kind} | {e['rows']:,} | {e['sha256']} |"
        for s, entry in dataset.meta["symbols"].items()
        for kind, e in entry["streams"].items()
    )
    originals = "\n".join(f"- original: {s['file']}, sha256 {s['sha256']}" for s in dataset.meta["sources"])
    return (
        f"# {sample.name}\n\n{sample.remarks}\n\n"
        f"- source: {sample.source}\n- licence: {sample.licence}; text in LICENSE\n{originals}\n"
        f"- rows: {dataset.rows:,}, from {stamp(facts['first_start'])} to {stamp(facts['last_at'])}\n"
        f"- made by: tools/make_samples.py\n\n| symbol | kind | rows | sha256 of the file |\n|---|---|---|---|\n{rows}\n"
    )


def decimals(original: Path, scratch: Path) -> Path:
    """A copy with 32-bit prices as the decimals they were printed as."""
    table = pq.read_table(original)
    for name in ("open", "high", "low", "close"):
        column = np.array([float(str(price)) for price in table.column(name).to_numpy()])
        table = table.set_column(table.column_names.index(name), name, pa.array(column))
    pq.write_table(table, scratch / original.name)
    return scratch / original.name


def instruments(sample: Sample, original: Path) -> dict[str, Instrument]:
    """The instruments whose increments differ from those of their class."""
    if sample.tick_size is None:
        return {}
    symbols = sorted(set(pq.read_table(original).column("symbol").to_pylist()))
    return {
        s: msgspec.structs.replace(assets.default(s, sample.asset_class, None), tick_size=sample.tick_size)
        for s in symbols
    }


def record_original(target: Path, original: Path) -> None:
    """The source named in dataset.json is the original, not our scratch copy."""
    meta = json.loads((target / catalogue.DATASET).read_text(encoding="utf-8"))
    meta["sources"][0] |= {"file": original.name, "sha256": sha256(original)}
    catalogue.write_meta(target, meta)


def provenance(sample: Sample, dataset: catalogue.Dataset, original: Path) -> str:
    """What PROVENANCE.md says."""
    facts = catalogue.describe(dataset)
    rows = "\n".join(f"| {s} | {e['rows']:,} | {e['sha256']} |" for s, e in dataset.meta["symbols"].items())
    return (
        f"# {sample.name}\n\n{sample.remarks}\n\n"
        f"- source: {sample.source}\n- licence: {sample.licence}; text in LICENSE\n"
        f"- original: {original.name}, sha256 {sha256(original)}\n"
        f"- rows: {dataset.rows:,}, bars from {stamp(facts['first_start'])} to {stamp(facts['last_at'])}\n"
        f"- made by: tools/make_samples.py\n\n| symbol | rows | sha256 of the file |\n|---|---|---|\n{rows}\n"
    )


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data")
