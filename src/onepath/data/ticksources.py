"""Ticks the user has, as a feed: frames, files, folders and data sets of quotes, trades and order books.

Rules: canonical files stream; everything else is converted in memory by the policies asked for, and what was left out is
in the feed's notes. A mapping of symbol to kind to frame mixes kinds of one symbol, bars among them; within an instant
the kinds come in the order given, in a data set as quotes, trades, book.
Limits: files that are not canonical are read whole, up to two million rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from onepath.data import assets, catalogue, reading
from onepath.data.bars import canonical
from onepath.data.places import Place
from onepath.data.sessions import get
from onepath.data.tables import named, split
from onepath.data.tickcolumns import TickOptions, kind_of
from onepath.data.ticktables import read_ticks
from onepath.errors import DataError
from onepath.feeds import tickfiles
from onepath.feeds.checks import stamp
from onepath.feeds.ticks import InMemory, Source, Stream, TickFeed
from onepath.instruments import Instrument
from onepath.market import KINDS

ALONE = "ASSET"
IN_MEMORY = 2_000_000
_BAR_ORDER = ("at", "start", "open", "high", "low", "close", "volume")


class Terms(NamedTuple):
    """What else was said about the data."""

    symbols: Sequence[str] | None
    start: int | None
    end: int | None
    instruments: Mapping[str, Instrument] | None
    asset_class: str | None
    calendar: str | None
    stamps: str | None = "start"
    interval: int | None = None

    def instrument(self, symbol: str) -> Instrument:
        """The one given, else that of the class."""
        given = (self.instruments or {}).get(symbol)
        return given or assets.default(symbol, self.asset_class, self.calendar)


@dataclass
class _Found:
    """The streams of a source, and what was noted about them."""

    streams: dict[Stream, Source] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, stream: Stream, source: Source, where: str) -> None:
        if stream in self.streams:
            Place(where).fail(f"{stream.kind} of {stream.symbol} occur in more than one table; keep them in one")
        self.streams[stream] = source


def opened(source: Any, options: TickOptions, terms: Terms) -> TickFeed | None:
    """The feed of a source that has ticks; None where it has bars alone."""
    if not has_ticks(source, options):
        return None
    found, where = _Found(), str(source) if isinstance(source, Path) else "the data"
    if isinstance(source, Path):
        for file in _files(source):
            _add_file(found, file, None, options, terms)
    elif _is_mapping(source):
        for symbol, value in source.items():
            _add_symbol(found, str(symbol), value, options, terms)
    else:
        _add_table(found, *reading.read_frame(source, "the frame"), _alone(terms), options, terms)
    return _feed(found, terms, where, "file" if isinstance(source, Path) else "frame")


def has_ticks(source: Any, options: TickOptions) -> bool:
    """Whether any table of the source holds ticks, by what was said or by its columns."""
    if options.kind is not None:
        return options.kind != "bars"
    if isinstance(source, Path):
        return any(kind_of(_names(file)) != "bars" for file in _files(source))
    if _is_mapping(source):
        return any(_symbol_has_ticks(value) for value in source.values())
    return _frame_kind(source) != "bars"


def open_dataset(dataset: catalogue.Dataset, options: TickOptions, terms: Terms) -> TickFeed:
    """A data set of ticks, streamed; `kind` takes one of its kinds alone."""
    where = f"data set {dataset.name}"
    if options.crossed or options.sides or options.time:
        Place(where).fail("crossed, sides and time were settled when it was imported; leave them out")
    chosen = catalogue.choose(terms.symbols, dataset.symbols, where)
    found = _Found()
    for symbol in chosen:
        streams = dataset.meta["symbols"][symbol]["streams"]
        for kind in [k for k in KINDS if k in streams and options.kind in {None, k}]:
            path = dataset.folder / streams[kind]["file"]
            source = tickfiles.TickFile(kind, path, terms.start, terms.end)
            _whole(source, path, streams[kind])
            found.add(Stream(symbol, kind), source, where)
            found.notes += [f"{symbol} {kind}: {note}" for note in streams[kind]["notes"]]
    known = {symbol: dataset.instrument(symbol) for symbol in chosen} | dict(terms.instruments or {})
    if not found.streams:
        Place(where).fail(f"it has no {options.kind}; it has {', '.join(dataset.meta['kinds'])}")
    origin = {"name": dataset.name, "path": str(dataset.folder)}
    return _feed(found, terms._replace(instruments=known), where, "dataset", origin)


def _whole(source: tickfiles.TickFile, path: Path, entry: Mapping[str, Any]) -> None:
    """Whether the file is the one that dataset.json speaks of."""
    if source.file_rows != entry["rows"]:
        Place(str(path)).fail(
            f"it has {source.file_rows} rows, expected {entry['rows']}; an import was interrupted: import the data again"
        )


def _feed(found: _Found, terms: Terms, where: str, source: str, origin: Mapping[str, Any] | None = None) -> TickFeed:
    if not found.streams:
        Place(where).fail("there is nothing in it; expected at least one symbol with ticks")
    order = {stream: i for i, stream in enumerate(found.streams)}
    if source != "dataset":
        wanted = catalogue.choose(terms.symbols, dict.fromkeys(s.symbol for s in found.streams), where)
        order = {s: i for i, s in enumerate(s for w in wanted for s in found.streams if s.symbol == w)}
    known = {stream.symbol: terms.instrument(stream.symbol) for stream in order}
    path = {"path": where} if source == "file" else {}
    feed = TickFeed(
        {stream: found.streams[stream] for stream in order},
        known,
        calendar=next((i.calendar for i in known.values()), "24/7"),
        origin={"source": source, **path, **(origin or {}), "notes": list(dict.fromkeys(found.notes))},
        volumes=found.volumes,
    )
    if not feed.total:
        raise DataError(f"{where} has no events in the requested dates.{_extent(found)}")
    return feed


def _extent(found: _Found) -> str:
    ends = [e for e in (source.ends() for source in found.streams.values()) if e is not None]
    return f" It runs from {stamp(min(e[0] for e in ends))} to {stamp(max(e[1] for e in ends))}." if ends else ""


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(f for f in path.iterdir() if reading.is_parquet(f) or reading.is_csv(f))


def _names(path: Path) -> list[str]:
    """The columns of a file; none where it does not open, which is said elsewhere."""
    if reading.is_parquet(path):
        return list(reading.parquet(path).schema_arrow.names)
    return list(reading.csv_header(path).names) if reading.is_csv(path) else []


def _is_mapping(source: Any) -> bool:
    return isinstance(source, Mapping) and not reading.is_frame(source)


def _is_kinds(value: Any) -> bool:
    """Whether a symbol's value is a mapping of kind to frame."""
    return _is_mapping(value) and bool(value) and all(name in KINDS for name in value)


def _symbol_has_ticks(value: Any) -> bool:
    if _is_kinds(value):
        return any(kind != "bars" for kind in value)
    if isinstance(value, str | Path):
        return any(kind_of(_names(file)) != "bars" for file in _files(Path(value)) if file.exists())
    return _frame_kind(value) != "bars"


def _frame_kind(frame: Any) -> str:
    """By the names of the columns alone, without converting any."""
    if isinstance(frame, Mapping):
        names = list(frame)
    elif hasattr(frame, "collect_schema"):
        names = frame.collect_schema().names()
    elif hasattr(frame, "schema"):
        names = list(frame.schema.names)
    else:
        names = list(getattr(frame, "columns", ()))
    return kind_of([name for name in names if isinstance(name, str)])


def _alone(terms: Terms) -> str:
    wanted = list(terms.symbols or ())
    return wanted[0] if len(wanted) == 1 else ALONE


def _add_symbol(found: _Found, symbol: str, value: Any, options: TickOptions, terms: Terms) -> None:
    parts = value if _is_kinds(value) else {None: value}
    for kind, part in parts.items():
        said = options if kind is None else TickOptions(kind, options.crossed, options.sides, options.time)
        if isinstance(part, str | Path):
            _add_file(found, Path(part), symbol, said, terms)
        else:
            what = f"the {kind} of {symbol}" if kind else f"the frame of {symbol}"
            _add_table(found, *reading.read_frame(part, what), symbol, said, terms)


def _add_file(found: _Found, path: Path, symbol: str | None, options: TickOptions, terms: Terms) -> None:
    if path.exists() and reading.is_parquet(path):
        file = reading.parquet(path)
        kind = tickfiles.kind_of(file.schema_arrow)
        if kind is not None and not (options.crossed or options.sides or options.time):
            name = symbol or symbol_of(path, kind)
            found.add(Stream(name, kind), tickfiles.TickFile(kind, path, terms.start, terms.end), str(path))
            return
        if file.metadata.num_rows > IN_MEMORY:
            Place(str(path)).fail(
                f"it has {file.metadata.num_rows:,} rows, more than the {IN_MEMORY:,} that are read into memory; "
                "import the file once with 'onepath data import' and use the data set's name"
            )
    _add_table(found, *reading.read_file(path, found.notes), symbol or reading.stem(path), options, terms)


def symbol_of(path: Path, kind: str) -> str:
    """The symbol that a canonical file is named after: BTCUSDT.quotes.parquet."""
    return unquote(reading.stem(path).removesuffix(f".{kind}"))


def _add_table(found: _Found, table: Any, place: Place, symbol: str, options: TickOptions, terms: Terms) -> None:
    if (options.kind or kind_of(table.column_names)) == "bars":
        _add_bars(found, table, place, symbol, terms)
        return
    for rows in read_ticks(table, place, options):
        name = rows.symbol or symbol
        columns, begin = _between(rows.kind, rows.columns, terms)
        found.add(Stream(name, rows.kind), InMemory(rows.kind, columns, place.where, begin), place.where)
        found.notes += [f"{name} {rows.kind}: {note}" for note in rows.notes]


def _add_bars(found: _Found, table: Any, place: Place, symbol: str, terms: Terms) -> None:
    for part in split(table, place, found.notes):
        name = part.symbol or symbol
        calendar = get(terms.instrument(name).calendar)
        bars = canonical(named(part, name), name, calendar, terms.stamps, terms.interval)
        columns, _ = _between("bars", [bars.columns[c] for c in _BAR_ORDER], terms)
        found.add(Stream(name, "bars"), InMemory("bars", columns, place.where), place.where)
        found.notes += [f"{name}: {note}" for note in bars.notes]
        if columns[-1].any():
            found.volumes.append(name)


def _between(kind: str, columns: Sequence[Any], terms: Terms) -> tuple[list[Any], int | None]:
    """The rows in the dates asked for; a book keeps what it is built from, and from where it is handed out."""
    import numpy as np

    when = columns[1] if kind == "bars" else columns[0]
    stop = len(when) if terms.end is None else int(np.searchsorted(when, terms.end))
    first = 0 if terms.start is None or kind == "book" else int(np.searchsorted(when, terms.start))
    return [column[first : max(first, stop)] for column in columns], terms.start if kind == "book" else None
