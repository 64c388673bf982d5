"""The simulated venue where two things meet: families and other symbols, books without a beginning, an account that runs out
of money in mid-book, closes without a market."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.accounts import AccountTerms
from onepath.actions import Delisting, Merger, Split
from onepath.events import Accepted, Cancelled, CancelRejected, Expired, Fill, Rejected, Replaced, ReplaceRejected
from onepath.instruments import Instrument
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.latency import Constant
from onepath.simulator.queues import Back, Front
from onepath.simulator.venue import SimulatedVenue

D = Decimal
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
INSTRUMENTS = {s: Instrument(symbol=s, tick_size=D("0.01"), lot_size=D(1)) for s in ("X", "Y")}


class Stage:
    """A venue for X and Y, its marks kept as the engine keeps them."""

    def __init__(
        self,
        *,
        cash: int = 1_000_000,
        leverage: int = 10,
        quoted: tuple[str, ...] = (),
        terms: Any = None,
        calendar: str = "24/7",
        lot: str = "1",
        **market: Any,
    ) -> None:
        self.marks: dict[str, Any] = {}
        known = {s: Instrument(symbol=s, tick_size=D("0.01"), calendar=calendar, lot_size=D(lot)) for s in ("X", "Y")}
        given = Market(**{"participation": None, **market})
        accounts = {"s": terms or Terms(D(cash), D(leverage))}
        self.venue = SimulatedVenue(known, accounts, given, marks=self.marks, quoted=quoted)
        self.ids = 0

    def send(self, words: str, at: int = 0, **how: Any) -> list[str]:
        self.ids += 1
        return told(self.venue.submit(Approved(order(self.ids, words, at, **how)), at))

    def see(self, *events: Any) -> list[str]:
        """What the loop does with an instant."""
        at = events[0].at
        found = list(self.venue.advance(at)) if self.venue.due <= at else []
        if self.venue.working and any(self.venue.touches(event) for event in events):
            found += self.venue.match(events)
        for event in events:
            self.marks[event.symbol] = event
        return told(found)


def order(number: int, words: str, at: int, **how: Any) -> Order:
    """`Y buy 10 limit 99 gtc` as an order; of X where no symbol is named."""
    parts = words.split()
    symbol = parts.pop(0) if parts[0] in INSTRUMENTS else "X"
    side, quantity, *rest = parts
    prices = {name: D(value) for name, value in zip(rest[::2], rest[1::2], strict=True)}
    kind = "_".join(name for name in ("stop", "limit") if name in prices) or "market"
    given: dict[str, Any] = {"time_in_force": TimeInForce.GTC, "type": OrderType(kind), **prices, **how}
    return Order(
        id=number, strategy="s", symbol=symbol, side=Side[side.upper()], quantity=D(quantity), submitted_at=at, **given
    )


def told(reports: Any) -> list[str]:
    """Reports in a few words."""
    found: list[str] = []
    for r in reports:
        if isinstance(r, Fill):
            found.append(
                f"#{r.order_id} {r.quantity.normalize():+f} @ {r.price.normalize():f}{' maker' if r.maker else ''}"
            )
        elif isinstance(r, Replaced):
            found.append(f"#{r.order_id} replaced {r.quantity.normalize():f}")
        elif isinstance(r, Cancelled | Rejected | CancelRejected | ReplaceRejected):
            found.append(f"#{r.order_id} {type(r).__name__}: {r.reason}")
        elif isinstance(r, Expired):
            found.append(f"#{r.order_id} expired")
        elif not isinstance(r, Accepted):
            found.append(type(r).__name__)
    return found


def bar(symbol: str, minute: int, text: str, volume: float = 0.0) -> Bar:
    prices = [float(p) for p in text.split("/")]
    first, high, low, last = prices * 4 if len(prices) == 1 else prices
    return Bar(symbol, minute * MINUTE, (minute + 1) * MINUTE, first, high, low, last, volume)


def book(
    at: int, bids: Any, asks: Any, *, snapshot: bool = False, best: tuple[float, float] | None = None
) -> BookUpdate:
    bid, ask = best or (max(p for p, _ in bids), min(p for p, _ in asks))
    return BookUpdate(symbol="X", at=at, bids=tuple(bids), asks=tuple(asks), bid=bid, ask=ask, snapshot=snapshot)


# -- families


def test_a_child_whose_parent_is_long_gone() -> None:
    """Nothing is left that it could protect: it ends at once."""
    stage = Stage()
    stage.see(bar("X", 0, "100"))
    assert stage.send("sell 10 stop 90", MINUTE, parent_id=77) == ["#1 Cancelled: parent ended"]


def test_a_child_of_another_symbol_waits_for_its_own_market() -> None:
    """X is bought at 100; its hedge, short Y at 50 or better, works from the next bar of Y, not within the one of X."""
    stage = Stage()
    stage.see(bar("X", 0, "100"), bar("Y", 0, "49"))
    stage.send("buy 10", MINUTE)
    stage.send("Y short 10 limit 50", MINUTE, parent_id=1)
    assert stage.see(bar("X", 1, "100"), bar("Y", 1, "49")) == ["#1 +10 @ 100"]
    assert stage.see(bar("X", 2, "100"), bar("Y", 2, "51")) == ["#2 -10 @ 51 maker"]


def test_a_bracket_through_a_split_protects_all_that_is_held() -> None:
    """10 bought at 100 with a stop at 90 are 20 at 50 with a stop at 45 after a split of 2: hit, it sells 20, and the target of
    20 goes with it. A reverse split, one for two, leaves 5 and a stop at 180 that sells 5."""
    for ratio, low, ends in ((D(2), 44.0, ["#2 -20 @ 45", "#3 Cancelled: one cancels other"]), (D("0.5"), 170.0, None)):
        stage = Stage()
        stage.see(bar("X", 0, "100"))
        stage.send("buy 10", MINUTE)
        stage.send("sell 10 stop 90", MINUTE, parent_id=1)
        stage.send("sell 10 limit 120", MINUTE, parent_id=1)
        stage.see(bar("X", 1, "100"))
        stage.venue.act(Split(symbol="X", at=2 * MINUTE, ratio=ratio))
        opens = 100 / float(ratio)
        found = stage.see(bar("X", 2, f"{opens}/{opens}/{low}/{low}"))
        assert found == (ends or ["#2 -5 @ 180", "#3 Cancelled: one cancels other"])
        assert stage.venue.positions() == {}
        assert stage.venue.open_orders() == []


def test_a_bracket_in_part_through_a_split() -> None:
    """4 of 10 are bought, and are 8 after a split of 2; 12 more come at 50. The stop of 20 at 45 sells all 20 at once."""
    stage = Stage(participation=D("0.1"))
    stage.see(bar("X", 0, "100"))
    stage.send("buy 10 limit 101", MINUTE)
    stage.send("sell 10 stop 90", MINUTE, parent_id=1)
    assert stage.see(bar("X", 1, "100", 40.0)) == ["#1 +4 @ 100"]
    assert told(stage.venue.act(Split(symbol="X", at=2 * MINUTE, ratio=D(2)))) == ["#1 replaced 16", "#2 replaced 20"]
    assert stage.see(bar("X", 2, "50/50/44/44", 1e6)) == ["#1 +12 @ 50 maker", "#2 -20 @ 45"]
    assert stage.venue.positions() == {}


def test_a_bracket_that_a_reverse_split_leaves_no_lot_of() -> None:
    """One X is asked for at 90, with a stop; one for two leaves half a share, less than a lot: both are cancelled, each once."""
    stage = Stage()
    stage.see(bar("X", 0, "100"))
    stage.send("buy 1 limit 90", MINUTE)
    stage.send("sell 1 stop 80", MINUTE, parent_id=1)
    found = told(stage.venue.act(Split(symbol="X", at=2 * MINUTE, ratio=D("0.5"))))
    assert found == [
        "#1 Cancelled: reverse split 0.5 for one: what is left is less than a lot",
        "#2 Cancelled: parent ended",
    ]
    assert stage.venue.open_orders() == []


def test_a_hedge_through_a_split_of_its_own() -> None:
    """10 X are bought, and 10 Y are to be shorted at 60 for them. Y splits two for one: they are 20 at 30, and all of them trade.
    A split of X leaves the 10 Y as they are."""
    stage = Stage()
    stage.see(bar("X", 0, "100"), bar("Y", 0, "50"))
    stage.send("buy 10", MINUTE)
    stage.send("Y short 10 limit 60", MINUTE, parent_id=1)
    assert stage.see(bar("X", 1, "100"), bar("Y", 1, "50")) == ["#1 +10 @ 100"]
    assert told(stage.venue.act(Split(symbol="Y", at=2 * MINUTE, ratio=D(2)))) == ["#2 replaced 20"]
    assert stage.see(bar("X", 2, "100"), bar("Y", 2, "31")) == ["#2 -20 @ 31 maker"]
    assert stage.venue.open_orders() == []
    other = Stage()
    other.see(bar("X", 0, "100"), bar("Y", 0, "50"))
    other.send("buy 10", MINUTE)
    other.send("Y short 10 limit 60", MINUTE, parent_id=1)
    other.see(bar("X", 1, "100"), bar("Y", 1, "50"))
    assert told(other.venue.act(Split(symbol="X", at=2 * MINUTE, ratio=D("0.5")))) == []
    assert other.see(bar("X", 2, "200"), bar("Y", 2, "61")) == ["#2 -10 @ 61 maker"]
    assert other.venue.open_orders() == []


@pytest.mark.parametrize("size", [5.0, 10.0])
def test_new_terms_do_not_bring_back_what_a_sibling_has_sold(size: float) -> None:
    """Two shorts of 10 cancel each other. While a new limit of 106 for 10 units of the second is on its way, the first trades 5
    (or 10): nobody had heard of it when the message left, so it is for 5 (or for nothing), and both trade 10 together."""
    stage = Stage(latency=Constant(ms=1_000, back_ms=1_000))
    stage.see(Quote("X", 1, 100.0, 101.0, 50.0, 50.0))
    stage.send("short 10 limit 105", 1, group="g")
    stage.send("short 10 limit 107", 1, group="g")
    stage.venue.advance(2 * SECOND + 2)
    stage.see(Quote("X", 3 * SECOND, 105.0, 106.0, size, 5.0))
    stage.venue.replace(Approved(order(2, "short 10 limit 106", 3 * SECOND, group="g")), 3 * SECOND)
    stage.venue.advance(6 * SECOND)
    stage.see(Quote("X", 7 * SECOND, 106.0, 107.0, 50.0, 50.0))
    assert stage.venue.positions() == {("s", "X"): D(-10)}
    assert stage.venue.open_orders() == []


def test_new_terms_after_a_sibling_was_heard_of_are_as_they_say() -> None:
    """The first of two shorts of 10 traded 5, and that was heard: the second has 5 left, and 8 asked for then are 8."""
    stage = Stage(latency=Constant(ms=1_000, back_ms=1_000))
    stage.see(Quote("X", 1, 100.0, 101.0, 50.0, 50.0))
    stage.send("short 10 limit 105", 1, group="g")
    stage.send("short 10 limit 107", 1, group="g")
    stage.venue.advance(2 * SECOND + 2)
    stage.see(Quote("X", 3 * SECOND, 105.0, 106.0, 5.0, 5.0))
    assert told(stage.venue.advance(5 * SECOND)) == ["#1 -5 @ 105 maker", "#2 replaced 5"]
    stage.venue.replace(Approved(order(2, "short 8 limit 106", 5 * SECOND, group="g")), 5 * SECOND)
    assert told(stage.venue.advance(8 * SECOND)) == ["#2 replaced 8"]


def test_a_child_never_waits_for_a_parent_that_has_ended() -> None:
    """Its parent bought 10 and is done; new terms ask for 20, which 20 held otherwise would allow: it is cut to 10 at once, sells
    them, and nothing of it stays behind that could never trade."""
    stage = Stage()
    stage.see(Quote("X", 1, 100.0, 100.0, 50.0, 50.0))
    stage.send("buy 10", 1)
    stage.send("sell 10 stop 90", 1, parent_id=1)
    stage.send("buy 20", 1)
    replaced = told(stage.venue.replace(Approved(order(2, "sell 20 stop 91", 2, parent_id=1)), 2))
    assert replaced == ["#2 replaced 20", "#2 replaced 10"]
    assert stage.see(Quote("X", 4, 90.0, 90.0, 50.0, 50.0)) == ["#2 -10 @ 90"]
    assert stage.venue.open_orders() == []


def test_a_group_forgets_those_who_have_ended() -> None:
    """Orders of one group come and go without end, one always at work: the group is as large as what is open."""
    stage = Stage()
    stage.see(Quote("X", 1, 100.0, 101.0, 5.0, 5.0))
    for number in range(1, 50):
        stage.send("buy 1 limit 90", number, group="g")
        stage.venue.cancel(number - 1, number)
    (last,) = (stage.venue._house.find(o.id) for o in stage.venue.open_orders())
    assert last is not None
    assert len(last.groups[0].members) <= 3


def test_a_slice_below_takes_part_in_more_of_its_parent() -> None:
    """A child that buys more lower down: five of ten at 99 are had in a thin bar. In the next the price comes through 99, the
    other five, to 96, through 97: all ten of the child, not the five that its parent had when the bar began."""
    stage = Stage(participation=D("0.1"))
    stage.see(bar("X", 0, "100"))
    stage.send("buy 10 limit 99", MINUTE)
    stage.send("buy 10 limit 97", MINUTE, parent_id=1)
    assert stage.see(bar("X", 1, "100/100/98.5/99", 50.0)) == ["#1 +5 @ 99 maker"]
    assert stage.see(bar("X", 2, "100/100/96/96", 1_000.0)) == ["#1 +5 @ 99 maker", "#2 +10 @ 97 maker"]


def test_what_a_margin_is_kept_of_is_seen_however_it_came() -> None:
    """s keeps a margin and gets X by a merger, while t has an order for X on its own at work: once that has filled, bars of X
    still matter to s, who is called at 30: 10 X are worth 300, and 500 are owed of 1,000 paid."""
    marks: dict[str, Any] = {}
    keeps = AccountTerms(capital=D(500), type="margin", leverage=D(2), maintenance_margin=D("0.25"))
    venue = SimulatedVenue(
        INSTRUMENTS, {"s": keeps, "t": Terms(D(10_000), D(1))}, Market(participation=None), marks=marks
    )
    marks |= {"X": bar("X", 0, "100"), "Y": bar("Y", 0, "100")}
    venue.submit(Approved(order(1, "Y buy 10", MINUTE)), MINUTE)
    venue.match([bar("Y", 1, "100")])
    theirs = order(2, "buy 5", 2 * MINUTE)
    venue.submit(
        Approved(Order(**{f: getattr(theirs, f) for f in theirs.__struct_fields__} | {"strategy": "t"})), 2 * MINUTE
    )
    venue.act(Merger(symbol="Y", at=2 * MINUTE, into="X", ratio=D(1), price=D(100)))
    venue.match([bar("Y", 2, "100")])
    assert told(venue.match([bar("X", 2, "100")])) == ["#2 +5 @ 100"]
    assert venue.touches(bar("X", 3, "30"))
    assert told(venue.match([bar("X", 3, "30")])) == ["MarginCall"]


def test_a_post_only_child_that_would_take() -> None:
    """Bought at 101; the target at 98 would sell to the bid of 99: it may only make, and is rejected."""
    stage = Stage(quoted=("X",))
    stage.see(Quote("X", 1, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10 limit 100", 1)
    stage.send("sell 10 limit 98", 1, parent_id=1, post_only=True)
    assert stage.see(Quote("X", 2, 99.0, 100.0, 50.0, 50.0)) == [
        "#1 +10 @ 100 maker",
        "#2 Rejected: post-only would take liquidity",
    ]


def test_an_exit_meets_the_market_as_a_trade_fills_its_entry() -> None:
    """First in line at 99, ten are bought by a sale there; the exit at 98 or better sells to the bid of 99 at once, not when
    the next quote comes."""
    stage = Stage(quoted=("X",), queue=Front())
    stage.see(Quote("X", 1, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10 limit 99", 1)
    stage.send("sell 10 limit 98", 1, parent_id=1)
    assert stage.see(Trade("X", 2, 99.0, 10.0, -1)) == ["#1 +10 @ 99 maker", "#2 -10 @ 99"]


# -- books


def test_a_book_without_a_beginning_shows_its_best_prices() -> None:
    """Without a snapshot the sizes behind the best are not known: ten are bought at the best ask, whatever stands there;
    when the next message moves it to 102, so is the next order."""
    stage = Stage()
    stage.see(book(1, [(99.0, 5.0)], [(101.0, 1.0)]))
    assert stage.send("buy 10", 1) == ["#1 +10 @ 101"]
    stage.send("buy 10 limit 100", 1)
    assert stage.see(book(2, [(99.0, 4.0)], [], best=(99.0, 101.0))) == []
    assert stage.see(book(3, [(99.0, 3.0)], [], best=(99.0, 101.0))) == []
    assert stage.see(book(4, [], [(100.0, 2.0)], best=(99.0, 100.0))) == ["#2 +10 @ 100 maker"]
    stage.see(book(5, [], [(100.0, 0.0)], best=(99.0, 102.0)))
    assert stage.send("buy 1", 5) == ["#3 +1 @ 102"]


def test_every_message_of_a_book_matters_to_an_order_at_rest() -> None:
    """Its prices are no quote that can be compared at once: the venue sees each, and the limit of 90 rests on."""
    stage = Stage()
    stage.see(book(1, [(99.0, 5.0)], [(101.0, 1.0)]))
    stage.send("buy 10 limit 90", 1)
    assert stage.see(book(2, [(99.0, 4.0)], [], best=(99.0, 101.0))) == []
    assert stage.venue.touches(book(3, [(99.0, 3.0)], [], best=(99.0, 101.0)))


def test_a_sweep_ends_where_the_money_ends() -> None:
    """1,000 dollars, asks 5 at 100 and 10 at 110: five for 500, four for 440, and the rest is not paid for; the level at
    120 is not tried."""
    stage = Stage(cash=1_000, leverage=1, quoted=("X",))
    stage.see(book(1, [(99.0, 5.0)], [(100.0, 5.0), (110.0, 10.0), (120.0, 10.0)], snapshot=True))
    assert stage.send("buy 20", 1) == ["#1 +5 @ 100", "#1 +4 @ 110", "#1 Cancelled: cash does not pay for the rest"]


def test_a_sweep_that_nobody_can_pay_for_leaves_the_book_as_it_is() -> None:
    """50 dollars buy none of the five at 100: the order ends, and the next one, of another 1,000, finds all five."""
    marks: dict[str, Any] = {}
    accounts = {"s": Terms(D(50), D(1)), "t": Terms(D(1_000), D(1))}
    venue = SimulatedVenue(INSTRUMENTS, accounts, Market(participation=None), marks=marks, quoted=("X",))
    venue.match([book(1, [(99.0, 5.0)], [(100.0, 5.0), (101.0, 5.0)], snapshot=True)])
    poor, rich = order(1, "buy 5", 1), order(2, "buy 5", 1)
    assert told(venue.submit(Approved(poor), 1)) == ["#1 Cancelled: cash does not pay for it"]
    theirs = Order(**{f: getattr(rich, f) for f in rich.__struct_fields__} | {"strategy": "t"})
    assert told(venue.submit(Approved(theirs), 1)) == ["#2 +5 @ 100"]


def test_a_sell_that_kills_or_fills_sells_no_more_than_there_is() -> None:
    """Eight are held; ten to sell, at once and whole, would go short: nothing is sold."""
    stage = Stage(quoted=("X",))
    stage.see(book(1, [(99.0, 50.0)], [(100.0, 50.0)], snapshot=True))
    stage.send("buy 8", 1)
    (said,) = stage.send("sell 10", 1, time_in_force=TimeInForce.FOK)
    assert said.startswith("#2 Cancelled")
    assert stage.venue.positions() == {("s", "X"): D(8)}


def test_levels_that_are_had_are_had_to_the_lot() -> None:
    """A bid of 10 at 100 rests; sellers show 1.5 at 99.5 and 0.9 at 100: in whole lots 2 of 2.4 are had, the first level
    first. What is left, 0.4, is below a lot: a second order at 100 gets nothing of it."""
    stage = Stage(quoted=("X",))
    stage.see(book(1, [(99.0, 5.0)], [(101.0, 5.0)], snapshot=True))
    stage.send("buy 10 limit 100", 1)
    shown = stage.see(book(2, [], [(101.0, 0.0), (99.5, 1.5), (100.0, 0.9)], best=(99.0, 99.5)))
    assert shown == ["#1 +2 @ 100 maker"]
    assert stage.send("buy 5 limit 100", 2) == []
    few = Stage(cash=150, leverage=1, quoted=("X",))
    few.see(book(1, [(99.0, 5.0)], [(101.0, 5.0)], snapshot=True))
    few.send("buy 10 limit 100", 1)
    assert few.see(book(2, [], [(101.0, 0.0), (99.5, 1.5), (100.0, 0.9)], best=(99.0, 99.5))) == [
        "#1 +1 @ 100 maker",
        "#1 Cancelled: cash does not pay for the rest",
    ]


def test_a_snapshot_forgets_what_we_had() -> None:
    """All five at 100 are had; the book as it stands now shows five again, and they can be had again."""
    stage = Stage(quoted=("X",))
    stage.see(book(1, [(99.0, 5.0)], [(100.0, 5.0)], snapshot=True))
    stage.see(book(2, [(99.0, 4.0)], [], best=(99.0, 100.0)))
    assert stage.send("buy 5", 2) == ["#1 +5 @ 100"]
    assert stage.send("buy 5 limit 100", 2) == []
    assert stage.see(book(3, [(99.0, 5.0)], [(100.0, 5.0)], snapshot=True)) == ["#2 +5 @ 100 maker"]


# -- closes


def test_a_market_on_close_without_a_market() -> None:
    """Nothing was ever shown of X: at the close of New York, 21:00 UTC in January, the order ends with nothing."""
    start = 19_732 * 24 * HOUR  # Wednesday, 10 January 2024
    stage = Stage(calendar="XNYS", quoted=("X",))
    stage.send("buy 10", start + 15 * HOUR, time_in_force=TimeInForce.AT_CLOSE)
    assert stage.venue.due == start + 21 * HOUR
    assert told(stage.venue.advance(start + 21 * HOUR)) == ["#1 expired"]


def test_a_limit_on_close_that_the_last_trade_does_not_reach() -> None:
    """Trades only: the last before the close was at 101, over the limit of 100: the order ends with nothing."""
    start = 19_732 * 24 * HOUR
    stage = Stage(calendar="XNYS")
    stage.see(Trade("X", start + 15 * HOUR, 101.0, 5.0))
    stage.send("buy 10 limit 100", start + 15 * HOUR, time_in_force=TimeInForce.AT_CLOSE)
    assert told(stage.venue.advance(start + 21 * HOUR)) == ["#1 expired"]


def test_a_market_of_ticks_that_goes_on_in_bars() -> None:
    """Sent on a quote for the close of New York; then bars come: the one that ends at the close has it, at its close of 100.5."""
    start = 19_732 * 24 * HOUR
    close = start + 21 * HOUR
    stage = Stage(calendar="XNYS")
    stage.see(Quote("X", start + 15 * HOUR, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10", start + 15 * HOUR, time_in_force=TimeInForce.AT_CLOSE)
    stage.see(Bar("X", close - 2 * MINUTE, close - MINUTE, 100.0, 100.0, 100.0, 100.0, 0.0))
    assert told(stage.venue.advance(close)) == []
    assert stage.see(Bar("X", close - MINUTE, close, 100.0, 101.0, 100.0, 100.5, 0.0)) == ["#1 +10 @ 100.5"]


# -- messages inside a bar that never comes


def test_messages_for_a_bar_that_never_comes_are_answered_in_turn() -> None:
    """New terms arrive at 3:30 and a cancel at 3:50, inside a bar that would have to be known first. None comes: a bar's length
    later, at 4:30 and 4:50, each is answered."""
    stage = Stage(latency=Constant(ms=30_000))
    stage.see(bar("X", 0, "100"))
    stage.send("buy 10 limit 90", MINUTE)
    stage.see(bar("X", 1, "100"))
    stage.see(bar("X", 2, "100"))
    told(stage.venue.replace(Approved(order(1, "buy 5 limit 90", 3 * MINUTE)), 3 * MINUTE))
    told(stage.venue.cancel(1, 3 * MINUTE + 20 * SECOND))
    heard = {}
    while stage.venue.due <= 10 * MINUTE:
        at = stage.venue.due
        for said in told(stage.venue.advance(at)):
            heard[at] = said.partition(":")[0]
    assert heard == {4 * MINUTE + 30 * SECOND: "#1 replaced 5", 4 * MINUTE + 50 * SECOND: "#1 Cancelled"}


def test_a_message_after_the_bars_have_ended_does_not_wait_for_one() -> None:
    """A first cancel waits for a bar; ticks come instead; a second cancel is answered, and nothing hangs."""
    stage = Stage(latency=Constant(ms=30_000))
    stage.see(bar("X", 0, "100"))
    stage.send("buy 10 limit 90", MINUTE)
    stage.see(bar("X", 1, "100"))
    stage.see(bar("X", 2, "100"))
    told(stage.venue.replace(Approved(order(1, "buy 5 limit 90", 3 * MINUTE)), 3 * MINUTE))
    told(stage.venue.advance(3 * MINUTE + 30 * SECOND))
    stage.see(Quote("X", 3 * MINUTE + 40 * SECOND, 99.0, 101.0, 50.0, 50.0))
    told(stage.venue.cancel(1, 3 * MINUTE + 41 * SECOND))
    heard = []
    while stage.venue.due <= 10 * MINUTE:
        heard += told(stage.venue.advance(stage.venue.due))
    assert [said.partition(":")[0] for said in heard] == ["#1 replaced 5", "#1 Cancelled"]
    assert stage.venue.open_orders() == []


# -- corporate actions


def test_a_delisting_ends_what_rests() -> None:
    """There is no market any more: the limit at 90 ends with the action, and so does nothing of Y."""
    stage = Stage()
    stage.see(bar("X", 0, "100"), bar("Y", 0, "100"))
    stage.send("buy 10 limit 90", MINUTE)
    stage.send("Y buy 10 limit 90", MINUTE)
    (said,) = told(stage.venue.act(Delisting(symbol="X", at=2 * MINUTE, price=D(100))))
    assert said.startswith("#1 Cancelled")
    assert [o.symbol for o in stage.venue.open_orders()] == ["Y"]


def test_a_trailing_stop_through_a_split() -> None:
    """Trails 2 below the best of 104 (stop 102); a split of 2 makes that 1 below 52: at 51.5 it holds, at 51 it sells 20."""
    stage = Stage()
    stage.see(Quote("X", 1, 100.0, 100.0, 50.0, 50.0))
    stage.send("buy 10", 1)
    stage.send("sell 10", 1, type=OrderType.TRAILING_STOP, trail=D(2))
    assert stage.see(Quote("X", 2, 104.0, 104.0, 50.0, 50.0)) == []
    assert told(stage.venue.act(Split(symbol="X", at=3, ratio=D(2)))) == ["#2 replaced 20"]
    assert stage.see(Quote("X", 4, 51.5, 51.5, 50.0, 50.0)) == []
    assert stage.see(Quote("X", 5, 51.0, 51.0, 50.0, 50.0)) == ["#2 -20 @ 51"]


def test_messages_on_their_way_through_a_split() -> None:
    """New terms for X are on their way when X splits: they are in old units, and refused. What is sent for Y arrives."""
    stage = Stage(latency=Constant(ms=1_000))
    for symbol in ("X", "Y"):
        stage.see(Quote(symbol, 1, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10 limit 90", 1)
    told(stage.venue.advance(2 * SECOND))
    stage.send("Y buy 10", 3 * SECOND)
    terms = Approved(order(1, "buy 10 limit 95", 3 * SECOND))
    assert told(stage.venue.replace(terms, 3 * SECOND)) == []
    assert told(stage.venue.act(Split(symbol="X", at=3 * SECOND + 1, ratio=D(2)))) == ["#1 replaced 20"]
    heard = told(stage.venue.advance(5 * SECOND))
    assert [said.partition(":")[0] for said in heard] == ["#2 +10 @ 101", "#1 ReplaceRejected"]
    (left,) = stage.venue.open_orders()
    assert (left.limit, left.quantity) == (D(45), D(20))


def test_an_order_on_its_way_through_a_split_is_rejected() -> None:
    """Ten at 95 were meant in units of before the split of 2: they are not ten at 95 after it, when X is at 50."""
    stage = Stage(latency=Constant(ms=1_000))
    stage.see(Quote("X", 1, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10 limit 95", 3 * SECOND)
    assert told(stage.venue.act(Split(symbol="X", at=3 * SECOND + 1, ratio=D(2)))) == []
    (said,) = told(stage.venue.advance(4 * SECOND))
    assert said.startswith("#1 Rejected")


def test_a_cancel_inside_a_bar_and_a_split_after_it() -> None:
    """Sent at minute 1 to cancel a limit of 90, it arrives 30 s into a bar, which has to be known first. X splits at minute 2,
    before that bar comes: no bar reaches across a split, so the order was cancelled before it, and nothing is restated."""
    stage = Stage(latency=Constant(ms=30_000))
    stage.see(bar("X", 0, "100"))
    stage.send("buy 10 limit 90", MINUTE)
    stage.see(bar("X", 1, "100"))
    stage.see(bar("X", 2, "100"))
    assert told(stage.venue.cancel(1, 3 * MINUTE)) == []
    assert told(stage.venue.advance(3 * MINUTE + 30 * SECOND)) == []
    (said,) = told(stage.venue.act(Split(symbol="X", at=4 * MINUTE, ratio=D(2))))
    assert said.startswith("#1 Cancelled")
    assert stage.venue.open_orders() == []


def test_a_cancel_on_its_way_through_a_split_still_cancels() -> None:
    """A cancel has no units: it is carried out when it arrives, on the order as the split left it."""
    stage = Stage(latency=Constant(ms=1_000))
    stage.see(Quote("X", 1, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10 limit 90", 1)
    told(stage.venue.advance(2 * SECOND))
    assert told(stage.venue.cancel(1, 3 * SECOND)) == []
    assert told(stage.venue.act(Split(symbol="X", at=3 * SECOND + 1, ratio=D(2)))) == ["#1 replaced 20"]
    (said,) = told(stage.venue.advance(5 * SECOND))
    assert said.startswith("#1 Cancelled")


def test_a_cancel_before_the_close_leaves_the_close_nothing() -> None:
    """Cancelled a second before the close, and the venue is only asked after it: cancelled, not traded, not expired."""
    start = 19_732 * 24 * HOUR
    stage = Stage(calendar="XNYS", quoted=("X",), latency=Constant(ms=1_000))
    stage.see(Quote("X", start + 15 * HOUR, 99.0, 101.0, 50.0, 50.0))
    stage.send("buy 10", start + 15 * HOUR, time_in_force=TimeInForce.AT_CLOSE)
    stage.venue.cancel(1, start + 21 * HOUR - 2 * SECOND)
    (said,) = told(stage.venue.advance(start + 21 * HOUR + HOUR))
    assert said.startswith("#1 Cancelled")


# -- several accounts


def test_interest_is_charged_to_who_owes_it() -> None:
    """Both buy 20 at 100 with 1,000. One pays 36 % on what it owes: at midnight 1,000 x 0.36 / 360 is 1; the other nothing."""
    marks: dict[str, Any] = {}
    owes = AccountTerms(capital=D(1_000), type="margin", leverage=D(2), margin_rate=D("0.36"))
    free = AccountTerms(capital=D(3_000))
    venue = SimulatedVenue(INSTRUMENTS, {"owes": owes, "free": free}, Market(participation=None), marks=marks)
    marks["X"] = bar("X", 0, "100")
    for number, name in enumerate(("owes", "free"), 1):
        one = order(number, "buy 20", MINUTE)
        venue.submit(
            Approved(Order(**{f: getattr(one, f) for f in one.__struct_fields__} | {"strategy": name})), MINUTE
        )
    venue.match([bar("X", 1, "100")])
    marks["X"] = bar("X", 1, "100")
    (flow,) = venue.advance(24 * HOUR)
    assert (flow.strategy, flow.amount) == ("owes", D(-1))


def test_a_bar_beside_quotes_does_not_move_what_is_owed() -> None:
    """X is quoted, and its bar says 50: what a margin is kept of is the quote of 100, and nobody is called."""
    terms = AccountTerms(capital=D(500), type="margin", leverage=D(2), maintenance_margin=D("0.25"))
    stage = Stage(terms=terms, quoted=("X",))
    stage.see(Quote("X", 1, 100.0, 100.0, 50.0, 50.0))
    assert stage.send("buy 10", 1) == ["#1 +10 @ 100"]
    assert stage.see(bar("X", 0, "50")) == []
    assert stage.see(Quote("X", 2 * MINUTE, 60.0, 60.0, 50.0, 50.0)) == ["MarginCall"]


def test_only_accounts_that_keep_a_margin_are_looked_at() -> None:
    """Both are long 10 at 100 with 500 of their own. At 60 equity is 100 of 600: below a quarter. The one that has to keep
    it is called; the other has no such rule."""
    marks: dict[str, Any] = {}
    kept = AccountTerms(capital=D(500), type="margin", leverage=D(2), maintenance_margin=D("0.25"))
    free = AccountTerms(capital=D(500), type="margin", leverage=D(2))
    venue = SimulatedVenue(INSTRUMENTS, {"kept": kept, "free": free}, Market(participation=None), marks=marks)
    marks["X"] = bar("X", 0, "100")
    for number, name in enumerate(("kept", "free"), 1):
        one = order(number, "buy 10", MINUTE)
        venue.submit(
            Approved(Order(**{f: getattr(one, f) for f in one.__struct_fields__} | {"strategy": name})), MINUTE
        )
    found = list(venue.match([bar("X", 1, "100")]))
    found += list(venue.match([bar("X", 2, "60")]))
    assert [(r.strategy, r.equity) for r in found if type(r).__name__ == "MarginCall"] == [("kept", D(100))]


def test_nothing_is_sold_for_nothing_where_a_side_is_empty() -> None:
    """Ten are held with 500 of 1,000; the bids go, and 60 is asked: equity is 100 of 600. What has to be closed is closed at the
    last price there is, 60, not at a bid of nothing: 400 may be carried, 4 units go for 240."""
    terms = AccountTerms(capital=D(500), type="margin", leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)
    stage = Stage(terms=terms, quoted=("X",))
    stage.see(Quote("X", 1, 100.0, 100.0, 50.0, 50.0))
    stage.send("buy 10", 1)
    heard = stage.see(book(2, [], [(60.0, 50.0)], snapshot=True, best=(0.0, 60.0)))
    assert heard == ["MarginCall", "Forced", "#-1 -4 @ 60"]


def test_two_positions_are_closed_the_larger_first() -> None:
    """Long 20 X and 4 Y, bought at 100 with 1,500 of 2,400. X falls to 40, Y to 50: equity 1,500 - 2,400 + 800 + 200 = 100,
    below a quarter of 1,000. Worth carrying is 400: 600 have to go, 15 of X; Y stays."""
    terms = AccountTerms(capital=D(1_500), type="margin", leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)
    stage = Stage(terms=terms)
    stage.see(bar("X", 0, "100"), bar("Y", 0, "100"))
    stage.send("buy 20", MINUTE)
    stage.send("Y buy 4", MINUTE)
    stage.see(bar("X", 1, "100"), bar("Y", 1, "100"))
    stage.see(bar("X", 2, "40"), bar("Y", 2, "50"))
    stage.see(bar("X", 3, "40"), bar("Y", 3, "50"))
    assert stage.venue.positions() == {("s", "X"): D(5), ("s", "Y"): D(4)}


def test_where_the_larger_is_not_enough_the_next_goes_too() -> None:
    """Long 20 X and 20 Y at 100 with 2,000 of 4,000: X at 60, Y at 50, equity 200 of 2,200. 800 may be carried: all of X
    (1,200) and 200 of Y, 4 units, go."""
    terms = AccountTerms(capital=D(2_000), type="margin", leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)
    stage = Stage(terms=terms)
    stage.see(bar("X", 0, "100"), bar("Y", 0, "100"))
    stage.send("buy 20", MINUTE)
    stage.send("Y buy 20", MINUTE)
    stage.see(bar("X", 1, "100"), bar("Y", 1, "100"))
    stage.see(bar("X", 2, "60"), bar("Y", 2, "50"))
    stage.see(bar("X", 3, "60"), bar("Y", 3, "50"))
    assert stage.venue.positions() == {("s", "Y"): D(16)}


@pytest.mark.parametrize("queue", [None, Back()])
def test_a_trade_alone_does_not_move_what_has_not_arrived(queue: Any) -> None:
    """The order needs a second; a trade at its price before that is not for it, the one after it is."""
    stage = Stage(latency=Constant(ms=1_000), touch=True, **({} if queue is None else {"queue": queue}))
    stage.see(Trade("X", 1, 101.0, 5.0))
    stage.send("buy 1 limit 100", 1)
    assert stage.see(Trade("X", 2, 100.0, 5.0)) == []
    stage.see(Trade("X", 2 * SECOND, 101.0, 5.0))
    assert stage.see(Trade("X", 2 * SECOND + 1, 99.0, 5.0)) == ["#1 +1 @ 100 maker"]
