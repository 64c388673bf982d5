"""Whatever a strategy asks for and wherever the session is stopped: books, rules and record hold.

Expected figures are folded from the journal's own orders and fills in fractions, next to the bars that were drawn.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from worlds import CASH, NAMES, Ran, World, plan, ran, worlds

from onepath.feeds.limited import Limited
from onepath.journal.codec import FILLS
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.orders import OrderType, Side
from onepath.replay import RecordedVenue, compare
from onepath.session import Session

COMMON = settings(max_examples=150, deadline=None)


def bars(run: Ran) -> dict[tuple[str, int], Bar]:
    """Every bar by symbol and close."""
    return {
        (symbol, columns["at"][i]): Bar(symbol, *(columns[name][i] for name in columns))
        for symbol, columns in run.data.items()
        for i in range(len(columns["at"]))
    }


def exact(price: float) -> Fraction:
    return Fraction(repr(price))


@COMMON
@given(worlds())
def test_books_balance(world: World) -> None:
    """Cash, positions, equity, profit and fees follow from the fills, to the last digit, in ours and the venue's books."""
    run = ran(world)
    multiplier = Fraction(world.multiplier)
    last: dict[str, Bar] = {}
    ended = run.events("session.ended")[0][0].at
    for (symbol, at), bar in bars(run).items():
        if at <= ended:
            last[symbol] = bar
    cash = dict.fromkeys(NAMES, Fraction(CASH))
    fees = dict.fromkeys(NAMES, Fraction(0))
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for _, fill in run.events(*FILLS):
        cash[fill.strategy] -= Fraction(fill.quantity) * Fraction(fill.price) * multiplier + Fraction(fill.fee)
        fees[fill.strategy] += Fraction(fill.fee)
        held[fill.strategy, fill.symbol] += Fraction(fill.quantity)
    held = {key: quantity for key, quantity in held.items() if quantity}  # type: ignore[assignment]
    assert {name: Fraction(c) for name, c in run.session.venue.cash().items()} == cash
    assert {key: Fraction(q) for key, q in run.session.venue.positions().items()} == held
    for name in NAMES:
        book = run.session.engine.portfolios[name]
        mine = {symbol: quantity for (owner, symbol), quantity in held.items() if owner == name}
        worth = sum(
            (quantity * exact(last[symbol].close) * multiplier for symbol, quantity in mine.items()), Fraction(0)
        )
        assert Fraction(book.cash) == cash[name]
        assert {symbol: Fraction(p.quantity) for symbol, p in book.positions.items()} == mine
        assert Fraction(book.fees) == fees[name]
        profit = sum((Fraction(p.realised) for _, p in run.events("position") if p.strategy == name), Fraction(0))
        assert Fraction(book.realised_pnl) == profit
        cost = sum((Fraction(p.cost) for p in book.positions.values()), Fraction(0))
        assert Fraction(CASH) + profit + (worth - cost) - fees[name] == cash[name] + worth


FINE = World(
    1216, 5, 1, "0", "0.00000001", "1", "volume", "bps", 0, None, False, "1", False, 0.002, 1, None
)  # fmt: skip


@COMMON
@example(FINE)
@given(worlds(lot=st.just("0.00000001"), tick=st.just("0"), slippage=st.just("volume"), commission=st.just("bps")))
def test_reported_equity_is_exact_after_the_session(world: World) -> None:
    """`portfolio.equity`, asked for outside the loop as a user does, is cash plus positions without rounding."""
    run = ran(world)
    assume(run.status == "completed")
    for name in NAMES:
        book = run.session.engine.portfolios[name]
        worth = sum(
            (
                Fraction(p.quantity) * exact(run.data[symbol]["close"][-1]) * Fraction(world.multiplier)
                for symbol, p in book.positions.items()
            ),
            Fraction(0),
        )
        assert Fraction(book.equity) == Fraction(book.cash) + worth


@COMMON
@given(worlds())
def test_orders_and_fills_keep_the_rules(world: World) -> None:
    """Ticks and lots; filled <= ordered; prices within the bar and the limit; no bar that began before the order."""
    run = ran(world)
    market_bars = bars(run)
    tick, lot = Fraction(world.tick), Fraction(world.lot)
    orders = {order.id: order for _, order in run.events("order.submitted")}
    for order in orders.values():
        assert order.quantity > 0
        assert Fraction(order.quantity) % lot == 0
        if tick:
            assert all(Fraction(p) % tick == 0 for p in (order.limit, order.stop) if p is not None)
    filled: dict[int, Fraction] = defaultdict(Fraction)
    for row, fill in run.events(*FILLS):
        order, bar = orders[fill.order_id], market_bars[fill.symbol, row.at]
        assert (order.strategy, order.symbol) == (fill.strategy, fill.symbol)
        assert (fill.quantity > 0) == (order.side.sign > 0)
        assert Fraction(fill.quantity) % lot == 0
        assert bar.start >= order.submitted_at
        assert bar.start <= fill.executed_at <= bar.at
        assert exact(bar.low) <= Fraction(fill.price) <= exact(bar.high)
        if order.limit is not None:
            assert (order.limit - fill.price) * order.side.sign >= 0
        if order.stop is not None and order.type is OrderType.STOP:
            assert (fill.price - order.stop) * order.side.sign >= 0 or triggered_before(order, row.at, market_bars)
        if order.type is OrderType.MARKET:
            assert (fill.price - Decimal(repr(bar.open))) * order.side.sign >= 0
        filled[order.id] += abs(Fraction(fill.quantity))
        assert Fraction(order.quantity) - filled[order.id] == Fraction(fill.remaining) >= 0


def triggered_before(order: Any, at: int, market_bars: dict[tuple[str, int], Bar]) -> bool:
    """Whether a bar before the one at `at` reached the order's stop, so that what was left of it is a market order."""
    return any(
        order.submitted_at <= bar.start and (bar.high >= order.stop if order.side.sign > 0 else bar.low <= order.stop)
        for (symbol, closed), bar in market_bars.items()
        if symbol == order.symbol and closed < at
    )


@COMMON
@given(worlds(participation=st.sampled_from(["0.1", "0.003"])))
def test_no_bar_gives_more_than_its_share(world: World) -> None:
    """All fills of a bar together take at most the participation share of its volume, whoever's orders they were."""
    run = ran(world)
    taken: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    for row, fill in run.events(*FILLS):
        taken[fill.symbol, row.at] += abs(Fraction(fill.quantity))
    seen_volume: dict[str, int] = {}
    for (symbol, at), quantity in taken.items():
        volumes = zip(run.data[symbol]["at"], run.data[symbol]["volume"], strict=True)
        seen_volume[symbol] = min((when for when, v in volumes if v), default=2**63)
        volume = bars(run)[symbol, at].volume
        if volume:
            assert quantity <= Fraction(world.participation or "1") * exact(volume)


@COMMON
@given(worlds())
def test_sell_and_cover_end_at_zero(world: World) -> None:
    """SELL never sells what is not owned, COVER never buys what is not owed."""
    run = ran(world)
    sides = {order.id: order.side for _, order in run.events("order.submitted")}
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for _, fill in run.events(*FILLS):
        key = fill.strategy, fill.symbol
        held[key] += Fraction(fill.quantity)
        if sides[fill.order_id] is Side.SELL:
            assert held[key] >= 0
        if sides[fill.order_id] is Side.COVER:
            assert held[key] <= 0


@settings(max_examples=200, deadline=None, phases=[Phase.generate], derandomize=True)
@given(worlds(allow_short=st.just(False), stop_after=st.none(), bars=st.just(40)))
def test_without_leave_to_short_nobody_is_short(world: World) -> None:
    """Where shorting is off, no position is ever below zero, whatever was asked for at once."""
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for _, fill in ran(world).events(*FILLS):
        held[fill.strategy, fill.symbol] += Fraction(fill.quantity)
        assert held[fill.strategy, fill.symbol] >= 0


@COMMON
@given(worlds(leverage=st.just("1"), allow_short=st.just(False)))
def test_cash_is_never_overdrawn_without_market_sells(world: World) -> None:
    """With leverage one, no shorts and no market sells to count on, cash is zero or more after every fill, fees paid."""
    run = ran(world, market_sells=False)
    orders = {order.id: order for _, order in run.events("order.submitted")}
    assert not [o for o in orders.values() if o.type is OrderType.MARKET and o.side.sign < 0]
    cash = dict.fromkeys(NAMES, Fraction(CASH))
    for _, fill in run.events(*FILLS):
        paid = Fraction(fill.quantity) * Fraction(fill.price) * Fraction(world.multiplier) + Fraction(fill.fee)
        cash[fill.strategy] -= paid
        assert cash[fill.strategy] >= 0 or fill.quantity < 0, "a sale's fee may be more than it brings"


@COMMON
@given(worlds(leverage=st.just("1"), allow_short=st.just(False)))
def test_a_purchase_spends_no_more_than_cash_and_sales_at_work(world: World) -> None:
    """With market sells, a purchase leaves cash plus the reference worth of the market sells still at work at zero or
    more, unless a sale has already brought less than was expected: the venue's documented rule."""
    run = ran(world)
    multiplier = Fraction(world.multiplier)
    closes = {key: exact(bar.close) for key, bar in bars(run).items()}
    orders: dict[int, tuple[Any, Fraction, Fraction]] = {}
    cash = dict.fromkeys(NAMES, Fraction(CASH))
    latest: dict[str, Fraction] = {}
    instants = sorted({at for _, at in closes})
    events = run.events("order.submitted", "order.cancelled", "order.expired", *FILLS)
    done = 0
    for at in instants:
        while done < len(events) and events[done][0].at == at:
            row, event = events[done]
            done += 1
            if row.kind == "order.submitted":
                # Decisions come after the market events of their instant, so this close is what they were checked at.
                latest |= {s: price for (s, when), price in closes.items() if when == at}
                orders[event.id] = (event, latest[event.symbol], Fraction(event.quantity))
            elif row.kind in FILLS:
                order, reference, left = orders[event.order_id]
                orders[event.order_id] = (order, reference, left - abs(Fraction(event.quantity)))
                name = event.strategy
                cash[name] -= Fraction(event.quantity) * Fraction(event.price) * multiplier + Fraction(event.fee)
                if event.quantity > 0:
                    at_work = sum(
                        (
                            left * ref * multiplier
                            for o, ref, left in orders.values()
                            if o.strategy == name and o.type is OrderType.MARKET and o.side.sign < 0
                        ),
                        Fraction(0),
                    )
                    assert cash[name] + at_work >= 0
            else:
                order, reference, _ = orders[event.order_id]
                orders[event.order_id] = (order, reference, Fraction(0))
        latest |= {s: price for (s, when), price in closes.items() if when == at}


@COMMON
@given(worlds())
def test_time_never_goes_back(world: World) -> None:
    """Sequences are dense from 1, times never fall, causes come before effects, and the last row is the session's end."""
    run = ran(world)
    rows = list(run.journal.rows())
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert all(a.at <= b.at for a, b in pairwise(rows))
    assert all(row.cause is None or row.cause < row.seq for row in rows)
    assert (rows[0].kind, rows[-1].kind) == ("session.started", "session.ended")
    assert run.events("session.ended")[0][1].status == run.status


@COMMON
@given(worlds())
def test_every_session_replays(world: World) -> None:
    """Any session, stopped early or not, makes the same decisions when replayed over its journal."""
    run = ran(world)
    parts = plan(world, run.data)
    again = MemoryJournal("again")
    total = run.events("session.ended")[0][1].events
    Session(parts._replace(feed=Limited(parts.feed, total)), again, RecordedVenue(run.journal)).run()
    assert compare(run.journal, again).difference is None


@COMMON
@given(worlds(stop_after=st.none()), st.sampled_from([1, 5, 8_192]))
def test_batch_sizes_do_not_matter(world: World, batch: int) -> None:
    """The same session from batches of another size leaves the same rows, to the byte."""
    assert list(ran(world).journal.rows()) == list(ran(world._replace(batch=batch)).journal.rows())


def test_the_worlds_are_worth_living_in() -> None:
    """Of fifty worlds most have fills, and among them are partial fills, stops, expiries, denials and both sides."""
    kinds: set[str] = set()
    sides: set[Side] = set()
    types: set[OrderType] = set()
    with_fills = 0
    for seed in range(50):
        world = World(seed, 30, 2, "0.01", "1", "1", "fixed", "bps", 0, "0.1", False, "1", True, 0.03, 8_192, None)
        run = ran(world)
        kinds |= {row.kind for row in run.journal.rows()}
        orders = {o.id: o for _, o in run.events("order.submitted")}
        fills = [orders[f.order_id] for _, f in run.events(*FILLS)]
        sides |= {o.side for o in fills}
        types |= {o.type for o in fills}
        with_fills += bool(fills)
    assert with_fills >= 45
    assert {"order.partly_filled", "order.denied", "order.cancelled", "order.cancel_requested", "order.filled"} <= kinds
    assert sides == set(Side)
    assert types == set(OrderType)
