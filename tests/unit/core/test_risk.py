"""Every denial at its boundary: the last lot or tick that passes, and the next that does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from onepath import Instrument, Limits
from onepath.events import Fill
from onepath.ledger import Ledger
from onepath.market import Bar
from onepath.orders import Approved, Denied, Order, OrderState, OrderStatus, OrderType, Side, TimeInForce
from onepath.risk import check
from onepath.simulator.assumptions import Market

D = Decimal
INSTRUMENT = Instrument(symbol="X", lot_size=D(1), tick_size=D("0.01"))


def order(words: str, symbol: str = "X", number: int = 1) -> Order:
    """`short 10 limit 99` as an order."""
    side, quantity, *rest = words.split()
    prices = dict(zip(rest[::2], rest[1::2], strict=True))
    kind = {(): "market", ("limit",): "limit", ("stop",): "stop", ("stop", "limit"): "stop_limit"}[tuple(prices)]
    return Order(
        id=number,
        strategy="s",
        symbol=symbol,
        side=Side(side),
        quantity=D(quantity),
        type=OrderType(kind),
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
        **{name: D(price) for name, price in prices.items()},
    )


def verdict(
    words: str,
    *,
    held: str = "0",
    cash: str = "1000",
    working: tuple[str, ...] = (),
    limits: Limits | None = None,
    instrument: Instrument = INSTRUMENT,
    price: float | None = 100.0,
) -> str:
    """`approved`, or the code of the denial, for an order with `held` bought at 100 out of `cash`."""
    other = Instrument(symbol="Y", lot_size=D(1))
    ledger = Ledger("s", D(cash), {"X": instrument, "Y": other}, count(1))
    if D(held):
        ledger.apply(
            Fill(
                id=1,
                order_id=1,
                strategy="s",
                symbol="X",
                quantity=D(held),
                price=D(100),
                fee=D(0),
                slippage=D(0),
                executed_at=0,
                remaining=D(0),
            )
        )
    marks: dict[str, Any] = {"Y": Bar("Y", 0, 1, 50.0, 50.0, 50.0, 50.0, 0.0)}
    if price is not None:
        marks["X"] = Bar("X", 0, 1, price, price, price, price, 0.0)
    states = []
    for number, text in enumerate(working, start=2):
        symbol, _, rest = text.rpartition(": ")
        at_work = order(rest, symbol or "X", number)
        states.append(OrderState(at_work, OrderStatus.ACCEPTED, D(0)))
    found = check(order(words), instrument, ledger, states, marks, limits or Limits())
    if isinstance(found, Approved):
        return "approved"
    assert isinstance(found, Denied)
    assert found.reason
    return found.code


def small(**how: Any) -> Instrument:
    return Instrument(**({"symbol": "X", "lot_size": D(1), "tick_size": D("0.01")} | how))


def limited(size: str | None = None, leverage: str = "1", short: bool = True) -> Limits:
    return Limits(max_position_size=None if size is None else D(size), max_leverage=D(leverage), allow_short=short)


CASES: dict[str, tuple[str, Mapping[str, Any], str]] = {
    # name: order, circumstances, verdict. Cash 1,000 and a price of 100 where nothing else is said.
    "no price yet": ("buy 1", {"price": None}, "no_price"),
    "a price": ("buy 1", {}, "approved"),
    "a lot": ("buy 5", {"instrument": small(lot_size=D(5))}, "approved"),
    "a lot and a bit": ("buy 6", {"instrument": small(lot_size=D(5))}, "lot"),
    "a lot less a bit": ("buy 4", {"instrument": small(lot_size=D(5))}, "lot"),
    "limit on the tick": ("buy 1 limit 99.99", {}, "approved"),
    "limit off the tick": ("buy 1 limit 99.995", {}, "tick"),
    "stop off the tick": ("buy 1 stop 101.001", {}, "tick"),
    "stop-limit, the limit off the tick": ("buy 1 stop 101 limit 102.001", {}, "tick"),
    "no tick, any price": ("buy 1 limit 99.9951", {"instrument": small(tick_size=D(0))}, "approved"),
    "least value, exactly": ("buy 3", {"instrument": small(min_notional=D(300))}, "approved"),
    "least value, one lot less": ("buy 2", {"instrument": small(min_notional=D(300))}, "min_notional"),
    "least value, by the multiplier": (
        "buy 1",
        {"instrument": small(min_notional=D(300), multiplier=D(3))},
        "approved",
    ),
    "sell all that is owned": ("sell 10", {"held": "10"}, "approved"),
    "sell one more than is owned": ("sell 11", {"held": "10"}, "owned"),
    "sell what is owed": ("sell 1", {"held": "-10"}, "owned"),
    "sell what is on its way": ("sell 10", {"working": ("buy 10",)}, "approved"),
    "sell more than is on its way": ("sell 11", {"working": ("buy 10",)}, "owned"),
    "sell what another symbol will bring": ("sell 10", {"working": ("Y: buy 10",)}, "owned"),
    "cover all that is owed": ("cover 10", {"held": "-10"}, "approved"),
    "cover one more than is owed": ("cover 11", {"held": "-10"}, "owed"),
    "cover what is owned": ("cover 1", {"held": "10"}, "owed"),
    "cover what is on its way": ("cover 5", {"working": ("short 5",)}, "approved"),
    "cover more than is on its way": ("cover 6", {"working": ("short 5",)}, "owed"),
    # 10 x 100 = 1,000 of 1,000
    "all the cash": ("buy 10", {}, "approved"),
    "one lot more than the cash": ("buy 11", {}, "buying_power"),
    "a tick dearer than the cash": ("buy 10 limit 100.01", {}, "buying_power"),
    "as dear as the cash": ("buy 10 limit 100", {}, "approved"),
    "a stop at the cash": ("buy 8 stop 125", {}, "approved"),
    "a stop a tick over the cash": ("buy 8 stop 125.01", {}, "buying_power"),
    "a stop-limit at its dearest": ("buy 8 stop 124 limit 125.01", {}, "buying_power"),
    "a short's limit above the market": ("short 8 limit 125.01", {}, "buying_power"),
    "a short's limit below the market counts at the market": ("short 10 limit 90", {}, "approved"),
    "a short's limit below the market, one more": ("short 11 limit 90", {}, "buying_power"),
    "short all the equity": ("short 10", {}, "approved"),
    "short one lot more": ("short 11", {}, "buying_power"),
    "twice with leverage": ("buy 20", {"limits": limited(leverage="2")}, "approved"),
    "twice and a lot": ("buy 21", {"limits": limited(leverage="2")}, "buying_power"),
    "half with half": ("buy 5", {"limits": limited(leverage="0.5")}, "approved"),
    "half and a lot": ("buy 6", {"limits": limited(leverage="0.5")}, "buying_power"),
    "with a multiplier": ("buy 2", {"instrument": small(multiplier=D(5))}, "approved"),
    "with a multiplier, one more": ("buy 3", {"instrument": small(multiplier=D(5))}, "buying_power"),
    "after a cover on its way": (
        "buy 10",
        {"held": "-10", "working": ("cover 10",)},
        "approved",
    ),
    "after a cover on its way, one more": ("buy 11", {"held": "-10", "working": ("cover 10",)}, "buying_power"),
    "a market cover frees": ("buy 10", {"held": "-10", "working": ("cover 10", "cover 10")}, "approved"),
    # a share of equity: 0.2 x 1,000 = 200
    "size, exactly": ("buy 2", {"limits": limited("0.2")}, "approved"),
    "size, one lot more": ("buy 3", {"limits": limited("0.2")}, "position_size"),
    "size of a short": ("short 3", {"limits": limited("0.2")}, "position_size"),
    "size, added to what is held": ("buy 1", {"held": "2", "limits": limited("0.2")}, "position_size"),
    "size at the limit price": ("buy 2 limit 100.01", {"limits": limited("0.2")}, "position_size"),
    "size, reducing is allowed": ("sell 1", {"held": "9", "limits": limited("0.2")}, "approved"),
    "size, through zero": ("short 12", {"held": "10", "limits": limited("0.2")}, "approved"),
    "size, through zero and a lot": ("short 13", {"held": "10", "limits": limited("0.2")}, "position_size"),
    "no shorting": ("short 1", {"limits": limited(short=False)}, "short"),
    "no shorting, down to zero": ("short 10", {"held": "10", "limits": limited(short=False)}, "approved"),
    "no shorting, one through zero": ("short 11", {"held": "10", "limits": limited(short=False)}, "short"),
    # at work: market orders count as done, resting ones as what they may still add
    "beside a market buy": ("buy 5", {"working": ("buy 5",)}, "approved"),
    "beside a market buy, one more": ("buy 6", {"working": ("buy 5",)}, "buying_power"),
    "beside another symbol": ("buy 5", {"working": ("Y: buy 10",)}, "approved"),
    "beside another symbol, one more": ("buy 6", {"working": ("Y: buy 10",)}, "buying_power"),
    "beside a resting buy": ("buy 5", {"working": ("buy 5 limit 100",)}, "approved"),
    "beside a resting buy, one more": ("buy 6", {"working": ("buy 5 limit 100",)}, "buying_power"),
    "a market sale frees": ("buy 10", {"held": "10", "working": ("sell 10",)}, "approved"),
    "a resting sale does not": ("buy 10", {"held": "10", "working": ("sell 10 limit 101",)}, "buying_power"),
    "the same sale twice frees once": ("buy 10", {"held": "10", "working": ("sell 10", "sell 10")}, "approved"),
    "a resting short that only closes takes nothing": (
        "buy 5",
        {"held": "5", "working": ("short 5 limit 101",)},
        "approved",
    ),
    "a resting exit takes nothing": ("buy 5", {"held": "5", "working": ("sell 5 stop 90",)}, "approved"),
    "a bracket's stop": ("sell 10 stop 90", {"working": ("buy 10",)}, "approved"),
    "a bracket's stop, the entry resting": ("sell 10 stop 90", {"working": ("buy 10 limit 100",)}, "approved"),
    "a bracket's stop where shorting is off": (
        "sell 10 stop 90",
        {"working": ("buy 10",), "limits": limited(short=False)},
        "approved",
    ),
    "a bracket's target beside its stop": (
        "sell 10 limit 110",
        {"working": ("buy 10", "sell 10 stop 90"), "limits": limited(short=False)},
        "approved",
    ),
    "a short's bracket": ("cover 10 stop 110", {"working": ("short 10",)}, "approved"),
    # what each alone would be allowed to close must not open together
    "no shorting, in two orders": (
        "short 10",
        {"held": "10", "working": ("short 10",), "limits": limited(short=False)},
        "short",
    ),
    "no shorting, in two resting orders": (
        "short 10 limit 101",
        {"held": "10", "working": ("short 10 limit 101",), "limits": limited(short=False)},
        "short",
    ),
    "no shorting, after a sale": (
        "short 10",
        {"held": "10", "working": ("sell 10",), "limits": limited(short=False)},
        "short",
    ),
    "leverage, in two orders": ("short 11", {"held": "10", "working": ("short 10",)}, "buying_power"),
    "leverage, in two orders, exactly": ("short 10", {"held": "10", "working": ("short 10",)}, "approved"),
    "leverage, in three orders": ("short 10", {"held": "10", "working": ("short 10", "short 10")}, "buying_power"),
    "leverage, in three resting orders": (
        "short 10 limit 100",
        {"held": "10", "working": ("short 10 limit 100", "short 10 limit 100")},
        "buying_power",
    ),
    "leverage, a short turned by many": (
        "buy 10",
        {"held": "-10", "working": ("buy 10 limit 100", "buy 10 limit 100")},
        "buying_power",
    ),
    "size, in two resting orders": (
        "buy 1 limit 100",
        {"working": ("buy 2 limit 100",), "limits": limited("0.2")},
        "position_size",
    ),
    "size, in two resting orders, exactly": (
        "buy 1 limit 100",
        {"working": ("buy 1 limit 100",), "limits": limited("0.2")},
        "approved",
    ),
    "size, in two market orders": (
        "buy 1",
        {"working": ("buy 2",), "limits": limited("0.2")},
        "position_size",
    ),
    "size, the other side's resting order is not added": (
        "buy 2",
        {"working": ("short 2 limit 100",), "limits": limited("0.2")},
        "approved",
    ),
}


@pytest.mark.parametrize(("words", "how", "code"), CASES.values(), ids=CASES)
def test_boundary(words: str, how: Mapping[str, Any], code: str) -> None:
    """The order is approved, or denied with this code."""
    assert verdict(words, **how) == code


def test_losses_shrink_what_may_be_bought() -> None:
    """10 bought at 100 out of 2,000, now at 50: equity 1,500, exposure 500, so 20 more at 50 and not 21."""
    assert verdict("buy 20", held="10", cash="2000", price=50.0) == "approved"
    assert verdict("buy 21", held="10", cash="2000", price=50.0) == "buying_power"


def test_nothing_may_be_opened_without_equity() -> None:
    """10 bought at 100 with leverage out of 500, now at 50: equity nothing, yet it may be sold."""
    assert verdict("buy 1", held="10", cash="500", price=50.0, limits=limited(leverage="4")) == "buying_power"
    assert verdict("sell 10", held="10", cash="500", price=50.0, limits=limited(leverage="4")) == "approved"


def test_denials_say_what_is_wrong(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """In a session a denial is recorded with its order, code and reason, and reaches no venue."""
    made = run(
        does({1: lambda c: c.buy("X", 11) + c.buy("X", 10)}),
        {"X": [100, 100, 100]},
        cash=1000,
        instruments={"X": small()},
        market=Market(participation=None),
    )
    (denied,) = made.of("order.denied")
    assert (denied.order.id, denied.code) == (1, "buying_power")
    assert denied.reason == "exposure would be 1100.0, over 1 x equity 1000"
    assert [o.id for o in made.of("order.submitted")] == [2]
    assert [f.order_id for f in made.of("order.filled")] == [2]


def test_shorting_that_is_off_stays_off(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Ten are held; three orders to short ten each leave the position at zero, never below."""
    made = run(
        does({1: lambda c: c.buy("X", 10), 2: lambda c: 3 * c.short("X", 10)}),
        {"X": [100] * 5},
        limits=limited(short=False),
    )
    assert [d.code for d in made.of("order.denied")] == ["short", "short"]
    assert [p.quantity for p in made.of("position")] == [10, 0]
