"""Files into the catalogue: read, checked, written whole.

Rules: importing adds the bars that are not there yet. Bars that are there already must be the same, to the last bit,
else nothing is written. Importing a file twice changes no byte. Each file is written beside its place and then moved
there, `dataset.json` last. How times were understood (given, detected or assumed) is recorded and reported.
A new data set follows the calendar that `open_feed` would take: XNYS for daily bars on weekdays alone, and says so.
Large Parquet is streamed: held are the times of all rows (about 50 bytes a row) and one row group.
Limits: adding to a symbol that is there already holds that symbol twice in memory (about 120 bytes a bar); the
quality report covers imports of up to two million rows, `onepath data check` any that fit into memory; CSV is read
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from onepath.calendars import Calendar
from onepath.data import assets, catalogue, policies, quality, reading, tickimport
from onepath.data.bars import Timing, canonical, forwards, nanoseconds, timing
from onepath.data.places import Place
from onepath.data.policies import NONE, Policies
from onepath.data.sessions import get
from onepath.data.sources import usual_calendar
from onepath.data.stamps import read as read_stamps
from onepath.data.stamps import require
from onepath.data.tables import SYMBOLS, TIMES, Raw, find, named, need, split
from onepath.data.tickcolumns import TickOptions
from onepath.data.ticksources import IN_MEMORY
from onepath.errors import DataError
from onepath.feeds.checks import Checked, stamp
from onepath.feeds.columns import COLUMNS
from onepath.feeds.fingerprints import Fingerprint
from onepath.feeds.parquet import FILLED, MARKED, ROW_GROUP, SCHEMA
from onepath.instruments import Instrument

LAYOUT: Mapping[str, Any] = {
    "compression": "zstd",
    "data_page_size": 65_536,
    "use_dictionary": False,
    "column_encoding": {"start": "DELTA_BINARY_PACKED", "at": "DELTA_BINARY_PACKED"},
}
"""small pages and no dictionaries keep a stream's memory small; times grow evenly, so their differences take no room"""

Progress = Callable[[int, int], None]
"""called with rows done and rows in all"""

Arrays = Sequence[Any]
"""start, at, open, high, low, close, volume"""


@dataclass(frozen=True)
class Part:
    """One symbol of the file: its canonical bars in pieces, and how its times were understood."""

    symbol: str
    pieces: Iterator[Arrays]
    interval_ns: int
    stamps: str
    stamps_how: str
    rows: int
    notes: Sequence[str] = ()
    faults: Sequence[str] = ()
    """what was found and let through or left out, as the user asked"""


@dataclass(frozen=True)
class Imported:
    """What an import did: rows added and rows that were there already, and what should be known about the data."""

    name: str
    folder: Path
    symbols: Sequence[str]
    rows_added: int
    rows_known: int
    rows_total: int
    interval_ns: int
    calendar: str
    stamps: str
    stamps_how: str
    notes: Sequence[str]
    quality: Mapping[str, Any]
    kinds: Sequence[str] = ("bars",)


@dataclass(frozen=True)
class _Options:
    """What the caller said about the data, settled against the data set that is there."""

    symbol: str | None
    asset_class: str | None
    calendar: str
    stamps: str | None
    interval: int | None
    stamps_how: str = ""
    assume: bool = False
    """nothing is known that says the calendar, so that the bars' days may"""
    policies: Policies = NONE

    @property
    def sessions(self) -> Calendar:
        return get(self.calendar)


def import_file(
    path: Path | str,
    workspace_data_dir: Path | str,
    name: str,
    *,
    symbol: str | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    stamps: str | None = None,
    interval: str | int | None = None,
    progress: Progress | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    ticks: TickOptions | None = None,
    quality_policies: Policies = NONE,
) -> Imported:
    """Add a CSV or Parquet file to the data set `name`. Raises DataError, and changes nothing, on the first wrong row.

    `symbol` names the data where the file does not, or picks one of its symbols. The rest is as in `open_feed`, but
    that `stamps` is found out where nothing is said. `ticks` is what was said about quotes, trades and books; `quality_policies`
    what to do about faults of bars (see `policies`).
    """
    path, folder = Path(path), catalogue.folder_of(Path(workspace_data_dir), name)
    if tickimport.is_ticks(path, ticks or TickOptions()):
        if quality_policies.said:
            Place(str(path)).fail(
                "it has ticks; quality policies are for bars: leave them out (--crossed is for quotes)"
            )
        return _imported_ticks(path, folder, ticks or TickOptions(), symbol, asset_class, calendar, instruments or {})
    old = catalogue.load(folder).meta if (folder / catalogue.DATASET).is_file() else None
    if old is not None and "kinds" in old:
        Place(str(folder)).fail("the data set has ticks; import bars under another name")
    given = _Options(
        symbol, asset_class, calendar or "", stamps, nanoseconds(interval), policies=_kept(quality_policies, old)
    )
    nothing_said = old is None and calendar is None and asset_class is None and not instruments
    notes: list[str] = []
    options, parts, summary = _parts(path, replace(_settled(given, old, folder), assume=nothing_said), notes)
    folder.mkdir(parents=True, exist_ok=True)
    written = _write_all(parts, folder, old, progress, options)
    try:
        if old is None or not all(_is_known(file, old) for file in written):
            symbols = _entries(old, written, options, instruments or {})
            source = _source(path, written, notes)
            meta = _meta(name, old, symbols, source, first=written[0].part, options=options) | {
                "quality": dict(summary)
            }
            for file in written:
                file.put()
            catalogue.write_meta(folder, meta)
    finally:
        for file in written:
            file.temporary.unlink(missing_ok=True)
    return _imported(catalogue.load(folder), written, _said(notes, written), summary)


def _imported_ticks(
    path: Path,
    folder: Path,
    options: TickOptions,
    symbol: str | None,
    asset_class: str | None,
    calendar: str | None,
    instruments: Mapping[str, Instrument],
) -> Imported:
    parts = tickimport.import_ticks(
        path, folder, options, symbol=symbol, asset_class=asset_class, calendar=calendar, instruments=instruments
    )
    dataset = catalogue.load(folder)
    return Imported(
        name=dataset.name,
        folder=folder,
        symbols=[part.symbol for part in parts],
        rows_added=sum(part.rows for part in parts if not part.known),
        rows_known=sum(part.rows for part in parts if part.known),
        rows_total=dataset.rows,
        interval_ns=0,
        calendar=str(dataset.meta["calendar"]),
        stamps="",
        stamps_how="",
        notes=[f"{part.symbol} {part.kind}: {note}" for part in parts for note in part.notes()],
        quality={},
        kinds=list(dict.fromkeys(part.kind for part in parts)),
    )


def _settled(options: _Options, old: Mapping[str, Any] | None, folder: Path) -> _Options:
    """What is not said follows the data set; what is said must not contradict it."""
    calendar = assets.default("", options.asset_class, options.calendar or None).calendar
    if old is None:
        return replace(options, calendar=calendar)
    if (options.calendar or options.asset_class) and calendar != old["calendar"]:
        Place(str(folder)).fail(f"the data set follows calendar {old['calendar']}, not {calendar}; use another name")
    if options.interval and options.interval != old["interval_ns"]:
        there, wanted = _seconds(old["interval_ns"]), _seconds(options.interval)
        Place(str(folder)).fail(f"the data set has bars of {there}, not {wanted}; use another name")
    if options.stamps is None:
        options = replace(options, stamps=old["stamps"], stamps_how="as in the data set")
    return replace(options, calendar=old["calendar"])


def _seconds(nanoseconds_: int) -> str:
    return f"{nanoseconds_ // 10**9} s"


def _parts(path: Path, options: _Options, notes: list[str]) -> tuple[_Options, list[Part], dict[str, Any]]:
    """The options with their calendar, the file's symbols, and the summary of its quality."""
    if path.exists() and reading.is_parquet(path) and reading.parquet(path).metadata.num_rows > IN_MEMORY:
        if options.policies.said:
            Place(str(path)).fail(
                f"it has more than {IN_MEMORY:,} rows; quality policies need fewer: import it in pieces"
            )
        options, parts = _streamed(path, options, notes)
        return options, parts, {"checked": False, "reason": f"more than {IN_MEMORY} rows"}
    raws = _chosen(split(*reading.read_file(path, notes), notes), options.symbol, path)
    options = _assumed(options, raws, notes)
    return options, [_part(raw, options) for raw in raws], quality.check_raws(raws, options.calendar).summary()


def _assumed(options: _Options, raws: Sequence[Raw], notes: list[str]) -> _Options:
    """The options with the calendar that the bars' days suggest, where nothing is said."""
    return replace(options, calendar=usual_calendar(raws, notes) or options.calendar) if options.assume else options


def _chosen(raws: Sequence[Raw], symbol: str | None, path: Path) -> list[Raw]:
    if len(raws) == 1:
        return [named(raws[0], symbol or raws[0].symbol or reading.stem(path))]
    by_symbol = {str(raw.symbol): raw for raw in raws}
    return [by_symbol[s] for s in catalogue.choose(None if symbol is None else [symbol], by_symbol, str(path))]


def _kept(said: Policies, old: Mapping[str, Any] | None) -> Policies:
    """What was said about faults, else what was said when the data set was made."""
    return said if said.said or old is None else policies.policies(old.get("policies"))


def _part(raw: Raw, options: _Options) -> Part:
    raw, notes = policies.cleaned(raw, options.policies)
    notes += policies.judged(raw, options.calendar, options.policies)
    bars = canonical(raw, str(raw.symbol), options.sessions, options.stamps, options.interval, reverse=True)
    arrays = [bars.columns[name] for name in COLUMNS]
    how = options.stamps_how or bars.stamps_how
    return Part(
        bars.symbol, iter([arrays]), bars.interval_ns, bars.stamps, how, bars.rows, [*bars.notes, *notes], notes
    )


def _streamed(path: Path, options: _Options, notes: list[str]) -> tuple[_Options, list[Part]]:
    """The options with their calendar, and the parts of a large Parquet file: times are read first, prices when asked for."""
    file, place = reading.parquet(path), Place(str(path), "row", 1)
    names = file.schema_arrow.names
    time, symbol = need(names, TIMES, place, "time"), find(names, SYMBOLS, place, "symbol")
    for field in COLUMNS[2:6]:
        need(names, (field,), place, field)
    stamps = read_stamps(file.read(columns=[time]).column(0), place, time)
    rows_of = _rows_by_symbol(file, symbol, options, path)
    raws = [Raw(s, place.only(r), stamps.take(r), (), time) for s, r in rows_of.items()]
    options = _assumed(options, raws, notes)
    return options, [_streamed_part(path, raw, rows_of[str(raw.symbol)], options) for raw in raws]


def _rows_by_symbol(file: Any, column: str | None, options: _Options, path: Path) -> dict[str, Any]:
    if column is None:
        return {options.symbol or reading.stem(path): np.arange(file.metadata.num_rows)}
    codes = file.read(columns=[column]).column(0).combine_chunks().dictionary_encode()
    index, known = codes.indices.to_numpy(), [str(s) for s in codes.dictionary.to_pylist()]
    wanted = catalogue.choose(None if options.symbol is None else [options.symbol], sorted(known), str(path))
    return {s: np.flatnonzero(index == known.index(s)) for s in wanted}


def _streamed_part(path: Path, raw: Raw, rows: Any, options: _Options) -> Part:
    require(raw.stamps, raw.place, raw.time_name)
    forwards(raw, reverse=False)
    when = timing(raw, options.sessions, options.stamps, options.interval)
    pieces = _stream(path, raw, rows, when)
    how = options.stamps_how or when.stamps_how
    return Part(str(raw.symbol), pieces, when.interval_ns, when.stamps, how, len(rows))


def _stream(path: Path, raw: Raw, rows: Any, when: Timing) -> Iterator[Arrays]:
    """One symbol's bars, a batch of the file at a time."""
    checked = Checked(str(path), raw.place.row)
    for before, batch in _batches(path, rows):
        first, stop = np.searchsorted(rows, (before, before + batch.num_rows))
        if first < stop:
            pieces = split(pa.table(batch), Place(str(path), "row", before + 1), [])
            arrays = [when.start[first:stop], when.at[first:stop], *_picked(pieces, rows[first:stop] - before)]
            checked.check(arrays)
            yield arrays


def _batches(path: Path, rows: Any) -> Iterator[tuple[int, Any]]:
    """The batches of the row groups that hold any of the rows, each with the number of rows before it."""
    file, before = reading.parquet(path), 0
    for group in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        first, stop = np.searchsorted(rows, (before, before + size))
        here = before
        for batch in file.iter_batches(ROW_GROUP, row_groups=[group], use_threads=False) if first < stop else ():
            yield here, batch
            here += batch.num_rows
        before += size


def _picked(pieces: Sequence[Raw], local: Any) -> list[Any]:
    """The five value columns of some rows of a batch, whose symbols `split` has put apart."""
    if len(pieces) == 1:
        return [np.ascontiguousarray(v[local]) for v in pieces[0].values]
    mine = next(p for p in pieces if p.place.rows[0] == local[0])
    return [np.ascontiguousarray(v) for v in mine.values]


class SymbolFile:
    """One symbol's file in the making, beside the one it will replace; `put` moves it there."""

    def __init__(self, folder: Path, part: Part, *, marked: bool = False) -> None:
        """`marked`: an eighth column says which bars were put in where none was published."""
        self.part = part
        self.schema, self.filled = (MARKED if marked else SCHEMA), 0
        self.path = folder / catalogue.file_name(part.symbol)
        self.temporary = folder / f".{self.path.name}.part"
        self.rows = self.added = self.known = 0
        self.first_start = self.last_at = 0
        self._waiting: list[Arrays] = []
        self._waiting_rows = 0
        self._hash = Fingerprint([part.symbol])

    @property
    def fingerprint(self) -> str:
        """Of the bars in the file."""
        return self._hash.hexdigest()

    def write(self, pieces: Iterator[Arrays], progress: Callable[[int], None]) -> None:
        """All bars, in full row groups, so that the bytes depend on the bars alone."""
        with pq.ParquetWriter(self.temporary, self.schema, **LAYOUT) as writer:
            for arrays in pieces:
                self._add(arrays)
                while self._waiting_rows >= ROW_GROUP:
                    self._write_group(writer)
                progress(len(arrays[0]))
            if self._waiting_rows:
                self._write_group(writer)
        if not self.rows:
            raise DataError(f"symbol {self.part.symbol} has no rows; expected at least one bar.")

    def put(self) -> None:
        """Move the finished file to its place."""
        if self.temporary.exists():
            self.temporary.replace(self.path)

    def _add(self, arrays: Arrays) -> None:
        self._hash.add(self.part.symbol, [np.ascontiguousarray(a) for a in arrays[: len(COLUMNS)]])
        self.filled += sum(int(marks.sum()) for marks in arrays[len(COLUMNS) :])
        self.first_start = self.first_start if self.rows else int(arrays[0][0])
        self.last_at = int(arrays[1][-1])
        self.rows += len(arrays[0])
        self._waiting.append(arrays)
        self._waiting_rows += len(arrays[0])

    def _write_group(self, writer: Any) -> None:
        whole = [np.concatenate(column) for column in zip(*self._waiting, strict=True)]
        group, rest = [c[:ROW_GROUP] for c in whole], [c[ROW_GROUP:] for c in whole]
        writer.write_table(pa.table(group, schema=self.schema), row_group_size=ROW_GROUP)
        self._waiting, self._waiting_rows = [rest], len(rest[0])


def _write_all(
    parts: Sequence[Part],
    folder: Path,
    old: Mapping[str, Any] | None,
    progress: Progress | None,
    options: _Options,
) -> list[SymbolFile]:
    """Every symbol's file beside its place. On an error nothing is left behind."""
    written = [SymbolFile(folder, part, marked=options.policies.gaps == "fill") for part in parts]
    done, total = 0, sum(part.rows for part in parts)

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    try:
        for file in written:
            _same_interval(file, old)
            _write_one(file, count, options)
    except BaseException:
        for file in written:
            file.temporary.unlink(missing_ok=True)
        if old is None and not any(folder.iterdir()):
            folder.rmdir()
        raise
    return written


def _same_interval(file: SymbolFile, old: Mapping[str, Any] | None) -> None:
    if old is not None and file.part.interval_ns != old["interval_ns"]:
        found, expected = _seconds(file.part.interval_ns), _seconds(old["interval_ns"])
        raise DataError(f"symbol {file.part.symbol} has bars of {found}, the data set of {expected}; use another name.")


def _write_one(file: SymbolFile, count: Callable[[int], None], options: _Options) -> None:
    if not file.path.exists() and not options.policies.said:
        file.write(file.part.pieces, count)
        file.added = file.rows
        return
    pieces = list(file.part.pieces)
    coming = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    there = stored(file.path)[0] if file.path.exists() else [column[:0] for column in coming]
    bars = joined(there, coming, file.part.symbol) if len(there[0]) else coming
    file.added = len(bars[0]) - len(there[0])
    file.known = len(coming[0]) - file.added
    if options.policies.gaps == "fill":
        columns, marks = policies.fill(bars, file.part.interval_ns, options.sessions)
        bars = [*columns, marks]
    file.write(iter([bars]), count)


def stored(path: Path) -> tuple[list[Any], Any]:
    """The bars of a symbol's file as published, and the times of those that were put in between them."""
    table = pq.read_table(path)
    columns = [table.column(name).to_numpy() for name in COLUMNS]
    if FILLED not in table.column_names:
        return columns, columns[0][:0]
    marks = table.column(FILLED).to_numpy()
    return [column[~marks] for column in columns], columns[0][marks]


def joined(there: Arrays, coming: Arrays, symbol: str) -> Arrays:
    """Both together in order. Raises DataError where a bar that is there would change, or bars would overlap."""
    place = np.minimum(np.searchsorted(there[0], coming[0]), len(there[0]) - 1)
    known = there[0][place] == coming[0]
    for name, old, new in zip(COLUMNS, there, coming, strict=True):
        differs = known & (old[place] != new)
        if differs.any():
            row = int(differs.argmax())
            raise DataError(
                f"symbol {symbol}: the bar of {stamp(coming[0][row])} has {name} {new[row]!s}, but the data set has "
                f"{old[place[row]]!s}; import it under another name, or remove the data set first."
            )
    both = [np.concatenate((old, new[~known])) for old, new in zip(there, coming, strict=True)]
    order = np.argsort(both[0], kind="stable")
    both = [column[order] for column in both]
    Checked(f"symbol {symbol}, after joining what is there").check(both)
    return both


def _meta(
    name: str,
    old: Mapping[str, Any] | None,
    symbols: Mapping[str, Any],
    source: Mapping[str, Any],
    *,
    first: Part,
    options: _Options,
) -> dict[str, Any]:
    """What `dataset.json` will say."""
    return {
        "format": catalogue.FORMAT,
        "name": name,
        "interval_ns": old["interval_ns"] if old else first.interval_ns,
        "calendar": options.calendar,
        "stamps": old["stamps"] if old else first.stamps,
        "stamps_how": old["stamps_how"] if old else first.stamps_how,
        "symbols": symbols,
        "sources": [*(old["sources"] if old else []), source],
        **({"policies": options.policies.said} if options.policies.said else {}),
    }


def _entries(
    old: Mapping[str, Any] | None,
    written: Sequence[SymbolFile],
    options: _Options,
    instruments: Mapping[str, Instrument],
) -> dict[str, Any]:
    """What is recorded of each symbol; an instrument that is there stays as it is."""
    symbols = dict(old["symbols"]) if old else {}
    for file in written:
        symbol = file.part.symbol
        before = symbols.get(symbol, {})
        instrument = before.get("instrument") or _instrument(symbol, options, instruments)
        symbols[symbol] = entry(file, instrument, before.get("faults", ()))
    return {symbol: symbols[symbol] for symbol in sorted(symbols)}


def _source(path: Path, written: Sequence[SymbolFile], notes: Sequence[str]) -> dict[str, Any]:
    """Where the bars came from: one line of the data set's provenance."""
    added = sum(file.added for file in written)
    return {"file": path.name, "sha256": _sha256(path), "rows_added": added, "notes": _said(notes, written)}


def _said(notes: Sequence[str], written: Sequence[SymbolFile]) -> list[str]:
    """The notes on the file and on its symbols, each once."""
    first = written[0].part
    times = f"times mark the {first.stamps} of bars ({first.stamps_how})"
    put_in = [f"{w.part.symbol}: of {w.rows} bars {w.filled} were filled in" for w in written if w.filled]
    return [*notes, *(f"{w.part.symbol}: {note}" for w in written for note in w.part.notes), *put_in, times]


def _is_known(file: SymbolFile, old: Mapping[str, Any]) -> bool:
    """Whether the data set says of this symbol what the file holds; it does not after an interrupted import."""
    known = old["symbols"].get(file.part.symbol, {}).get("fingerprint")
    return bool(known == file.fingerprint)


def _instrument(symbol: str, options: _Options, instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    if symbol in instruments:
        return assets.to_json(msgspec.structs.replace(instruments[symbol], calendar=options.calendar))
    return assets.to_json(assets.default(symbol, options.asset_class, options.calendar))


def entry(file: SymbolFile, instrument: Mapping[str, Any], faults: Sequence[str] = ()) -> dict[str, Any]:
    """What dataset.json says of a symbol; `faults` are those known before."""
    faults = list(dict.fromkeys([*faults, *file.part.faults]))
    written = file.temporary if file.temporary.exists() else file.path
    return {
        "file": file.path.name,
        "rows": file.rows,
        **({"filled": file.filled} if file.filled else {}),
        **({"faults": faults} if faults else {}),
        "first_start": file.first_start,
        "last_at": file.last_at,
        "fingerprint": file.fingerprint,
        "sha256": _sha256(written),
        "instrument": instrument,
    }


def _sha256(path: Path) -> str:
    whole = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.hexdigest()


def _imported(
    dataset: catalogue.Dataset, written: Sequence[SymbolFile], notes: Sequence[str], summary: Mapping[str, Any]
) -> Imported:
    first = written[0].part
    return Imported(
        name=dataset.name,
        folder=dataset.folder,
        symbols=[file.part.symbol for file in written],
        rows_added=sum(file.added for file in written),
        rows_known=sum(file.known for file in written),
        rows_total=dataset.rows,
        interval_ns=int(dataset.meta["interval_ns"]),
        calendar=str(dataset.meta["calendar"]),
        stamps=first.stamps,
        stamps_how=first.stamps_how,
        notes=notes,
        quality=summary,
    )
