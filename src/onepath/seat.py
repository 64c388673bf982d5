"""A strategy at work: what it was given, its books, its window on the world, and how far it has warmed up.

Rules: a strategy that raises is ended where it stands; what it had at work is asked back, what it holds stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.accounts import AccountTerms
from onepath.context import Context
from onepath.events import Mark
from onepath.isolation import Fence
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.risk import Limits
from onepath.strategy import Strategy, overridden
from onepath.timeframes import Timeframes

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

    def __init__(self, given: Seated, ledger: Ledger, context: Context, fence: Fence | None = None) -> None:
        self.name = given.name
        self.strategy = given.strategy
        self.limits = given.limits
        self.symbols = frozenset(given.symbols)
        self.ledger = ledger
        self.context = context
        self.fence = fence
        """what its calls are held within, where there is something to hold them within"""
        self.plant: FeaturePlant | None = None
        self.active = True
        self.warming = dict.fromkeys(given.symbols, given.strategy.warm_up) if given.strategy.warm_up else {}
        """bars still to come of each symbol until its orders are let through"""
        self.ears: Ears | None = None
        """where it hears some kinds of events alone"""
        self.hears_orders = overridden(given.strategy, "on_order_update")
        self.last_mark: Mark | None = None

    def warm(self, event: MarketEvent, _context: Context) -> None:
        """Count down a symbol's warm-up."""
        left = self.warming.get(event.symbol)
        if left is not None:
            self.warming[event.symbol] = left - 1
            if left == 1:
                del self.warming[event.symbol]

    def fenced(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A method of the strategy, within its fence."""
        return call if self.fence is None else self.fence.guarded(call)

    def deciding(self, decide: Callable[[Context], Any]) -> Callable[[Context], Any]:
        """`generate_orders` of the strategy, within its fence."""
        return decide if self.fence is None else self.fence.deciding(decide)

    @property
    def wants_history(self) -> int:
        """Bars of each symbol until it has all that it asked for in `on_start`."""
        features = 0 if self.plant is None else self.plant.warm_up
        return max(features, self.strategy.warm_up, self.context.historical_data.length)

    @property
    def timeframes(self) -> list[Timeframes]:
        """What builds bars for it, or for its features."""
        built = None if self.plant is None else self.plant.frames
        return [frames for frames in (built, self.context.timeframes) if frames]

    def forget(self) -> None:
        """What was heard until now is nothing to decide after."""
        if self.ears is not None:
            self.ears.heard = False

    def attend(self) -> None:
        """Something happened that the strategy decides after, whatever kinds of market events it hears."""
        if self.ears is not None:
            self.ears.heard = True


class Ears:
    """Lets a strategy hear some kinds of market events alone, and decide after them alone."""

    __slots__ = ("_decide", "_hear", "_kinds", "heard")

    def __init__(
        self, kinds: Collection[type], hear: Callable[[Any, Context], Any], decide: Callable[[Context], Any]
    ) -> None:
        self._kinds = frozenset(kinds)
        self._hear = hear
        self._decide = decide
        self.heard = False

    def hear(self, event: MarketEvent, context: Context) -> None:
        """Pass on what it listens to."""
        if type(event) in self._kinds:
            self.heard = True
            self._hear(event, context)

    def decide(self, context: Context) -> Any:
        """What it wants, if it heard anything."""
        if not self.heard:
            return ()
        self.heard = False
        return self._decide(context)
