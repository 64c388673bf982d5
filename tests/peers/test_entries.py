"""Limit, stop and stop-limit entries fill as nautilus_trader 1.221 filled them, fees included, but for four rules with names.

The fills were recorded by record_entries.py, in an environment of its own; see there. `expected` follows one entry through its
bars, by the peer's rules or with ours instead, and makes every entry of both; so what differs, differs by a rule. What is still
in after six bars is closed at the market: theirs at the close at which that is decided, ours at the open that follows.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import onepath
from onepath import Bar, Context, Intent, OrderState, Strategy
from onepath.journal.codec import FILLS, decode

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "entries.json").read_text())
spec = importlib.util.spec_from_file_location("record_brackets", HERE / "record_brackets.py")
assert spec is not None
assert spec.loader is not None
plans = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plans)


def file_of(name: str) -> Path:
    """The bars of a run."""
    symbol: str = name.split("_")[1].upper()
    return plans.SAMPLES / "us10" / f"{symbol}.parquet"


class Entries(Strategy):
    """What the plan says."""

    class Params(Strategy.Params):
        file: str
        entry: str

    def on_start(self, context: Context) -> None:
        bars = plans.bars_of(Path(self.params.file))
        self._slots = {slot.at: slot for slot in plans.plan(bars, self.params.entry, "both")}
        self._at, self._slot = -1, None
        self.filled: dict[int, tuple[int, str, int]] = {}
        """order -> plan, what, bar"""

    def on_market_event(self, event: Bar, context: Context) -> None:
        self._at += 1

    def on_order_update(self, order: OrderState, context: Context) -> None:
        if order.status == "filled" and self._slot is not None:
            self.filled[order.id] = self._slot.at, order.order.tag, self._at + 1

    def generate_orders(self, context: Context) -> list[Intent]:
        at, symbol = self._at, context.symbols[0]
        if at in self._slots:
            slot = self._slot = self._slots[at]
            send = context.buy if slot.sign > 0 else context.short
            return [*send(symbol, 1, tag="entry", limit=plans.price(slot.limit), stop=plans.price(slot.stop))]
        if self._slot is not None and at == self._slot.at + plans.HOLD:
            return [*context.cancel_all(symbol), *context.close(symbol, tag="exit")]
        return []


OPEN = "a limit or stop that the open is beyond has the open (theirs: the limit, and the stop though it was not traded)"
TAKES = "a limit that has the open of its first bar takes it (theirs: it makes)"
WAY = "a bar is a way: a stop-limit hit inside it trades at its stop (theirs: the next of its four prices inside the limit)"
LIMIT = "a stop-limit that the bar opened beyond and comes back to has its limit (theirs: its stop)"
OURS = (OPEN, TAKES, WAY, LIMIT)


Made = tuple[int, float, str]
"""bar, price, maker or taker"""


def expected(slot: Any, bars: Any, rules: tuple[str, ...]) -> Made | None:
    """A plan's entry under those of our rules that are given, theirs otherwise; prices with the sign of the side."""
    sign, hit = slot.sign, False
    limit, stop = (None if level is None else level * plans.CENT * sign for level in (slot.limit, slot.stop))
    for at in range(slot.at + 1, slot.at + plans.HOLD + 1):
        four = tuple(price * sign for price in bars[at])
        if stop is None:
            found = _limit(four, limit, rules, first=at == slot.at + 1)
        elif limit is None:
            gap = max(four[0], stop) if OPEN in rules else stop
            found = (gap, "taker") if max(four) >= stop else None
        else:
            found = _stop_limit(four, stop, limit, rules, hit=hit)
            hit = hit or max(four) >= stop
        if found is not None:
            return at, found[0] * sign / 1e6, found[1]
    return None


def _limit(four: tuple[int, ...], limit: Any, rules: tuple[str, ...], *, first: bool) -> tuple[int, str] | None:
    if four[0] <= limit:
        return (four[0] if OPEN in rules else limit), "taker" if first and TAKES in rules else "maker"
    return (limit, "maker") if min(four) <= limit else None


def _stop_limit(
    four: tuple[int, ...], stop: int, limit: int, rules: tuple[str, ...], *, hit: bool
) -> tuple[int, str] | None:
    if not hit and four[0] < stop <= max(four) and WAY in rules:
        return stop, "taker"
    for i, price in enumerate(four):
        just = not hit and price >= stop
        hit = hit or just
        if hit and price <= limit:
            if i == 0 and OPEN in rules:
                return price, "taker" if just else "maker"
            return (stop, "taker") if just else (limit if LIMIT in rules else max(stop, price), "maker")
    return None


@cache
def ran(name: str) -> dict[tuple[int, str], tuple[Any, ...]]:
    """(plan, entry or exit) -> bar, quantity, price, maker or taker, fee."""
    source, entry = name.split()
    strategy = Entries(file=str(file_of(name)), entry=entry)
    result = onepath.backtest(
        strategy,
        data="us10",
        symbols=(source.split("_")[1].upper(),),
        cash=plans.CASH,
        participation=None,
        touch=True,
        commission=onepath.MakerTaker(maker_bps=2, taker_bps=5),
    )
    made = {}
    for fill in map(decode, result.journal.rows(FILLS)):
        at, what, bar = strategy.filled[fill.order_id]
        made[at, what] = bar, int(fill.quantity), float(fill.price), "maker" if fill.maker else "taker", fill.fee
    return made


@cache
def theirs(name: str) -> dict[tuple[int, str], tuple[Any, ...]]:
    """The same of the recording."""
    fills = RECORDED["runs"][name]
    return {(at, what): (bar, quantity, price, how, Decimal(fee)) for at, what, bar, quantity, price, how, fee in fills}


@cache
def slots_of(name: str) -> tuple[Any, list[Any]]:
    bars = plans.bars_of(file_of(name))
    return bars, plans.plan(bars, name.split()[1], "both")


def entry(made: dict[tuple[int, str], tuple[Any, ...]], slot: Any) -> tuple[int, float, str] | None:
    found = made.get((slot.at, "entry"))
    return None if found is None else (found[0], found[2], found[3])


@pytest.mark.parametrize("name", RECORDED["runs"])
def test_every_entry_is_theirs_or_differs_by_a_rule(name: str) -> None:
    """Bar, price, maker or taker: both as one loop over the bars says, under the rules of each."""
    bars, slots = slots_of(name)
    for slot in slots:
        assert entry(theirs(name), slot) == expected(slot, bars, ()), slot
        assert entry(ran(name), slot) == expected(slot, bars, OURS), slot


@pytest.mark.parametrize("name", RECORDED["runs"])
def test_exits_are_at_the_market(name: str) -> None:
    """Everything that went in is out: theirs at the close six bars later, ours at the next open, both as takers."""
    bars, slots = slots_of(name)
    for made, late, price_of in ((theirs(name), 0, 3), (ran(name), 1, 0)):
        for slot in slots:
            at = slot.at + plans.HOLD + late
            there = (slot.at, "entry") in made
            assert made.get((slot.at, "exit"), (None,) * 4)[:4] == (
                (at, -slot.sign, bars[at][price_of] / 1e6, "taker") if there else (None,) * 4
            )


@pytest.mark.parametrize("name", RECORDED["runs"])
def test_fees(name: str) -> None:
    """Every fill pays its price x 2 bps as maker, x 5 bps as taker, to the last digit, in both."""
    for made in (theirs(name), ran(name)):
        assert made
        for _, _, price, how, fee in made.values():
            assert fee == Decimal(str(price)) * Decimal("0.0002" if how == "maker" else "0.0005")


def test_how_many_entries_each_rule_changes() -> None:
    """Of 1,893 plans 1,349 end the same, with an entry or without one; where the bar opened is most of the rest."""
    found: Counter[str] = Counter()
    for name in RECORDED["runs"]:
        bars, slots = slots_of(name)
        for slot in slots:
            if entry(theirs(name), slot) == entry(ran(name), slot):
                found["same"] += 1
                continue
            for i, rule in enumerate(OURS):
                found[rule] += expected(slot, bars, OURS[: i + 1]) != expected(slot, bars, OURS[:i])
    assert found == {"same": 1349, OPEN: 326, WAY: 184, TAKES: 66, LIMIT: 36}


BY_HAND = [
    # Buys at 28.54 or less; the bar opens at 28.4751: that is had (DESIGN, section 4: "at the open if it is better").
    (OPEN, "us10_aapl_daily limit", 75, (81, 28.54, "maker"), (81, 28.4751, "maker")),
    # Sells when it falls to 23.50; it opens at 21.3705 and 23.50 is not to be had ("at the open if it gaps through").
    (OPEN, "us10_aapl_daily stop", 160, (161, 23.5, "taker"), (161, 21.3705, "taker")),
    # Sells at 28.48 or more; the first bar opens at 28.6711: an order that trades when it comes takes.
    (TAKES, "us10_aapl_daily limit", 42, (43, 28.48, "maker"), (43, 28.6711, "taker")),
    # Buys at 25.94 up to 26.13; opens at 25.8754, the high is 26.5178: on the way there 25.94 was, and the order took it.
    (WAY, "us10_aapl_daily stop_limit", 17, (18, 25.94, "maker"), (18, 25.94, "taker")),
    # Sells at 23.50 down to 23.29; opens at 21.3705, the high is 24.5174: on the way up the offer of 23.29 is met first.
    (LIMIT, "us10_aapl_daily stop_limit", 160, (161, 23.5, "maker"), (161, 23.29, "maker")),
]


@pytest.mark.parametrize(("rule", "name", "at", "peer", "own"), BY_HAND)
def test_rules_by_hand(
    rule: str, name: str, at: int, peer: tuple[int, float, str], own: tuple[int, float, str]
) -> None:
    """One entry for each rule, followed by hand along its bars."""
    bars, slots = slots_of(name)
    slot = next(slot for slot in slots if slot.at == at)
    assert entry(theirs(name), slot) == peer
    assert entry(ran(name), slot) == own
    assert expected(slot, bars, tuple(other for other in OURS if other != rule)) != own, (
        "this rule makes the difference"
    )
