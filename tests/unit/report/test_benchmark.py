"""Buy and hold through corporate actions, by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from onepath import events
from onepath.actions import CashDividend, CorporateAction, Merger, SpinOff, Split, SymbolChange
from onepath.report.benchmark import buy_and_hold
from onepath.report.record import read

Step = tuple[float | None, ...] | CorporateAction


def worth(toy: Callable[..., Any], symbols: tuple[str, ...], *steps: Step) -> list[float]:
    """1,000 in a session that tells these prices and actions, a step a moment."""
    t = toy(symbols, capital=Decimal(1_000))
    t.start(0, len(steps))
    for at, step in enumerate(steps):
        if isinstance(step, tuple):
            t.journal.append(at, "prices", None, events.Prices(step))
        else:
            t.journal.append(at, "corporate_action", None, step)
    found: list[float] = buy_and_hold(read(t.end(len(steps)))).worth.tolist()
    return found


def test_a_split_changes_units_and_not_worth(toy: Callable[..., Any]) -> None:
    """10 at 100 are 40 at 25: 1,000, then 1,040."""
    found = worth(toy, ("X",), (100.0,), Split("X", 1, Decimal(4)), (25.0,), (26.0,))
    assert found == pytest.approx([1_000, 1_000, 1_040])


def test_dividends_stay_in_cash(toy: Callable[..., Any]) -> None:
    """10 at 100, 2 a share, then half the price: 20 + 980, 20 + 490."""
    found = worth(toy, ("X",), (100.0,), CashDividend("X", 1, Decimal(2)), (98.0,), (49.0,))
    assert found == pytest.approx([1_000, 1_000, 510])


def test_what_is_bought_later_is_bought_in_new_units(toy: Callable[..., Any]) -> None:
    """Y has its first price after its split: 500 of it at 50 are 10, not 20. X stays at 500."""
    found = worth(toy, ("X", "Y"), (100.0, None), Split("Y", 1, Decimal(2)), (100.0, 50.0), (100.0, 60.0))
    assert found == pytest.approx([1_000, 1_000, 1_100])


def test_a_spin_off_brings_units_of_the_other(toy: Callable[..., Any]) -> None:
    """5 X at 100 and 10 Y at 50; one Y for each X: 5 x 60 + 15 x 50 = 1,050."""
    found = worth(toy, ("X", "Y"), (100.0, 50.0), SpinOff("X", 1, "Y", Decimal(1), Decimal("0.4")), (60.0, 50.0))
    assert found == pytest.approx([1_000, 1_050])


def test_a_merger_brings_units_and_cash(toy: Callable[..., Any]) -> None:
    """5 X and 10 Y; half a Y and 30 for each X: 150 + 12.5 x 56 = 850, whatever the old X is told to be."""
    action = Merger("X", 1, "Y", Decimal("0.5"), Decimal(30))
    assert worth(toy, ("X", "Y"), (100.0, 50.0), action, (100.0, 56.0)) == pytest.approx([1_000, 850])


def test_a_new_name_goes_on(toy: Callable[..., Any]) -> None:
    """500 in X become 5 of Y, which were 100 and are 120 now; Y's own 500 are bought at its first price, 100: 5 more."""
    found = worth(toy, ("X", "Y"), (100.0, None), SymbolChange("X", 1, "Y"), (100.0, 100.0), (100.0, 120.0))
    assert found == pytest.approx([1_000, 1_000, 1_200])


def test_an_action_after_the_last_price_counts(toy: Callable[..., Any]) -> None:
    """Cash for all shares when no price follows: 10 x 130."""
    assert worth(toy, ("X",), (100.0,), Merger("X", 1, cash=Decimal(130))) == pytest.approx([1_000, 1_300])
