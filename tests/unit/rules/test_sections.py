"""Each section of a rule file does what it says: bars made by hand, fills worked out by hand.

Rules: bars open where the one before closed, so an order decided at a close trades at that very price, in the next bar.
"""

from __future__ import annotations

from typing import Any

import pytest

from onepath import Constant, rules
from onepath.errors import StrategyError
from onepath.session import MINUTE
from onepath.testing import START, Row, Trial, bars, trial

BASE = "entry: close > 10\nclose: close < 10\nsize: {quantity: 5}\n"


def ran(text: str, closes: list[float] | list[Row], cash: float = 10_000, **how: Any) -> Trial:
    rows = closes if isinstance(closes[0], tuple) else bars(closes)  # type: ignore[arg-type]
    return trial(rules.loads(text), {"X": rows}, cash, **how)  # type: ignore[dict-item]


def traded(seen: Trial) -> list[tuple[int, float, float, str]]:
    """Of every fill: in which bar (the first is 0; what trades within a bar is known at its end, so it counts as the next),
    signed quantity, price, and the tag of its order."""
    tags = {order.id: order.tag for order in seen.orders}
    return [
        ((f.executed_at - START) // MINUTE, float(f.quantity), float(f.price), tags[f.order_id])
        for f in seen.events.get("order.filled", ())
    ]


def test_entry_and_close() -> None:
    """In at the first close above 10, once; out at the first below."""
    assert traded(ran(BASE, [9, 11, 12, 9, 9])) == [(2, 5, 11, "entry"), (4, -5, 9, "close")]


def test_both_sides() -> None:
    """Long above 10 and short below: a turn closes the one and opens the other at the same price."""
    text = "size: {quantity: 5}\nlong: {entry: close > 10, close: close < 10}\nshort: {entry: close < 10, close: close > 10}"
    assert traded(ran(text, [10, 11, 9, 11, 11])) == [
        (2, 5, 11, "entry"),
        (3, -5, 9, "close"),
        (3, -5, 9, "entry"),
        (4, 5, 11, "close"),
        (4, 5, 11, "entry"),
    ]


def test_a_short_alone() -> None:
    """One side named is the only one."""
    text = "short: {entry: close > 10, close: close < 10, size: {quantity: 5}}"
    assert traded(ran(text, [9, 11, 12, 9, 9])) == [(2, -5, 11, "entry"), (4, 5, 9, "close")]


@pytest.mark.parametrize(
    ("entry", "bar"),
    [
        ("close > 11 for 2 bars", 5),  # closes 10 12 11 12 13 13: bars 3 and 4
        ("close crosses above 12", 5),  # 12 is not above 12; 13 after 12 is
        ("{all: [close > 11, volume > 0, open < close]}", 2),
        ("{any: [close > 12, close < 11]}", 1),
        ("{not: [close > 10]}", 1),
        (
            "{not: {any: [close < 12, open > 11.5]}}",
            4,
        ),  # bars 0 and 2 close below 12, bar 1 closes at 12 and opens at 10
        ('"close < close[1]"', 3),
        ('"close > highest(high, 3)[1]"', 5),  # bar 4: 13 above 12, 11, 12
        ("position.bars == 0 and equity >= 10000 and cash > 1 and symbols == 1 and low > 10", 3),
    ],
)
def test_conditions(entry: str, bar: int) -> None:
    """The first bar in which the entry trades, for each kind of condition."""
    if bar == 4:
        bar = 2  # not (close < 12 or open > 11.5) holds at bar 1
    first = traded(ran(f"entry: {entry}\nsize: {{quantity: 1}}", [10, 12, 11, 12, 13, 13]))[0]
    assert first[0] == bar


def test_a_signal_lasts() -> None:
    """A signal of bar 1 stands for three bars (1, 2, 3): the entry of bar 3 takes it, an entry of bar 4 would not."""
    text = "signal: {when: close crosses above 10, lasts: 3}\nentry: close < close[1]\nsize: {quantity: 1}\n"
    assert traded(ran(text, [9, 11, 12, 11.5, 11]))[0] == (4, 1, 11.5, "entry")
    assert traded(ran(text, [9, 11, 12, 13, 12.5, 12])) == []


def test_a_signal_is_used_once() -> None:
    """The signal that led to an entry does not lead to another when that position has ended."""
    text = "signal: {when: close crosses above 10, lasts: 9}\nentry: close > close[1]\n"
    text += "close: close < close[1]\nsize: {quantity: 1}"
    assert [fill[3] for fill in traded(ran(text, [9, 11, 10.5, 12, 13, 14]))] == ["entry", "close"]


def test_a_signal_alone_is_an_entry() -> None:
    """Without an entry section the order goes out with the signal."""
    assert traded(ran("signal: close > 10\nsize: {quantity: 1}", [9, 11, 12])) == [(2, 1, 11, "entry")]


def test_cancel() -> None:
    """A limit order far below is taken back two bars after it was sent; the condition sees how long it has waited."""
    text = "entry: close == 11\norder: {type: limit, price: close - 5}\ncancel: order.bars >= 2\nsize: {quantity: 1}"
    seen = ran(text, [10, 11, 12, 13, 14])
    (asked,) = seen.events["order.cancelled"]
    (signal,) = [s for s in seen.events["signal"] if s.type == "long cancel"]
    assert asked.order_id == 1
    assert signal.conditions == ("order.bars >= 2",)
    assert signal.values == {"order.bars": 2.0}
    assert traded(seen) == []


def test_emergency_exit() -> None:
    """It takes back what waits, sells at market, and bars 2 to 5 decide no entry: the next is decided at 6."""
    text = (
        "entry: close > 10\nemergency_exit: {when: position.profit <= -5, cooldown: 4}\nsize: {quantity: 5}\n"
        "stop_loss: {price: 1}\n"
    )
    seen = ran(text, [11, 12, 11, 11, 11, 11, 11, 11])  # bought at 11 in bar 1; 5 * (11 - 11) = 0, never -5
    assert traded(seen) == [(1, 5, 11, "entry")]
    seen = ran(
        text, [12, 12, 11, 11, 11, 11, 11, 11]
    )  # bought at 12 in bar 1, at the close of bar 2: 5 * (11 - 12) = -5
    assert traded(seen) == [(1, 5, 12, "entry"), (3, -5, 11, "emergency_exit"), (7, 5, 11, "entry")]
    stop = next(order for order in seen.orders if order.tag == "stop_loss")
    assert stop.id in [cancelled.order_id for cancelled in seen.events["order.cancelled"]]


def test_emergency_exit_of_an_entry_that_waits() -> None:
    """With nothing held, it takes the waiting entry back."""
    text = "entry: close == 11\norder: {type: limit, price: 5}\nemergency_exit: close > 12\nsize: {quantity: 1}"
    seen = ran(text, [11, 12, 13, 11, 11])
    assert [event.order_id for event in seen.events["order.cancelled"]] == [1]
    assert [signal.type for signal in seen.events["signal"]] == ["long entry", "long emergency_exit", "long entry"]


def test_an_exit_goes_on_until_nothing_is_left() -> None:
    """One unit fills a bar. The close of bar 3 sells what there is; what fills while the cancel is on its way is sold too, though
    the condition does not hold any more."""
    text = "entry: close == 20\norder: {type: limit, price: 20}\nclose: close == 21\nsize: {quantity: 5}\nstop_loss: {price: 1}\n"
    rows: list[Row] = [(20, 20, 20, 20), (20, 20, 19, 19), (19, 19, 19, 19), (19, 21, 19, 21)]
    rows += [(19, 19, 19, 19)] * 8
    seen = ran(text, rows, participation="0.000001", latency=Constant(ms=90_000))
    fills = [*seen.events["order.partly_filled"], *seen.events["order.filled"]]
    assert sum(fill.quantity for fill in fills) == 0
    assert len([order for order in seen.orders if order.tag == "close"]) == 2


def test_emergency_goes_before_close() -> None:
    """Where both hold, the emergency is what happened."""
    text = BASE + "emergency_exit: close < 10\n"
    assert traded(ran(text, [11, 11, 9, 9]))[-1] == (3, -5, 9, "emergency_exit")


def test_cooldown() -> None:
    """Out is seen at the close of bar 3; with a cooldown of 2, bars 3 and 4 decide no entry, bar 5 does."""
    closes = [11, 11, 9, 11, 11, 11, 11]
    assert traded(ran(BASE, closes))[-1] == (4, 5, 11, "entry")
    assert traded(ran(BASE + "cooldown: 2\n", closes))[-1] == (6, 5, 11, "entry")


def test_cooldown_after_a_stop() -> None:
    """It begins whatever ended the position: the stop at 10 is hit within bar 2, so with 3 the next entry is decided at bar 5."""
    text = "entry: close > 10\nsize: {quantity: 5}\nstop_loss: {price: 10}\ncooldown: 3\n"
    seen = traded(ran(text, [11, 11, 9, 11, 11, 11, 11]))
    assert seen == [(1, 5, 11, "entry"), (3, -5, 10, "stop_loss"), (6, 5, 11, "entry")]


def test_cooldown_after_a_position_of_one_bar() -> None:
    """A position that comes and goes within bar 1 (in at 11, out at 10) counts: with 3, the next entry is decided at bar 4."""
    text = "entry: close > 10\nsize: {quantity: 5}\nstop_loss: {price: 10}\ncooldown: 3\n"
    seen = traded(ran(text, [(11, 11, 11, 11), (11, 11, 9, 11), *[(11.0, 11.0, 11.0, 11.0)] * 5]))
    assert seen == [(1, 5, 11, "entry"), (2, -5, 10, "stop_loss"), (5, 5, 11, "entry")]


@pytest.mark.parametrize(
    ("guards", "stop", "profit"),
    [
        ("stop_loss: 5%\ntake_profit: 10%", 19, 22),  # of 20
        ("stop_loss: 2 * 1.5\ntake_profit: 4", 17, 24),
        ("stop_loss: {distance: 2}\ntake_profit: {distance: 1}", 18, 21),
        ("stop_loss: {percent: 20}\ntake_profit: {percent: 50}", 16, 30),
        ("stop_loss: {price: 15}\ntake_profit: {price: 25}", 15, 25),
        ("stop_loss: {money: 10}\ntake_profit: {money: 25}", 18, 25),  # 5 units: 2 and 5 a unit
        ("stop_loss: 5%", 19, None),
        ("take_profit: 5%", None, 21),
    ],
)
@pytest.mark.parametrize("side", ["long", "short"])
def test_stop_loss_and_take_profit(side: str, guards: str, stop: float | None, profit: float | None) -> None:
    """Prices of the exits of an entry decided at 20; a short's are mirrored."""
    if side == "short":
        stop, profit = (None if price is None else 40 - price for price in (stop, profit))
        guards = guards.translate(str.maketrans({"1": "2", "2": "1"})) if "price" in guards else guards  # 15 is 25
    seen = ran(f"{side}: {{entry: close == 20}}\nsize: {{quantity: 5}}\n{guards}\n", [20, 20])
    found = {order.tag: order for order in seen.orders}
    assert found["entry"].side == ("buy" if side == "long" else "short")
    exits = [order for tag, order in found.items() if tag != "entry"]
    assert {order.tag: order.stop or order.limit for order in exits} == {
        tag: price for tag, price in (("stop_loss", stop), ("take_profit", profit)) if price is not None
    }
    assert all(order.parent_id == found["entry"].id for order in exits)


def test_a_stop_that_trails() -> None:
    """Ten per cent below the best price: bought at 20, the best is 30, so it sells at 27."""
    text = (
        "entry: close == 20\nsize: {quantity: 5}\nstop_loss: {percent: 10, trailing: true}\ntake_profit: {price: 100}\n"
    )
    seen = ran(text, [20, 20, 30, 26, 26])
    assert traded(seen) == [(1, 5, 20, "entry"), (4, -5, 27, "stop_loss")]
    assert {order.tag: order.type for order in seen.orders}["take_profit"] == "limit"
    text = "short: {entry: close == 20}\nsize: {quantity: 5}\nstop_loss: {distance: 2, trailing: true}\n"
    assert traded(ran(text, [20, 20, 10, 13, 13])) == [(1, -5, 20, "entry"), (4, 5, 12, "stop_loss")]


@pytest.mark.parametrize(
    ("size", "quantity"),
    [
        ("{weight: 0.5}", 250),  # half of 10,000 at 20
        ("50%", 250),
        ("{notional: 1000}", 50),
        ("{quantity: 7}", 7),
        ("{risk: 1%}", 50),  # 100 of 10,000, 2 a unit to the stop at 18
        ("{risk: 0.01, max_weight: 5%}", 25),  # 500 at 20
        ("{risk: 50%}", 500),  # 2,500 by risk, no more than all of equity
        ("{weight: 1 / 4 / symbols}", 125),
    ],
)
def test_sizes(size: str, quantity: float) -> None:
    """What each kind of size buys at 20 with 10,000."""
    seen = ran(f"entry: close == 20\nsize: {size}\nstop_loss: 2\n", [20, 20])
    assert float(seen.orders[0].quantity) == quantity


def test_a_weight_that_is_kept() -> None:
    """Half of 10,000 is 250 at 20. At 30 equity is 12,500, half of it 208.33 units; while the entry holds it is set right."""
    text = "entry: close > 10\nclose: close < 10\nsize: {weight: 0.5, rebalance: 2%}\n"
    done = traded(ran(text, [20, 20, 30, 30, 30]))
    assert done[0] == (1, 250, 20, "entry")
    assert (done[1][0], round(done[1][1], 4), done[1][2:]) == (3, -41.6667, (30, "rebalance"))
    assert len(done) == 2


@pytest.mark.parametrize(
    ("order", "terms"),
    [
        ("market", ("market", None, None, "gtc")),
        ("{type: limit, price: close * 99%}", ("limit", 19.8, None, "gtc")),
        ("{price: close - 1, time_in_force: day}", ("limit", 19, None, "day")),
        ("{type: stop, price: high + 1}", ("stop", None, 21, "gtc")),
        ("{time_in_force: at_close}", ("market", None, None, "at_close")),
    ],
)
def test_orders(order: str, terms: tuple[Any, ...]) -> None:
    """Type, limit, stop and time in force of the entry."""
    seen = ran(f"entry: close == 20\nsize: {{quantity: 5}}\norder: {order}\n", [20, 20])
    found = seen.orders[0]
    limit, stop = (None if price is None else float(price) for price in (found.limit, found.stop))
    assert (found.type, limit, stop, found.time_in_force) == terms


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("stop_loss: {price: 25}", "its stop_loss is not below the price"),
        ("stop_loss: 0 * close", "its stop_loss is not below the price"),
        ("stop_loss: {percent: 50 * 2}", "its stop_loss is below zero"),
        ("take_profit: {price: 15}", "its take_profit is not above the price"),
        ("stop_loss: {percent: 50 * 2, trailing: true}", "its stop_loss trails by all of the price"),
        ("order: {type: limit, price: close - 20}", "its price is no number now"),
        ("take_profit: 1 / (close - 20)", "its take_profit is no number now"),
        ("size: {quantity: close - 20}", "its quantity is not above zero"),
        ("size: {quantity: 1 / 1000000000}", "its size is less than can be traded"),
        ('size: {weight: "close[1]"}', "its size is no number now"),
    ],
)
def test_an_entry_that_cannot_be(more: str, reason: str) -> None:
    """Where size or prices come to nothing there is no order, and the record says why."""
    size = "" if more.startswith("size") else "size: {quantity: 5}\n"
    seen = ran(f"entry: close == 20\n{size}{more}\n", [20])
    assert seen.orders == ()
    (signal,) = seen.events["signal"]
    assert (signal.type, signal.conditions[-1]) == ("long entry left out", reason)


def test_most_positions() -> None:
    """With room for one, the first symbol of two takes it, and the second gets it when the first has gone."""
    strategy = rules.loads("entry: close > 10\nclose: close < 10\nsize: {quantity: 1}\nmax_positions: 1\n")
    rows = {"A": bars([11, 11, 9, 9, 9, 9]), "B": bars([11, 11, 11, 11, 11, 11])}
    seen = trial(strategy, rows, 10_000)
    assert [(o.symbol, o.tag, (o.submitted_at - START) // MINUTE - 1) for o in seen.orders] == [
        ("A", "entry", 0),
        ("A", "close", 2),
        ("B", "entry", 3),
    ]


def test_facts_of_a_position() -> None:
    """Bought 5 at 20 in bar 1; at the close of bar 2, at 22: 5 x 2 = 10, ten per cent, and two bars have closed."""
    facts = "position.profit >= 10 and position.profit_percent >= 10 and position.average_price == 20"
    text = (
        f"entry: close == 20\nclose: {facts} and position.bars == 2 and position.quantity == 5\nsize: {{quantity: 5}}"
    )
    seen = ran(text, [20, 21, 22, 22])
    assert traded(seen)[-1] == (3, -5, 22, "close")
    (signal,) = [s for s in seen.events["signal"] if s.type == "long close"]
    assert signal.values == {
        "position.profit": 10.0,
        "position.profit_percent": 10.0,
        "position.average_price": 20.0,
        "position.bars": 2.0,
        "position.quantity": 5.0,
    }


def test_cold_features_decide_nothing() -> None:
    """Until the average of three bars has its first value, nothing fires, not even what does not need it, nor its opposite."""
    for entry in ("{any: [close > 0, calm > 0]}", "not calm > 100", "close > calm or close <= calm"):
        text = f"features: {{calm: sma(3)}}\nentry: {entry}\nsize: {{quantity: 1}}\n"
        assert traded(ran(text, [10, 10, 10, 10]))[0][0] == 3


def test_orders_name_their_signal() -> None:
    """Every entry and exit names the signal with the conditions that were met, of an any only those, and their values."""
    text = "params: {level: 10.0}\nentry: {any: [close > level, close < 5]}\nclose: close < close[1]\nsize: {quantity: 5}\n"
    seen = ran(text, [9, 11, 12, 10, 10])
    signals = {signal.id: signal for signal in seen.events["signal"]}
    entry, close = (signals[order.signal_id or 0] for order in seen.orders)
    assert (entry.type, entry.conditions, entry.values) == (
        "long entry",
        ("close > level",),
        {"close": 11, "level": 10},
    )
    assert (close.type, close.conditions, close.values) == (
        "long close",
        ("close < close[1]",),
        {"close": 10.0, "close[1]": 12.0},
    )


def test_parameters_change_what_is_asked() -> None:
    """A parameter reaches conditions, counts, features and sizes; one out of its bounds or of another type is refused."""
    text = (
        "params: {days: {default: 2, min: 1, max: 5}, level: 10.0, units: 1}\nfeatures: {calm: sma(days)}\n"
        "entry: calm > level for days bars\nsize: {quantity: units}\n"
    )
    strategy = rules.loads(text)
    closes = bars([11, 11, 11, 11, 11, 11])
    assert traded(trial(strategy, {"X": closes}))[0][:2] == (3, 1)  # warm at bar 1, two bars of it at bar 2
    assert traded(trial(strategy(days=1, units=3), {"X": closes}))[0][:2] == (1, 3)
    for wrong in ({"days": 6}, {"days": 1.5}, {"level": "high"}, {"dais": 2}):
        with pytest.raises(StrategyError):
            strategy(**wrong)
