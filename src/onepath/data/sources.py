"""Whatever the user has, as a feed: frames, files, folders and data sets by name.

Rules: everything that is read into memory is checked before the feed exists; data sets are checked as they stream.
A daily series without a single weekend bar, of which nothing else is said, is taken to follow the NYSE calendar, and
`describe()` says so under `notes`. The order of symbols is the one asked for, else the mapping's, else sorted.
Limits: files that are not in the catalogue are read whole, up to two million rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from onepath.calendars import DAY
from onepath.data import assets, catalogue, policies, reading, ticksources
from onepath.data.bars import Bars, canonical, nanoseconds, only_weekdays, usual_step
from onepath.data.places import Place
from onepath.data.sessions import get
from onepath.data.tables import Raw, named, split
from onepath.data.tickcolumns import TickOptions
from onepath.data.ticksources import ALONE, IN_MEMORY, Terms
from onepath.errors import DataError
from onepath.feeds.columns import ColumnFeed
from onepath.feeds.parquet import ParquetFeed, is_canonical, no_overlap
from onepath.instruments import Instrument
from onepath.ports import Feed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def open_feed(
    source: Any,
    *,
    symbols: Sequence[str] | None = None,
    start: date | str | int | None = None,
    end: date | str | int | None = None,
    instruments: Mapping[str, Instrument | Mapping[str, Any]] | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    stamps: str | None = "start",
    interval: str | int | timedelta | None = None,
    data_dir: Path | str | None = None,
    kind: str | None = None,
    crossed: str | None = None,
    sides: str | None = None,
    time: str | None = None,
    quality: str | Mapping[str, str] | None = None,
    filled: str | None = None,
) -> Feed:
    """See `onepath.data.open_feed`."""
    options, rules = TickOptions(kind, crossed, sides, time), policies.policies(quality)
    with_filled = _with_filled(filled)
    window = moment(start), moment(end)
    notes: list[str] = []
    found = _catalogued(source, data_dir)
    if isinstance(found, catalogue.Dataset):
        _agrees(found, asset_class, calendar, nanoseconds(interval))
        instruments = assets.given(instruments or {}, asset_class, calendar, found.usual)
        if "kinds" in found.meta:
            _no_policies(rules)
            return ticksources.open_dataset(found, options, Terms(symbols, *window, instruments, None, None))
        known_set = catalogue.open_dataset(
            found, symbols=symbols, start=window[0], end=window[1], instruments=instruments, filled=with_filled
        )
        return policies.treated(known_set, rules)
    instruments = assets.given(instruments or {}, asset_class, calendar, lambda _: None)
    terms = Terms(symbols, *window, instruments, asset_class, calendar, stamps, nanoseconds(interval))
    if (ticks := ticksources.opened(found, options, terms)) is not None:
        _no_policies(rules)
        return ticks
    if options.said and options.kind != "bars":
        Place("the data").fail("it has bars; crossed, sides and time are for quotes, trades and books: leave them out")
    if isinstance(found, Path) and (files := _canonical_files(found)):
        files_feed = _streamed(found, files, symbols, window, instruments, asset_class, calendar, with_filled)
        return policies.treated(files_feed, rules)
    raws = [_cleaned(raw, rules, notes) for raw in _raws(found, symbols, notes)]
    nothing_said = calendar is None and asset_class is None and not instruments
    named_calendar = usual_calendar(raws, notes) if nothing_said else calendar
    known = _instruments([str(raw.symbol) for raw in raws], instruments, asset_class, named_calendar)
    length = nanoseconds(interval)
    bars = [canonical(raw, str(raw.symbol), get(known[str(raw.symbol)].calendar), stamps, length) for raw in raws]
    return policies.treated(_in_memory(found, bars, known, window, notes), rules)


def _cleaned(raw: Raw, rules: policies.Policies, notes: list[str]) -> Raw:
    """The rows without those that were to be left out, which is noted."""
    raw, found = policies.cleaned(raw, rules)
    notes += [f"{raw.symbol}: {note}" for note in found]
    return raw


def _no_policies(rules: policies.Policies) -> None:
    if rules.said:
        Place("the data").fail(
            "it has quotes, trades or books; quality is for bars: leave it out (crossed is for quotes)"
        )


def _with_filled(said: str | None) -> bool:
    if said not in {None, "use", "leave_out"}:
        raise DataError(f"filled is {said!r}; expected 'use' or 'leave_out'.")
    return said != "leave_out"


def moment(value: date | str | int | None) -> int | None:
    """A date, datetime, ISO text or nanoseconds as nanoseconds; without a zone it is UTC."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise DataError(f"{value!r} is no date; expected one such as 2024-01-31 or 2024-01-31T09:30.") from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    return (value - _EPOCH) // timedelta(microseconds=1) * 1_000


def until(value: date | str | int | None) -> int | None:
    """The same of an end that is named by its last day: the day's own end. A moment stays what it is."""
    at = moment(value)
    named = isinstance(value, date) and not isinstance(value, datetime)
    if isinstance(value, str):
        named = len(value) <= len("2024-01-31") and "T" not in value
    return at if at is None or not named else at + DAY


def _catalogued(source: Any, data_dir: Path | str | None) -> Any:
    """A data set where the source names one, a Path where it is one, else the source itself."""
    if not isinstance(source, str | Path):
        return source
    path = Path(source)
    if (path / catalogue.DATASET).is_file():
        return catalogue.load(path)
    if path.exists() and str(source) not in catalogue.names(data_dir):
        return path
    if _looks_like_path(source):
        Place(str(source)).fail("there is no such file or folder; check the path")
    return catalogue.find(str(source), data_dir)


def _agrees(dataset: catalogue.Dataset, asset_class: str | None, calendar: str | None, interval: int | None) -> None:
    """A data set knows what it is; to be told otherwise is an error, not an order."""
    classes = {dataset.instrument(symbol).asset_class for symbol in dataset.symbols}
    for what, wanted, there in (
        ("calendar", calendar, {str(dataset.meta["calendar"])}),
        ("asset_class", asset_class, classes),
        ("interval", interval, {int(dataset.meta["interval_ns"])}),
    ):
        if wanted is not None and {wanted} != there:
            found = ", ".join(map(str, sorted(there, key=str)))
            Place(f"data set {dataset.name}").fail(f"it has {what} {found}, not {wanted}; leave {what} out")


def _looks_like_path(source: str | Path) -> bool:
    path = Path(source)
    return isinstance(source, Path) or len(path.parts) > 1 or reading.is_csv(path) or reading.is_parquet(path)


def _canonical_files(place: Path) -> dict[str, Path]:
    """The files of a folder, or the one file, by symbol, if all of them can be streamed."""
    files = _data_files(place) if place.is_dir() else [place]
    if not all(reading.is_parquet(f) and is_canonical(reading.parquet(f).schema_arrow) for f in files):
        return {}
    return {catalogue.symbol_of(file): file for file in files}


def _data_files(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.iterdir() if reading.is_parquet(f) or reading.is_csv(f))
    if not files:
        held = sorted(f.parent.name for f in folder.glob(f"*/{catalogue.DATASET}"))
        hint = f"; it holds the data sets {', '.join(held)}: name one of them" if held else ""
        Place(str(folder)).fail(f"the folder has no Parquet or CSV files{hint}")
    return files


def _streamed(
    folder: Path,
    files: Mapping[str, Path],
    symbols: Sequence[str] | None,
    window: tuple[int | None, int | None],
    instruments: Mapping[str, Instrument] | None,
    asset_class: str | None,
    calendar: str | None,
    filled: bool,
) -> ParquetFeed:
    chosen = catalogue.choose(symbols, files, str(folder))
    known = _instruments(chosen, instruments, asset_class, calendar)
    interval = min((_interval(files[symbol]) for symbol in chosen), default=0)
    feed = ParquetFeed(
        {symbol: files[symbol] for symbol in chosen},
        known,
        start=window[0],
        end=window[1],
        interval_ns=interval,
        calendar=_calendar_of(known),
        origin={"source": "parquet", "path": str(folder)},
        filled=filled,
    )
    if not feed.total:
        whole = ParquetFeed({s: files[s] for s in chosen}, known).describe()
        raise no_overlap(str(folder), int(whole["first_at"] or 0) - interval, int(whole["last_at"] or 0))
    return feed


def _interval(path: Path) -> int:
    """The first bar's length."""
    first = next(reading.parquet(path).iter_batches(1, columns=["start", "at"]), None)
    return 0 if first is None else int(first.column(1)[0].as_py() - first.column(0)[0].as_py())


def _raws(source: Any, symbols: Sequence[str] | None, notes: list[str]) -> list[Raw]:
    """One Raw a symbol, named, in feed order."""
    if isinstance(source, Path):
        found = _from_files(source, notes)
        where = str(source)
    elif reading.is_frame(source):
        found, where = _from_frame(source, symbols, notes), "the frame"
    elif isinstance(source, Mapping):
        found, where = _from_mapping(source, notes), "the mapping of frames"
    else:
        found, where = split(*reading.read_frame(source, "the data"), notes), "the data"
    by_symbol = {str(raw.symbol): raw for raw in found}
    if len(by_symbol) < len(found):
        Place(where).fail("a symbol occurs in more than one table; keep each symbol in one")
    if not by_symbol:
        Place(where).fail("there is nothing in it; expected at least one symbol with bars")
    return [by_symbol[symbol] for symbol in catalogue.choose(symbols, by_symbol, where)]


def _from_files(path: Path, notes: list[str]) -> list[Raw]:
    files = _data_files(path) if path.is_dir() else [path]
    rows = sum(reading.parquet(f).metadata.num_rows for f in files if reading.is_parquet(f) and f.exists())
    if rows > IN_MEMORY:
        Place(str(path)).fail(
            f"it has {rows:,} rows, more than the {IN_MEMORY:,} that are read into memory; "
            "import each file once with 'onepath data import' and use the data set's name"
        )
    found = []
    for file in files:
        table, place = reading.read_file(file, notes)
        found += [raw if raw.symbol else named(raw, reading.stem(file)) for raw in _split(table, place, notes)]
    return found


def _split(table: Any, place: Place, notes: list[str]) -> list[Raw]:
    """A canonical table keeps its `start` as its time."""
    return split(table.drop_columns(["at"]) if is_canonical(table.schema) else table, place, notes)


def _from_frame(source: Any, symbols: Sequence[str] | None, notes: list[str]) -> list[Raw]:
    found = split(*reading.read_frame(source, "the frame"), notes)
    alone = ([symbols] if isinstance(symbols, str) else list(symbols or ()))[:2]
    if found[0].symbol is None:
        return [named(found[0], alone[0] if len(alone) == 1 else ALONE)]
    return found


def _from_mapping(source: Mapping[Any, Any], notes: list[str]) -> list[Raw]:
    found = []
    for symbol, frame in source.items():
        where = f"the frame of {symbol}"
        if isinstance(frame, str | Path):
            table, place = reading.read_file(Path(frame), notes)
        else:
            table, place = reading.read_frame(frame, where)
        parts = _split(table, place, notes)
        if len(parts) > 1:
            place.fail(f"it holds {len(parts)} symbols; a mapping has one symbol a frame")
        found.append(named(parts[0], str(symbol)))
    return found


def usual_calendar(raws: Sequence[Raw], notes: list[str]) -> str | None:
    """NYSE for daily bars on weekdays alone; for data of which nothing else is said, opened or imported."""
    for raw in raws:
        utc, wall = raw.stamps.utc, raw.stamps.wall
        if len(utc) < 2 or usual_step(utc, wall, raw.place) != DAY or not only_weekdays(wall // DAY):
            return None
    notes.append("daily bars on weekdays alone: calendar XNYS is assumed; name the calendar if it is another")
    return "XNYS"


def _instruments(
    symbols: Sequence[str],
    given: Mapping[str, Instrument] | None,
    asset_class: str | None,
    calendar: str | None,
) -> dict[str, Instrument]:
    given = given or {}
    return {s: given[s] if s in given else assets.default(s, asset_class, calendar) for s in symbols}


def _calendar_of(instruments: Mapping[str, Instrument]) -> str:
    return next((instrument.calendar for instrument in instruments.values()), "24/7")


def _in_memory(
    source: Any,
    bars: Sequence[Bars],
    instruments: Mapping[str, Instrument],
    window: tuple[int | None, int | None],
    notes: list[str],
) -> ColumnFeed:
    said = dict.fromkeys([*notes, *(f"{b.symbol}: {note}" for b in bars for note in b.notes)])
    origin: dict[str, Any] = (
        {"source": "file", "path": str(source)} if isinstance(source, Path) else {"source": "frame"}
    )
    feed = ColumnFeed(
        {b.symbol: _between(b.columns, *window) for b in bars},
        instruments,
        interval_ns=min(b.interval_ns for b in bars),
        calendar=_calendar_of(instruments),
        origin=origin | {"notes": list(said)},
    )
    if not feed.total:
        first = min(int(b.columns["start"][0]) for b in bars)
        last = max(int(b.columns["at"][-1]) for b in bars)
        raise no_overlap("the data" if not isinstance(source, Path) else str(source), first, last)
    return feed


def _between(columns: Mapping[str, Any], start: int | None, end: int | None) -> Mapping[str, Any]:
    """The bars that start in `[start, end)`."""
    first = 0 if start is None else int(np.searchsorted(columns["start"], start))
    stop = len(columns["start"]) if end is None else int(np.searchsorted(columns["start"], end))
    return {name: column[first : max(first, stop)] for name, column in columns.items()}
