"""The data sets of a workspace: a folder each, one Parquet file a symbol, and `dataset.json` that says what they are.

Rules: a name is one folder of the data directory, never a path out of it. A symbol's file is named by the symbol with
everything but letters, digits, `.`, `-` and `_` percent-encoded. `dataset.json` is written last, so that what it
says is there; where it and the files disagree an import was interrupted, and importing again heals it.
A name is looked up in the workspace first, then among the samples that come with the package.
Limits: symbols that differ only in case need a file system that keeps case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from onepath.data import assets
from onepath.errors import DataError
from onepath.feeds.parquet import ParquetFeed, no_overlap
from onepath.instruments import Instrument

DATASET = "dataset.json"
FORMAT = 1
SAMPLES = Path(__file__).parent / "samples"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Dataset:
    """One data set: where it is and what its `dataset.json` says."""

    name: str
    folder: Path
    meta: Mapping[str, Any]

    @property
    def symbols(self) -> list[str]:
        """In the order of the data set."""
        return list(self.meta["symbols"])

    @property
    def rows(self) -> int:
        """Bars of all symbols, or rows of ticks."""
        return sum(int(entry["rows"]) for entry in self.meta["symbols"].values())

    def file(self, symbol: str) -> Path:
        """Where a symbol's bars are."""
        return self.folder / file_name(symbol)

    def instrument(self, symbol: str) -> Instrument:
        """What is recorded about a symbol."""
        return assets.from_json(symbol, self.meta["symbols"][symbol]["instrument"], str(self.folder / DATASET))

    def usual(self, symbol: str) -> Instrument | None:
        """What is recorded about a symbol; None where it has no such symbol."""
        return self.instrument(symbol) if symbol in self.meta["symbols"] else None


def file_name(symbol: str) -> str:
    """A file name for a symbol, and back by `symbol_of`."""
    return quote(symbol, safe="") + ".parquet"


def symbol_of(path: Path) -> str:
    """The symbol that a file is named after."""
    return unquote(path.name.removesuffix(".parquet"))


def folder_of(data_dir: Path, name: str) -> Path:
    """The folder of a data set's name. Raises DataError for a name that would leave the data directory."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise DataError(
            f"data set name {name!r} cannot be used; expected letters, digits, '-', '_' and '.', without path separators."
        )
    return data_dir / name


def datasets(data_dir: Path | str | None = None) -> list[Dataset]:
    """All data sets by name: those of the workspace, then samples whose names it does not use."""
    found: dict[str, Dataset] = {}
    for root in _roots(data_dir):
        for file in sorted(root.glob(f"*/{DATASET}")):
            found.setdefault(file.parent.name, load(file.parent))
    return [found[name] for name in sorted(found)]


def names(data_dir: Path | str | None = None) -> list[str]:
    """The names of all data sets, without reading them."""
    return sorted({file.parent.name for root in _roots(data_dir) for file in root.glob(f"*/{DATASET}")})


def find(name: str, data_dir: Path | str | None = None) -> Dataset:
    """The data set of that name. Raises DataError that suggests the nearest."""
    for root in _roots(data_dir):
        if (folder_of(root, name) / DATASET).is_file():
            return load(root / name)
    known = names(data_dir)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? Data sets" if near else "data sets"
    raise DataError(f"there is no file and no data set {name!r}; {hint} are {', '.join(known) or 'none yet'}.")


def load(folder: Path) -> Dataset:
    """A data set from its folder."""
    file = folder / DATASET
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
        version = meta["format"]
    except FileNotFoundError:
        raise DataError(f"{folder} has no {DATASET}; import the data with 'onepath data import'.") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{file} cannot be read as a data set's description; import the data again.") from None
    if version != FORMAT:
        raise DataError(
            f"{file} has format {version!r}; this version of onepath reads {FORMAT}: import the data again."
        )
    return Dataset(folder.name, folder, meta)


def open_dataset(
    dataset: Dataset,
    *,
    symbols: Sequence[str] | None = None,
    start: int | None = None,
    end: int | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    filled: bool = True,
) -> ParquetFeed:
    """The data set as a feed, streamed; `filled`: with the bars that were put in where none was published."""
    chosen = choose(symbols, dataset.symbols, f"data set {dataset.name}")
    _whole(dataset, chosen)
    known = {symbol: dataset.instrument(symbol) for symbol in chosen} | dict(instruments or {})
    feed = ParquetFeed(
        {symbol: dataset.file(symbol) for symbol in chosen},
        known,
        start=start,
        end=end,
        interval_ns=int(dataset.meta["interval_ns"]),
        calendar=str(dataset.meta["calendar"]),
        origin={"source": "dataset", "name": dataset.name, "path": str(dataset.folder)},
        filled=filled,
    )
    if faults := [line for symbol in chosen for line in _faults(symbol, dataset.meta["symbols"][symbol], filled)]:
        feed.note(faults)
    if not feed.total:
        entries = [dataset.meta["symbols"][symbol] for symbol in chosen]
        first, last = min(e["first_start"] for e in entries), max(e["last_at"] for e in entries)
        raise no_overlap(f"data set {dataset.name}", int(first), int(last))
    return feed


def _faults(symbol: str, entry: Mapping[str, Any], filled: bool) -> list[str]:
    """What a report has to say of a symbol's faults, as they were dealt with."""
    put_in, what = int(entry.get("filled", 0)), "are in" if filled else "are left out"
    marked = [f"{symbol}: of {entry['rows']} bars {put_in} were filled in and {what}"] if put_in else []
    return [*(f"{symbol}: {fault}" for fault in entry.get("faults", ())), *marked]


def choose(wanted: Sequence[str] | None, known: Iterable[str], where: str) -> list[str]:
    """The wanted symbols, all where none are named. Raises DataError for one that is not there."""
    known = list(known)
    if wanted is None:
        return known
    wanted = [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted))
    for symbol in wanted:
        if symbol not in known:
            near = get_close_matches(symbol, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise DataError(f"{where} has no symbol {symbol!r}; {hint}It has {shown}.")
    return wanted


def describe(dataset: Dataset) -> dict[str, Any]:
    """What `data show` says of a data set, ready for JSON."""
    entries = dataset.meta["symbols"].values()
    return {
        "name": dataset.name,
        "path": str(dataset.folder),
        "bundled": dataset.folder.parent == SAMPLES,
        "symbols": dataset.symbols,
        "kinds": list(dataset.meta.get("kinds", ("bars",))),
        "rows": dataset.rows,
        "filled": sum(int(entry.get("filled", 0)) for entry in entries),
        "fingerprints": {symbol: fingerprints(entry) for symbol, entry in dataset.meta["symbols"].items()},
        "interval_ns": dataset.meta["interval_ns"],
        "calendar": dataset.meta["calendar"],
        "stamps": dataset.meta["stamps"],
        "stamps_how": dataset.meta["stamps_how"],
        "first_start": min(entry["first_start"] for entry in entries),
        "last_at": max(entry["last_at"] for entry in entries),
        "quality": dataset.meta["quality"],
        "sources": dataset.meta["sources"],
    }


def fingerprints(entry: Mapping[str, Any]) -> Any:
    """What identifies a symbol's content: one fingerprint, or one a kind of ticks; None where an old data set has none."""
    if "streams" in entry:
        return {kind: stream.get("fingerprint") for kind, stream in entry["streams"].items()}
    return entry.get("fingerprint")


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Put `dataset.json` in place, whole or not at all."""
    temporary = folder / f".{DATASET}.part"
    temporary.write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(folder / DATASET)


def _roots(data_dir: Path | str | None) -> list[Path]:
    return [SAMPLES] if data_dir is None else [Path(data_dir), SAMPLES]


def _whole(dataset: Dataset, symbols: Iterable[str]) -> None:
    """Whether the files are those that dataset.json speaks of."""
    for symbol in symbols:
        path, expected = dataset.file(symbol), int(dataset.meta["symbols"][symbol]["rows"])
        try:
            rows = pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowInvalid):
            rows = None
        if rows != expected:
            found = "cannot be read" if rows is None else f"has {rows} rows"
            raise DataError(
                f"{path} {found}, expected {expected} rows; an import was interrupted: import the data again."
            )
