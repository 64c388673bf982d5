"""A slow and obvious matcher for bars, written from the rules in words (`onepath.simulator.bars`, `contingent`, `fills`).

Rules: it shares no code with the simulator, looks at every order in every bar and keeps nothing clever. One strategy, one
symbol, whole lots of one, money no object. Times are integers; a bar is (start, at, open, high, low, close, volume) in
decimals. What a message does (cancel, replace, the end of GTD) it does when the bar it arrived in is over; the order has had
that bar's open.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

ZERO = Decimal(0)
OPEN, TRIGGERED, RESTED, CLOSE = range(4)


class Candle(NamedTuple):
    start: int
    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Told(NamedTuple):
    """A fill: of which order, how much (signed), at what price, when, as maker or not."""

    order: int
    quantity: Decimal
    price: Decimal
    at: int
    maker: bool


class Ref:
    """An order and all that ever happened to it."""

    def __init__(self, id_: int, side: str, quantity: int | Decimal, type_: str, time: str, **more: Any) -> None:
        self.id = id_
        self.side = side
        self.sign = 1 if side in ("buy", "cover") else -1
        self.quantity = Decimal(quantity)
        self.type = type_
        self.time = time
        self.limit: Decimal | None = more.get("limit")
        self.stop: Decimal | None = more.get("stop")
        self.trail: Decimal | None = more.get("trail")
        self.percent: Decimal | None = more.get("percent")
        self.expires: int | None = more.get("expires")
        self.post: bool = more.get("post", False)
        self.reduce: bool = more.get("reduce", False)
        self.parent: Ref | None = more.get("parent")
        self.group: str = more.get("group", "")
        self.filled = ZERO
        self.arrives = 0
        self.arrived = False
        self.end = ""
        self.hit = False
        self.best: Decimal | None = None
        self.new = True
        """has not met a bar under these prices"""
        self.session: int | None = None
        self.late = ZERO
        self.lost = ZERO
        """units that others have taken off it at work"""
        self.children: list[Ref] = []

    @property
    def left(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def available(self) -> Decimal:
        """A child takes part as far as its parent has filled, less what it and its siblings have traded."""
        if self.parent is None:
            return self.left
        return max(ZERO, min(self.left, self.parent.filled - sum((c.filled for c in self.parent.children), ZERO)))

    @property
    def as_market(self) -> bool:
        return self.type == "market" or (self.hit and self.type in ("stop", "trailing_stop"))

    @property
    def as_limit(self) -> bool:
        return self.type == "limit" or (self.hit and self.type == "stop_limit")


class Offer(NamedTuple):
    phase: int
    price: Decimal
    slips: bool
    maker: bool


class Bars:
    """The venue, as its rules say."""

    def __init__(self, share: Decimal | None, touch: bool, slip: Decimal, tick: Decimal, day: int) -> None:
        self.share, self.touch, self.slip, self.tick, self.day = share, touch, slip, tick, day
        self.orders: list[Ref] = []
        self.messages: list[tuple[int, int, str, Ref, Any]] = []
        self.sent = 0
        self.held = ZERO
        self.last: Decimal | None = None
        self.fills: list[Told] = []

    # -- what is sent

    def send(self, order: Ref, arrives: int) -> None:
        self.orders.append(order)
        if order.parent is not None:
            order.parent.children.append(order)
        self._post(arrives, "arrive", order)

    def cancel(self, order: Ref, arrives: int) -> None:
        self._post(arrives, "cancel", order)

    def replace(self, order: Ref, arrives: int, terms: dict[str, Decimal | None]) -> None:
        self._post(arrives, "replace", order, (terms, order.lost))

    def _post(self, at: int, kind: str, order: Ref, content: Any = None) -> None:
        self.sent += 1
        self.messages.append((at, self.sent, kind, order, content))

    def until(self, at: int, *, besides: int | None = None) -> None:
        """Do what has arrived by `at`, in the order of arrival; or only what concerns orders that came after `besides`."""
        while due := [m for m in self.messages if m[0] <= at and (besides is None or self._later(m[3], besides))]:
            first = min(due, key=lambda m: m[:2])
            self.messages.remove(first)
            self._do(first[0], first[2], first[3], first[4])

    def _later(self, order: Ref, at: int) -> bool:
        return not order.arrived or order.arrives > at

    def _do(self, at: int, kind: str, order: Ref, terms: Any) -> None:
        if order.end:
            return
        if kind == "arrive":
            self._arrive(order, at)
        elif kind == "cancel":
            self._finish(order, "cancelled")
        elif kind == "expire":
            self._finish(order, "expired")
        else:
            self._renew(order, at, *terms)

    def _renew(self, order: Ref, at: int, terms: dict[str, Any], known: Decimal) -> None:
        """New terms arrive; what was taken off the order since they were sent is taken off them."""
        terms = terms | {"quantity": terms["quantity"] - (order.lost - known)}
        if terms["quantity"] > order.filled:
            if order.post and self.last is not None and (terms["limit"] - self.last) * order.sign >= 0:
                return
            moved = any(terms[name] != getattr(order, name) for name in ("limit", "stop", "trail", "percent"))
            for name, value in terms.items():
                setattr(order, name, value)
            order.arrives = at
            order.new = order.new or moved
            if order.parent is not None and order.parent.end:
                self._follow(order)

    def _arrive(self, order: Ref, at: int) -> None:
        takes = order.post and self.last is not None and order.limit is not None
        if takes and order.available and (order.limit - self.last) * order.sign >= 0:  # type: ignore[operator]
            self._finish(order, "rejected")
            return
        order.arrived, order.arrives = True, at
        late, order.late = order.late, ZERO
        if late:
            self._take_off(order, late)
        if not order.end and order.parent is not None and order.parent.end:
            self._follow(order)
        if not order.end and order.expires is not None:
            if order.expires <= at:
                self._finish(order, "expired")
            else:
                self._post(order.expires, "expire", order)

    # -- a bar

    def bar(self, bar: Candle) -> None:
        self.until(bar.start)
        there = [o for o in self.orders if o.arrived and not o.end and o.arrives <= bar.start]
        short = {m[3].id for m in self.messages if m[0] < bar.at and m[2] != "arrive"}
        # An exit that has nothing to close stays if what it may close can still come; what arrives in the bar counts.
        self.until(bar.at, besides=bar.start)
        room = None
        if self.share is not None:
            room = bar.volume * self.share
        entries: list[tuple[int, Ref, Offer]] = []
        entered: set[int] = set()
        for order in there:
            if order.available:
                self._enter(order, bar, order.id in short, entries)
        bought = any(order.sign > 0 for _, order, _ in entries)
        early = {order.id for _, order, _ in entries if bought and order.sign < 0 and self.held > 0}
        turns = [(o.phase, 0, order.id, o, order) for _, order, o in entries if order.id in early]
        turns += [(o.phase, 1, order.id, o, order) for _, order, o in entries]
        waiting = {order.id for _, order, _ in entries}
        while turns:
            turn = min(turns, key=lambda t: t[:3])
            turns.remove(turn)
            phase, late, _, found, order = turn
            if late:
                waiting.discard(order.id)
            if order.end:
                continue
            before = {c.id: c.available for c in order.children}
            got = self._trade(order, found, bar, room, only_held=not late)
            if got and room is not None:
                room -= got
            for child in order.children if got else ():
                fresh = not child.end and child.arrived and child.arrives <= bar.start and child.id not in waiting
                if not fresh or not child.available:
                    continue
                offer = self._inside(child, bar, phase, found, short, first=not before[child.id], entered=entered)
                if offer is not None:
                    turns.append((max(phase, offer.phase), 1, child.id, offer, child))
                    waiting.add(child.id)
        for order in there:
            self._after(order, bar, entered)
        self.until(bar.at)
        for order in there:
            if order.time == "day" and not order.end and order.available and bar.at % self.day == 0:
                self._finish(order, "expired")
        self.last = bar.close

    def _enter(self, order: Ref, bar: Candle, short: bool, entries: list[tuple[int, Ref, Offer]]) -> None:
        if order.time in ("day", "at_close"):
            session = bar.start // self.day
            if order.session is None:
                order.session = session
            if session > order.session:
                self._finish(order, "expired")
                return
        if order.post and order.new and (order.limit - bar.open) * order.sign >= 0:  # type: ignore[operator]
            self._finish(order, "rejected" if not order.filled else "cancelled")
            return
        found = self._offered(order, bar, short)
        if found is not None:
            entries.append((found.phase, order, found))

    def _offered(self, order: Ref, bar: Candle, short: bool) -> Offer | None:
        if order.time == "at_open":
            opening = bar.start // self.day * self.day
            return self._auction(order, OPEN, bar.open) if order.arrives <= opening else None
        if order.time == "at_close":
            closing = bar.at % self.day == 0
            return self._auction(order, CLOSE, bar.close) if closing and not short else None
        if order.as_market:
            return Offer(OPEN, bar.open, True, False)
        at_once = order.time in ("ioc", "fok")
        if order.as_limit:
            return self._limit(order, bar, only_open=short or at_once)
        return self._stopped(order, bar, short, at_once)

    def _auction(self, order: Ref, phase: int, price: Decimal) -> Offer | None:
        if order.limit is None:
            return Offer(phase, price, True, False)
        return Offer(phase, price, False, False) if (order.limit - price) * order.sign >= 0 else None

    def _limit(self, order: Ref, bar: Candle, *, only_open: bool) -> Offer | None:
        limit, sign = order.limit, order.sign
        assert limit is not None
        if (limit - bar.open) * sign >= 0:
            return Offer(OPEN, bar.open, False, not order.new)
        if only_open:
            return None
        reach = (limit - (bar.low if sign > 0 else bar.high)) * sign
        return Offer(RESTED, limit, False, True) if reach > 0 or (reach == 0 and self.touch) else None

    def _stopped(self, order: Ref, bar: Candle, short: bool, at_once: bool) -> Offer | None:
        sign = order.sign
        extreme = bar.high if sign > 0 else bar.low
        known = order.stop if order.type != "trailing_stop" else self._trailed(order, order.best)
        if known is not None and (bar.open - known) * sign >= 0:
            order.hit = True
            if order.type != "stop_limit":
                return Offer(OPEN, bar.open, True, False)
            found = self._limit(order, bar, only_open=short or at_once)
            return found._replace(maker=False) if found is not None and found.phase == OPEN else found
        stop = known
        if order.type == "trailing_stop":
            stop = self._trailed(order, self._better(order, order.best, bar.open))
        assert stop is not None
        if short or (extreme - stop) * sign < 0:
            return None
        order.hit = True
        if order.type != "stop_limit":
            return Offer(TRIGGERED, stop, True, False)
        assert order.limit is not None
        return Offer(TRIGGERED, stop, False, False) if (order.limit - stop) * sign >= 0 else None

    def _inside(
        self, child: Ref, bar: Candle, phase: int, parent: Offer, short: set[int], *, first: bool, entered: set[int]
    ) -> Offer | None:
        """What is offered to a child when its parent has filled in this bar."""
        if phase == OPEN:
            found: list[tuple[int, Ref, Offer]] = []
            self._enter(child, bar, child.id in short, found)
            return found[0][2] if found else None
        entered.add(child.id)
        if first:
            child.best = self._paid
        if phase == CLOSE or child.id in short or child.type == "market":
            return None
        sign = child.sign
        if child.type == "limit":
            return self._further(child, bar, child.parent.sign if phase == TRIGGERED else -child.parent.sign)
        stop = child.stop if child.type != "trailing_stop" else self._trailed(child, child.best)
        assert stop is not None
        if ((bar.high if sign > 0 else bar.low) - stop) * sign < 0:
            return None
        child.hit = True
        price = max(stop, self._paid) if sign > 0 else min(stop, self._paid)
        if child.type != "stop_limit":
            return Offer(TRIGGERED, price, True, False)
        assert child.limit is not None
        return Offer(TRIGGERED, price, False, False) if (child.limit - price) * sign >= 0 else None

    def _further(self, child: Ref, bar: Candle, came: int) -> Offer | None:
        """A limit further along the way the price came: the bar was there after the parent's fill."""
        assert child.limit is not None
        reach = (bar.high - child.limit) if came > 0 else (child.limit - bar.low)
        if child.sign == came or (child.limit - self._paid) * came <= 0 or child.time not in ("gtc", "day", "gtd"):
            return None
        child.new = child.new and reach < 0
        return Offer(RESTED, child.limit, False, True) if reach > 0 or (reach == 0 and self.touch) else None

    def _better(self, order: Ref, best: Decimal | None, price: Decimal) -> Decimal:
        if best is None:
            return price
        return min(best, price) if order.sign > 0 else max(best, price)

    def _trailed(self, order: Ref, best: Decimal | None) -> Decimal | None:
        if best is None:
            return None
        distance = order.trail if order.trail is not None else best * (order.percent or ZERO) / 100
        return self._on_tick(best + order.sign * distance, up=order.sign > 0)

    def _on_tick(self, price: Decimal, *, up: bool) -> Decimal:
        return (price / self.tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * self.tick

    # -- trading

    def _allowed(self, order: Ref) -> Decimal:
        """SELL and COVER and reduce-only end at zero."""
        if order.side == "sell" or (order.side == "short" and order.reduce):
            return max(ZERO, self.held)
        if order.side == "cover" or order.reduce:
            return max(ZERO, -self.held)
        return order.available

    def _trade(self, order: Ref, found: Offer, bar: Candle, room: Decimal | None, *, only_held: bool) -> Decimal:
        wanted = order.available
        may = min(wanted, self._allowed(order))
        coming = any(
            o.arrived and not o.end and o.sign != order.sign and o.side in ("buy", "short") for o in self.orders
        )
        if only_held:
            may = min(wanted, max(ZERO, self.held))
            if order.time == "fok" and may < order.left:
                return ZERO  # its turn will come
        quantity = may if room is None else min(may, room.to_integral_value(ROUND_FLOOR))
        if order.time == "fok" and quantity < order.left:
            if may or not coming:
                self._finish(order, "cancelled")
            return ZERO  # else at the end of the bar
        if quantity:
            self._fill(order, quantity, found, bar)
        short_of = may < wanted and not coming and not only_held and quantity == may
        if short_of and not order.end:
            self._finish(order, "cancelled")
        return quantity

    def _fill(self, order: Ref, quantity: Decimal, found: Offer, bar: Candle) -> None:
        price = found.price
        if found.slips and self.slip:
            moved = self._on_tick(price * (1 + order.sign * self.slip), up=order.sign > 0)
            price = min(moved, max(price, bar.high)) if order.sign > 0 else max(moved, min(price, bar.low))
        self._paid = price
        when = bar.start if found.phase == OPEN else bar.at
        self.fills.append(Told(order.id, order.sign * quantity, price, when, found.maker))
        order.filled += quantity
        self.held += order.sign * quantity
        family = order.parent.children if order.parent is not None else []
        label = [o for o in self.orders if o.group and o.group == order.group]
        for other in family + label:
            if other is not order and not other.end:
                if other.arrived:
                    self._take_off(other, quantity)
                else:
                    other.late += quantity
        if not order.left:
            self._finish(order, "filled")

    def _take_off(self, order: Ref, quantity: Decimal) -> None:
        if order.left <= quantity:
            self._finish(order, "cancelled")
        else:
            order.quantity -= quantity
            order.lost += quantity

    def _follow(self, child: Ref) -> None:
        """Its parent has ended."""
        if not child.available:
            self._finish(child, "cancelled")
        else:
            less = child.left - child.available
            child.quantity -= less
            child.lost += less

    def _finish(self, order: Ref, how: str) -> None:
        order.end = how
        for child in order.children:
            if child.arrived and not child.end:
                self._follow(child)

    def _after(self, order: Ref, bar: Candle, entered: set[int]) -> None:
        if order.end or not order.available:
            return
        late = order.id in entered and order.new
        if order.id not in entered:
            order.best = self._better(order, order.best, bar.low if order.sign > 0 else bar.high)
        if late and order.type in ("market", "limit"):
            return  # it waits for the next bar, its first
        order.new = False
        if order.time in ("ioc", "fok") and (order.as_market or order.as_limit):
            self._finish(order, "cancelled")
        elif (order.time == "at_open" and order.arrives <= bar.start // self.day * self.day) or (
            order.time == "at_close" and bar.at % self.day == 0
        ):
            self._finish(order, "expired")
