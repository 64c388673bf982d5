"""What there is to see of a session at one moment, as plain values: for the terminal, `status.json` and the metrics.

Rules: money as floats, for people and curves; times in nanoseconds since the epoch, UTC. A view is never changed, and reading it
needs nothing of the session. `view_of` reads the session and changes nothing in it.
Limits: what an account is worth needs all its rates; where one is not known, it is said as None.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import msgspec

from onepath.errors import DataError
from onepath.ledger import EXACT
from onepath.monitor.speeds import Speed, exact

if TYPE_CHECKING:
    from onepath.portfolio import Portfolio
    from onepath.seat import Seat
    from onepath.session import Session

FORMAT = 1
"""of status.json"""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: its money and its calls."""

    strategy: str
    state: str
    """working, warming up, failed, quarantined or ended"""
    currency: str
    capital: float
    cash: float | None
    equity: float | None
    pnl: float | None
    """equity less capital"""
    realised: float | None
    unrealised: float | None
    fees: float | None
    gross: float | None
    orders: int
    """at work"""
    calls: int | None = None
    """of its methods so far, where they are counted"""
    took: Speed = Speed()
    """its last calls"""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """An open position."""

    strategy: str
    symbol: str
    quantity: float
    price: float | None
    value: float | None
    cost: float


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """An order at work."""

    strategy: str
    id: int
    symbol: str
    side: str
    type: str
    quantity: float
    filled: float
    limit: float | None
    stop: float | None
    status: str
    submitted_at: int


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in a line."""

    at: int
    kind: str
    text: str
    strategy: str = ""
    severity: str = "info"


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of market data."""

    name: str
    """symbol and kind"""
    state: str
    last_at: int
    """when it was last heard of; 0: never"""
    events: int
    gaps: int
    filled: int
    missed: int


class FeedView(msgspec.Struct, frozen=True, kw_only=True):
    """The connection to the venue."""

    streams: tuple[StreamView, ...] = ()
    connections: int = 0
    reconnects: int = 0
    bad_messages: int = 0
    queue: int = 0
    queue_highest: int = 0
    queue_room: int = 0
    lag_ms: float | None = None
    """arrival here less the venue's own time, over the last events: the way, and how far the clocks are apart"""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A session at one moment."""

    session: str
    mode: str
    state: str
    """starting, history, running, paused, stopping, or how it ended"""
    wall: int
    """when this was seen, by the clock of this machine"""
    at: int
    """session time"""
    equity: float | None
    cash: float | None
    capital: float | None
    pnl: float | None
    books: tuple[Book, ...]
    holdings: tuple[Holding, ...]
    working: tuple[Working, ...]
    feed: FeedView
    events: int
    began: int = 0
    pid: int = 0
    last: tuple[Happened, ...] = ()
    """the last events, the latest last"""
    warnings: tuple[str, ...] = ()
    alerts: int = 0
    events_per_second: float = 0.0
    decided: Speed = Speed()
    """event received to order handed to the venue"""
    worked: Speed = Speed()
    """event received to its batch worked through"""
    rss_mb: float = 0.0
    rows: int = 0
    durable: int = 0
    counts: dict[str, int] = {}
    """how often each kind of row was recorded, of those that are looked at"""
    format: int = FORMAT


def view_of(session: Session, wall: int, health: Mapping[str, Any] | None = None) -> View:
    """The session as it stands: in its own thread, or while that waits. `health` is that of the source."""
    engine = session.engine
    with localcontext(EXACT):
        ended = {failure.strategy: failure.status for failure in engine.failures}
        books = tuple(_book(seat, ended) for seat in engine.seats)
        holdings = tuple(held for seat in engine.seats for held in _holdings(seat))
    together = len({book.currency for book in books}) == 1
    return View(
        session=session.id,
        mode=session.plan.mode,
        state="history" if engine.rehearses else "stopping" if engine.stopping else "running",
        wall=wall,
        at=engine.moment.at,
        equity=_sum(book.equity for book in books) if together else None,
        cash=_sum(book.cash for book in books) if together else None,
        capital=_sum(book.capital for book in books) if together else None,
        pnl=_sum(book.pnl for book in books) if together else None,
        books=books,
        holdings=holdings,
        working=tuple(
            Working(
                strategy=seat.name,
                id=state.id,
                symbol=state.symbol,
                side=str(state.order.side),
                type=str(state.order.type),
                quantity=float(state.order.quantity),
                filled=float(state.filled),
                limit=_float(state.order.limit),
                stop=_float(state.order.stop),
                status=str(state.status),
                submitted_at=state.order.submitted_at,
            )
            for seat in engine.seats
            for state in seat.context.open_orders
        ),
        feed=feed_of(health or {}, _lag(session)),
        events=session.delivered,
        rows=getattr(written(session), "seq", 0),
        durable=getattr(written(session), "durable", 0),
    )


def written(session: Session) -> Any:
    """The journal that is written, where the session's own compares with a record first."""
    return getattr(session.journal, "journal", session.journal)


def _book(seat: Seat, ended: Mapping[str, str]) -> Book:
    portfolio = seat.context.portfolio
    fence = seat.fence
    equity = _known(lambda: portfolio.equity)
    return Book(
        strategy=seat.name,
        state=ended.get(seat.name, "ended") if not seat.active else "warming up" if seat.warming else "working",
        currency=portfolio.currency,
        capital=float(portfolio.capital),
        cash=_known(lambda: portfolio.cash),
        equity=equity,
        pnl=None if equity is None else equity - float(portfolio.capital),
        realised=_known(lambda: portfolio.realised_pnl),
        unrealised=_known(lambda: portfolio.unrealised_pnl),
        fees=_known(lambda: portfolio.fees),
        gross=_known(lambda: portfolio.exposure),
        orders=len(seat.context.open_orders),
        calls=None if fence is None else fence.calls,
        took=Speed() if fence is None else exact(fence.took),
    )


def _holdings(seat: Seat) -> list[Holding]:
    portfolio: Portfolio = seat.context.portfolio
    return [
        Holding(
            strategy=seat.name,
            symbol=symbol,
            quantity=float(position.quantity),
            price=_float(portfolio.price(symbol)),
            value=_known(lambda symbol=symbol: portfolio.value(symbol)),
            cost=float(position.cost),
        )
        for symbol, position in portfolio.positions.items()
    ]


def feed_of(health: Mapping[str, Any], lag_ms: float | None = None) -> FeedView:
    """What a source says of itself."""
    connections, queue = health.get("connections", ()), health.get("queue", {})
    return FeedView(
        streams=tuple(
            StreamView(
                name=name,
                state=str(found.get("state", "")),
                last_at=int(found.get("last_at") or 0),
                events=int(found.get("events", 0)),
                gaps=int(found.get("gaps", 0)),
                filled=int(found.get("filled", 0)),
                missed=int(found.get("missed", 0)),
            )
            for name, found in health.get("streams", {}).items()
        ),
        connections=len(connections),
        reconnects=sum(int(found.get("reconnects", 0)) for found in connections),
        bad_messages=sum(int(found.get("bad_messages", 0)) for found in connections),
        queue=int(queue.get("depth", 0)),
        queue_highest=int(queue.get("highest", 0)),
        queue_room=int(queue.get("capacity", 0)),
        lag_ms=lag_ms,
    )


def _lag(session: Session) -> float | None:
    """The middle of arrival less the venue's time, over the last events of all symbols, in milliseconds."""
    found = sorted(event.at - event.venue_at for event in tuple(session.engine.marks.values()) if event.venue_at)
    return found[len(found) // 2] / 1e6 if found else None


def _known(figure: Any) -> float | None:
    """A figure in the home currency; None while a rate, or a price, is not known."""
    try:
        return float(figure())
    except (DataError, KeyError):
        return None


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _sum(figures: Any) -> float | None:
    found = list(figures)
    return None if None in found else float(sum(found))
