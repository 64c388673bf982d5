"""The simulated venue order by order: bars, quotes, trades, books, contingent orders, replace, latency, faults."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from onepath.actions import Split
from onepath.adjustments import remark
from onepath.events import Accepted, Cancelled, CancelRejected, Expired, Fill, Rejected, Replaced, ReplaceRejected
from onepath.instruments import Instrument
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.commission import Tiers
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Constant, NormalLatency, Samples
from onepath.simulator.queues import Back
from onepath.simulator.venue import SimulatedVenue

D = Decimal
MS = 1_000_000
MINUTE = 60_000 * MS
HOUR = 60 * MINUTE
T = TimeInForce
LIMIT, STOP, TRAILING = OrderType.LIMIT, OrderType.STOP, OrderType.TRAILING_STOP


class Stage:
    """A venue for one symbol, its marks kept as the engine keeps them."""

    def __init__(self, calendar: str = "24/7", quoted: bool = False, **market: Any) -> None:
        self.marks: dict[str, Any] = {}
        given = {"participation": None, **market}
        instrument = Instrument(symbol="X", tick_size=D("0.01"), calendar=calendar)
        self.venue = SimulatedVenue(
            {"X": instrument},
            {"s": Terms(D(1_000_000), D(10))},
            Market(**given),
            marks=self.marks,
            quoted=("X",) if quoted else (),
        )
        self.ids = 0

    def send(self, side: str = "buy", quantity: int = 10, at: int = 0, **how: Any) -> list[Any]:
        self.ids += 1
        order = made(self.ids, side, quantity, at, **how)
        return told(self.venue.submit(Approved(order), at))

    def replace(self, number: int, at: int = 0, side: str = "buy", quantity: int = 10, **how: Any) -> list[Any]:
        return told(self.venue.replace(Approved(made(number, side, quantity, at, **how)), at))

    def see(self, event: Any) -> list[Any]:
        """What the loop does with an event."""
        found = list(self.venue.advance(event.at)) if self.venue.due <= event.at else []
        if self.venue.working and self.venue.touches(event):
            found += self.venue.match([event])
        self.marks["X"] = event
        return told(found)

    def bar(self, minute: int, text: str, volume: float = 0.0, length: int = MINUTE) -> list[Any]:
        prices = [float(p) for p in text.split("/")]
        first, high, low, last = prices * 4 if len(prices) == 1 else prices
        return self.see(Bar("X", minute * MINUTE, minute * MINUTE + length, first, high, low, last, volume))

    def quote(self, at: int, bid: float, ask: float, bid_size: float = 100.0, ask_size: float = 100.0) -> list[Any]:
        return self.see(Quote("X", at, bid, ask, bid_size, ask_size))

    def trade(self, at: int, price: float, size: float = 100.0, aggressor: int = 0) -> list[Any]:
        return self.see(Trade("X", at, price, size, aggressor))


def made(number: int, side: str, quantity: int, at: int, **how: Any) -> Order:
    for name in ("limit", "stop", "trail", "trail_percent"):
        if how.get(name) is not None:
            how[name] = D(str(how[name]))
    kind = OrderType.MARKET
    if "trail" in how or "trail_percent" in how:
        kind = TRAILING
    elif "limit" in how:
        kind = OrderType.STOP_LIMIT if "stop" in how else LIMIT
    elif "stop" in how:
        kind = STOP
    given = {"time_in_force": T.GTC, "type": kind, **how}
    return Order(
        id=number, strategy="s", symbol="X", side=Side[side.upper()], quantity=D(quantity), submitted_at=at, **given
    )


def told(reports: Any) -> list[Any]:
    """Reports in a few words."""
    found: list[Any] = []
    for r in reports:
        if isinstance(r, Fill):
            found.append(
                f"#{r.order_id} {r.quantity.normalize():+f} @ {r.price.normalize():f}{' maker' if r.maker else ''}"
            )
        elif isinstance(r, Replaced):
            found.append(f"#{r.order_id} replaced {r.quantity.normalize():f} {r.reason}".strip())
        elif isinstance(r, Cancelled | Rejected | CancelRejected | ReplaceRejected):
            name = type(r).__name__
            found.append(f"#{r.order_id} {name[0].lower()}{name[1:]}: {r.reason}")
        elif isinstance(r, Expired):
            found.append(f"#{r.order_id} expired")
        elif not isinstance(r, Accepted):
            found.append(r)
    return found


# -- bars


def test_trailing_stop_follows_what_is_known() -> None:
    """Sell, 2 behind. Bar 1 opens at 100 and goes to 103: its own high does not count against its low of 99 (stop 98). Bar 2
    opens at 102: the stop is 103 - 2 = 101, hit inside at 101."""
    stage = Stage()
    stage.send("short", trail=2)
    assert stage.bar(0, "100/103/99/102") == []
    assert stage.bar(1, "102/102.5/100/100") == ["#1 -10 @ 101"]


def test_trailing_stop_in_per_cent_gapped() -> None:
    """Buy, 1 % above the low of 200: 202; the next bar opens at 203 over it and fills there."""
    stage = Stage()
    stage.send("buy", trail_percent=1)
    assert stage.bar(0, "201/201.5/200/200.5") == []
    assert stage.bar(1, "203/204/202/203") == ["#1 +10 @ 203"]


def test_immediate_or_cancel_has_the_open_alone() -> None:
    """The open of 101 is beyond the limit: cancelled, though the bar comes down to 99. A market IOC gets 5 of 10."""
    stage = Stage()
    stage.send(limit=100, time_in_force=T.IOC)
    assert stage.bar(0, "101/102/99/100") == ["#1 cancelled: immediate or cancel"]
    thin = Stage(participation=D("0.1"))
    thin.send(time_in_force=T.IOC)
    assert thin.bar(0, "100", 50) == ["#1 +5 @ 100", "#1 cancelled: immediate or cancel"]


def test_fill_or_kill() -> None:
    """Ten where the bar has room for five: none. Where it has room: all."""
    thin = Stage(participation=D("0.1"))
    thin.send(time_in_force=T.FOK)
    thin.send(quantity=5, time_in_force=T.FOK)
    assert thin.bar(0, "100", 50) == ["#1 cancelled: fill or kill", "#2 +5 @ 100"]


def test_good_till_a_moment_inside_a_bar() -> None:
    """It ends half a minute into bar 1, whose open of 100 is no worse than the limit for #1 and too dear for #2."""
    stage = Stage()
    half = MINUTE + MINUTE // 2
    stage.bar(-1, "105")
    stage.send(limit=101, time_in_force=T.GTD, expires_at=half)
    stage.send(limit=99, time_in_force=T.GTD, expires_at=half)
    assert stage.bar(0, "105") == []
    assert stage.bar(1, "100/100/98/98") == ["#1 +10 @ 100 maker", "#2 expired"]


def test_auctions_of_a_day() -> None:
    """24/7: the session is a UTC day. Sent at noon: market on open trades at midnight, on close at the last bar's close; a
    limit on close that is too low expires."""
    noon = 12 * 60
    stage = Stage()
    stage.bar(noon - 720, "100", length=12 * HOUR)
    stage.send(at=12 * HOUR, time_in_force=T.AT_OPEN)
    stage.send(at=12 * HOUR, time_in_force=T.AT_CLOSE)
    stage.send(at=12 * HOUR, time_in_force=T.AT_CLOSE, limit=102)
    assert stage.bar(noon, "101/104/100/103", length=12 * HOUR) == ["#2 +10 @ 103", "#3 expired"]
    assert stage.bar(2 * noon, "105/106/104/104", length=12 * HOUR) == ["#1 +10 @ 105"]


def test_post_only_is_refused_where_it_would_take() -> None:
    """At the last price of 100 at arrival; at the first open after it; and makes liquidity where neither."""
    stage = Stage()
    stage.bar(0, "100")
    assert stage.send(limit=100, post_only=True, at=MINUTE) == ["#1 rejected: post-only would take liquidity"]
    assert stage.send(limit=99, post_only=True, at=MINUTE) == []
    assert stage.bar(1, "98.5") == ["#2 rejected: post-only would take liquidity"]
    stage.send(limit=98, post_only=True, at=2 * MINUTE)
    assert stage.bar(2, "99/99/97/97") == ["#3 +10 @ 98 maker"]


def test_reduce_only_never_opens() -> None:
    """Nothing is held, so there is nothing to short; with 4 held only 4 go."""
    stage = Stage()
    stage.send("short", reduce_only=True)
    assert stage.bar(0, "100") == ["#1 cancelled: nothing left to short"]
    stage.send("buy", 4, at=MINUTE)
    stage.bar(1, "100")
    stage.send("short", 10, at=2 * MINUTE, reduce_only=True)
    assert stage.bar(2, "100") == ["#3 -4 @ 100", "#3 cancelled: nothing more to short"]


# -- contingent orders


def test_a_bracket_within_a_bar() -> None:
    """Entry at the open of 100; the bar reaches the stop at 98 and the target at 102: the stop, and the target is cancelled."""
    stage = Stage()
    stage.send()
    stage.send("sell", stop=98, parent_id=1)
    stage.send("sell", limit=102, parent_id=1)
    assert stage.bar(0, "100/103/97/100") == ["#1 +10 @ 100", "#2 -10 @ 98", "#3 cancelled: one cancels other"]


def test_an_entry_inside_the_bar_loses_first() -> None:
    """Limit 99 inside the bar: the target of 101 does not count in it, though its high is 103; a stop at 97 would be hit."""
    stage = Stage()
    stage.send(limit=99)
    stage.send("sell", limit=101, parent_id=1)
    stage.send("sell", stop=97, parent_id=1)
    assert stage.bar(0, "100/103/98/100") == ["#1 +10 @ 99 maker"]
    assert stage.bar(1, "100/101.5/99/100") == ["#2 -10 @ 101 maker", "#3 cancelled: one cancels other"]
    again = Stage()
    again.send(limit=99)
    again.send("sell", stop=97, parent_id=1)
    assert again.bar(0, "100/103/96/100") == ["#1 +10 @ 99 maker", "#2 -10 @ 97"]


def test_children_follow_what_the_parent_filled() -> None:
    """4 of 10 fill, then the parent is cancelled: both children are cut to 4."""
    stage = Stage(participation=D("0.1"))
    stage.send()
    stage.send("sell", stop=90, parent_id=1)
    stage.send("sell", limit=110, parent_id=1)
    assert stage.bar(0, "100", 40) == ["#1 +4 @ 100"]
    assert told(stage.venue.cancel(1, MINUTE)) == [
        "#1 cancelled: by request",
        "#2 replaced 4 parent filled 4 of 10",
        "#3 replaced 4 parent filled 4 of 10",
    ]
    # One of them in part: 10 % of 30 is 3; the other keeps 1.
    assert stage.bar(1, "111", 30) == ["#3 -3 @ 111 maker", "#2 replaced 1 one cancels other"]


def test_children_end_with_a_parent_that_never_filled() -> None:
    """The entry is cancelled; nothing protects what does not exist."""
    stage = Stage()
    stage.send(limit=50)
    stage.send("sell", stop=40, parent_id=1)
    assert told(stage.venue.cancel(1, 0)) == ["#1 cancelled: by request", "#2 cancelled: parent ended"]
    assert not stage.venue.working


def test_a_group_shares_one_quantity() -> None:
    """Two entries, one cancels the other."""
    stage = Stage()
    stage.send(limit=95, group="g")
    stage.send(stop=105, group="g")
    assert stage.bar(0, "100/106/99/100") == ["#2 +10 @ 105", "#1 cancelled: one cancels other"]


def test_children_arrive_after_their_parent_has_filled() -> None:
    """On quotes the parent fills as it arrives, the child comes later on the same line and works."""
    stage = Stage(latency=Samples([5.0, 9.0], 1))
    stage.quote(0, 99, 100)
    stage.send()
    stage.send("sell", stop=98, parent_id=1)
    assert stage.quote(20 * MS, 99, 100) == ["#1 +10 @ 100"]
    assert stage.quote(21 * MS, 97, 98) == ["#2 -10 @ 97"]


# -- replace


def test_replace() -> None:
    """Another price; then a quantity that has been filled already; then an order that is gone."""
    stage = Stage(participation=D("0.1"))
    stage.send(limit=90)
    assert stage.replace(1, limit=99) == ["#1 replaced 10"]
    assert stage.bar(0, "98", 40) == ["#1 +4 @ 98"]
    assert stage.replace(1, at=MINUTE, quantity=4, limit=99) == ["#1 replaceRejected: already filled"]
    assert stage.replace(1, at=MINUTE, quantity=5, limit=99) == ["#1 replaced 5"]
    assert stage.bar(1, "98", 40) == ["#1 +1 @ 98 maker"]
    assert stage.replace(1, at=2 * MINUTE, limit=1) == ["#1 replaceRejected: not open any more"]


def test_a_fill_overtakes_a_cancel_on_its_way() -> None:
    """5 ms out, 5 ms back: filled at 12 by a quote, the cancel sent at 10 arrives at 15, the fill is heard at 17."""
    stage = Stage(latency=Constant(5, 5))
    stage.quote(0, 99, 101)
    stage.send(limit=100)
    assert stage.quote(11 * MS, 99, 101) == []
    assert told(stage.venue.cancel(1, 11 * MS)) == []
    assert stage.quote(12 * MS, 98, 99.5) == []
    assert stage.venue.due == 16 * MS
    assert told(stage.venue.advance(16 * MS)) == []
    assert told(stage.venue.advance(17 * MS)) == ["#1 +10 @ 100 maker"]
    assert told(stage.venue.advance(21 * MS)) == ["#1 cancelRejected: not open any more"]


# -- quotes


def test_market_orders_take_the_other_side_as_displayed() -> None:
    """6 of 10 at the ask of 101; an unchanged quote gives no more; the next one gives the rest."""
    stage = Stage()
    stage.quote(1, 100, 101, 5, 6)
    assert stage.send(at=1) == ["#1 +6 @ 101"]
    assert stage.quote(2, 100, 101, 5, 6) == []
    assert stage.quote(3, 100, 102, 5, 9) == ["#1 +4 @ 102"]
    assert stage.send(quantity=20, at=3, time_in_force=T.IOC) == ["#2 +5 @ 102", "#2 cancelled: immediate or cancel"]


def test_a_size_that_went_and_came_back_is_there_again() -> None:
    """5 of 10 are sold at a bid of 100; the bid falls to 99, which is below the limit; back at 100 with 5, those 5 are had."""
    stage = Stage()
    stage.quote(1, 99, 101)
    stage.send("short", limit=100, at=1)
    assert stage.quote(2, 100, 101, 5) == ["#1 -5 @ 100 maker"]
    assert stage.quote(3, 100, 101, 5) == []
    assert stage.quote(4, 99, 101, 5) == []
    assert stage.quote(5, 100, 101, 5) == ["#1 -5 @ 100 maker"]
    assert stage.send("short", 3, limit=100, at=5, time_in_force=T.IOC) == ["#2 cancelled: immediate or cancel"]
    assert stage.quote(6, 98, 101, 5) == []
    assert not stage.venue.working
    assert stage.quote(7, 100, 101, 5) == []
    assert stage.send("short", 3, limit=100, at=7, time_in_force=T.IOC) == ["#3 -3 @ 100"]


def test_limits_on_quotes() -> None:
    """At arrival at the ask as taker; resting at its own price as maker, once the ask comes to it."""
    stage = Stage()
    stage.quote(1, 100, 101)
    assert stage.send(limit=103, at=1) == ["#1 +10 @ 101"]
    assert stage.send(limit=100.5, at=1) == []
    assert stage.quote(2, 100, 100.8) == []  # the ask that was had is another now
    assert not stage.venue.touches(Quote("X", 2, 100.0, 100.6, 1.0, 1.0))
    assert stage.quote(3, 100, 100.4) == ["#2 +10 @ 100.5 maker"]
    assert stage.send(limit=100.4, post_only=True, at=3) == ["#3 rejected: post-only would take liquidity"]


def test_stops_on_quotes() -> None:
    """A sell stop watches the bid, and sells to it; a trailing one follows it: 102 - 1 = 101."""
    stage = Stage()
    stage.quote(1, 100, 101)
    stage.send("short", stop=99, at=1)
    stage.send("short", trail=1, at=1)
    assert stage.quote(2, 102, 103) == []
    assert stage.quote(3, 101, 102) == ["#2 -10 @ 101"]
    assert stage.quote(4, 98.5, 99.5) == ["#1 -10 @ 98.5"]


def test_a_day_order_on_quotes_ends_at_the_close() -> None:
    """By the clock, without an event of the market: midnight, 24/7."""
    stage = Stage()
    stage.quote(1, 100, 101)
    stage.send(limit=90, at=1, time_in_force=T.DAY)
    assert stage.venue.due == 24 * HOUR
    assert told(stage.venue.advance(24 * HOUR)) == ["#1 expired"]


# -- trades and books


def test_after_a_corporate_action_the_market_is_what_is_shown_then() -> None:
    """Two for one: the quote of 100 / 101 is nobody's any more. An order sent then waits for the next, 50 / 50.5; and a resting
    limit's place in the line is at its new price: behind the 7 at 49."""
    stage = Stage(queue=Back())
    stage.quote(1, 100, 101)
    stage.send(limit=98, at=1)
    split = Split("X", 2, D(2), price=D("100.5"))
    assert told(stage.venue.act(split)) == ["#1 replaced 20 split 2 for one"]
    remark(stage.marks, split)
    assert stage.send(quantity=4, at=2) == []
    assert stage.quote(3, 50, 50.5) == ["#2 +4 @ 50.5"]
    stage.quote(4, 49, 50.5, 7)
    assert stage.trade(5, 49, 7, -1) == []
    assert stage.trade(6, 49, 5, -1) == ["#1 +5 @ 49 maker"]


def test_trades_alone() -> None:
    """A tenth of each trade; a limit at the first trade's better price, later at its own once a trade goes through it."""
    stage = Stage(participation=D("0.1"))
    stage.trade(1, 100)
    assert stage.send(at=1) == []
    assert stage.trade(2, 101, 60) == ["#1 +6 @ 101"]
    assert stage.trade(3, 102, 60) == ["#1 +4 @ 102"]
    stage.send(limit=101, at=3)
    assert stage.trade(4, 102) == []
    assert stage.trade(5, 101) == []
    assert stage.trade(6, 100.9) == ["#2 +10 @ 101 maker"]


def test_on_trades_a_stop_limit_that_is_for_at_once_has_one_trade() -> None:
    """Hit by 100; the next trade at 102 is beyond its limit of 101, so it is over."""
    stage = Stage()
    stage.trade(1, 99)
    stage.send(stop=100, limit=101, at=1, time_in_force=T.IOC)
    assert stage.trade(2, 100) == []
    assert stage.trade(3, 102) == ["#1 cancelled: immediate or cancel"]


def test_a_queue_moves_by_trades() -> None:
    """20 are before us at the bid of 100. A sale of 15, then one of 10: 5 of it reach us."""
    stage = Stage(quoted=True, queue=Back())
    stage.quote(1, 100, 101, 20, 20)
    stage.send(limit=100, at=1)
    assert stage.trade(2, 100, 15, -1) == []
    assert stage.trade(3, 100, 10, -1) == ["#1 +5 @ 100 maker"]


def test_a_sweep_takes_level_by_level_and_once() -> None:
    """12 of asks 5 @ 101, 6 @ 102, 9 @ 103; then 10 more: 8 @ 103, and the rest waits."""
    stage = Stage(quoted=True)
    asks = ((101.0, 5.0), (102.0, 6.0), (103.0, 9.0))
    stage.see(BookUpdate(symbol="X", at=1, bids=((100.0, 5.0),), asks=asks, bid=100.0, ask=101.0, snapshot=True))
    assert stage.send(quantity=12, at=1) == ["#1 +5 @ 101", "#1 +6 @ 102", "#1 +1 @ 103"]
    assert stage.send(quantity=10, at=1) == ["#2 +8 @ 103"]


# -- messages


def test_messages_stay_in_order() -> None:
    """Drawn 9 ms and then 5 ms: the second does not overtake the first."""
    stage = Stage(latency=NormalLatency(7, 5, 3))
    stage.quote(0, 99, 101)
    arrivals = []
    for n in range(50):
        stage.send(limit=50, at=n)
        arrivals.append(stage.venue._house.orders[n + 1].arrives_at)
    assert arrivals == sorted(arrivals)
    assert len(set(arrivals)) > 1


def test_messages_that_waited_for_a_bar_stay_in_order() -> None:
    """Ten seconds each way: inside the bar of minute 2 the child's cancel comes at 10 s, the parent's at 20 s. When the bar is
    known the child has been cancelled by its own; it was not yet the parent's end that ended it."""
    stage = Stage(latency=Constant(10_000))
    stage.bar(0, "100")
    stage.send(limit=50, at=MINUTE)
    stage.send("sell", stop=40, parent_id=1, at=MINUTE)
    assert stage.bar(1, "100") == []
    for number, at in ((2, 2 * MINUTE), (1, 2 * MINUTE + 10_000 * MS)):
        stage.venue.advance(at)
        assert stage.venue.cancel(number, at) == []
    assert stage.bar(2, "100") == ["#2 cancelled: by request", "#1 cancelled: by request"]


def test_normal_latency_draws_as_it_did() -> None:
    """Seed 7, mean 50 ms, standard deviation 20 ms: the way out is Python's gauss, whatever goes back."""
    import random

    plain, both = NormalLatency(50, 20, 7), NormalLatency(50, 20, 7, 10, 3)
    draws = random.Random(7)  # noqa: S311 - the model's own kind
    for _ in range(5):
        expected = max(0, round(draws.gauss(50, 20) * MS))
        assert plain.outward() == both.outward() == expected
        assert plain.homeward() == 0 < both.homeward()


def test_outages() -> None:
    """Between 1 and 3 nothing is taken: neither an order nor a cancel nor a replace; at 3 it is."""
    stage = Stage(faults=Faults(0, outages=[(1, 3)]))
    assert stage.send(limit=5, at=0) == []
    assert stage.send(limit=5, at=2) == ["#2 rejected: venue is down"]
    assert told(stage.venue.cancel(1, 2)) == ["#1 cancelRejected: venue is down"]
    assert stage.replace(1, at=2, limit=6) == ["#1 replaceRejected: venue is down"]
    assert told(stage.venue.cancel(1, 3)) == ["#1 cancelled: by request"]


def test_rejections_are_seeded() -> None:
    """About three in ten, the same ones every time."""

    def rejected() -> list[bool]:
        stage = Stage(faults=Faults(5, reject_rate=0.3))
        return [stage.send(limit=5) != [] for _ in range(400)]

    first = rejected()
    assert first == rejected()
    assert 80 < sum(first) < 160  # 120 expected, four standard deviations of 9


def test_a_late_report() -> None:
    """Every report 30 ms later."""
    stage = Stage(faults=Faults(0, delay_rate=1.0, delay_ms=30))
    stage.quote(0, 99, 101)
    assert stage.send() == []
    assert told(stage.venue.advance(30 * MS)) == ["#1 +10 @ 101"]


# -- what a mutant of the venue got away with


def test_a_trailing_stop_does_not_know_a_bars_high_before_its_low() -> None:
    """Sell, 2 behind. High 103; the next bar opens at 104, so the stop is 102: its low of 103 does not hit that, though 2 behind
    its own high of 106 would be 104."""
    stage = Stage()
    stage.send("short", trail=2)
    stage.bar(0, "100/103/99/102")
    assert stage.bar(1, "104/106/103/103") == []
    assert stage.bar(2, "105/105/103.5/104") == ["#1 -10 @ 104"]


def test_what_a_group_fills_while_another_is_on_its_way() -> None:
    """The first arrives at 5 ms and has 4 of 10 at the ask; the second, sent with it, arrives at 9 ms and is for 6."""

    class Five(Constant, frozen=True):
        def outward(self) -> int:
            return 5 * MS if stage.ids == 1 else 9 * MS

    stage = Stage(latency=Five(0))
    stage.quote(0, 99, 100, 100, 4)
    stage.send(limit=100, group="g")
    stage.send(limit=98, group="g")
    assert stage.quote(20 * MS, 99, 101) == ["#1 +4 @ 100", "#2 replaced 6 one cancels other"]


def test_on_trades_a_stop_works_from_the_next_one_on() -> None:
    """Hit by the trade at 105, it has the one after it, at 106."""
    stage = Stage()
    stage.trade(1, 100)
    stage.send(stop=105, at=1)
    assert stage.trade(2, 105) == []
    assert stage.trade(3, 106) == ["#1 +10 @ 106"]


def test_new_terms_and_the_place_in_the_queue() -> None:
    """20 before us, 15 trade: 5 are left. More units stand behind the 20 shown again; fewer keep the place."""
    for quantity, reaches in ((20, []), (9, ["#1 +5 @ 100 maker"])):
        stage = Stage(quoted=True, queue=Back())
        stage.quote(1, 100, 101, 20, 20)
        stage.send(limit=100, at=1)
        assert stage.trade(2, 100, 15, -1) == []
        stage.replace(1, at=2, quantity=quantity, limit=100)
        assert stage.trade(3, 100, 10, -1) == reaches


def test_what_was_refused_never_trades() -> None:
    """A market order that came in an outage is not there when the venue is back."""
    stage = Stage(faults=Faults(0, outages=[(0, 1)]))
    assert stage.send() == ["#1 rejected: venue is down"]
    assert not stage.venue.working
    assert stage.bar(1, "100") == []
    assert stage.venue.open_orders() == []


def test_fee_tiers_follow_what_the_venue_trades() -> None:
    """1 a share up to ten shares of the month, 0.5 up to twenty, then 0.1: ten each cost 10, 5 and 1; of limits as of market
    orders."""
    tiers = ({"per_share": 1}, {"above": 10, "per_share": "0.5"}, {"above": 20, "per_share": "0.1"})
    for how in ({}, {"limit": 100}):
        stage = Stage(commission=Tiers(tiers, by="quantity"))
        for minute, fee in ((0, 10), (1, 5), (2, 1)):
            before = stage.venue.cash()["s"]
            stage.send(at=minute * MINUTE, **how)
            assert stage.bar(minute, "100") == [f"#{stage.ids} +10 @ 100"]
            assert before - stage.venue.cash()["s"] == 1_000 + fee
