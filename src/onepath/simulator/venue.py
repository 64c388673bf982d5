"""The simulated venue: takes approved orders, matches them with the market, keeps books of its own.

Rules: an order, a replace and a cancel arrive `latency.outward()` after they were sent, never before what was sent earlier; a
report arrives `latency.homeward()` after it left, never before one that left earlier. With no latency everything is answered at
once, and nothing waits here. What happens to an order when it arrives and afterwards: `bars`, `quotes`, `trades`, `depth` and
`queues` for the market's side, `contingent` for orders that depend on each other, `fills` for what an account allows.

A cancel, a replace or an expiry that arrives while a bar may be under way is held until the bar is known (at most for the length
of a bar): the order has that bar's open if it may, and nothing after it. The answer has left when the message arrived, but is not
heard before the bar is. New terms take part from the next bar.
DAY ends with the first session the order can trade in (a child: in which its parent has filled): at its close (on bars that do
not reach the close, with the first bar of a later session).
The venue knows the market from `marks` (the last event of every symbol, which the engine keeps) and from what it is shown.

With `Market.finer` a bar is matched as the finer bars inside it, one after the other: they tell the path.
Limits: without it, one price path a bar; an action leaves orders that are on their way as they were sent.
Cost: nothing for bars of symbols without working orders; `touches` 0.2 us.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from itertools import count

import msgspec

from onepath.accounts import AccountTerms
from onepath.actions import CashDividend, CorporateAction, ratio_of
from onepath.events import Accepted, CashFlow, MarginCall, ReplaceRejected, VenueReport
from onepath.instruments import ZERO, Instrument, exact
from onepath.market import Bar, MarketEvent, Quote
from onepath.orders import Approved, Order, OrderType, TimeInForce
from onepath.ports import NEVER
from onepath.simulator import actions
from onepath.simulator.accounts import Account
from onepath.simulator.assumptions import Market, Path, Terms
from onepath.simulator.barpit import BarPit
from onepath.simulator.contingent import restated
from onepath.simulator.faults import DOWN
from onepath.simulator.fills import Teller
from onepath.simulator.house import House
from onepath.simulator.margin import MarginDesk
from onepath.simulator.reports import Reports
from onepath.simulator.resting import WIDE, Place, Resting
from onepath.simulator.tickpit import TAKES, TickPit, is_tick

_MARKET = OrderType.MARKET
_GTC, _DAY, _GTD, _CLOSING = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD, TimeInForce.AT_CLOSE
_WAITS = frozenset({TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE})
_ARRIVE, _REPLACE, _CANCEL, _EXPIRE, _CLOSE, _RELEASE = range(6)
_GONE = "not open any more"
_OVERTAKEN = "its terms are of before a corporate action; send it again"


class SimulatedVenue:
    """The Venue of backtest and paper."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        accounts: Mapping[str, Terms | AccountTerms],
        market: Market,
        volumes: Collection[str] | None = None,
        marks: Mapping[str, MarketEvent] | None = None,
        quoted: Collection[str] = (),
    ) -> None:
        """`accounts` gives each strategy's terms; `volumes` the symbols whose bars report one (default all); `marks` the
        last event of every symbol, kept by whoever runs the venue; `quoted` the symbols with a book, or with quotes
        beside other events: every event of theirs is wanted."""
        # Copies, so that one run does not use up the delays or the volume tiers of the next.
        latency, commission, faults = deepcopy((market.latency, market.commission, market.faults))
        self._latency, self._faults = latency, faults
        self._accounts = {
            name: Account(name, terms.full() if isinstance(terms, Terms) else terms, instruments)
            for name, terms in accounts.items()
        }
        self._list = tuple(self._accounts.values())
        self._reports = Reports(latency, faults)
        self._prompt = self._reports.prompt
        self._rules = market.orders
        self._house = house = House(instruments, self._accounts, {} if marks is None else marks, self._reports)
        house.teller = Teller(self._accounts, market.slippage, commission, house.price)
        volumes = instruments if volumes is None else volumes
        finer = market.finer
        self._finer = None if finer is None else finer.opened()
        if finer is not None:
            volumes = {symbol for symbol in volumes if symbol not in finer.symbols or symbol in finer.volumes}
        self._bars = BarPit(house, market.participation, market.touch, volumes, self._unhold)
        self._ticks = TickPit(house, market.participation, market.touch, market.queue)
        self._agenda: list[tuple[int, int, int, Resting, Order | None]] = []
        self._numbers = count(1)
        self._arrived = 0
        self._margin = MarginDesk(self._accounts, house, self._ticks, max(ZERO, market.expected_cost))
        self._watching = self._margin.watches
        self.working = house.working
        self.due = NEVER
        for symbol in quoted:
            place = house.place(symbol)
            place.wide = place.ticked = True
            place.refresh()
            self.working[symbol] = place
        self._set_due()

    # -- what the loop asks

    def touches(self, event: MarketEvent) -> bool:
        place = self.working.get(event.symbol)
        if place is None:
            return False
        if type(event) is Quote and event.ask > place.buys and event.bid < place.sells and not place.stops:
            return False  # as for most quotes; written out because it is asked for every one
        return place.bounds is WIDE or place.matters(event)

    def submit(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        order, house = approved.order, self._house
        arrives = at if self._prompt else self._send(at)
        resting = house.orders[order.id] = Resting(order, arrives)
        if self._prompt and _is_plain(order) and type(house.marks.get(order.symbol)) is Bar:
            place = house.places.get(order.symbol) or house.place(order.symbol)
            if not place.wide:
                resting.plain = True
                house.admit(resting, place)
                place.open_wide()
                return ()
        house.forget_before(at)
        if order.parent_id is not None or order.group:
            house.link(resting)
        self._dispatch(arrives, _ARRIVE, resting, None, at)
        return self._heard(at)

    def replace(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        self._house.forget_before(at)
        order = approved.order
        resting = self._house.find(order.id)
        if resting is None:
            return (ReplaceRejected(order.id, order.strategy, order.symbol, ZERO, _GONE),)
        if self._prompt:
            self._renew(resting, order, at)
        else:
            self._dispatch(self._send(at), _REPLACE, resting, _whole(order, resting, at), at)
        return self._heard(at)

    def cancel(self, order_id: int, at: int) -> Sequence[VenueReport]:
        self._house.forget_before(at)
        resting = self._house.find(order_id)
        if resting is None:
            return ()
        self._dispatch(at if self._prompt else self._send(at), _CANCEL, resting, None, at)
        return self._heard(at)

    def match(self, events: Sequence[MarketEvent]) -> Sequence[VenueReport]:
        house, working = self._house, self.working
        if len(events) == 1:
            event = events[0]
            place = working.get(event.symbol)
            if place is None:
                return ()
            if type(event) is Bar:
                orders = place.orders
                if self._finer is not None and not place.ticked:
                    self._along(self._finer, (event,))
                elif place.ticked or (len(orders) == 1 and self._bars.alone(orders[0], place, event)):
                    pass
                else:
                    self._bars.match((event,))
                if not place.ticked:
                    place.last = event
            else:
                self._ticks.match(place, event)  # type: ignore[arg-type]
        else:
            bars = [e for e in events if type(e) is Bar and e.symbol in working and not working[e.symbol].ticked]
            if bars:
                if self._finer is None:
                    self._bars.match(bars)
                else:
                    self._along(self._finer, bars)
                for bar in bars:
                    house.places[bar.symbol].last = bar
            for event in events:
                if type(event) is not Bar and event.symbol in working:
                    self._ticks.match(working[event.symbol], event)  # type: ignore[arg-type]
        if self._watching:
            self._margin.watch(events, events[0].at)
        return self._heard(events[0].at)

    def _along(self, finer: Path, bars: Sequence[Bar]) -> None:
        """Match an instant's bars along the path that finer bars tell."""
        self._bars.along(bars, [piece for bar in bars for piece in finer.within(bar) or (bar,)])

    def advance(self, at: int) -> Sequence[VenueReport]:
        agenda = self._agenda
        while True:
            theirs = min((account.due for account in self._accounts.values()), default=NEVER)
            first = agenda[0][0] if agenda else NEVER
            if min(theirs, first) > at:
                break
            if first <= theirs:
                arrived, _, kind, resting, content = heapq.heappop(agenda)
                self._carry_out(arrived, kind, resting, content, prompt=False)
            else:
                for account in self._accounts.values():
                    if account.due <= theirs:
                        # What has not begun begins now, not when the clock did.
                        for flow in account.advance(theirs or at, self._house.price):
                            self._reports.say(flow, theirs)
                            if type(flow) is MarginCall and flow.liquidates:
                                self._margin.liquidate(account, theirs)
        if self._watching:
            self._margin.watch((), at)
        return self._heard(at)

    def act(self, action: CorporateAction) -> Sequence[VenueReport]:
        house = self._house
        place = house.places.get(action.symbol)
        if place is not None:
            self._restate_all(place, action)
        if self._agenda and type(action) is not CashDividend:
            self._overtake(action.symbol)
        if place is not None:
            place.forget()
            house.look(place)
        currency = house.instruments[action.symbol].currency
        for name, account in self._accounts.items():
            money = actions.settle(account.quantities, action, house.instruments)
            if money:
                account.flow(CashFlow(strategy=name, kind="action", currency=currency, amount=money))
        self._reports.hurry(action.at)
        return self._heard(action.at)

    def _overtake(self, symbol: str) -> None:
        """What is on its way is in units of before the action: an order will be rejected, new terms refused."""
        agenda = self._agenda
        for i, (at, number, kind, resting, content) in enumerate(agenda):
            if resting.order.symbol != symbol:
                continue
            if kind == _ARRIVE:
                resting.overtaken = True
            elif kind == _REPLACE and content is not None:
                agenda[i] = at, number, kind, resting, None

    def open_orders(self) -> Sequence[Order]:
        return [resting.order for resting in self._house.orders.values()]

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return {(name, s): q for name, a in self._accounts.items() for s, q in a.quantities.items() if q}

    def cash(self) -> Mapping[str, Decimal]:
        return {name: account.cash for name, account in self._accounts.items()}

    # -- messages on their way

    def _send(self, at: int) -> int:
        """When a message that is sent now arrives; not before the one sent before it."""
        self._arrived = max(self._arrived, at + self._latency.outward())
        return self._arrived

    def _dispatch(self, arrives: int, kind: int, resting: Resting, content: Order | None, at: int) -> None:
        if arrives <= at:
            self._carry_out(arrives, kind, resting, content, prompt=True)
        else:
            self._post(arrives, kind, resting, content)

    def _post(self, at: int, kind: int, resting: Resting, content: Order | None = None) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), kind, resting, content))
        self.due = min(self.due, at)

    def _heard(self, at: int) -> Sequence[VenueReport]:
        found = self._reports.heard(at)
        if self._agenda or self.due != NEVER or not self._prompt:
            self._set_due()
        else:
            for account in self._list:
                if account.due != NEVER:
                    self._set_due()
        return found

    def _set_due(self) -> None:
        agenda = self._agenda
        while agenda and agenda[0][3].ended and agenda[0][2] in (_EXPIRE, _CLOSE):
            heapq.heappop(agenda)
        due = agenda[0][0] if agenda else NEVER
        if not self._prompt:
            due = min(due, self._reports.due)
        for account in self._accounts.values():
            due = min(due, account.due)
        self.due = due

    def _carry_out(self, at: int, kind: int, resting: Resting, content: Order | None, *, prompt: bool) -> None:
        """A message has arrived. Not `prompt`, a bar may be under way that has to be known first."""
        if kind == _ARRIVE:
            self._arrive(resting, at)
        elif kind == _RELEASE:
            self._unhold(resting, max((m[0] for m in resting.held or () if m[3] <= at), default=-1))
        elif kind in (_EXPIRE, _CLOSE) and resting.waits and resting.order.time_in_force is not _GTD:
            self._set_clock(resting, self._house.place(resting.order.symbol), at)  # its session is still to come
        elif kind == _CLOSE:
            place = self._house.place(resting.order.symbol)
            if not resting.ended and self._on_ticks(place):  # bars know their own close
                self._ticks.close(resting, place, at)
        elif not prompt and not resting.ended and (resting.held is not None or self._within_bar(resting, at)):
            self._hold(at, kind, resting, content)
        else:
            self._settle(at, kind, resting, content)

    def _on_ticks(self, place: Place) -> bool:
        """Whether the market of a place is one of ticks."""
        return place.ticked or is_tick(self._house.last(place.symbol))

    def _within_bar(self, resting: Resting, at: int) -> bool:
        """Whether a bar that the order takes part in may have begun before `at`, and is not known yet."""
        last = self._house.last(resting.order.symbol)
        return type(last) is Bar and last.at < at and resting.arrived

    def _hold(self, at: int, kind: int, resting: Resting, content: Order | None) -> None:
        last = self._house.last(resting.order.symbol)
        if resting.held is None:
            resting.held = []
            self._house.place(resting.order.symbol).refresh()
        ends = at + last.at - last.start if type(last) is Bar else at
        resting.held.append((at, kind, content, ends, next(self._numbers)))
        self._post(ends, _RELEASE, resting)

    def _unhold(self, resting: Resting, until: int) -> None:
        """Carry out what had arrived by `until` and waited for a bar."""
        held, resting.held = resting.held or [], None
        if resting.ended:
            until = NEVER  # what came too late is answered as the bar is known
        later = [message for message in held if message[0] > until]
        for at, kind, content, _, _ in held:
            if at <= until:
                self._settle(at, kind, resting, content)
        if later and not resting.ended:
            resting.held = later
        elif not resting.ended:
            self._house.place(resting.order.symbol).refresh()

    # -- what messages do

    def _settle(self, at: int, kind: int, resting: Resting, content: Order | None) -> None:
        if kind == _EXPIRE:
            if not resting.ended:
                self._house.expire(resting, at)
        elif kind == _REPLACE:
            self._renew(resting, content, at)
        elif resting.ended:
            self._house.keep(resting, _GONE, at)
        elif self._faults is not None and self._faults.down(at):
            self._house.keep(resting, DOWN, at)
        else:
            self._house.end(resting, "by request", at)

    def _arrive(self, resting: Resting, at: int) -> None:
        """The venue takes the order, or not; the market as it stands may fill it."""
        order, house = resting.order, self._house
        refusal = self._faults.refusal(at) if self._faults is not None else None
        refusal = _OVERTAKEN if resting.overtaken else refusal
        place = house.place(order.symbol)
        if refusal is None and order.post_only and resting.available and self._ticks.post_only_takes(resting, place):
            refusal = TAKES
        if refusal is not None:
            house.reject(resting, refusal, at)
            return
        house.admit(resting, place)
        if order.type is not _MARKET or order.time_in_force in _WAITS or order.parent_id is not None:
            self._reports.say(Accepted(order.id, order.strategy, order.symbol), at)
        self._join_in(resting, place, at)
        if not resting.ended:
            self._set_clock(resting, place, at)
        if not resting.ended:
            self._meet_now(resting, place, at)
        if place.orders:
            place.refresh()

    def _join_in(self, resting: Resting, place: Place, at: int) -> None:
        """What happened to its parent and its group while it was on its way."""
        late, resting.late = resting.late, ZERO
        if late:
            self._house.reduce(resting, late, at)
        if not resting.ended and resting.order.parent_id is not None:
            self._house.follow_parent(resting, at)

    def _set_clock(self, resting: Resting, place: Place, at: int) -> None:
        """Arrange for its end, where the clock and not a bar brings it."""
        order = resting.order
        time = order.time_in_force
        if time is _GTD and order.expires_at is not None:
            if order.expires_at <= at:
                self._house.expire(resting, at)
            else:
                self._post(order.expires_at, _EXPIRE, resting)
        elif (time is _DAY or time is _CLOSING) and self._on_ticks(place):
            _, closes = place.calendar.session_bounds(place.calendar.session_date(at))
            resting.watched = True
            self._post(closes, _CLOSE if time is _CLOSING else _EXPIRE, resting)

    def _meet_now(self, resting: Resting, place: Place, at: int) -> None:
        """The market as it stands, where quotes or a book show one."""
        quote = self._ticks.standing(place) if self._on_ticks(place) else None
        if quote is not None:
            self._ticks.meet(resting, place, quote, at)

    def _renew(self, resting: Resting, new: Order | None, at: int) -> None:
        """New terms, if the order is open and can have them; None where a corporate action has overtaken them."""
        house, old = self._house, resting.order
        refusal = _GONE if resting.ended else _OVERTAKEN if new is None else None
        new = old if new is None else _less_cuts(new, resting) if resting.cuts else new
        if refusal is None and new.quantity <= resting.traded:
            refusal = "already filled"
        if refusal is None and self._faults is not None and self._faults.down(at):
            refusal = DOWN
        if refusal is None:
            resting.order = new
            if new.post_only and self._ticks.post_only_takes(resting, house.place(old.symbol)):
                resting.order, refusal = old, TAKES
        if refusal is not None:
            report = ReplaceRejected(old.id, old.strategy, old.symbol, resting.traded, refusal)
            self._reports.say(report, at)
            return
        moved = _prices(old) != _prices(new)
        if moved or new.quantity > old.quantity:
            resting.queue = None
            resting.fresh = resting.fresh or moved
        resting.remaining = new.quantity - resting.traded
        resting.arrives_at = at
        self._reports.say(restated(resting, ""), at)
        place = house.places.get(old.symbol) or house.place(old.symbol)
        if new.parent_id is not None:
            house.follow_parent(resting, at)  # more than its parent has brought would wait for ever
        self._meet_now(resting, place, at)
        if place.orders:
            place.refresh()

    def _restate_all(self, place: Place, action: CorporateAction) -> None:
        """The orders at work in the action's symbol, after what had arrived before it is done."""
        for resting in tuple(place.orders):
            if resting.held is not None:  # no bar of the symbol reaches across an action: they came before it
                self._unhold(resting, action.at)
        ratio = ratio_of(action)
        if ratio is not None:
            self._house.restate_families(place, ratio)
        for resting in tuple(place.orders):
            if not resting.ended:
                self._restate(resting, action)

    def _restate(self, resting: Resting, action: CorporateAction) -> None:
        """What a corporate action makes of an order at work."""
        order, house = resting.order, self._house
        found = actions.restated(order, resting.remaining, action, house.place(order.symbol).instrument, self._rules)
        if isinstance(found, actions.Ended):
            house.end(resting, found.reason, action.at)
        elif found is not None:
            resting.order = msgspec.structs.replace(
                order,
                quantity=found.quantity,
                limit=found.limit,
                stop=found.stop,
                trail=found.trail,
                trail_percent=found.trail_percent,
            )
            resting.remaining = found.remaining
            resting.queue = None
            if resting.peak is not None:
                resting.peak = float(found.level(exact(resting.peak)))
            if resting.opened is not None:
                resting.opened = float(found.level(exact(resting.opened)))
            self._reports.say(restated(resting, found.reason), action.at)


def _whole(order: Order, resting: Resting, at: int) -> Order:
    """New terms as they are sent at `at`, with what is known to have been taken off the order put back (see `_less_cuts`)."""
    known = sum((quantity for heard, quantity in resting.cuts if heard <= at), ZERO)
    return msgspec.structs.replace(order, quantity=order.quantity + known) if known else order


def _less_cuts(order: Order, resting: Resting) -> Order:
    """New terms as they arrive: without all that has been taken off the order, heard of or not."""
    taken = sum((quantity for _, quantity in resting.cuts), ZERO)
    return msgspec.structs.replace(order, quantity=order.quantity - taken)


def _prices(order: Order) -> tuple[Decimal | None, ...]:
    return order.limit, order.stop, order.trail, order.trail_percent


def _is_plain(order: Order) -> bool:
    """A market order that stands alone: nothing to be said of it before it trades."""
    return order.type is _MARKET and order.time_in_force is _GTC and order.parent_id is None and not order.group
