"""A strategy at work: what it was given, its books, its window on the world, and how far it has warmed up.

Rules: a strategy that raises is ended where it stands; what it had at work is asked back, what it holds stays.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from onepath.accounts import AccountTerms
from onepath.context import Context
from onepath.events import Mark
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.risk import Limits
from onepath.strategy import Strategy, overridden

if TYPE_CHECKING:
    from onepath.features.plant import FeaturePlant


class Seated(NamedTuple):
    """A strategy with what it was given."""

    name: str
    strategy: Strategy
    capital: Decimal
    limits: Limits
    symbols: tuple[str, ...]
    account: AccountTerms = AccountTerms()

    @property
    def terms(self) -> AccountTerms:
        """The account's terms with this capital and these limits: the stricter holds."""
        return self.account.granted(self.capital, self.limits.max_leverage, self.limits.allow_short)


class Seat:
    """A strategy at work, with its own books."""

    def __init__(self, given: Seated, ledger: Ledger, context: Context) -> None:
        self.name = given.name
        self.strategy = given.strategy
        self.limits = given.limits
        self.symbols = frozenset(given.symbols)
        self.ledger = ledger
        self.context = context
        self.plant: FeaturePlant | None = None
        self.active = True
        self.warming = dict.fromkeys(given.symbols, given.strategy.warm_up) if given.strategy.warm_up else {}
        """bars still to come of each symbol until its orders are let through"""
        self.hears_orders = overridden(given.strategy, "on_order_update")
        self.last_mark: Mark | None = None

    def warm(self, event: MarketEvent, _context: Context) -> None:
        """Count down a symbol's warm-up."""
        left = self.warming.get(event.symbol)
        if left is not None:
            self.warming[event.symbol] = left - 1
            if left == 1:
                del self.warming[event.symbol]
