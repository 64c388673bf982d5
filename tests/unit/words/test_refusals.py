"""What no order, account or calendar can be: each is refused where it is made, in one sentence that says what was expected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.accounts import AccountTerms
from onepath.calendars import HOUR, get
from onepath.errors import ConfigError, OrderError
from onepath.orders import OrderIntent, OrderType, Side

D = Decimal
SECOND = 1_000_000_000


def intent(**given: Any) -> OrderIntent:
    return OrderIntent(**{"symbol": "X", "side": "buy", "quantity": 10, **given})


BAD = [
    ({"post_only": True}, "post-only is for limit orders that rest"),
    (
        {"post_only": True, "type": "limit", "limit": 9, "time_in_force": "ioc"},
        "post-only is for limit orders that rest",
    ),
    ({"type": "trailing_stop"}, "takes either trail or trail_percent, .* has 0"),
    ({"type": "trailing_stop", "trail": 1, "trail_percent": 1}, "takes either trail or trail_percent, .* has 2"),
    ({"type": "limit", "limit": 9, "trail": 1}, "no other type takes one; this limit order for X has 1"),
    ({"type": "trailing_stop", "trail": 0}, "trails by 0; it must be a positive number"),
    ({"type": "trailing_stop", "trail": "inf"}, "trails by Infinity"),
    ({"type": "trailing_stop", "trail_percent": 100}, "trails by 100; .* below 100 per cent"),
    ({"time_in_force": "gtd"}, "takes expires_at with time in force gtd, and only then"),
    ({"expires_at": 5}, "takes expires_at with time in force gtd, and only then"),
    ({"type": "stop", "stop": 9, "time_in_force": "at_open"}, "an auction takes market and limit orders; .* is stop"),
    ({"children": ("sell it",)}, "a child of the order for X is 'sell it'; it must be an OrderIntent"),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_an_order_that_cannot_be(given: dict[str, Any], said: str) -> None:
    """Flags, trails, times and children that contradict the order's type are refused before the order exists."""
    with pytest.raises(OrderError, match=said):
        intent(**given)


def test_a_trail_of_almost_all_is_a_trail() -> None:
    """99.99 per cent is below 100: the border is where nothing of the price is left."""
    assert intent(type="trailing_stop", trail_percent="99.99").trail_percent == D("99.99")


def test_a_family_has_two_generations_and_children_no_larger_than_the_parent() -> None:
    """Exits of 10 for an entry of 10 pass; 11, or an exit with an exit of its own, do not."""

    def child(quantity: int, **given: Any) -> OrderIntent:
        return OrderIntent(symbol="X", side=Side.SELL, quantity=D(quantity), type=OrderType.STOP, stop=D(9), **given)

    assert intent(children=(child(10),)).children[0].quantity == 10
    with pytest.raises(OrderError, match="is for 11, more than its parent's 10"):
        intent(children=(child(11),))
    with pytest.raises(OrderError, match="has children of its own; one level is allowed"):
        intent(children=(child(10, children=(child(5),)),))


@pytest.mark.parametrize("value", ["inf", float("inf"), D("inf")])
def test_an_account_of_no_finite_number(value: object) -> None:
    """Leverage or margin that is no number would let everything pass, or nothing: refused."""
    with pytest.raises(ConfigError, match=r"the account's leverage is .*; it must be a finite number"):
        AccountTerms(leverage=value)  # type: ignore[arg-type]


def test_an_unknown_calendar() -> None:
    """XNSY was probably XNYS; for what is near nothing, the list is all there is to say."""
    with pytest.raises(ConfigError, match="calendar 'XNSY' is unknown; did you mean 'XNYS'"):
        get("XNSY")
    with pytest.raises(ConfigError, match="calendar '-' is unknown; known are XNYS, 24/7, 24/5"):
        get("-")


def test_the_clock_of_a_market() -> None:
    """New York is five hours behind UTC on 10 January and four on 10 July 2024; 24/7 keeps UTC."""
    january, july = 1_704_898_800 * SECOND, 1_720_623_600 * SECOND
    assert (get("XNYS").offset(january), get("XNYS").offset(july)) == (-5 * HOUR, -4 * HOUR)
    assert get("24/7").offset(january) == 0
