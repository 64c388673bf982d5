"""What is wrong or odd in quotes and trades: found and reported, never repaired.

Rules: works on raw rows, however faulty. `error` is what a session would refuse (no price, a size that cannot be, time
backwards, a crossed quote), `info` what one should know (locked quotes, the spread). Each kind keeps its first hundred
findings; the counts are of all. A book is rebuilt, and its first fault reported.
Limits: rows that carry one side are reported as without a price; gaps and jumps are looked for in bars only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from onepath.data import reading
from onepath.data.catalogue import Dataset
from onepath.data.places import Place
from onepath.data.quality import SHOWN, Finding, Report
from onepath.data.tickcolumns import TickOptions, kind_of
from onepath.data.ticktables import Converter
from onepath.errors import DataError
from onepath.feeds.checks import stamp
from onepath.feeds.tickchecks import no_price, no_size


def check_tick_dataset(dataset: Dataset) -> Report | None:
    """The report on a data set of ticks; None for one of bars."""
    if "kinds" not in dataset.meta:
        return None
    reports = [
        _check(dataset.folder / stream["file"], kind, symbol, "at")
        for symbol, entry in dataset.meta["symbols"].items()
        for kind, stream in entry["streams"].items()
    ]
    return _joined(reports)


def check_tick_file(path: Path, time: str | None = None) -> Report | None:
    """The report on a file of ticks; None for one of bars."""
    if not (reading.is_parquet(path) or reading.is_csv(path)):
        return None
    names = reading.parquet(path).schema_arrow.names if reading.is_parquet(path) else reading.csv_header(path).names
    kind = kind_of(list(names))
    return None if kind == "bars" else _check(path, kind, reading.stem(path), time)


def _check(path: Path, kind: str, symbol: str, time: str | None) -> Report:
    table, place = reading.read_file(path, [])
    if kind == "book":
        return _book(table, place, symbol, time)
    raw = Converter(table.column_names, TickOptions(kind, time=time), place).raw(table)
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    severities: dict[str, int] = {}
    for name, severity, rows, text in _kinds(kind, raw):
        counts[name] = counts.get(name, 0) + len(rows)
        severities[severity] = severities.get(severity, 0) + len(rows)
        for row in rows[:SHOWN].tolist():
            at = int(raw[0][row])
            message = f"{place.where}, {place.row(row)}, {stamp(at)}: {text}"
            findings.append(Finding(name, symbol, place.number(row), at, message, severity))
    if kind == "quotes":
        findings.append(_spread(raw, symbol, place))
    return Report(table.num_rows, findings, counts, 0, severities)


def _kinds(kind: str, raw: Sequence[Any]) -> Iterator[tuple[str, str, Any, str]]:
    back = np.concatenate(([False], np.diff(raw[0]) < 0))
    found = [("out_of_order", "error", back, "the row stands out of order in time")]
    with np.errstate(invalid="ignore"):
        if kind == "quotes":
            _, bid, ask, bid_size, ask_size = raw
            missing = no_price(bid) | no_price(ask)
            found += [
                ("missing_price", "error", missing, "bid or ask is no price above zero"),
                ("crossed", "error", (bid > ask) & ~missing, "the bid is above the ask"),
                ("locked", "info", (bid == ask) & ~missing, "bid and ask are equal"),
                ("bad_size", "error", no_size(bid_size) | no_size(ask_size), "a size is missing or negative"),
            ]
        else:
            _, price, size, _ = raw
            found += [
                ("missing_price", "error", no_price(price), "the price is no number above zero"),
                ("bad_size", "error", no_price(size), "the size is no number above zero"),
            ]
    for name, severity, mask, text in found:
        if mask.any():
            yield name, severity, np.flatnonzero(mask), text


def _spread(raw: Sequence[Any], symbol: str, place: Place) -> Finding:
    """The spread of all quotes with two prices, in one line."""
    _, bid, ask, *_ = raw
    both = ~(no_price(bid) | no_price(ask))
    spread = (ask - bid)[both]
    if not len(spread):
        return Finding("spread", symbol, None, None, f"{place.where}: no quote has two prices", "info")
    share = f"{(spread == 0).mean():.2%} locked, {(spread < 0).mean():.2%} crossed"
    text = f"{place.where}: median spread {np.median(spread):g}, {share}"
    return Finding("spread", symbol, None, None, text, "info")


def _book(table: pa.Table, place: Place, symbol: str, time: str | None) -> Report:
    from onepath.feeds.ticks import InMemory

    try:
        converter = Converter(table.column_names, TickOptions("book", time=time), place)
        source = InMemory("book", converter.convert(table), place.where)
        messages = sum(len(chunk[0]) for chunk in source.events(symbol, source.pieces(65_536)))
    except DataError as error:
        fault = Finding("book", symbol, None, None, str(error), "error")
        return Report(table.num_rows, [fault], {"book": 1}, 0, {"error": 1})
    text = f"{place.where}: {messages:,} messages rebuild the book without a gap or a crossed price"
    return Report(table.num_rows, [Finding("book", symbol, None, None, text, "info")], {}, 0, {})


def _joined(reports: Sequence[Report]) -> Report:
    counts: dict[str, int] = {}
    severities: dict[str, int] = {}
    for report in reports:
        for into, found in ((counts, report.counts), (severities, report.severities)):
            for name, count in found.items():
                into[name] = into.get(name, 0) + count
    findings = [finding for report in reports for finding in report.findings]
    return Report(sum(r.rows for r in reports), findings, counts, 0, severities)
