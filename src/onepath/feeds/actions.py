"""A feed with corporate actions: each takes effect between two batches.

Rules: an action comes before the first event of its symbol that belongs to its moment or a later one (a bar by its start,
anything else by its own time), or before the first instant after it in which any other symbol has such an event. An
instant is never divided; a batch is, where an action falls inside it. An action takes the last price of its symbol along
(`price`), and that of the symbol that fractions are paid in, where it was not given them. After the last event come only
what ends a symbol (delisting, merger), up to a week later, because no event can follow it; what lies further on belongs
to another run. What happens before the first price of a symbol happens to nobody, and is left out. A split that the prices do
not show is refused.
Limits: what takes over has to be in the same currency. A bar that begins before an action and ends after it mixes two
units; whoever made it must not. Features of a batch that was divided are computed over slices of its columns.
Cost: nothing for batches without an action, but for one look at the last price of each symbol that has one to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from math import log
from typing import Any

import msgspec
from msgspec.structs import replace

from onepath.actions import CorporateAction, Delisting, Merger, SpinOff, Split, StockDividend, SymbolChange
from onepath.errors import DataError
from onepath.feeds.over import Over
from onepath.instruments import Instrument, exact
from onepath.market import Bar, MarketEvent
from onepath.nearest import nearest
from onepath.ports import Batch, Feed, News

WEEK = 7 * 86_400 * 1_000_000_000
_PLAIN = (0.75, 1.34)
"""ratios between these could hide in a day's own move"""
_Rows = Sequence[tuple[MarketEvent, bool]]


class Stretch:
    """Some rows of a batch; of a batch without rows, the actions alone."""

    def __init__(self, rows: _Rows, batch: Batch | None, before: _Rows, news: Sequence[News]) -> None:
        """`before` are the rows of the batch that other stretches have."""
        self.size = len(rows)
        self.news = news
        self._rows = rows
        self._batch = batch
        self._before = before

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return iter(self._rows)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        columns = None if self._batch is None else self._batch.columns(symbol)
        if columns is None:
            return None
        first = sum(1 for event, _ in self._before if event.symbol == symbol)
        stop = first + sum(1 for event, _ in self._rows if event.symbol == symbol)
        return {field: column[first:stop] for field, column in columns.items()}


class WithActions(Over):
    """`feed`, with `actions` at their places."""

    def __init__(self, feed: Feed, actions: Sequence[CorporateAction], end: int | None = None) -> None:
        """Actions at or after `end` are left out. Raises DataError for an action that makes no sense, or of a symbol that the
        feed does not have."""
        super().__init__(feed)
        self.actions = tuple(sorted((a for a in actions if end is None or a.at < end), key=lambda a: a.at))
        for action in self.actions:
            _check(action, feed.instruments)

    def batches(self) -> Iterator[Batch]:
        return _Placing(self.actions).over(self._feed.batches())

    def describe(self) -> Mapping[str, Any]:
        """What the feed says, and under `acting` the symbols that actions may happen to."""
        return {**self._feed.describe(), "acting": sorted({action.symbol for action in self.actions})}

    def fingerprint(self) -> str:
        """The feed's, and all actions."""
        whole = blake2b(digest_size=32)
        whole.update(self._feed.fingerprint().encode())
        whole.update(msgspec.json.encode(self.actions))
        return whole.hexdigest()


class _Placing:
    """One pass over the batches."""

    def __init__(self, actions: Sequence[CorporateAction]) -> None:
        self._waiting = list(actions)
        self._last: dict[str, float] = dict.fromkeys(_priced(actions), 0.0)
        self._until = 0

    def over(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self._waiting and self._may_reach(batch):
                yield from self._divided(batch)
            else:
                if self._waiting:
                    self._see_columns(batch)
                yield batch
        ends = [
            a
            for a in self._waiting
            if isinstance(a, Delisting | Merger) and a.at <= self._until + WEEK and self._last[a.symbol]
        ]
        if ends:
            yield Stretch((), None, (), [self._filled(action) for action in ends])

    def _may_reach(self, batch: Batch) -> bool:
        """Whether an action may fall into the batch: not, if all of it is known to be over by then."""
        ends_at = getattr(batch, "ends_at", None)
        return ends_at is None or ends_at > self._waiting[0].at

    def _see_columns(self, batch: Batch) -> None:
        self._until = batch.ends_at  # type: ignore[attr-defined]
        for symbol in self._last:
            columns = batch.columns(symbol)
            if columns is not None and len(columns["close"]):
                self._last[symbol] = float(columns["close"][-1])

    def _divided(self, batch: Batch) -> Iterator[Batch]:
        rows = list(batch.events())
        actions: list[CorporateAction] = []
        cut = 0
        for first, stop in _instants(rows):
            due = self._due(rows[first:stop])
            if due:
                if first > cut:
                    yield Stretch(rows[cut:first], batch, rows[:cut], actions)
                    actions = []
                actions += [self._filled(action) for action in due]
                cut = first
            for event, _ in rows[first:stop]:
                if event.symbol in self._last:
                    self._last[event.symbol] = event.mark
            self._until = rows[first][0].at
        if cut or actions:
            yield Stretch(rows[cut:], batch, rows[:cut], actions)
        else:
            yield batch

    def _due(self, instant: _Rows) -> list[CorporateAction]:
        """The actions that this instant must not overtake."""
        if not self._waiting or instant[0][0].at < self._waiting[0].at:
            return []
        due = [action for action in self._waiting if any(_follows(event, action) for event, _ in instant)]
        self._waiting = [action for action in self._waiting if action not in due]
        for action in due:
            if isinstance(action, Split):
                _jumps(action, self._last[action.symbol], instant)
        return [action for action in due if self._is_known(action)]

    def _is_known(self, action: CorporateAction) -> bool:
        """Whether anybody can hold its symbol; a new name can be held as soon as the old one could."""
        last = self._last[action.symbol]
        if last and isinstance(action, SymbolChange) and not self._last[action.into]:
            self._last[action.into] = last
        return bool(last)

    def _filled(self, action: CorporateAction) -> CorporateAction:
        """The action with the last prices, where it was not given them."""
        given: dict[str, Decimal] = {}
        if action.price is None and self._last.get(action.symbol):
            given["price"] = exact(self._last[action.symbol])
        if isinstance(action, SpinOff | Merger) and action.cash_price is None and self._last.get(action.into):
            given["cash_price"] = exact(self._last[action.into])
        return replace(action, **given) if given else action


def _jumps(split: Split, last: float, instant: _Rows) -> None:
    """Refuse a split that the prices do not show: they were adjusted for it already, and would be again."""
    event = next((event for event, _ in instant if event.symbol == split.symbol), None)
    ratio = float(split.ratio)
    if event is None or not last or _PLAIN[0] < ratio < _PLAIN[1]:
        return
    first = event.open if isinstance(event, Bar) else event.mark
    if not first or abs(log(last / first)) < abs(log(ratio)) / 2:
        raise DataError(
            f"the split of {split.symbol}, {split.ratio} for one: its price was {last:g} before and is {first:g} after, so the "
            "prices are adjusted for the split already; give raw prices, or leave the split out."
        )


def _follows(event: MarketEvent, action: CorporateAction) -> bool:
    if event.symbol == action.symbol:
        return (event.start if isinstance(event, Bar) else event.at) >= action.at
    return (event.start >= action.at) if isinstance(event, Bar) else event.at > action.at


def _instants(rows: _Rows) -> Iterator[tuple[int, int]]:
    """First row and end of each instant."""
    first = 0
    for i, (_, last) in enumerate(rows, 1):
        if last:
            yield first, i
            first = i


def _priced(actions: Sequence[CorporateAction]) -> list[str]:
    """Symbols whose last price an action may need."""
    return sorted({name for a in actions for name in (a.symbol, getattr(a, "into", "")) if name})


def _check(action: CorporateAction, instruments: Mapping[str, Instrument]) -> None:
    kind = type(action).__struct_config__.tag
    where = f"the {str(kind).replace('_', ' ')} of {action.symbol}"
    for symbol in (action.symbol, getattr(action, "into", "")):
        if symbol and symbol not in instruments:
            hint = nearest(symbol, instruments)
            raise DataError(
                f"{where}: the data has no symbol {symbol!r}{hint}; it has {', '.join(list(instruments)[:20])}: "
                "add its prices, or leave the action out."
            )
    if isinstance(action, SpinOff | Merger | SymbolChange) and action.into:
        _check_into(action.symbol, action.into, where, instruments)
    for what, value in _measures(action):
        if not value.is_finite() or value < 0 or (not value and what == "ratio"):
            raise DataError(f"{where}: {what} is {value}; expected a number above zero.")
    if isinstance(action, Merger) and not action.into and action.ratio:
        raise DataError(f"{where}: it pays in units, but not of which symbol; give `into`.")


def _check_into(symbol: str, into: str, where: str, instruments: Mapping[str, Instrument]) -> None:
    """What takes over is another symbol, whose cost can be reckoned in the same money."""
    if into == symbol:
        raise DataError(f"{where}: it turns into itself; name the new symbol.")
    old, new = instruments[symbol].currency, instruments[into].currency
    if old != new:
        raise DataError(
            f"{where}: {symbol} is in {old} and {into} in {new}; give prices of both in one currency, or leave the action out."
        )


def _measures(action: CorporateAction) -> Iterator[tuple[str, Decimal]]:
    """The numbers that must be positive, or at least not negative."""
    if isinstance(action, Split | StockDividend | SpinOff):
        yield "ratio", action.ratio
    if isinstance(action, Merger):
        yield ("ratio", action.ratio) if action.into else ("cash", action.cash)
        yield "cash", action.cash
    amount = getattr(action, "amount", None)
    if amount is not None:
        yield "amount", amount
    if action.price is not None:
        yield "price", action.price
