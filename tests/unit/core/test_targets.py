"""TargetStrategy: in the engine it is the strategy one would write by hand; what its function takes is told by name."""

from __future__ import annotations

import math
from typing import Any

import pytest

import onepath
from onepath import Context, Strategy, StrategyError, TargetStrategy, sma
from onepath.journal.codec import FILLS
from onepath.targets import arguments, wires


class Cross(TargetStrategy):
    """Long while the fast average is above the slow one."""

    class Params(TargetStrategy.Params):
        fast: int = 10
        slow: int = 40
        weight: float = 0.4
        label: str = "x"

    def features(self) -> dict[str, Any]:
        return {"fast": sma(self.params.fast), "slow": sma(self.params.slow)}

    @staticmethod
    def target(fast: float, slow: float, weight: float) -> float:
        return weight if fast > slow else 0.0


class ByHand(Strategy):
    """The same, written out."""

    listens = ("bars",)

    def on_start(self, context: Context) -> None:
        context.features.require(fast=sma(10), slow=sma(40))

    def generate_orders(self, context: Context) -> Any:
        orders = []
        for symbol in context.symbols:
            f = context.features[symbol]
            if f.ready:
                orders += context.target(symbol, weight=0.4 if f.fast > f.slow else 0)
        return sorted(orders, key=lambda order: order.side.sign)


class Seen(TargetStrategy):
    """Notes what it is asked with."""

    heard: list[tuple[float, float, float]] = []  # noqa: RUF012

    @staticmethod
    def target(held: float, close: float, volume: float) -> float:
        Seen.heard.append((held, close, volume))
        return math.nan if held else 0.5


def fills(strategy: Any, **how: Any) -> list[str]:
    result = onepath.backtest({"it": strategy}, "us10", commission="0.001", **how)
    return [str(row.body) for row in result.journal.rows(FILLS)]


def test_it_trades_as_the_strategy_written_by_hand() -> None:
    """Two symbols that share cash: equal fills to every digit."""
    found = fills(Cross, symbols=["AAPL", "XOM"])
    assert len(found) > 50
    assert found == fills(ByHand, symbols=["AAPL", "XOM"])


def test_it_is_asked_with_what_it_holds_and_the_fields_of_the_bar() -> None:
    """Flat at the first bar, long from the bar after the fill; NaN keeps the position: one fill in all."""
    Seen.heard.clear()
    result = onepath.backtest(Seen, "us10", symbols="AAPL", start="2020-01-01", end="2020-01-31")
    assert [held for held, _, _ in Seen.heard] == [0.0] + [1.0] * (len(Seen.heard) - 1)
    assert len(result.fills) == 1
    assert all(volume > 1e6 and 50 < close < 100 for _, close, volume in Seen.heard)


def test_where_arguments_come_from() -> None:
    """Features come before parameters of the same name, parameters before fields, `held` between."""

    class Mixed(TargetStrategy):
        class Params(TargetStrategy.Params):
            fast: int = 10
            slow: int = 40
            high: float = 7.0

        def features(self) -> dict[str, Any]:
            return {"slow": sma(self.params.slow)}

        @staticmethod
        def target(slow: float, high: float, held: float, low: float) -> float:
            return 0.0

    made = Mixed()
    assert [tuple(wire) for wire in wires(made, made.features())] == [
        ("slow", "feature", 0.0),
        ("high", "param", 7.0),
        ("held", "held", 0.0),
        ("low", "field", 0.0),
    ]


def _asks(*names: str) -> type[TargetStrategy]:
    """A strategy whose target takes these names."""
    space: dict[str, Any] = {}
    body = {"fasst": lambda fasst: 0.0, "label": lambda label: 0.0}
    space["target"] = staticmethod(body[names[0]])
    return type("Odd", (Cross,), space)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fasst", r"target of Odd takes 'fasst' \(did you mean 'fast'\?\); there are fast, slow, weight"),
        ("label", "target of Odd takes 'label', which is 'x', not a number"),
    ],
)
def test_names_that_there_is_nothing_for(name: str, said: str) -> None:
    """One sentence with the nearest name, in the engine as over arrays."""
    with pytest.raises(StrategyError, match=said):
        onepath.backtest(_asks(name), "us10", symbols="AAPL")


def test_targets_that_are_no_plain_functions() -> None:
    """Without @staticmethod, with stars, or none at all."""

    class Bound(TargetStrategy):
        def target(self, close: float) -> float:
            return 0.0

    class Starred(TargetStrategy):
        @staticmethod
        def target(*close: float) -> float:
            return 0.0

    class Sized(Cross):
        sized = "units"

    with pytest.raises(
        StrategyError, match="target of Bound must be a plain function without self: write @staticmethod"
    ):
        arguments(Bound)
    with pytest.raises(StrategyError, match=r"target of Starred takes \*close"):
        arguments(Starred)
    with pytest.raises(StrategyError, match="TargetStrategy has no target"):
        arguments(TargetStrategy)
    with pytest.raises(StrategyError, match="Sized is sized by 'units'; expected weight or quantity"):
        onepath.backtest(Sized, "us10", symbols="AAPL")


def test_quantities_and_the_band() -> None:
    """`sized` quantity: 7 units, then 8, a change that is worth less than 2 % of equity; with `band` 0 it is made."""

    class Steps(TargetStrategy):
        sized = "quantity"

        @staticmethod
        def target(close: float) -> float:
            return 7.0 if close < 75.0 else 8.0

    class Fine(Steps):
        band = 0

    how: dict[str, Any] = {"data": "us10", "symbols": "AAPL", "start": "2020-01-01", "end": "2020-01-20"}
    assert onepath.backtest(Steps, **how).fills["quantity"].tolist() == [7.0]
    assert onepath.backtest(Fine, **how).fills["quantity"].tolist() == [7.0, 1.0]


def test_it_replays() -> None:
    """Every decision again."""
    assert onepath.backtest(Cross, "us10", symbols="XOM").replay().identical
