"""Margin at the venue: who is short of it, and what is traded in a strategy's name because of that.

Rules: accounts with a maintenance margin are looked at after every event of what they hold, so their symbols' places are wide. A
call that liquidates closes as much as the account says, at once, at the market's price; where nobody is on the other side,
at the last price. Forced orders have ids below zero. What has no price is not liquidated.
Cost: nothing where no account keeps a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import count

from onepath.events import Forced
from onepath.instruments import ZERO, exact
from onepath.market import Bar, MarketEvent
from onepath.orders import Order, OrderType, Side, TimeInForce
from onepath.simulator.accounts import Account
from onepath.simulator.fills import Chance
from onepath.simulator.house import House
from onepath.simulator.quotes import middle, opposite
from onepath.simulator.resting import Resting
from onepath.simulator.slippage import Seen
from onepath.simulator.tickpit import TickPit


class MarginDesk:
    """Looks at the accounts that have to keep a margin, and closes what they cannot carry."""

    def __init__(self, accounts: Mapping[str, Account], house: House, ticks: TickPit, cost: Decimal) -> None:
        """`cost` is the share of value that a trade is expected to take."""
        self._watched = [account for account in accounts.values() if account.watches]
        self._house = house
        self._ticks = ticks
        self._cost = cost
        self._forced = count(1)

    @property
    def watches(self) -> bool:
        """Whether any account has to keep a margin."""
        return bool(self._watched)

    def watch(self, events: Sequence[MarketEvent], at: int) -> None:
        """After `events`, or after what time has brought: call, and close what has to be closed."""
        house = self._house
        for event in events:
            place = house.place(event.symbol)
            if type(event) is not Bar or not place.ticked:
                place.last = event
        for account in self._watched:
            call = account.short_of_margin(house.price)
            if call is not None:
                house.reports.say(call, at)
                if call.liquidates:
                    self.liquidate(account, at)
            for symbol, quantity in account.quantities.items():
                if quantity:
                    self._keep_watch(symbol)

    def liquidate(self, account: Account, at: int) -> None:
        """Close as much as the margin asks for."""
        for symbol, signed in account.liquidation(self._house.price, self._cost):
            self._force(account.strategy, symbol, signed, at)

    def _keep_watch(self, symbol: str) -> None:
        """See every event of what such an account holds."""
        place = self._house.place(symbol)
        if not place.wide:
            place.wide = True
            self._house.working[symbol] = place
            place.refresh()

    def _force(self, strategy: str, symbol: str, signed: Decimal, at: int) -> None:
        """Trade in the strategy's name."""
        house = self._house
        place = house.place(symbol)
        order = Order(
            id=-next(self._forced),
            strategy=strategy,
            symbol=symbol,
            side=Side.COVER if signed > 0 else Side.SELL,
            quantity=abs(signed),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
        )
        resting = house.orders[order.id] = Resting(order, at)
        house.admit(resting, place)
        house.reports.say(Forced(order, "margin"), at)
        quote = self._ticks.standing(place)
        there = ZERO if quote is None else exact(opposite(order.side.sign, quote))
        market = there or house.price(symbol) or ZERO  # what has no price is not liquidated
        mid = None if quote is None else middle(quote)
        house.trade(resting, place, Chance(market, True, False, at, Seen(float(market)), mid=mid))
