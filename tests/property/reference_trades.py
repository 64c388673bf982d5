"""A slow and obvious matcher for public trades alone, written from the rules in words (`onepath.simulator.trades`).

Rules: it shares no code with the simulator. One strategy, one symbol, whole lots of one, money no object, no delays. All orders
together get at most a share of a trade's size; sales of what is held go first, then the order of sending.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from reference_bars import Ref
from reference_ticks import Ticks

ZERO = Decimal(0)


class Trades(Ticks):
    """The venue where trades are all there is; orders, groups and ends as on ticks."""

    def __init__(self, slip: Decimal, tick: Decimal, share: Decimal | None, touch: bool) -> None:
        super().__init__(slip, tick, book=False)
        self.share, self.touch = share, touch
        self.last: Decimal | None = None

    def trades(self, at: int, price: Decimal, size: Decimal) -> None:
        """Somebody has traded."""
        self.at = at
        room = None if self.share is None else size * self.share
        first = [o for o in self.orders if not o.end and o.sign < 0 and self.held > 0]
        for order in first + [o for o in self.orders if o not in first]:
            if not order.end:
                got = self._sees(order, price, room)
                room = None if room is None else room - got
        self.last = price

    def send(self, order: Ref) -> None:
        order.arrives = self.at
        before = sum((o.filled for o in self.orders if self._of_group(o, order) and o.arrives == self.at), ZERO)
        self.orders.append(order)
        order.arrived = True
        if self._would_take(order, order.limit):
            order.end = "rejected"
        elif before:
            self._take_off(order, before)

    def replace(self, order: Ref, terms: dict[str, Decimal | None]) -> None:
        quantity = terms["quantity"]
        assert quantity is not None
        if order.end or quantity <= order.filled or self._would_take(order, terms["limit"]):
            return
        moved = any(terms[name] != getattr(order, name) for name in ("limit", "stop", "trail", "percent"))
        for name, value in terms.items():
            setattr(order, name, value)
        order.new = order.new or moved

    def _would_take(self, order: Ref, limit: Decimal | None) -> bool:
        return order.post and self.last is not None and limit is not None and (limit - self.last) * order.sign >= 0

    def _sees(self, order: Ref, price: Decimal, room: Decimal | None) -> Decimal:
        """The order sees a trade; what it gets of it."""
        if order.type not in ("market", "limit") and not order.hit:
            order.hit = self._is_hit(order, price)
            return ZERO  # it works from the next trade on
        new, order.new = order.new and not order.post, False
        got = ZERO
        if order.as_market:
            paid = price if not self.slip else self._on_tick(price * (1 + order.sign * self.slip), order.sign)
            got = self._has(order, paid, room, maker=False)
        else:
            assert order.limit is not None
            inside = (order.limit - price) * order.sign
            if new and inside >= 0:
                got = self._has(order, price, room, maker=False)
            elif inside > 0 or (self.touch and inside == 0):
                got = self._has(order, order.limit, room, maker=True)
        if not order.end and order.time in ("ioc", "fok"):
            order.end = "cancelled"
        return got

    def _has(self, order: Ref, price: Decimal, room: Decimal | None, *, maker: bool) -> Decimal:
        may, coming = self._may(order), self._coming(order)
        quantity = may if room is None else min(may, room.to_integral_value(ROUND_FLOOR))
        if order.time == "fok" and quantity < order.left:
            return ZERO
        if quantity:
            self._fill(order, quantity, price, maker=maker)
        if quantity == may:
            self._cut(order, coming)
        return quantity
