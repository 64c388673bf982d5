"""A strategy written as one function: from features and prices to the weight that is wanted.

Rules: `target` is a plain function of numbers and says nothing but what to hold. Its arguments are told by their names, looked up
in this order: the features of `features()`, the parameters, `held` (1 long, -1 short, 0 flat: the position now), fields of the
bar; all come as floats. It is asked at every bar at which all of them are numbers. NaN leaves the position as it is. In a
session it is asked bar by bar and its answer goes through `context.target`; `onepath.research.QuickBacktest` runs the same
function compiled over arrays: what is decided is the same to the last bit, because the function is the same.
Limits: market orders alone; every symbol by itself. Of `**`, `sum` and divisions that can meet zero, see `features.definition`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import FunctionType
from typing import Any, ClassVar, NamedTuple

from onepath.context import BAND, Context, Number
from onepath.errors import StrategyError
from onepath.features import Feature
from onepath.features.definition import FIELDS
from onepath.market import Bar
from onepath.nearest import nearest
from onepath.orders import OrderIntent
from onepath.strategy import Strategy

HELD = "held"
WEIGHT, QUANTITY = "weight", "quantity"


class Wire(NamedTuple):
    """Where an argument of `target` comes from: `kind` is feature, held, field or param; `value` that of a parameter."""

    name: str
    kind: str
    value: float = 0.0


class TargetStrategy(Strategy):
    """A strategy as one function of numbers. `sized` says what it returns: the "weight" of the symbol in equity (negative is
    short), or the "quantity" of units. Changes worth less than `band` of equity are left alone, as `context.target` has it.

    >>> class Cross(TargetStrategy):
    ...     class Params(TargetStrategy.Params):
    ...         fast: int = 20
    ...         slow: int = 50
    ...
    ...     def features(self):
    ...         return {"quick": sma(self.params.fast), "calm": sma(self.params.slow)}
    ...
    ...     @staticmethod
    ...     def target(quick, calm):
    ...         return 0.95 if quick > calm else 0.0
    """

    listens = ("bars",)
    sized: ClassVar[str] = WEIGHT
    band: ClassVar[Number] = BAND
    target: ClassVar[Callable[..., float]]

    def features(self) -> Mapping[str, Feature]:
        """The features that `target` takes, by name; from `self.params`."""
        return {}

    def on_start(self, context: Context) -> None:
        """Asks for the features."""
        features = self.features()
        self._wires = wires(self, features)
        self._by_weight = sized_by_weight(type(self))
        self._bars: dict[str, Bar] = {}
        if features:
            context.features.require(**features)

    def on_market_event(self, event: Any, context: Context) -> None:
        """Keeps the bar, whose fields `target` may take."""
        if type(event) is Bar:
            self._bars[event.symbol] = event

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        """Asks `target` of each symbol, and orders what it takes to get there."""
        orders: list[OrderIntent] = []
        for symbol, bar in self._bars.items():
            wanted = self._asked(symbol, bar, context)
            if wanted == wanted:  # noqa: PLR0124  NaN: as it is
                how = {"weight": wanted} if self._by_weight else {"quantity": wanted}
                orders += context.target(symbol, band=self.band, **how)  # type: ignore[arg-type]
        self._bars.clear()
        # Sales first: what they bring in pays for the purchases.
        return sorted(orders, key=lambda order: order.side.sign) if len(orders) > 1 else orders

    def _asked(self, symbol: str, bar: Bar, context: Context) -> float:
        """What `target` says of one symbol; NaN where it is not asked."""
        row, given = context.features[symbol] if context.features.required else None, []
        for name, kind, value in self._wires:
            if kind == "feature":
                value = getattr(row, name)  # noqa: PLW2901
            elif kind == "field":
                value = float(getattr(bar, name))  # noqa: PLW2901
            elif kind == HELD:
                value = _sign(context.portfolio.quantity(symbol))  # noqa: PLW2901
            if value != value:  # noqa: PLR0124
                return math.nan
            given.append(value)
        return float(type(self).target(*given))


def wires(strategy: TargetStrategy, features: Mapping[str, Feature]) -> tuple[Wire, ...]:
    """Where each argument of the strategy's `target` comes from. Raises StrategyError for one that there is nothing for."""
    params = {name: getattr(strategy.params, name) for name in strategy.params.__struct_fields__}
    return tuple(_wire(type(strategy), name, features, params) for name in arguments(type(strategy)))


def arguments(strategy: type[TargetStrategy]) -> Sequence[str]:
    """The names of what `target` takes. Raises StrategyError where it is not a plain function of named arguments."""
    name = strategy.__name__
    written = inspect.getattr_static(strategy, "target", None)
    if written is None:
        raise StrategyError(
            f"{name} has no target: write @staticmethod def target(...) that returns the weight to hold"
        )
    if not isinstance(written, staticmethod) or not isinstance(written.__func__, FunctionType):
        raise StrategyError(
            f"target of {name} must be a plain function without self: write @staticmethod above its def"
        )
    found = inspect.signature(written.__func__).parameters.values()
    for argument in found:
        if argument.kind is not argument.POSITIONAL_OR_KEYWORD:
            raise StrategyError(f"target of {name} takes {argument}; name each argument by itself, without * and /")
    return [argument.name for argument in found]


def sized_by_weight(strategy: type[TargetStrategy]) -> bool:
    """Whether `target` returns weights; otherwise units. Raises StrategyError for anything else."""
    if strategy.sized not in (WEIGHT, QUANTITY):
        raise StrategyError(f"{strategy.__name__} is sized by {strategy.sized!r}; expected weight or quantity")
    return strategy.sized == WEIGHT


def _wire(
    strategy: type[TargetStrategy], name: str, features: Mapping[str, Feature], params: Mapping[str, Any]
) -> Wire:
    if name in features:
        return Wire(name, "feature")
    if name in params:
        if not isinstance(params[name], int | float | Decimal):
            raise StrategyError(
                f"target of {strategy.__name__} takes {name!r}, which is {params[name]!r}, not a number"
            )
        return Wire(name, "param", float(params[name]))
    if name == HELD:
        return Wire(name, HELD)
    if name in FIELDS:
        return Wire(name, "field")
    known = dict.fromkeys([*features, *params, HELD, *FIELDS])
    raise StrategyError(
        f"target of {strategy.__name__} takes {name!r}{nearest(name, known)}; there are {', '.join(known)}"
    )


def _sign(quantity: Decimal) -> float:
    return 1.0 if quantity > 0 else -1.0 if quantity < 0 else 0.0
