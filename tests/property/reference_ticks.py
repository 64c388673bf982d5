"""A slow and obvious matcher for quotes and books, written from the rules in words (`onepath.simulator.quotes`, `depth`).

Rules: it shares no code with the simulator. One strategy, one symbol, whole lots of one, money no object, no delays. A market is
two lists of (price, size), best first: a quote has one level a side, a book several. A quote's size of zero is not known: any
quantity. What has been had of a level is not had again until the market speaks of it: a quote's side when its price or size
changes, a book's level when an update names it.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from reference_bars import Ref, Told

ZERO = Decimal(0)
Level = tuple[Decimal, Decimal]


class Ticks:
    """The venue, as its rules say."""

    def __init__(self, slip: Decimal, tick: Decimal, *, book: bool) -> None:
        self.slip, self.tick, self.book = slip, tick, book
        self.orders: list[Ref] = []
        self.market: dict[int, list[Level]] = {1: [], -1: []}
        """what buyers (1) and sellers (-1) can have"""
        self.had: dict[tuple[int, Decimal], Decimal] = {}
        self.held = ZERO
        self.fills: list[Told] = []
        self.at = 0

    # -- what happens

    def shows(self, at: int, asks: list[Level], bids: list[Level], named: set[tuple[int, Decimal]]) -> None:
        """The market is this now; `named` are the levels that a book's update spoke of."""
        self.at = at
        for sign, levels in ((1, asks), (-1, bids)):
            if not self.book and self.market[sign] != levels:
                self.had = {key: had for key, had in self.had.items() if key[0] != sign}
            self.market[sign] = levels
        self.had = {key: had for key, had in self.had.items() if key not in named}
        first = [o for o in self.orders if not o.end and o.sign < 0 and self.held > 0]
        for order in first + [o for o in self.orders if o not in first]:
            self._meet(order)

    def send(self, order: Ref) -> None:
        order.arrives = self.at
        before = sum((o.filled for o in self.orders if self._of_group(o, order) and o.arrives == self.at), ZERO)
        self.orders.append(order)
        order.arrived = True
        if before:
            self._take_off(order, before)
        self._meet(order)

    def cancel(self, order: Ref) -> None:
        if not order.end:
            order.end = "cancelled"

    def replace(self, order: Ref, terms: dict[str, Decimal | None]) -> None:
        quantity = terms["quantity"]
        assert quantity is not None
        if order.end or quantity <= order.filled:
            return
        best = self.market[order.sign][0][0]
        if order.post and (terms["limit"] - best) * order.sign >= 0:  # type: ignore[operator]
            return
        moved = any(terms[name] != getattr(order, name) for name in ("limit", "stop", "trail", "percent"))
        for name, value in terms.items():
            setattr(order, name, value)
        order.new = order.new or moved
        self._meet(order)

    # -- meeting the market

    def _meet(self, order: Ref) -> None:
        if order.end:
            return
        best, sign = self.market[order.sign][0][0], order.sign
        new, order.new = order.new, False
        if order.post and new and (order.limit - best) * sign >= 0:  # type: ignore[operator]
            order.end = "rejected"
            return
        if order.type not in ("market", "limit") and not order.hit:
            if not self._is_hit(order, best):
                return
            order.hit = new = True
        if order.as_market:
            self._take(order, None)
        elif (order.limit - best) * sign >= 0:  # type: ignore[operator]
            if new:
                self._take(order, order.limit)
            else:
                self._rest(order)
        if not order.end and order.time in ("ioc", "fok"):
            order.end = "cancelled"

    def _is_hit(self, order: Ref, price: Decimal) -> bool:
        stop = order.stop
        if order.type == "trailing_stop":
            if order.best is None or (order.best - price) * order.sign > 0:
                order.best = price
                return False
            distance = order.trail if order.trail is not None else order.best * (order.percent or ZERO) / 100
            stop = self._on_tick(order.best + order.sign * distance, order.sign)
        assert stop is not None
        return (price - stop) * order.sign >= 0

    def _on_tick(self, price: Decimal, sign: int) -> Decimal:
        return (price / self.tick).to_integral_value(ROUND_CEILING if sign > 0 else ROUND_FLOOR) * self.tick

    def _there(self, sign: int, limit: Decimal | None) -> list[list[Decimal]]:
        """What can be had, as [price, size]; a size that is not known is more than anybody wants."""
        found = []
        for price, size in self.market[sign]:
            if limit is None or (limit - price) * sign >= 0:
                left = size - self.had.get((sign, price), ZERO) if size or self.book else Decimal(10**6)
                if left > 0:
                    found.append([price, left])
        return found

    def _may(self, order: Ref) -> Decimal:
        if order.side == "sell" or (order.side == "short" and order.reduce):
            return min(order.left, max(ZERO, self.held))
        if order.side == "cover" or order.reduce:
            return min(order.left, max(ZERO, -self.held))
        return order.left

    def _coming(self, order: Ref) -> bool:
        return any(not o.end and o.sign != order.sign and o.side in ("buy", "short") for o in self.orders)

    def _take(self, order: Ref, limit: Decimal | None) -> None:
        there = self._there(order.sign, limit)
        whole = min(self._may(order), sum((size for _, size in there), ZERO)) >= order.left
        if order.time == "fok" and not whole:
            order.end = "cancelled"
            return
        if not there and not self.book:
            self._cut(order, self._coming(order))
        for price, size in there:
            if order.end or not order.left:
                break
            may, coming = self._may(order), self._coming(order)
            quantity = min(may, size)
            if quantity:
                paid = price
                if limit is None and self.slip:
                    paid = self._on_tick(price * (1 + order.sign * self.slip), order.sign)
                self._fill(order, quantity, paid, maker=False)
                self._gives(order.sign, price, quantity)
            if quantity == may:
                self._cut(order, coming)

    def _rest(self, order: Ref) -> None:
        there = self._there(order.sign, order.limit)
        may, coming = self._may(order), self._coming(order)
        quantity = min(may, sum((size for _, size in there), ZERO))
        if quantity:
            assert order.limit is not None
            self._fill(order, quantity, order.limit, maker=True)
            left = quantity
            for price, size in there:
                self._gives(order.sign, price, min(size, left))
                left -= min(size, left)
        if quantity == may:
            self._cut(order, coming)

    def _gives(self, sign: int, price: Decimal, quantity: Decimal) -> None:
        self.had[sign, price] = self.had.get((sign, price), ZERO) + quantity

    def _cut(self, order: Ref, coming: bool) -> None:
        """An exit that met the market and has nothing more to close is over, unless an entry at work could bring it some."""
        if not order.end and not self._may(order) and not coming:
            order.end = "cancelled"

    def _fill(self, order: Ref, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
        self.fills.append(Told(order.id, order.sign * quantity, price, self.at, maker))
        order.filled += quantity
        self.held += order.sign * quantity
        for other in self.orders:
            if other is not order and self._of_group(other, order) and not other.end:
                self._take_off(other, quantity)
        if not order.left:
            order.end = "filled"

    def _of_group(self, other: Ref, order: Ref) -> bool:
        return bool(order.group) and other.group == order.group

    def _take_off(self, order: Ref, quantity: Decimal) -> None:
        if order.left <= quantity:
            order.end = "cancelled"
        else:
            order.quantity -= quantity
