"""Whether a data set's files still are what was imported or fetched.

Rules: of bars the content counts, by the fingerprint that a feed of the symbol alone has (so a file that was written anew with
the same bars is the same); of ticks the file's bytes. What an older data set does not say of itself is not checked.
Cost: one pass over the files, about 1 ns a byte of bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from onepath.data.catalogue import Dataset
from onepath.data.quality import Finding, Report
from onepath.errors import DataError
from onepath.feeds.parquet import ParquetFeed


def with_changes(report: Report, dataset: Dataset) -> Report:
    """The report, with an error for every file that is no longer what it was."""
    found = list(changes(dataset))
    if not found:
        return report
    counts = dict(report.counts) | {"changed": len(found)}
    severities = dict(report.severities) | {"error": report.severities.get("error", 0) + len(found)}
    return replace(report, findings=[*found, *report.findings], counts=counts, severities=severities)


def changes(dataset: Dataset) -> Iterator[Finding]:
    """A finding for each symbol whose file does not hold what `dataset.json` says."""
    for symbol, entry in dataset.meta["symbols"].items():
        if "streams" in entry:
            for stream in entry["streams"].values():
                path = dataset.folder / stream["file"]
                if stream.get("sha256") and (what := _bytes_differ(path, str(stream["sha256"]))):
                    yield _finding(symbol, path, what)
            continue
        path = dataset.file(symbol)
        if entry.get("fingerprint") and (what := _bars_differ(path, symbol, str(entry["fingerprint"]), dataset)):
            yield _finding(symbol, path, what)


def _bars_differ(path: Path, symbol: str, recorded: str, dataset: Dataset) -> str:
    try:
        found = ParquetFeed({symbol: path}, {symbol: dataset.instrument(symbol)}).fingerprint()
    except (DataError, OSError) as error:
        return str(error).rstrip(".")
    return (
        "" if found == recorded else f"the bars are not those that were put there ({found[:12]}, not {recorded[:12]})"
    )


def _bytes_differ(path: Path, recorded: str) -> str:
    whole = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    except OSError as error:
        return f"the file cannot be read ({error.strerror})"
    return "" if whole.hexdigest() == recorded else "the file is not the one that was put there"


def _finding(symbol: str, path: Path, what: str) -> Finding:
    return Finding("changed", symbol, None, None, f"{path}: {what}; import or fetch the data again", "error")
