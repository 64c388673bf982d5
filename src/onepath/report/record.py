"""A session as its journal tells it: manifest, orders, fills, curves and prices, read in one pass and frozen.

Rules: a fold over rows, nothing else: no clock, no file but the journal. Equal journals give equal records.
Money of orders and fills stays Decimal; curves are float arrays. Marks and prices that were left out because nothing
changed are carried forward. A strategy's book is worth its capital until its first mark.
Limits: holds all orders, fills, marks and prices of the session in memory; one currency is assumed in sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onepath import events
from onepath.actions import CorporateAction
from onepath.errors import JournalError
from onepath.instruments import ONE, ZERO
from onepath.journal.codec import FILLS, decode
from onepath.orders import Denied, Order
from onepath.ports import Row
from onepath.report import execution
from onepath.report.expenses import Execution

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
_ENDS = ("order.denied", "order.rejected", "order.cancelled", "order.expired")
_CURVES = ("mark", "prices", "corporate_action")
_KINDS = (
    "session.started",
    "session.ended",
    "strategy.ended",
    "order.submitted",
    "order.forced",
    *FILLS,
    *_ENDS,
    *_CURVES,
)
_INCIDENTS = ("trading_state", "margin_call")
_ALL = tuple(dict.fromkeys((*_KINDS, *_INCIDENTS, *execution.READ)))


class Rows(Protocol):
    """What the report needs of a journal."""

    @property
    def session_id(self) -> str: ...

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Valuations of a book through time, in money; `at` rises strictly."""

    at: Times
    equity: Floats
    cash: Floats
    gross: Floats
    net: Floats


class Outcome(NamedTuple):
    """An order that ended without being filled: `step` is denied, rejected, cancelled or expired."""

    at: int
    order_id: int
    strategy: str
    symbol: str
    step: str
    reason: str
    order: Order | None = None
    """of a denial: what was asked for"""
    text: str = ""
    """of a denial: the reason in words"""


class Incident(NamedTuple):
    """Trading was halted, reduced or set active again, or an account was short of margin."""

    at: int
    text: str


class Acted(NamedTuple):
    """A corporate action, when it was announced, and how many rows of `prices` and how many fills came before it."""

    at: int
    row: int
    fills: int
    action: CorporateAction


@dataclass(frozen=True, slots=True, eq=False)
class SessionRecord:
    """All that a report shows of a session. `status` is running where the journal has no end."""

    session_id: str
    manifest: events.SessionStarted
    status: str
    ended: tuple[events.StrategyEnded, ...]
    orders: tuple[Order, ...]
    fills: tuple[events.Fill, ...]
    outcomes: tuple[Outcome, ...]
    capital: Mapping[str, Decimal]
    """by strategy, in manifest order"""
    curves: Mapping[str, Curve]
    """by strategy"""
    total: Curve
    """all strategies together"""
    prices_at: Times
    prices: Floats
    """one row a time, one column a symbol; NaN before a symbol's first price"""
    symbols: tuple[str, ...]
    execution: Execution
    """what became of the orders and what they cost"""
    actions: tuple[Acted, ...] = ()
    forced: tuple[tuple[int, events.Forced], ...] = ()
    """orders that the venue made in a strategy's name, and how many of `orders` came before each"""
    incidents: tuple[Incident, ...] = ()
    """what a person who answers for the account must know of"""

    @property
    def initial(self) -> float:
        """Money at the start, all strategies together."""
        return float(sum(self.capital.values(), ZERO))

    @property
    def currency(self) -> str:
        """The session's currency; empty where instruments differ."""
        found = {str(row.get("currency", "")) for row in self.manifest.instruments}
        return found.pop() if len(found) == 1 else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed about the data when it was read."""
        found = self.manifest.data.get("notes")
        return tuple(map(str, found)) if isinstance(found, list | tuple) else ()

    @property
    def every_order(self) -> tuple[Order, ...]:
        """The orders that were sent and those that the venue forced, in order."""
        found = list(self.orders)
        for before, event in reversed(self.forced):
            found.insert(before, event.order)
        return tuple(found)

    @property
    def denied(self) -> tuple[Outcome, ...]:
        """The orders that the risk gate let not through."""
        return tuple(outcome for outcome in self.outcomes if outcome.step == "denied")

    @property
    def denials(self) -> dict[str, int]:
        """How many orders were denied, by reason, the most frequent first."""
        return dict(Counter(outcome.reason for outcome in self.denied).most_common())

    @property
    def multipliers(self) -> dict[str, Decimal]:
        """What one unit is worth at price one, by symbol."""
        return {str(row["symbol"]): Decimal(str(row.get("multiplier", ONE))) for row in self.manifest.instruments}

    @property
    def lots(self) -> dict[str, Decimal]:
        """Increment of quantities, by symbol."""
        return {str(row["symbol"]): Decimal(str(row.get("lot_size", ONE))) for row in self.manifest.instruments}

    @property
    def bases(self) -> dict[str, str]:
        """The coin or currency that one unit is, by symbol; empty where it is none."""
        return {str(row["symbol"]): str(row.get("base", "")) for row in self.manifest.instruments}

    def fees(self, fills: Iterable[events.Fill]) -> float:
        """What `fills` paid."""
        bases = self.bases
        return float(sum((fee_of(fill, bases) for fill in fills), ZERO))

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last moment the session speaks of; None where it never came to one."""
        data = self.manifest.data
        known = [data.get("first_at"), data.get("last_at")]
        found = [int(at) for at in known if isinstance(at, int)]
        for times in (self.total.at, self.prices_at):
            if len(times):
                found += [int(times[0]), int(times[-1])]
        return (min(found), max(found)) if found else None


def fee_of(fill: events.Fill, bases: Mapping[str, str]) -> Decimal:
    """A fill's fee as money: one in the coin is worth the fill's price; one in a third currency stands apart."""
    if not fill.fee_currency:
        return fill.fee
    return fill.fee * fill.price if fill.fee_currency == bases.get(fill.symbol) else ZERO


@dataclass(slots=True)
class _Pages:
    """Rows sorted by what they say, while the journal is being read."""

    manifest: events.SessionStarted | None = None
    status: str = "running"
    ended: list[events.StrategyEnded] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    fills: list[events.Fill] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    marks: dict[str, list[tuple[int, float, float, float, float]]] = field(default_factory=dict)
    prices_at: list[int] = field(default_factory=list)
    prices: list[Floats] = field(default_factory=list)
    actions: list[Acted] = field(default_factory=list)
    forced: list[tuple[int, events.Forced]] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    execution: execution.Reading = field(default_factory=execution.Reading)

    def started(self, row: Row, event: events.SessionStarted) -> None:
        self.manifest = event

    def finished(self, row: Row, event: events.SessionEnded) -> None:
        self.status = event.status

    def submitted(self, row: Row, event: Order) -> None:
        self.orders.append(event)

    def made(self, row: Row, event: events.Forced) -> None:
        self.forced.append((len(self.orders), event))

    def filled(self, row: Row, event: events.Fill) -> None:
        self.fills.append(event)

    def denied(self, row: Row, event: Denied) -> None:
        order = event.order
        reason = event.code or event.reason
        self.outcomes.append(
            Outcome(row.at, order.id, order.strategy, order.symbol, "denied", reason, order, event.reason)
        )

    def dropped(self, row: Row, event: Any) -> None:
        step = row.kind.removeprefix("order.")
        reason = getattr(event, "reason", "")
        self.outcomes.append(Outcome(row.at, event.order_id, event.strategy, event.symbol, step, reason))

    def strategy_over(self, row: Row, event: events.StrategyEnded) -> None:
        self.ended.append(event)

    def mark(self, row: Row, event: events.Mark) -> None:
        values = (row.at, event.equity, event.cash, event.gross, event.net)
        self.marks.setdefault(event.strategy, []).append(values)

    def price(self, row: Row, event: events.Prices) -> None:
        self.prices_at.append(row.at)
        self.prices.append(np.array(event.prices, dtype=np.float64))

    def acted(self, row: Row, event: CorporateAction) -> None:
        self.actions.append(Acted(row.at, len(self.prices_at), len(self.fills), event))

    def moved(self, row: Row, event: events.TradingStateChanged) -> None:
        by = f"{event.breaker}: " if event.breaker else ""
        self.incidents.append(Incident(row.at, f"{event.scope or 'all strategies'} {event.state}: {by}{event.reason}"))

    def called(self, row: Row, event: events.MarginCall) -> None:
        done = "; positions are closed" if event.liquidates else ""
        said = f"{event.strategy} margin call: equity {event.equity:.2f}, required {event.required:.2f}{done}"
        self.incidents.append(Incident(row.at, said))


_READ: dict[str, Callable[[_Pages, Row, Any], None]] = {
    "session.started": _Pages.started,
    "session.ended": _Pages.finished,
    "strategy.ended": _Pages.strategy_over,
    "order.submitted": _Pages.submitted,
    "order.forced": _Pages.made,
    **dict.fromkeys(FILLS, _Pages.filled),
    **dict.fromkeys(_ENDS, _Pages.dropped),
    "order.denied": _Pages.denied,
    "mark": _Pages.mark,
    "prices": _Pages.price,
    "corporate_action": _Pages.acted,
    "trading_state": _Pages.moved,
    "margin_call": _Pages.called,
}


def read(journal: Rows) -> SessionRecord:
    """The session of `journal`. Raises JournalError where it never started or does not read."""
    pages = _Pages()
    for row in journal.rows(_ALL):
        event = decode(row)
        told = _READ.get(row.kind)
        if told is not None:
            told(pages, row, event)
        pages.execution.take(row, event)
    if pages.manifest is None:
        raise JournalError(f"session {journal.session_id} has no start in its journal: there is nothing to report")
    return _bind(journal.session_id, pages, pages.manifest)


def _bind(session_id: str, pages: _Pages, manifest: events.SessionStarted) -> SessionRecord:
    capital = {str(row["name"]): Decimal(str(row.get("capital", 0))) for row in manifest.strategies}
    curves = {name: _curve(pages.marks.get(name, [])) for name in (*capital, *sorted(pages.marks.keys() - capital))}
    symbols = tuple(str(row["symbol"]) for row in manifest.instruments)
    prices_at, prices = _prices(pages, len(symbols))
    return SessionRecord(
        session_id=session_id,
        manifest=manifest,
        status=pages.status,
        ended=tuple(pages.ended),
        orders=tuple(pages.orders),
        fills=tuple(pages.fills),
        outcomes=tuple(pages.outcomes),
        capital=capital,
        curves=curves,
        total=_sum(curves, {name: float(value) for name, value in capital.items()}),
        prices_at=prices_at,
        prices=prices,
        symbols=symbols,
        execution=Execution(pages.execution.finish()),
        actions=tuple(acted._replace(row=_row(acted.row, pages.prices_at, prices_at)) for acted in pages.actions),
        forced=tuple(pages.forced),
        incidents=tuple(pages.incidents),
    )


def _curve(marks: list[tuple[int, float, float, float, float]]) -> Curve:
    """Marks as arrays; of several at one time the last counts."""
    latest = {mark[0]: mark for mark in marks}
    ordered = [latest[at] for at in sorted(latest)]
    at = np.array([mark[0] for mark in ordered], dtype=np.int64)
    columns = np.array([mark[1:] for mark in ordered], dtype=np.float64).reshape(-1, 4)
    return Curve(at, *(columns[:, i].copy() for i in range(4)))


def held(at: Times, source_at: Times, values: Floats, before: float) -> Floats:
    """`values` as they stood at each of `at`: the last one known, `before` where there was none yet."""
    if not len(source_at):
        return np.full(len(at), before)
    index = np.searchsorted(source_at, at, side="right") - 1
    return np.where(index >= 0, values[np.maximum(index, 0)], before)


def merged(*times: Times) -> Times:
    """All moments in order, each once. (numpy's own unique hashes integers, which takes ten times as long here.)"""
    at = np.sort(np.concatenate(times)) if times else np.empty(0, dtype=np.int64)
    found: Times = at[np.append(True, at[1:] != at[:-1])] if len(at) else at
    return found


def _sum(curves: Mapping[str, Curve], capital: Mapping[str, float]) -> Curve:
    """All books together, at every time any of them was valued."""
    at = merged(*(curve.at for curve in curves.values()))
    total = Curve(at, *(np.zeros(len(at)) for _ in range(4)))
    for name, curve in curves.items():
        start = capital.get(name, 0.0)
        total.equity[:] += held(at, curve.at, curve.equity, start)
        total.cash[:] += held(at, curve.at, curve.cash, start)
        total.gross[:] += held(at, curve.at, curve.gross, 0.0)
        total.net[:] += held(at, curve.at, curve.net, 0.0)
    return total


def _prices(pages: _Pages, width: int) -> tuple[Times, Floats]:
    """Prices as a table without gaps after a symbol's first; of several rows at one time the last counts."""
    latest = dict(zip(pages.prices_at, pages.prices, strict=True))
    at = np.array(sorted(latest), dtype=np.int64)
    if not len(at):
        return at, np.empty((0, width))
    return at, _fill_forward(np.vstack([latest[int(time)] for time in at]))


def _row(number: int, told_at: Sequence[int], at: Times) -> int:
    """Where the row that was told as this number stands in the table."""
    return int(np.searchsorted(at, told_at[number])) if number < len(told_at) else len(at)


def _fill_forward(table: Floats) -> Floats:
    """`table` with each NaN replaced by the last number above it."""
    rows = np.arange(len(table))[:, None]
    source = np.maximum.accumulate(np.where(np.isnan(table), 0, rows), axis=0)
    return np.take_along_axis(table, source, axis=0)
