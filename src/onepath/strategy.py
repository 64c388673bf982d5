"""What a strategy author writes: a class with parameters, and what it does at each moment.

Rules: the same class runs in every mode. What is not overridden is not called.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Self

import msgspec

from onepath.actions import CorporateAction
from onepath.context import Context, Intents
from onepath.errors import StrategyError
from onepath.events import DataStatus, Timer
from onepath.market import Bar
from onepath.nearest import nearest
from onepath.orders import OrderState
from onepath.risk import Limits


def Range(least: float | None = None, most: float | None = None) -> msgspec.Meta:  # noqa: N802 - reads as a type
    """Bounds of a parameter: `fast: Annotated[int, Range(1, 200)] = 20`."""
    return msgspec.Meta(ge=least, le=most)


# Frozen behind mypy's back: it would have every author write `frozen=True` once more.
_FROZEN: dict[str, Any] = {"frozen": True}


class Params(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, **_FROZEN):
    """A strategy's parameters: typed fields with defaults. Checks across fields go into `__post_init__`."""


class Strategy:
    """One trading idea. Override what you need; `generate_orders` is the only method that trades.

    `version` is recorded with each session, `limits` bound what it may do, `warm_up` denies orders for so many bars of a
    symbol. Parameters are fields of an inner class `Params(Strategy.Params)`, passed by name and checked when an instance
    is made (StrategyError); `self.params` holds them. An exception in a method ends this strategy and no other.

    >>> class Hold(Strategy):
    ...     def generate_orders(self, context):
    ...         return context.target(context.symbols[0], weight=0.95)
    """

    version: ClassVar[str] = "1"
    limits: ClassVar[Limits] = Limits()
    """What the strategy declares as its own bounds; the configuration may set others"""
    warm_up: ClassVar[int] = 0
    """bars a symbol during which orders are denied"""
    listens: ClassVar[Collection[str]] = ()
    """the kinds of market events it hears, and decides after: bars, quotes, trades, book; none named: all there are"""

    class Params(Params):
        """No parameters; a strategy with some writes `class Params(Strategy.Params)`."""

    def __init__(self, **params: Any) -> None:
        self.params: Any = _validated(type(self), params)

    @classmethod
    def make(cls, params: Mapping[str, Any]) -> Self:
        """An instance with these parameters. Raises StrategyError with a sentence if they do not fit the schema."""
        return cls(**params)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the parameters."""
        return dict(msgspec.json.schema(cls.Params)["$defs"]["Params"])

    @classmethod
    def description(cls) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    def on_start(self, context: Context) -> None:
        """Once, before the first event: ask for features and history here."""

    def on_market_event(self, event: Any, context: Context) -> None:
        """Every market event (Bar, Quote, Trade, BookUpdate) of the strategy's symbols."""

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        """A bar of an interval that `context.timeframes.require` asked for has closed; `generate_orders` follows."""

    def generate_orders(self, context: Context) -> Intents:
        """Once an instant, after all its market events: a list of orders, replacements and cancels."""
        return ()

    def on_order_update(self, order: OrderState, context: Context) -> None:
        """An order of this strategy changed; `order.status` says to what. A fill is booked already."""

    def on_corporate_action(self, action: CorporateAction, context: Context) -> None:
        """A split, a dividend, ... of one of the strategy's symbols took effect; positions are adjusted already."""

    def on_data_status(self, status: DataStatus, context: Context) -> None:
        """The data went stale or recovered, history ends and live data begins; `generate_orders` follows."""

    def on_timer(self, timer: Timer, context: Context) -> None:
        """A moment set by `context.set_timer` has come; `generate_orders` follows."""

    def on_stop(self, context: Context) -> None:
        """Once, after the last event."""


def _validated(strategy: type[Strategy], params: Mapping[str, Any]) -> Any:
    name = strategy.__name__
    fields = strategy.Params.__struct_fields__
    for key in params:
        if key not in fields:
            raise StrategyError(
                f"{name} has no parameter {key!r}{nearest(key, fields)}; it has {', '.join(fields) or 'none'}"
            )
    try:
        return msgspec.convert(dict(params), strategy.Params)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        found = f" (found {params[field]!r})" if field in params else ""
        raise StrategyError(f"{name}: parameter {field or 'set'} is not valid: {text}{found}") from None


def overridden(strategy: Strategy, method: str) -> bool:
    """Whether the author wrote this method; what is not written is not called."""
    return getattr(type(strategy), method) is not getattr(Strategy, method)
