"""Universes from files: CSV with dates and metadata, or a YAML list; chosen by metadata, and matched with the data there are.

Rules: a CSV file has a column `symbol` (or ticker), and perhaps `from` and `to` (also start, end, start_date, end_date): the
day on which it becomes a member, and the day on which it is one no more; empty: always. All other columns are metadata. A
symbol may come and go several times; spells that overlap are an error with file and line. A YAML file is a list of symbols.
`where` keeps the lines whose metadata fit: a value, a list of values, or a range `{least: 1e9, most: 1e12}`; a line without
the value does not fit. Metadata belong to their line: where they change, the file has a line for each time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from onepath.calendars import DAY, as_date, day_of
from onepath.data.places import Place
from onepath.errors import ConfigError, DataError
from onepath.nearest import nearest
from onepath.ports import Feed
from onepath.universe import Spell, Traded, Universe

_SYMBOL = ("symbol", "ticker")
_FROM = ("from", "start", "start_date")
_TO = ("to", "end", "end_date")
SAMPLES = Path(__file__).parent / "samples" / "universes"
_YAML = (".yaml", ".yml")
_WHERE = "where"
SHOWN = 8
_EXAMPLES = {"days": 20, "min_dollar_volume": 1e9, "min_price": 5.0, "top": 100}
Facts = Mapping[str, str]


def located(name: str | Path, home: Path | None = None) -> Path:
    """The file of that name: in `home`, else the sample that comes with onepath (dow30)."""
    place = (home or Path()) / name
    sample = SAMPLES / f"{name}.csv"
    return sample if not place.exists() and len(Path(name).parts) == 1 and sample.is_file() else place


def read_universe(path: str | Path, filter: Mapping[str, Any] | None = None) -> Universe:
    """The universe of a file. `filter` holds `where` (conditions on metadata) and the terms of `onepath.universe.Traded`.

    Raises DataError with file and line, ConfigError for a filter that makes no sense.
    """
    place = Path(path)
    try:
        raw = place.read_bytes()
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        beside = [file.name for file in place.parent.glob("*") if file.suffix in (".csv", *_YAML)]
        hint = nearest(place.name, (*beside, *(file.stem for file in SAMPLES.glob("*.csv"))))
        raise DataError(f"{place} does not exist{hint}; check the path of the universe.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{place} cannot be read as a universe ({error}).") from None
    lines = list(_from_yaml(place, text) if place.suffix in _YAML else _from_csv(place, text))
    if not lines:
        raise DataError(f"{place}: it names no symbol; expected one a line.")
    _apart(place, lines)
    where, traded = filtered(filter)
    spells = tuple(spell for _, spell, facts in _matching(lines, where, str(place)))
    return Universe(spells, str(path), sha256(raw).hexdigest(), traded, where=dict(where))


def given(universe: Any, filter: Mapping[str, Any] | None = None) -> Universe:
    """What a caller gave: a path, a Universe, or a list of symbols."""
    if isinstance(universe, Universe):
        where, traded = filtered(filter)
        if where:
            raise ConfigError("filter.where needs a universe of a file: one made in Python has no metadata")
        return universe if filter is None else msgspec.structs.replace(universe, traded=traded)
    if isinstance(universe, str | Path):
        return msgspec.structs.replace(read_universe(located(universe), filter), name=str(universe))
    if isinstance(universe, Sequence) and universe and all(isinstance(symbol, str) for symbol in universe):
        return given(Universe(tuple(Spell(symbol) for symbol in dict.fromkeys(universe))), filter)
    raise ConfigError(
        f"universe is {universe!r}; expected the path of a file, a list of symbols or an onepath.Universe"
    )


def filtered(filter: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], Traded | None]:
    """The conditions on metadata, and those on what was traded. Raises ConfigError."""
    if filter is None:
        return {}, None
    if not isinstance(filter, Mapping):
        raise ConfigError(
            f"filter is {filter!r}; expected a dict such as {{'top': 100, 'where': {{'sector': 'Energy'}}}}"
        )
    rest = {key: value for key, value in filter.items() if key != _WHERE and value is not None}
    where = filter.get(_WHERE) or {}
    if not isinstance(where, Mapping):
        raise ConfigError(f"filter.where is {where!r}; expected columns and what they must be, such as sector: Energy")
    known = Traded.__struct_fields__
    for key in rest:
        if key not in known:
            hint = nearest(key, (*known, _WHERE))
            raise ConfigError(f"filter.{key} is unknown{hint}; known are where, {', '.join(known)}")
    try:
        return where, msgspec.convert(rest, Traded, strict=False) if rest else None
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$.")
        if key:
            key = key.rstrip("`")
            raise ConfigError(f"filter.{key} is {rest[key]!r}; expected a number, such as {_EXAMPLES[key]}") from None
        raise ConfigError(f"filter: {what}") from None


class Choice(NamedTuple):
    """The members whose data there are, the universe of them alone, and what is to be said of the others."""

    symbols: list[str]
    universe: Universe
    note: str


def choice(universe: Universe, feed: Feed) -> Choice:
    """Who of a universe is ever a member in the time of `feed`, and has data there. Raises DataError where nobody has."""
    found = feed.describe()
    first, last = (int(found.get(key) or 0) // DAY for key in ("first_at", "last_at"))
    ever = universe.ever(first, last)
    there = [symbol for symbol in ever if symbol in feed.instruments]
    name = universe.name or "the universe"
    time = f"from {as_date(first)} to {as_date(last)}"
    if not ever:
        conditions = f" that fits filter.where {dict(universe.where)}" if universe.where else ""
        raise DataError(f"{name}: it has no member{conditions} {time}; check the conditions, or the dates.")
    if not there:
        raise DataError(
            f"{name}: of its {len(ever)} members {time} the data has none; it has {_some(list(feed.instruments))}: check the "
            "symbols, or the dates."
        )
    absent = [symbol for symbol in ever if symbol not in feed.instruments]
    note = ""
    if absent:
        shown = _some(absent)
        note = (
            f"survivorship: of {len(ever):,} members of {name} {time}, {len(absent):,} have no "
            f"data ({shown}); results are those of the rest"
        )
    calendar = feed.instruments[there[0]].calendar
    return Choice(there, msgspec.structs.replace(universe.only(there), calendar=calendar), note)


def _some(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:SHOWN]) + (", ..." if len(symbols) > SHOWN else "")


def _from_yaml(place: Path, text: str) -> Iterator[tuple[int, Spell, Facts]]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it is no text"
        where = f"{place}, line {mark.line + 1}" if mark else str(place)
        raise DataError(f"{where}: this is not YAML: {what}.") from None
    if not isinstance(found, list):
        raise DataError(f"{place}: expected a list of symbols, such as [AAPL, MSFT].")
    for number, symbol in enumerate(found, 1):
        if not isinstance(symbol, str):
            raise DataError(
                f"{place}: entry {number} is {symbol!r}; expected a symbol: quote what YAML reads otherwise."
            )
    for number, symbol in enumerate(found, 1):
        yield number, Spell(symbol), {}


def _from_csv(place: Path, text: str) -> Iterator[tuple[int, Spell, Facts]]:
    lines = csv.reader(io.StringIO(text))
    header = [name.strip().lower() for name in next(lines, [])]
    symbol, since, until = (next((n for n in names if n in header), "") for names in (_SYMBOL, _FROM, _TO))
    if not symbol:
        raise DataError(f"{place}: there is no column symbol; found {', '.join(header) or 'nothing'}.")
    for line in lines:
        row = dict(zip(header, map(str.strip, line), strict=False))
        if not any(row.values()):
            continue
        where = Place(f"{place}, line {lines.line_num}")
        spell = Spell(row.pop(symbol, ""), _day(where, row, since), _day(where, row, until))
        if not spell.symbol:
            where.fail(f"{symbol} is missing")
        if spell.first is not None and spell.end is not None and spell.end <= spell.first:
            where.fail(f"{spell.symbol} leaves before it has been a member for a day; {until} is the day it leaves")
        yield lines.line_num, spell, {key: value for key, value in row.items() if value}


def _day(where: Place, row: dict[str, str], name: str) -> int | None:
    text = row.pop(name, "")
    if not text:
        return None
    try:
        return day_of(date.fromisoformat(text[:10]))
    except ValueError:
        return where.fail(f"{name} is {text!r}; expected a date such as 2014-06-09")


def _apart(place: Path, lines: Sequence[tuple[int, Spell, Facts]]) -> None:
    """Spells of one symbol follow one another."""
    before: dict[str, list[tuple[int, Spell]]] = {}
    for number, spell, _ in lines:
        for other, earlier in before.setdefault(spell.symbol, []):
            ends = (spell.end is None or earlier.first is None or earlier.first < spell.end) and (
                earlier.end is None or spell.first is None or spell.first < earlier.end
            )
            if ends:
                raise DataError(f"{place}, line {number}: {spell} overlaps {earlier} of line {other}; keep them apart.")
        before[spell.symbol].append((number, spell))


def _matching(
    lines: Sequence[tuple[int, Spell, Facts]], where: Mapping[str, Any], place: str
) -> list[tuple[int, Spell, Facts]]:
    """The lines whose metadata fit all conditions."""
    columns = {key for _, _, facts in lines for key in facts}
    for key in where:
        if str(key).lower() not in columns:
            found = ", ".join(sorted(columns)) or "none"
            raise ConfigError(
                f"filter.where.{key}: {place} has no such column{nearest(str(key), columns)}; it has {found}"
            )
    wanted = {str(key).lower(): condition for key, condition in where.items()}
    return [line for line in lines if all(_fits(line[2].get(key), c, key) for key, c in wanted.items())]


def _fits(value: str | None, condition: Any, key: str) -> bool:
    if value is None:
        return False
    if isinstance(condition, Mapping):
        return _within(value, condition, key)
    if isinstance(condition, list | tuple | set | frozenset):
        return any(_same(value, one) for one in condition)
    return _same(value, condition)


def _same(value: str, wanted: Any) -> bool:
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return value.lower() == str(wanted).lower()
    return _number(value) == wanted


def _within(value: str, condition: Mapping[str, Any], key: str) -> bool:
    """Whether a number lies between `least` and `most`, both included."""
    for name, bound in condition.items():
        limit = _number(bound)
        if name not in ("least", "most") or limit is None:
            raise ConfigError(
                f"filter.where.{key}: {name}: {bound!r} is no bound; expected least and most, with numbers"
            )
    number = _number(value)
    least, most = _number(condition.get("least", "-inf")), _number(condition.get("most", "inf"))
    return number is not None and least is not None and most is not None and least <= number <= most


def _number(value: Any) -> float | None:
    try:
        return float(str(value).replace("_", ""))
    except ValueError:
        return None
