"""Whatever is asked for, on whatever market, with whatever goes wrong: the record of a wild session keeps every rule.

Expected figures are folded from the journal's own rows in fractions, next to the market that was drawn. One session a world, and
every check on it, because the session is what costs.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from wilds import CASH, NAMES, TICK, Lived, Wild, again, events, lived, wilds

from onepath.book import Book
from onepath.journal.codec import FILLS
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.orders import TERMINAL, TRANSITIONS, OrderStatus, OrderType, Step
from onepath.replay import RecordedVenue, compare

MS = 1_000_000
_NAMES = ("quantity", "limit", "stop", "trail", "trail_percent")
_LATE = ("order.cancel_rejected", "order.replace_rejected")


def lives(run: Lived) -> None:
    """Every order's life by the table; filled + remaining + what ended = ordered at every row; terminal is terminal."""
    status: dict[int, OrderStatus] = {}
    ordered: dict[int, Fraction] = {}
    filled: dict[int, Fraction] = defaultdict(Fraction)
    orders: dict[int, Any] = {}
    for row, event in run.rows():
        if not row.kind.startswith("order.") or row.kind in ("order.denied", "order.replace_denied"):
            continue
        if row.kind == "order.refused":
            assert not event.found, f"the venue said what cannot be: {event.reason}"
            continue
        if row.kind in ("order.submitted", "order.forced"):
            order = event if row.kind == "order.submitted" else event.order
            assert order.id not in status
            orders[order.id], ordered[order.id] = order, Fraction(order.quantity)
            status[order.id] = OrderStatus.SUBMITTED if row.kind == "order.submitted" else OrderStatus.ACCEPTED
            continue
        number = event.order_id
        if status[number] in TERMINAL:
            assert row.kind in _LATE, f"{row.kind} after {status[number]}"
            continue
        step = Step(row.kind.removeprefix("order.")) if row.kind.endswith("_requested") else event.step
        status[number] = TRANSITIONS[status[number], step]
        if row.kind in FILLS:
            filled[number] += abs(Fraction(event.quantity))
            assert (event.quantity > 0) == (orders[number].side.sign > 0)
            assert ordered[number] - filled[number] == Fraction(event.remaining) >= 0
            assert (not event.remaining) == (status[number] is OrderStatus.FILLED)
        elif row.kind == "order.replaced":
            assert Fraction(event.filled) == filled[number] < Fraction(event.quantity)
            ordered[number] = Fraction(event.quantity)
        elif status[number] in TERMINAL:
            assert ordered[number] - filled[number] > 0, "what has filled is neither cancelled nor expired"


def limits(run: Lived) -> None:
    """No fill is worse than a limit its order had when the fill was made, or had been asked to have."""
    had: dict[int, set[Decimal | None]] = defaultdict(set)
    sides: dict[int, int] = {}
    for row, event in run.rows("order.submitted", "order.replace_requested", "order.replaced", "order.forced", *FILLS):
        if row.kind in FILLS:
            levels = [level for level in had[event.order_id] if level is not None]
            if levels:
                worst = max(levels) if sides[event.order_id] > 0 else min(levels)
                assert (worst - event.price) * sides[event.order_id] >= 0
        elif row.kind in ("order.submitted", "order.forced"):
            order = event if row.kind == "order.submitted" else event.order
            had[order.id], sides[order.id] = {order.limit}, order.side.sign
        elif (
            row.kind == "order.replaced" and not run.wild.back_ms and not run.wild.out_ms and run.wild.fault != "delays"
        ):
            had[event.order_id] = {event.limit}
        else:
            had[event.order_id].add(event.limit)


def seen(run: Lived) -> None:
    """No fill outside the market it saw: a bar's range; a quote's, trade's or book level's price, slipped as configured."""
    bars: dict[str, list[Bar]] = defaultdict(list)
    prices: dict[tuple[str, int], set[Fraction]] = defaultdict(set)
    books: dict[str, Book] = {}
    standing: dict[str, set[Fraction]] = {}
    times: dict[str, list[int]] = defaultdict(list)
    for instant, _ in events(run.wild):
        for event in instant:
            if isinstance(event, Bar):
                bars[event.symbol].append(event)
                continue
            if isinstance(event, Quote):
                standing[event.symbol] = {Fraction(event.bid), Fraction(event.ask)}
            elif isinstance(event, BookUpdate):
                book = books.setdefault(event.symbol, Book(event.symbol, check="none"))
                book.apply(event)
                standing[event.symbol] = {Fraction(p) for p, _ in (*book.walk(1), *book.walk(-1))}
            now = set(standing.get(event.symbol, ()))
            if isinstance(event, Trade):
                now.add(Fraction(event.price))
            prices[event.symbol, event.at] |= now
            times[event.symbol].append(event.at)
    orders = {o.id: o for _, o in run.rows("order.submitted")}
    slip, tick = Fraction(run.wild.slip, 10_000), Fraction(TICK)
    for row, fill in run.rows(*FILLS):
        order, price = orders.get(fill.order_id), Fraction(fill.price)
        if fill.symbol in bars:
            matching = [
                b
                for b in bars[fill.symbol]
                if b.start <= fill.executed_at <= b.at
                and Fraction(b.low) <= price <= Fraction(b.high)
                and b.at <= row.at
            ]
            assert matching or order is None, "a bar in whose time and range it is"
            continue
        known = [t for t in times[fill.symbol] if t <= fill.executed_at]
        there = prices[fill.symbol, known[-1]] | (prices[fill.symbol, known[-2]] if len(known) > 1 else set())
        if fill.maker or (run.wild.acts != "none" and fill.symbol == "S0"):
            continue  # at its own limit: `limits`; or at a price that an action has restated
        sign = 1 if fill.quantity > 0 else -1
        assert any(p == price or 0 <= (price - p) * sign <= p * slip + tick for p in there), (
            f"{fill} was not to be had at {sorted(map(float, there))}"
        )


def money(run: Lived) -> None:
    """Cash and positions to the last digit, from fills, cash rows and actions."""
    cash = dict.fromkeys(NAMES, Fraction(CASH))
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    instruments = run.plan.feed.instruments
    for row, event in run.rows(*FILLS, "cash", "position"):
        if row.kind in FILLS:
            key, unit = (
                (event.strategy, event.symbol),
                Fraction(event.price) * Fraction(instruments[event.symbol].multiplier),
            )
            cash[event.strategy] -= Fraction(event.quantity) * unit
            held[key] += Fraction(event.quantity)
            if event.fee_currency:
                held[key] -= Fraction(event.fee)
            else:
                cash[event.strategy] -= Fraction(event.fee)
        elif row.kind == "cash":
            cash[event.strategy] += Fraction(event.amount)
        elif not event.fill_id:
            held[event.strategy, event.symbol] = Fraction(event.quantity)
    engine = run.session.engine
    for name in NAMES:
        book = engine.portfolios[name]
        assert Fraction(book.cash) == cash[name]
        mine = {symbol: q for (owner, symbol), q in held.items() if owner == name and q}
        assert {symbol: Fraction(p.quantity) for symbol, p in book.positions.items()} == mine


def prompt(wild: Wild) -> bool:
    return not wild.out_ms and not wild.back_ms and wild.fault != "delays"


def _terms(order: Any) -> tuple[Any, ...]:
    return order.quantity, order.limit, order.stop, order.trail, order.trail_percent


class Books:
    """Looks at the books and the open orders of engine and venue after every batch."""

    def __init__(self, wild: Wild) -> None:
        self.prompt = prompt(wild)
        self.keeps = wild.margin != "none"
        self.calls = dict.fromkeys(NAMES, 0)
        self.short = dict.fromkeys(NAMES, False)

    def __call__(self, session: Any) -> None:
        if not self.prompt:
            return
        portfolios, venue = session.engine.portfolios, session.venue
        assert venue.cash() == {name: portfolios[name].cash for name in NAMES}
        ours = {(name, s): p.quantity for name in NAMES for s, p in portfolios[name].positions.items()}
        assert venue.positions() == ours
        blotter = session.engine._blotter
        at_work = {s.order.id: _terms(s.order) for name in NAMES for s in blotter.open_orders(name)}
        assert {order.id: _terms(order) for order in venue.open_orders()} == at_work


def decided(run: Lived) -> None:
    """What left had been written down, as the last decision of its kind, and once."""
    rows = list(run.journal.rows())
    for kind, number, length in run.tap.sent:
        assert any(
            row.kind == kind
            and (event := _decoded(row)) is not None
            and getattr(event, "order_id", None) in (None, number)
            for row in rows[max(0, length - 8) : length]
        )
    kinds = ("order.submitted", "order.replace_requested", "order.cancel_requested")
    asked = [(row.kind, getattr(e, "order_id", None) or getattr(e, "id", None)) for row, e in run.rows(*kinds)]
    assert sorted(asked) == sorted((kind, number) for kind, number, _ in run.tap.sent)


def _decoded(row: Any) -> Any:
    from onepath.journal.codec import decode

    return decode(row)


def heard(run: Lived) -> None:
    """Nothing is heard before it can have arrived: out and back for an answer, back for what the market did. (Before a corporate
    action everything that has left is heard.)"""
    out, back = run.wild.out_ms * MS, run.wild.back_ms * MS
    sent = {o.id: o.submitted_at for _, o in run.rows("order.submitted")}
    acts = {row.seq for row, _ in run.rows("corporate_action")}
    for row, event in run.rows("order.accepted", "order.rejected", *FILLS):
        if event.order_id in sent and row.cause not in acts:
            assert row.at >= sent[event.order_id] + out + back
    for row, fill in run.rows(*FILLS):
        assert row.at >= fill.executed_at + back or row.cause in acts
        if fill.order_id in sent:
            assert fill.executed_at >= sent[fill.order_id] + out


def restated(run: Lived) -> None:
    """A split takes every order at work with it: whole lots of what is left, prices by the ratio to the tick; or ends it."""
    if not prompt(run.wild) or run.wild.acts not in ("split", "reverse"):
        return
    ratio = Fraction(2) if run.wild.acts == "split" else Fraction(1, 2)
    lot = Fraction(run.plan.feed.instruments["S0"].lot_size)
    orders: dict[int, tuple[Any, Fraction]] = {}
    """of each that is open: its terms, and what is left"""
    due: dict[int, tuple[Any, Fraction]] = {}
    acts = -1
    for row, event in run.rows():
        if row.kind == "corporate_action":
            due, acts = {i: o for i, o in orders.items() if o[0].symbol == "S0"}, row.seq
        elif row.kind in ("order.submitted", "order.forced"):
            order = event if row.kind == "order.submitted" else event.order
            orders[order.id] = order, Fraction(order.quantity)
        elif row.kind in FILLS:
            order, left = orders.pop(event.order_id)
            if event.remaining:
                orders[event.order_id] = order, Fraction(event.remaining)
        elif row.kind == "order.replaced":
            old, left = orders[event.order_id]
            order, after = replace(old, **{n: getattr(event, n) for n in _NAMES}), event.quantity - event.filled
            orders[event.order_id] = order, Fraction(after)
            if row.cause == acts and due.pop(event.order_id, None):
                assert Fraction(after) == left * ratio // lot * lot
                for price in ("limit", "stop", "trail"):
                    was, now = getattr(old, price), getattr(order, price)
                    assert (was is None) == (now is None)
                    assert was is None or now == TICK or abs(Fraction(was) / ratio - Fraction(now)) < Fraction(TICK)
        elif row.kind in ("order.cancelled", "order.expired", "order.rejected"):
            orders.pop(event.order_id)
            if row.cause == acts:
                due.pop(event.order_id, None)
        if row.kind in ("prices", "order.submitted"):
            assert not due, "orders went through the split as they were"
    assert not due


def margins(run: Lived) -> None:
    """Where an account keeps a margin, a valuation with equity below zero has a margin call before it."""
    if run.wild.margin == "none" or not prompt(run.wild):
        return
    called: set[str] = set()
    for row, event in run.rows("margin_call", "mark"):
        if row.kind == "margin_call":
            called.add(event.strategy)
            assert event.equity < event.required
        elif event.equity < 0:
            assert event.strategy in called


CHECKS = (lives, limits, seen, money, decided, heard, restated, margins)


@settings(max_examples=1_500)
@given(wilds())
def test_wild_sessions_keep_every_rule(wild: Wild) -> None:
    """Lives, limits, markets, money, decisions, hearing, splits and margin: see the checks, each a rule."""
    run = lived(wild, Books(wild))
    for check in CHECKS:
        check(run)


@settings(max_examples=500)
@given(wilds())
def test_wild_sessions_replay_and_repeat(wild: Wild) -> None:
    """Replayed from its journal a session decides the same; run twice it leaves the same bytes."""
    run = lived(wild)
    assert list(again(run).rows()) == list(run.journal.rows())
    assert compare(run.journal, again(run, RecordedVenue(run.journal))).difference is None


@settings(max_examples=150)
@given(wilds(batch=st.just(1)), st.sampled_from([2, 50]))
def test_wild_sessions_do_not_see_batches(wild: Wild, batch: int) -> None:
    """The same session in batches of another size leaves the same bytes."""
    assert list(lived(wild).journal.rows()) == list(lived(wild._replace(batch=batch)).journal.rows())


def test_the_wilds_are_wild() -> None:
    """Of sixty sessions all order types, ends, replaces, both refusals, corporate actions, calls and forced orders occur."""
    kinds: set[str] = set()
    types: set[OrderType] = set()
    margin = ("none", "maintenance", "liquidates")
    for seed in range(60):
        markets = (("bars",), ("quotes+trades", "book"), ("trades", "quotes"))[seed % 3]
        wild = Wild(
            seed, 40, markets, 30, ("rebate", "base")[seed % 2], 700 * (seed % 2), 300 * (seed % 3 % 2),
            ("", "rejects", "delays")[seed % 3], "0.5", True, "back", "3", margin[seed % 3], ("none", "split")[seed % 2], 0.5, 1,
        )  # fmt: skip
        run = lived(wild)
        kinds |= {row.kind for row in run.journal.rows()}
        orders = {o.id: o for _, o in run.rows("order.submitted")}
        types |= {orders[f.order_id].type for _, f in run.rows(*FILLS) if f.order_id in orders}
    assert types == set(OrderType)
    ends = {"order.cancelled", "order.expired", "order.rejected", "order.filled", "order.partly_filled", "order.denied"}
    races = {
        "order.replaced",
        "order.replace_rejected",
        "order.cancel_rejected",
        "order.refused",
        "corporate_action",
        "cash",
    }
    assert ends | races <= kinds
