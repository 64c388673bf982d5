"""Quotes, trades and order books into the catalogue: one file a symbol and kind beside each other in one data set.

Rules: as for bars, files are written beside their place, then moved, `dataset.json` last; importing a file twice changes
no byte. The policies (crossed, sides, time) are applied here once and recorded with what they left out.
Parquet of more than two million rows is streamed, but for books and for files of several symbols.
Limits: a data set holds a symbol's kind whole: more of it goes under another name. A data set holds ticks or bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from onepath.data import assets, catalogue, reading
from onepath.data.places import Place
from onepath.data.tables import SYMBOLS, find
from onepath.data.tickcolumns import TickOptions, kind_of
from onepath.data.ticksources import IN_MEMORY
from onepath.data.ticktables import Converter, read_ticks, stream_ticks
from onepath.feeds.fingerprints import Fingerprint
from onepath.feeds.parquet import ROW_GROUP
from onepath.feeds.tickfiles import SCHEMAS, TickFile
from onepath.feeds.ticks import COLUMNS, InMemory, Stream, buffers
from onepath.instruments import Instrument
from onepath.market import KINDS

_LAYOUT: Mapping[str, Any] = {
    "compression": "zstd",
    "data_page_size": 65_536,
    "use_dictionary": False,
    "column_encoding": {"at": "DELTA_BINARY_PACKED"},
}


@dataclass
class TickPart:
    """One symbol's stream of a file, and what became of it."""

    symbol: str
    kind: str
    pieces: Iterator[Sequence[Any]]
    notes: Any
    rows: int = 0
    known: bool = False
    entry: Mapping[str, Any] | None = None


def is_ticks(path: Path, options: TickOptions) -> bool:
    """Whether a file is to be imported as ticks."""
    if options.kind is not None:
        return options.kind != "bars"
    if not path.exists():
        return False
    if reading.is_parquet(path):
        return kind_of(reading.parquet(path).schema_arrow.names) != "bars"
    return reading.is_csv(path) and kind_of(reading.csv_header(path).names) != "bars"


def import_ticks(
    path: Path,
    folder: Path,
    options: TickOptions,
    *,
    symbol: str | None,
    asset_class: str | None,
    calendar: str | None,
    instruments: Mapping[str, Instrument],
) -> list[TickPart]:
    """Add the file's streams to the data set in `folder`. Raises DataError, and changes nothing, on the first wrong row."""
    old = catalogue.load(folder).meta if (folder / catalogue.DATASET).is_file() else None
    if old is not None and "kinds" not in old:
        Place(str(folder)).fail("the data set has bars; import ticks under another name")
    notes: list[str] = []
    parts = _parts(path, options, symbol, notes)
    session = _calendar(old, asset_class, calendar, folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for part in parts:
            _write(part, folder, old, options)
        if not all(part.known for part in parts):
            _put(parts, folder)
            catalogue.write_meta(folder, _meta(folder, old, parts, path, notes, (asset_class, session), instruments))
    finally:
        for part in parts:
            _temporary(folder, part).unlink(missing_ok=True)
        if old is None and not any(folder.iterdir()):
            folder.rmdir()
    return parts


def _parts(path: Path, options: TickOptions, symbol: str | None, notes: list[str]) -> list[TickPart]:
    if path.exists() and reading.is_parquet(path) and reading.parquet(path).metadata.num_rows > IN_MEMORY:
        return [_streamed(path, options, symbol)]
    found = read_ticks(*reading.read_file(path, notes), options)
    if len(found) == 1:
        rows = found[0]
        name = symbol or rows.symbol or reading.stem(path)
        return [TickPart(name, rows.kind, iter([rows.columns]), lambda: rows.notes)]
    by_symbol = {str(rows.symbol): rows for rows in found}
    chosen = catalogue.choose(None if symbol is None else [symbol], by_symbol, str(path))
    return [TickPart(s, r.kind, iter([r.columns]), lambda r=r: r.notes) for s, r in ((s, by_symbol[s]) for s in chosen)]


def _streamed(path: Path, options: TickOptions, symbol: str | None) -> TickPart:
    names, place = reading.parquet(path).schema_arrow.names, Place(str(path), "row", 1)
    converter = Converter(names, options, place)
    if converter.kind == "book" or find(names, SYMBOLS, place, "symbol"):
        what = "a book" if converter.kind == "book" else "ticks of several symbols"
        place.fail(f"{what} of more than {IN_MEMORY:,} rows cannot be imported in one; split the file")
    return TickPart(symbol or reading.stem(path), converter.kind, stream_ticks(path, converter), converter.notes)


def _calendar(old: Mapping[str, Any] | None, asset_class: str | None, calendar: str | None, folder: Path) -> str:
    wanted = assets.default("", asset_class, calendar).calendar
    if old is None:
        return wanted
    if (asset_class or calendar) and wanted != old["calendar"]:
        Place(str(folder)).fail(f"the data set follows calendar {old['calendar']}, not {wanted}; use another name")
    return str(old["calendar"])


def file_name(symbol: str, kind: str) -> str:
    """BTCUSDT.quotes.parquet."""
    return f"{quote(symbol, safe='')}.{kind}.parquet"


def _temporary(folder: Path, part: TickPart) -> Path:
    return folder / f".{file_name(part.symbol, part.kind)}.part"


def _write(part: TickPart, folder: Path, old: Mapping[str, Any] | None, options: TickOptions) -> None:
    """The stream's file beside its place, and what will be said of it."""
    temporary, name = _temporary(folder, part), Stream(part.symbol, part.kind).name
    whole = Fingerprint([name], {name: len(COLUMNS[part.kind])})
    spreads = _Spreads()
    with pq.ParquetWriter(temporary, SCHEMAS[part.kind], **_LAYOUT) as writer:
        for columns in _in_groups(_sound(part)):
            whole.add(name, buffers(part.kind, columns))
            spreads.add(part.kind, columns)
            part.rows += len(columns[0])
            writer.write_table(pa.table(list(columns), schema=SCHEMAS[part.kind]), row_group_size=ROW_GROUP)
    if not part.rows:
        Place(f"the {part.kind} of {part.symbol}").fail("no rows are left; expected at least one")
    there = _there(old, part)
    part.known = there is not None and there["fingerprint"] == whole.hexdigest()
    if there is not None and not part.known:
        Place(str(folder)).fail(f"the data set has other {part.kind} of {part.symbol}; import them under another name")
    written = TickFile(part.kind, temporary)
    first, last = written.ends() or (0, 0)
    part.entry = {
        "file": file_name(part.symbol, part.kind),
        "rows": part.rows,
        "events": written.total,
        "first_at": first,
        "last_at": last,
        "fingerprint": whole.hexdigest(),
        "sha256": _sha256(temporary),
        "crossed": options.crossed or "refuse",
        "sides": options.sides or "both",
        "notes": list(part.notes()),
        **spreads.facts(),
    }


def _there(old: Mapping[str, Any] | None, part: TickPart) -> Mapping[str, Any] | None:
    found = ((old or {}).get("symbols", {}).get(part.symbol) or {}).get("streams", {}).get(part.kind)
    return found if isinstance(found, Mapping) else None


def _sound(part: TickPart) -> Iterator[Sequence[Any]]:
    """The pieces; a book has been rebuilt from them once before they are written."""
    for columns in part.pieces:
        if part.kind == "book":
            source = InMemory("book", columns, f"the book of {part.symbol}")
            for _ in source.events(part.symbol, source.pieces(ROW_GROUP)):
                pass
        yield columns


def _in_groups(pieces: Iterator[Sequence[Any]]) -> Iterator[list[Any]]:
    """Full row groups, so that the bytes depend on the rows alone."""
    waiting: list[Any] = []
    for piece in pieces:
        waiting = [np.concatenate(pair) for pair in zip(waiting, piece, strict=True)] if waiting else list(piece)
        while len(waiting[0]) >= ROW_GROUP:
            yield [np.ascontiguousarray(column[:ROW_GROUP]) for column in waiting]
            waiting = [column[ROW_GROUP:] for column in waiting]
    if waiting and len(waiting[0]):
        yield [np.ascontiguousarray(column) for column in waiting]


class _Spreads:
    """The spreads of quotes: 8 bytes a quote until all are known."""

    def __init__(self) -> None:
        self._seen: list[Any] = []

    def add(self, kind: str, columns: Sequence[Any]) -> None:
        if kind == "quotes":
            self._seen.append(columns[2] - columns[1])

    def facts(self) -> dict[str, Any]:
        if not self._seen:
            return {}
        spreads = np.concatenate(self._seen)
        return {"median_spread": round(float(np.median(spreads)), 9), "locked": float((spreads == 0).mean())}


def _put(parts: Sequence[TickPart], folder: Path) -> None:
    for part in parts:
        _temporary(folder, part).replace(folder / file_name(part.symbol, part.kind))


def _meta(
    folder: Path,
    old: Mapping[str, Any] | None,
    parts: Sequence[TickPart],
    path: Path,
    notes: Sequence[str],
    market: tuple[str | None, str],
    instruments: Mapping[str, Instrument],
) -> dict[str, Any]:
    """What `dataset.json` will say."""
    symbols = {s: dict(e) for s, e in (old["symbols"] if old else {}).items()}
    for part in parts:
        entry = symbols.setdefault(part.symbol, {"instrument": _instrument(part.symbol, market, instruments)})
        streams = {**entry.get("streams", {}), part.kind: part.entry}
        entry["streams"] = {kind: streams[kind] for kind in KINDS if kind in streams}
        entry["rows"] = sum(s["rows"] for s in streams.values())
        entry["first_start"] = min(s["first_at"] for s in streams.values())
        entry["last_at"] = max(s["last_at"] for s in streams.values())
    kinds = {kind for entry in symbols.values() for kind in entry["streams"]}
    source = {
        "file": path.name,
        "sha256": _sha256(path),
        "kind": parts[0].kind,
        "rows_added": sum(part.rows for part in parts if not part.known),
        "notes": list(notes) + [f"{part.symbol}: {note}" for part in parts for note in part.notes()],
    }
    return {
        "format": catalogue.FORMAT,
        "name": folder.name,
        "kinds": [kind for kind in KINDS if kind in kinds],
        "interval_ns": 0,
        "calendar": market[1],
        "stamps": "",
        "stamps_how": "",
        "symbols": {symbol: symbols[symbol] for symbol in sorted(symbols)},
        "sources": [*(old["sources"] if old else []), source],
        "quality": {},
    }


def _instrument(symbol: str, market: tuple[str | None, str], instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    if symbol in instruments:
        return assets.to_json(msgspec.structs.replace(instruments[symbol], calendar=market[1]))
    return assets.to_json(assets.default(symbol, *market))


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
