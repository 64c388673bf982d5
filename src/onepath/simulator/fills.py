"""From what the market offers an order to its fill: how much, at what price, for what fee, and into which books.

Rules: an order trades what is available of it, cut to what its account allows (SELL and COVER end at zero, purchases are paid
for) and to what the market has room for, in whole lots. Orders that take liquidity are slipped, on the tick grid, against them,
never outside the bar; limits never. A fill-or-kill order fills whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from onepath.events import Fill
from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.market import Bar
from onepath.orders import Order, TimeInForce
from onepath.simulator.accounts import Account
from onepath.simulator.commission import Charged, Commission, NoCommission, Stateless
from onepath.simulator.resting import Resting
from onepath.simulator.slippage import NoSlippage, Seen, Slippage

_GRAIN = Decimal("1e-12")
"""Slipped prices of instruments without a tick, and fees in coin, are rounded here."""
_FOK = TimeInForce.FOK
KILLED = "fill or kill"


class Chance(msgspec.Struct, frozen=True, gc=False):
    """What an order may have now."""

    price: Decimal
    """before slippage"""
    slipped: bool
    maker: bool
    at: int
    seen: Seen
    room: Decimal | None = None
    """quantity that is there; None: any"""
    high: float | None = None
    low: float | None = None
    """of the bar: no slipped price is beyond them"""
    mid: Decimal | None = None
    opened: Decimal | None = None
    known: int | None = None
    """when it became known, if later (a bar's end)"""
    swept: bool = False
    """one level of several that together are enough for the order"""


class Deal(msgspec.Struct, frozen=True, gc=False):
    """What became of a chance: a fill, and why the rest of the order has to end, if it has to."""

    fill: Fill | None
    lost: str | None


class Teller:
    """Makes fills, and books them in the accounts."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        slippage: Slippage,
        commission: Commission,
        price: Callable[[str], Decimal | None],
    ) -> None:
        """`price` is the last one of a symbol."""
        self._accounts = accounts
        self._slippage = slippage
        self._commission = commission
        self._price = price
        self._in_base = commission.in_base
        self._slips = type(slippage) is not NoSlippage
        self._charges = type(commission) is not NoCommission
        self._tiers = getattr(type(commission), "book", None) is not Stateless.book
        """whether the commission has to be told of fills"""
        self._fills = 0

    def plain(self, resting: Resting, instrument: Instrument, bar: Bar) -> Fill | None:
        """A market order that stands alone, whole, at the open of a bar that is deep enough for it: what `deal` would do,
        written out because most orders are such. None, and nothing done, where anything could cut it."""
        order, quantity = resting.order, resting.remaining
        symbol, sells = order.symbol, order.side.sign < 0
        account = self._accounts[order.strategy]
        if self._in_base or not account.simple or account.guarded(order, quantity) is not quantity:
            return None
        price = market = exact(bar.open)
        if self._slips:
            seen = Seen(bar.open, bar.volume, 0.0, bar.high - bar.low)
            price = self._slipped(
                order, instrument, quantity, Chance(market, True, False, 0, seen, None, bar.high, bar.low)
            )
        value = quantity * price * instrument.multiplier
        start = bar.start
        fee, charged = ZERO, None
        if self._charges:
            charged = Charged(symbol, sells, quantity, value, False, start, ZERO, ZERO, ZERO)
            fee = self._commission.fee(charged)
        if not sells and (value + fee > account.cash or instrument.currency != account.currency or account.foreign):
            return None
        if self._tiers and charged is not None:
            self._commission.book(charged)
        resting.remaining = ZERO
        signed = -quantity if sells else quantity
        account.book(instrument, signed, price, fee, False, start, bar.at)
        self._fills += 1
        return Fill(
            id=self._fills,
            order_id=order.id,
            strategy=order.strategy,
            symbol=symbol,
            quantity=signed,
            price=price,
            fee=fee,
            slippage=ZERO if price is market else abs(price - market) * quantity * instrument.multiplier,
            executed_at=start,
            remaining=ZERO,
        )

    def deal(
        self,
        resting: Resting,
        instrument: Instrument,
        chance: Chance,
        *,
        entering: Callable[[Order], bool],
        held_only: bool = False,
    ) -> Deal:
        """Fill what can be filled. `entering` tells whether an order at work may still bring what an exit is to close;
        `held_only` sells what is held now and leaves the rest for later."""
        order = resting.order
        account = self._accounts[order.strategy]
        wanted = resting.available if resting.groups else resting.remaining
        if held_only:
            quantity, cut = min(wanted, max(ZERO, account.quantities.get(order.symbol, ZERO))), False
        else:
            quantity = account.guarded(order, wanted)
            cut = quantity < wanted and not entering(order)
        if quantity < wanted:
            quantity = instrument.round_quantity(quantity)  # fees in the coin leave less than a lot over
        if not quantity:
            return Deal(None, f"nothing left to {order.side}" if cut else None)
        lost = f"nothing more to {order.side}" if cut else None
        room = chance.room
        if room is not None and quantity > room:
            quantity, lost = instrument.round_quantity(max(room, ZERO)), None
            if not quantity:
                return Deal(None, KILLED if order.time_in_force is _FOK else None)
        price = self._slipped(order, instrument, quantity, chance) if chance.slipped else chance.price
        payable = self._payable(resting, account, instrument, quantity, price, chance)
        if payable < quantity:
            quantity, lost = payable, "cash does not pay for the rest"
            if not quantity:
                return Deal(None, "cash does not pay for it")
        if order.time_in_force is _FOK and quantity < resting.remaining and not chance.swept:
            return Deal(None, KILLED)
        return Deal(self._fill(resting, account, instrument, quantity, price, chance), lost)

    def allows(self, resting: Resting, instrument: Instrument, chances: Sequence[Chance]) -> bool:
        """Whether the account lets the order have all of these, one after the other, as a fill or kill asks. Does nothing."""
        order, tried = resting.order, copy(resting)
        account = self._accounts[order.strategy].trial()
        in_base = self._takes_coin(order, instrument)
        for chance in chances:
            part = chance.room if chance.room is not None else tried.remaining
            if account.guarded(order, part) < part:
                return False
            price = self._slipped(order, instrument, part, chance) if chance.slipped else chance.price
            if self._payable(tried, account, instrument, part, price, chance) < part:
                return False
            charged, fee = self._fee(tried, instrument, part, price, chance)
            tried.traded, tried.worth, tried.charged = (
                tried.traded + part,
                tried.worth + charged.value,
                tried.charged + fee,
            )
            account.book(instrument, part * order.side.sign, price, ZERO if in_base else fee, False, chance.at)
        return True

    def _slipped(self, order: Order, instrument: Instrument, quantity: Decimal, chance: Chance) -> Decimal:
        """The price moved against the order, on the tick grid, inside the bar."""
        price = chance.price
        share = self._slippage.share(quantity, chance.seen)
        if not share:
            return price
        buys = order.side.sign > 0
        moved = price * (ONE + share if buys else ONE - share)
        rounding = ROUND_CEILING if buys else ROUND_FLOOR
        moved = instrument.round_price(moved, rounding) if instrument.tick_size else moved.quantize(_GRAIN, rounding)
        if chance.high is None or chance.low is None:
            return moved
        return min(moved, max(price, exact(chance.high))) if buys else max(moved, min(price, exact(chance.low)))

    def _takes_coin(self, order: Order, instrument: Instrument) -> bool:
        """Whether the fee of the order is taken in the coin that it buys."""
        return self._in_base and order.side.sign > 0 and bool(instrument.base)

    def _payable(
        self,
        resting: Resting,
        account: Account,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        chance: Chance,
    ) -> Decimal:
        """How much of it the account can pay for, or carry."""
        order = resting.order
        in_base = self._takes_coin(order, instrument)

        def fee(part: Decimal) -> Decimal:
            return ZERO if in_base else self._fee(resting, instrument, part, price, chance)[1]

        return account.payable(order, instrument, quantity, price, fee, self._price)

    def _fee(
        self, resting: Resting, instrument: Instrument, quantity: Decimal, price: Decimal, chance: Chance
    ) -> tuple[Charged, Decimal]:
        """What a fill of that much would be charged."""
        order = resting.order
        charged = Charged(
            order.symbol,
            order.side.sign < 0,
            quantity,
            quantity * price * instrument.multiplier,
            chance.maker,
            chance.at,
            resting.traded,
            resting.worth,
            resting.charged,
        )
        return charged, self._commission.fee(charged)

    def _fill(
        self,
        resting: Resting,
        account: Account,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        chance: Chance,
    ) -> Fill:
        order = resting.order
        charged, fee = self._fee(resting, instrument, quantity, price, chance)
        self._commission.book(charged)
        resting.traded += quantity
        resting.worth += charged.value
        resting.charged += fee
        resting.remaining -= quantity
        signed = -quantity if charged.sells else quantity
        in_base = self._takes_coin(order, instrument)
        if in_base:
            fee = (fee / price / instrument.multiplier).quantize(_GRAIN)
        account.book(instrument, signed, price, fee, in_base, chance.at, chance.known)
        self._fills += 1
        market = chance.price
        return Fill(
            id=self._fills,
            order_id=order.id,
            strategy=order.strategy,
            symbol=order.symbol,
            quantity=signed,
            price=price,
            fee=fee,
            slippage=ZERO if price is market else abs(price - market) * quantity * instrument.multiplier,
            executed_at=chance.at,
            remaining=resting.remaining,
            maker=chance.maker,
            fee_currency=instrument.base if in_base else "",
            mid=chance.mid,
            opened=chance.opened,
        )
