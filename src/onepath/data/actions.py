"""Corporate actions from files: a plain CSV, price files with dividend and split columns, LEAN's factor and map files.

Rules: a date is the ex-date at the exchange: the action takes effect at its midnight there, before anything trades.
A plain CSV has `symbol, date, type` and, by type: split, stock_dividend `ratio`; cash_dividend `amount` (`pay_date`);
spin_off `into, ratio, cost_share`; merger `into, ratio, cash`; symbol_change `into`; delisting (`price`). `cash_price` is
what fractions are paid with. What is wrong is told with file and line.
Columns of dividends and splits beside prices (Yahoo, Quandl, zipline) are read where they stand, 0 or 1 meaning none; a
split that the prices beside it do not show is refused, because they are adjusted for it already.
LEAN factor files: the ratio of two neighbouring split factors is a split, `reference_close x (1 - price factor / next
price factor)` a dividend, both on the day after the row's date.
Limits: dividends are in the instrument's currency; LEAN's factors have seven digits, so its dividends have four.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import log
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
)
from onepath.data.sessions import get
from onepath.errors import DataError
from onepath.instruments import ONE, Instrument
from onepath.nearest import nearest

Instruments = Mapping[str, Instrument]
Row = tuple[int, Mapping[str, str]]
_TYPES = ("split", "stock_dividend", "cash_dividend", "spin_off", "merger", "symbol_change", "delisting")
_DIVIDENDS = ("dividends", "ex-dividend", "dividend")
_SPLITS = ("stock splits", "split ratio", "split")
_FOREVER = 2050


def read_actions(path: str | Path, instruments: Instruments, *, only_known: bool = False) -> list[CorporateAction]:
    """The actions of a file, whatever its kind, in time order. `only_known` leaves out symbols that are not in `instruments`,
    for a run over some symbols of a larger collection. Raises DataError with file and line."""
    place = Path(path)
    header, rows = _rows(place)
    reader = _reader(place, header)
    found = reader(place, rows, instruments)
    if only_known:
        found = [a for a in found if a.symbol in instruments and getattr(a, "into", "") in {*instruments, ""}]
    return sorted(found, key=lambda action: action.at)


def _reader(place: Path, header: Sequence[str]) -> Callable[[Path, Sequence[Row], Instruments], list[CorporateAction]]:
    if {"symbol", "date", "type"} <= set(header):
        return _plain
    if {"price_factor", "split_factor", "reference_close"} <= set(header):
        return _lean_factors
    if {"file_symbol", "valid_until", "ticker"} <= set(header):
        return _lean_maps
    if "date" in header and set(header) & {*_DIVIDENDS, *_SPLITS}:
        return _beside_prices
    raise DataError(
        f"{place}: no corporate actions are found in columns {', '.join(header)}; expected symbol, date, type, or dividend "
        "and split columns beside prices."
    )


def _rows(place: Path) -> tuple[list[str], list[Row]]:
    """The header in small letters, and each row with its line."""
    try:
        with gzip.open(place, "rt") if place.suffix == ".gz" else place.open() as file:
            lines = csv.reader(file)
            header = [name.strip().lower() for name in next(lines, [])]
            rows: list[Row] = [
                (lines.line_num, dict(zip(header, map(str.strip, line), strict=False))) for line in lines if line
            ]
    except FileNotFoundError:
        raise DataError(f"{place} does not exist; check the path of the corporate actions.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place} cannot be read as a CSV file ({error}).") from None
    return header, rows


class _Line:
    """One row, with errors that say where it stands."""

    def __init__(self, place: Path, row: Row, instruments: Instruments) -> None:
        self.place, (self.line, self.fields), self.instruments = place, row, instruments

    def fail(self, what: str) -> NoReturn:
        raise DataError(f"{self.place}, line {self.line}: {what}.")

    def text(self, name: str) -> str:
        return self.fields.get(name) or self.fail(f"{name} is missing")

    def number(self, name: str, default: Decimal | None = None) -> Decimal:
        text = self.fields.get(name)
        if not text:
            return self.fail(f"{name} is missing; expected a number") if default is None else default
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        return value if value.is_finite() else self.fail(f"{name} is {text!r}; expected a number")

    def maybe(self, name: str) -> Decimal | None:
        return self.number(name) if self.fields.get(name) else None

    def at(self, symbol: str, name: str = "date", later: int = 0) -> int:
        """The midnight at the symbol's exchange, of the date or of the day after."""
        return midnight(self.day(name) + later, self.instruments.get(symbol))

    def day(self, name: str = "date") -> int:
        text = self.text(name)[:10]
        try:
            return (datetime.fromisoformat(text).date() - date(1970, 1, 1)).days
        except ValueError:
            return self.fail(f"{name} is {text!r}; expected a date such as 2014-06-09")


def midnight(day: int, instrument: Instrument | None) -> int:
    """The start of that day (counted from 1970) where the instrument is traded, in nanoseconds UTC."""
    calendar = get("24/7" if instrument is None else instrument.calendar)
    return calendar.session_bounds(day)[0] - calendar.opens


def _plain(place: Path, rows: Sequence[Row], instruments: Instruments) -> list[CorporateAction]:
    return [_action(_Line(place, row, instruments)) for row in rows]


def _action(line: _Line) -> CorporateAction:
    symbol, kind = line.text("symbol"), line.text("type")
    if kind not in _TYPES:
        line.fail(f"type {kind!r} is unknown{nearest(kind, _TYPES)}; known are {', '.join(_TYPES)}")
    at, cash_price = line.at(symbol), line.maybe("cash_price")
    pay_at = line.at(symbol, "pay_date") if line.fields.get("pay_date") else 0
    made: Mapping[str, Callable[[], CorporateAction]] = {
        "split": lambda: Split(symbol, at, line.number("ratio"), cash_price),
        "stock_dividend": lambda: StockDividend(symbol, at, line.number("ratio"), cash_price),
        "cash_dividend": lambda: CashDividend(symbol, at, line.number("amount"), pay_at),
        "spin_off": lambda: SpinOff(
            symbol, at, line.text("into"), line.number("ratio"), line.number("cost_share"), cash_price
        ),
        "merger": lambda: Merger(
            symbol,
            at,
            line.fields.get("into") or "",
            line.number("ratio", ONE * 0),
            line.number("cash", ONE * 0),
            cash_price,
        ),
        "symbol_change": lambda: SymbolChange(symbol, at, line.text("into")),
        "delisting": lambda: Delisting(symbol, at, line.maybe("price")),
    }
    return made[kind]()


def _beside_prices(place: Path, rows: Sequence[Row], instruments: Instruments) -> list[CorporateAction]:
    """Dividend and split columns of price files."""
    found: list[CorporateAction] = []
    closes: dict[str, float] = {}
    alone = next(iter(instruments)) if len(instruments) == 1 else None
    for row in rows:
        line = _Line(place, row, instruments)
        symbol = line.fields.get("symbol") or alone or line.fail("no column symbol says whose it is")
        amount = _first(line, _DIVIDENDS)
        ratio = _first(line, _SPLITS) or ONE
        close = float(line.fields.get("close") or 0)
        if ratio != ONE:
            _shown(line, symbol, ratio, closes.get(symbol), close)
            found.append(Split(symbol, line.at(symbol), ratio))
        if amount:
            # Where both fall on one day, the dividend is of a new unit: it comes second.
            found.append(CashDividend(symbol, line.at(symbol), amount))
        closes[symbol] = close
    return found


def _first(line: _Line, names: Sequence[str]) -> Decimal | None:
    name = next((name for name in names if name in line.fields), None)
    return None if name is None else line.number(name, ONE * 0)


def _shown(line: _Line, symbol: str, ratio: Decimal, before: float | None, after: float) -> None:
    """Refuse a split that the prices beside it do not show."""
    if before and after and abs(log(before / after)) < abs(log(float(ratio))) / 2:
        line.fail(
            f"{symbol} is said to split {ratio.normalize():f} for one, but its close was {before:g} before and is {after:g} "
            "after: the prices are adjusted for splits already, and must not be adjusted again; give raw prices, or leave "
            "the splits out"
        )


def _lean_factors(place: Path, rows: Sequence[Row], instruments: Instruments) -> list[CorporateAction]:
    found: list[CorporateAction] = []
    for line, following in _pairs(place, rows, instruments, "symbol"):
        symbol, at = line.text("symbol"), line.at(line.text("symbol"), later=1)
        if line.number("reference_close") <= 1:
            continue  # the first row, which only says since when there are data
        share = ONE - line.number("price_factor") / following.number("price_factor")
        amount = (line.number("reference_close") * share).quantize(Decimal("0.0001"))
        if amount > 0:
            found.append(CashDividend(symbol, at, amount))
        ratio = _plain_ratio(following.number("split_factor") / line.number("split_factor"))
        if ratio != ONE:
            found.append(Split(symbol, at, ratio))
    return found


def _plain_ratio(ratio: Decimal) -> Decimal:
    """The ratio of small numbers that rounded factors mean."""
    near = Fraction(ratio).limit_denominator(100)
    plain = Decimal(near.numerator) / Decimal(near.denominator)
    return plain if abs(ratio / plain - ONE) < Decimal("0.0005") else ratio


def _lean_maps(place: Path, rows: Sequence[Row], instruments: Instruments) -> list[CorporateAction]:
    """Names a company traded under, and the end of those that trade no more."""
    found: list[CorporateAction] = []
    for line, following in _pairs(place, rows, instruments, "file_symbol"):
        old, new = line.text("ticker"), following.text("ticker")
        if old != new:
            found.append(SymbolChange(old, line.at(old, "valid_until", later=1), new))
    last = {row[1].get("file_symbol"): row for row in rows}
    for row in last.values():
        line = _Line(place, row, instruments)
        if int(line.text("valid_until")[:4]) < _FOREVER:
            ticker = line.text("ticker")
            found.append(Delisting(ticker, line.at(ticker, "valid_until", later=1)))
    return found


def _pairs(place: Path, rows: Sequence[Row], instruments: Instruments, key: str) -> Iterator[tuple[_Line, _Line]]:
    """Each row with the next one of the same symbol."""
    before: dict[Any, _Line] = {}
    for row in rows:
        line = _Line(place, row, instruments)
        name = line.text(key)
        if name in before:
            yield before[name], line
        before[name] = line


def given(actions: Any, instruments: Instruments, *, only_known: bool) -> list[CorporateAction]:
    """What a caller gave: a path, or actions (as values, or as a manifest holds them)."""
    if isinstance(actions, str | Path):
        return read_actions(actions, instruments, only_known=only_known)
    if isinstance(actions, CorporateAction) or not isinstance(actions, Iterable):
        raise DataError(f"actions is {actions!r}; expected a list of corporate actions, or the path of a file.")
    actions = list(actions)
    if actions and isinstance(actions[0], Mapping):
        return msgspec.convert(actions, list[CorporateAction], strict=False)
    for action in actions:
        if not isinstance(action, CorporateAction):
            raise DataError(
                f"actions holds {action!r}; expected corporate actions such as onepath.actions.Split, or a path."
            )
    return list(actions)
