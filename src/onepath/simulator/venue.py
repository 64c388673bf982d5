"""The simulated venue over bars: takes approved orders, matches them with each bar, keeps books of its own.

Rules: an order takes part from the first bar that starts at or after its arrival. Of one instant, fills are made in the
order of `bars.Phase`, then sales of what is held (they may pay for purchases), then in the order of sending. Slippage
never takes a price outside the bar. An order takes at most `participation` of the bar's volume (shared by all orders of
the bar); what is left stays working by its time in force. SELL and COVER never go through zero: what is neither owned
(or owed) any more nor on its way by an order at work is cancelled. With leverage of one a purchase never overdraws: what
cash cannot pay, fees included, is cancelled; buying back what is owed is always done.
Limits: one price path a bar; cancels arrive at once; queue position and books come with the execution work.
Cost: nothing for bars of symbols without working orders.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from onepath import calendars
from onepath.calendars import Calendar
from onepath.events import Accepted, Cancelled, Expired, Fill, OrderReport
from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.market import Bar, MarketEvent
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.bars import Offer, Phase, offer, stop_phase
from onepath.simulator.commission import Charged, Commission, NoCommission
from onepath.simulator.latency import Latency, NoLatency
from onepath.simulator.queues import QueueModel, Through
from onepath.simulator.slippage import NoSlippage, Seen, Slippage

_GRAIN = Decimal("1e-12")
"""Slipped prices of instruments without a tick are rounded here."""
# Members by plain name: looking one up on its enum costs as much as a call.
_BUY, _SELL, _SHORT, _COVER, _MARKET, _DAY, _AT_OPEN = (
    Side.BUY,
    Side.SELL,
    Side.SHORT,
    Side.COVER,
    OrderType.MARKET,
    TimeInForce.DAY,
    Phase.AT_OPEN,
)


class Market(NamedTuple):
    """What the venue assumes: see the model of each name."""

    slippage: Slippage = NoSlippage()
    commission: Commission = NoCommission()
    latency: Latency = NoLatency()
    participation: Decimal | None = Decimal("0.1")
    touch: bool = False
    queue: QueueModel = Through()

    @property
    def expected_cost(self) -> Decimal:
        """The share of an order's value that fees and slippage are expected to take, for sizing."""
        return self.commission.rate + self.slippage.typical


class _Resting:
    """An order at the venue."""

    __slots__ = ("arrives_at", "charged", "day", "order", "remaining", "traded", "triggered", "worth")

    def __init__(self, approved: Approved, arrives_at: int) -> None:
        self.order = approved.order
        self.remaining = approved.order.quantity
        self.arrives_at = arrives_at
        self.triggered = False
        self.day: int | None = None
        self.traded = ZERO
        self.worth = ZERO
        self.charged = ZERO


def _charged(resting: _Resting, quantity: Decimal, value: Decimal, at: int = 0) -> Charged:
    order = resting.order
    sells = order.side.sign < 0
    return Charged(order.symbol, sells, quantity, value, False, at, resting.traded, resting.worth, resting.charged)


class Terms(NamedTuple):
    """On what terms the venue keeps a strategy's account."""

    capital: Decimal
    leverage: Decimal = ONE
    allow_short: bool = True


class _Account:
    """The venue's own books of one strategy."""

    __slots__ = ("borrows", "cash", "quantities", "shorts")

    def __init__(self, terms: Terms) -> None:
        self.cash = terms.capital
        self.borrows = terms.leverage > ONE
        self.shorts = terms.allow_short
        self.quantities: dict[str, Decimal] = {}


class SimulatedVenue:
    """The Venue of backtest and paper."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        accounts: Mapping[str, Terms],
        market: Market,
        volumes: Collection[str] | None = None,
    ) -> None:
        """`accounts` gives each strategy's terms; `volumes` the symbols whose bars report one (default all)."""
        self.working: dict[str, list[_Resting]] = {}
        self._instruments = instruments
        # A copy, so that one run does not use up the delays or the volume tiers of the next.
        self._market = market._replace(latency=deepcopy(market.latency), commission=deepcopy(market.commission))
        self._accounts = {name: _Account(terms) for name, terms in accounts.items()}
        self._orders: dict[int, _Resting] = {}
        self._calendars: dict[str, Calendar] = {}
        self._surely = 0.999 * float(self._market.participation or 0)
        self._volumes = instruments if volumes is None else volumes
        self._fills = 0

    def submit(self, approved: Approved, at: int) -> Sequence[OrderReport]:
        order = approved.order
        resting = _Resting(approved, at + self._market.latency.draw())
        self._orders[order.id] = resting
        self.working.setdefault(order.symbol, []).append(resting)
        return () if order.type is _MARKET else (Accepted(order.id, order.strategy, order.symbol),)

    def cancel(self, order_id: int, at: int) -> Sequence[OrderReport]:
        resting = self._orders.get(order_id)
        return () if resting is None else (self._end(resting, "by request"),)

    def match(self, events: Sequence[MarketEvent]) -> Sequence[OrderReport]:
        working = self.working
        if len(events) == 1:
            event = events[0]
            resting = working.get(event.symbol)
            if not resting or not isinstance(event, Bar):
                return ()
            return self._match_one(resting[0], event) if len(resting) == 1 else self._match_all((event,))
        bars = [event for event in events if event.symbol in working and isinstance(event, Bar)]
        return self._match_all(bars)

    def open_orders(self) -> Sequence[Order]:
        return [resting.order for resting in self._orders.values()]

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return {(name, s): q for name, a in self._accounts.items() for s, q in a.quantities.items() if q}

    def cash(self) -> Mapping[str, Decimal]:
        return {name: account.cash for name, account in self._accounts.items()}

    def _match_one(self, resting: _Resting, bar: Bar) -> Sequence[OrderReport]:
        """The commonest case, without the sorting."""
        if bar.start < resting.arrives_at:
            return ()
        found = self._offer(resting, bar)
        if isinstance(found, Expired):
            return (found,)
        if found is None:
            return ()
        room = None if self._is_deep(bar, resting.remaining) else self._room(bar)
        return self._trade(resting, found, bar, room)[0]

    def _is_deep(self, bar: Bar, quantity: Decimal) -> bool:
        """Whether the bar has room for the quantity by far, so that nothing has to be worked out exactly."""
        return float(quantity) < self._surely * bar.volume

    def _match_all(self, bars: Sequence[Bar]) -> Sequence[OrderReport]:
        """All orders that an instant touches: by phase, sales of what is held first, then by sending."""
        reports: list[OrderReport] = []
        offers: list[tuple[Phase, bool, int, Offer, _Resting, Bar]] = []
        for bar in bars:
            for resting in tuple(self.working[bar.symbol]):
                if bar.start < resting.arrives_at:
                    continue
                found = self._offer(resting, bar)
                if isinstance(found, Expired):
                    reports.append(found)
                elif found is not None:
                    order = resting.order
                    offers.append((found[0], True, order.id, found, resting, bar))
                    if self._brings_money(order):
                        offers.append((found[0], False, order.id, found, resting, bar))
        if not any(resting.order.side.sign > 0 for *_, resting, _ in offers):
            offers = [entry for entry in offers if entry[1]]  # no purchase waits for money
        offers.sort(key=lambda entry: entry[:3])
        rooms = {bar.symbol: self._room(bar) for bar in bars}
        for _, in_turn, number, found, resting, bar in offers:
            if number not in self._orders:
                continue
            room = rooms[bar.symbol]
            made, taken = self._trade(resting, found, bar, room, in_turn)
            reports += made
            rooms[bar.symbol] = None if room is None else room - taken
        return reports

    def _brings_money(self, order: Order) -> bool:
        """Whether it sells what is held: that much goes before its turn, because it may pay for purchases. (What an exit
        has to sell only after its entry waits for its turn.)"""
        return order.side.sign < 0 and self._accounts[order.strategy].quantities.get(order.symbol, ZERO) > 0

    def _offer(self, resting: _Resting, bar: Bar) -> Offer | Expired | None:
        """What the bar offers, after the order's day and its stop have been looked at."""
        order = resting.order
        if order.time_in_force is _DAY and self._day_is_over(resting, bar):
            self._forget(resting)
            return Expired(order.id, order.strategy, order.symbol)
        found = offer(order, resting.triggered, bar, self._market.touch)
        if order.stop is not None and not resting.triggered and stop_phase(order, bar) is not None:
            resting.triggered = True
        return found

    def _day_is_over(self, resting: _Resting, bar: Bar) -> bool:
        name = self._instruments[bar.symbol].calendar
        calendar = self._calendars.get(name)
        if calendar is None:
            calendar = self._calendars[name] = calendars.get(name)
        day = calendar.session_date(bar.start)
        if resting.day is None:
            resting.day = day
        return day > resting.day

    def _room(self, bar: Bar) -> Decimal | None:
        """Quantity that the bar can give to our orders; None without limit."""
        share = self._market.participation
        if share is None:
            return None
        if bar.volume > 0:
            return exact(bar.volume) * share
        return ZERO if bar.symbol in self._volumes else None

    def _trade(
        self, resting: _Resting, found: Offer, bar: Bar, room: Decimal | None, in_turn: bool = True
    ) -> tuple[Sequence[OrderReport], Decimal]:
        """Fill what can be filled of one order; returns the reports and the quantity traded.

        Not `in_turn`, only what is held now is sold, and the rest stays until its turn.
        """
        _, market_price, slipped = found
        order, instrument = resting.order, self._instruments[bar.symbol]
        account = self._accounts[order.strategy]
        if in_turn:
            quantity = self._guarded(order, account, resting.remaining)
        else:
            quantity = min(resting.remaining, max(ZERO, account.quantities.get(order.symbol, ZERO)))
        cut = quantity < resting.remaining and in_turn and not self._entering(order)
        if not quantity:
            return ((self._end(resting, f"nothing left to {order.side}"),), ZERO) if cut else ((), ZERO)
        lost = f"nothing more to {order.side}" if cut else None
        if room is not None and quantity > room:
            quantity, lost = instrument.round_quantity(max(room, ZERO)), None
            if not quantity:
                return (), ZERO
        price = self._slip(market_price, order, instrument, quantity, bar) if slipped else market_price
        payable = self._payable(resting, account, instrument, quantity, price)
        if payable < quantity:
            quantity, lost = payable, "cash does not pay for the rest"
            if not quantity:
                return (self._end(resting, "cash does not pay for it"),), ZERO
        fill = self._fill(resting, account, instrument, quantity, price, market_price, bar, found[0])
        if not resting.remaining:
            self._forget(resting)
        elif lost is not None:
            return (fill, self._end(resting, lost)), quantity
        return (fill,), quantity

    def _entering(self, exit_: Order) -> bool:
        """Whether an order at work may still bring what `exit_` is to close."""
        return any(
            other.order.strategy == exit_.strategy
            and other.order.side.sign != exit_.side.sign
            and (other.order.side is _BUY or other.order.side is _SHORT)
            for other in self.working[exit_.symbol]
        )

    def _guarded(self, order: Order, account: _Account, quantity: Decimal) -> Decimal:
        """SELL and COVER end at zero, and so does SHORT where the account may not be short."""
        side = order.side
        if side is _SELL or (side is _SHORT and not account.shorts):
            owned = account.quantities.get(order.symbol, ZERO)
        elif side is _COVER:
            owned = -account.quantities.get(order.symbol, ZERO)
        else:
            return quantity
        return quantity if quantity <= owned else max(ZERO, owned)

    def _slip(self, price: Decimal, order: Order, instrument: Instrument, quantity: Decimal, bar: Bar) -> Decimal:
        """`price` moved against the order, on the tick grid, inside the bar."""
        share = self._market.slippage.share(quantity, Seen(float(price), bar.volume, 0.0, bar.high - bar.low))
        if not share:
            return price
        buys = order.side.sign > 0
        moved = price * (ONE + share if buys else ONE - share)
        rounding = ROUND_CEILING if buys else ROUND_FLOOR
        moved = instrument.round_price(moved, rounding) if instrument.tick_size else moved.quantize(_GRAIN, rounding)
        return min(moved, max(price, exact(bar.high))) if buys else max(moved, min(price, exact(bar.low)))

    def _payable(
        self, resting: _Resting, account: _Account, instrument: Instrument, quantity: Decimal, price: Decimal
    ) -> Decimal:
        """How much of a buy that opens or adds the account can pay for, fees included."""
        order = resting.order
        if order.side.sign < 0 or account.borrows:
            return quantity
        unit = price * instrument.multiplier
        value = quantity * unit
        if value + self._fee(resting, quantity, value) <= account.cash:
            return quantity
        covering = min(quantity, max(ZERO, -account.quantities.get(order.symbol, ZERO)))
        payable = quantity
        while payable > covering:
            short = payable * unit + self._fee(resting, payable, payable * unit) - account.cash
            if short <= 0:
                return payable
            payable -= max(instrument.lot_size, instrument.round_quantity(short / unit))
        return covering

    def _fee(self, resting: _Resting, quantity: Decimal, value: Decimal) -> Decimal:
        """What this fill adds to the order's commission."""
        return self._market.commission.fee(_charged(resting, quantity, value))

    def _fill(
        self,
        resting: _Resting,
        account: _Account,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        market_price: Decimal,
        bar: Bar,
        phase: Phase,
    ) -> Fill:
        order = resting.order
        value = quantity * price * instrument.multiplier
        charged = _charged(resting, quantity, value, bar.at)
        fee = self._market.commission.fee(charged)
        self._market.commission.book(charged)
        resting.traded += quantity
        resting.worth += value
        resting.charged += fee
        resting.remaining -= quantity
        signed = quantity if order.side.sign > 0 else -quantity
        account.cash -= (value if signed > 0 else -value) + fee
        account.quantities[order.symbol] = account.quantities.get(order.symbol, ZERO) + signed
        self._fills += 1
        return Fill(
            id=self._fills,
            order_id=order.id,
            strategy=order.strategy,
            symbol=order.symbol,
            quantity=signed,
            price=price,
            fee=fee,
            slippage=ZERO if price is market_price else abs(price - market_price) * quantity * instrument.multiplier,
            executed_at=bar.start if phase is _AT_OPEN else bar.at,
            remaining=resting.remaining,
        )

    def _end(self, resting: _Resting, reason: str) -> Cancelled:
        self._forget(resting)
        return Cancelled(resting.order.id, resting.order.strategy, resting.order.symbol, reason)

    def _forget(self, resting: _Resting) -> None:
        order = resting.order
        del self._orders[order.id]
        rest = self.working[order.symbol]
        rest.remove(resting)
        if not rest:
            del self.working[order.symbol]
