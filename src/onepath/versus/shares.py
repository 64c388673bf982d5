"""Where the difference between two profits comes from: a share for each cause, and what is left.

Method. Profit is a sum over orders (the cash of their fills, and what they brought at the last prices) and flows, so the
difference is a sum, too, and each term of it goes to one cause:

- An order that is the same decision in both: what it holds at another last price is **data**; fees and slippage of fills of one
  size are **fill**; the market's price (and all, where sizes differ) is **clock** where it was decided at another time, because
  its event arrived at another, **latency** where the venue had the order at another time, **data** where events between its
  decision and its fill are not the same; else it follows from something else.
- What follows from something else, and an order or a flow of one session alone, goes to the first thing that was not the same
  before it: **code** or **parameters** from the start (code, where both are different: parameters of other code are other
  parameters), else the first event that is not the same (data), the first that arrived at another time (clock), the first order
  of both with another fate (its own cause; **fill**, where it has none).
- What is left is a **remainder**: corporate actions, fees in a third currency, and what nothing in the records explains.

Shares and remainder add up to the difference, to the last digit.
Limits: what follows from a first difference is all put to it, whatever else differs later. Other models of the market show in
what they do: as fill and latency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

from msgspec.structs import replace

from onepath.events import CashFlow, Fill
from onepath.instruments import ZERO
from onepath.versus.inputs import Inputs
from onepath.versus.reading import Sent, Told
from onepath.versus.settings import Setting

CAUSES = ("data", "clock", "latency", "fill", "parameters", "code", "remainder")


class Share(NamedTuple):
    """What one cause accounts for: money, and how many orders or flows it touched."""

    cause: str
    amount: Decimal
    number: int


class _Shares:
    """The sums while they are made."""

    def __init__(self) -> None:
        self.amounts = dict.fromkeys(CAUSES, ZERO)
        self.numbers: Counter[str] = Counter()

    def add(self, cause: str, amount: Decimal) -> None:
        if amount:
            self.amounts[cause] += amount
            self.numbers[cause] += 1


def shares(
    one: Told,
    two: Told,
    pairs: Sequence[tuple[Sent, Sent]],
    alone: tuple[Sequence[Sent], Sequence[Sent]],
    inputs: Inputs,
    differing: Sequence[Setting],
) -> list[Share]:
    """The difference of the profits, cause by cause; their sum is profit of `one` less profit of `two`."""
    made = _Shares()
    fates = [fate for a, b in pairs if (fate := _fate(a, b, inputs))]
    first = _First(inputs, differing, fates)
    for a, b in pairs:
        _share_pair(one, two, a, b, inputs, first, made)
    for told, sign, orders in ((one, 1, alone[0]), (two, -1, alone[1])):
        for sent in orders:
            made.add(first.cause(sent.decided_at), sign * told.part(sent))
    for at, amount in _flows(one, two):
        made.add(first.cause(at), amount)
    explained = sum(made.amounts.values(), ZERO)
    made.add("remainder", one.profit - two.profit - explained)
    return [Share(cause, made.amounts[cause], made.numbers[cause]) for cause in CAUSES]


def _share_pair(one: Told, two: Told, a: Sent, b: Sent, inputs: Inputs, first: _First, made: _Shares) -> None:
    """One decision, two fates."""
    symbol, kept = a.order.symbol, one.kept(a)
    made.add("data", one.worth(symbol, kept) - two.worth(symbol, kept))
    if [fill.quantity for fill in a.fills] != [fill.quantity for fill in b.fills]:
        # the rest at one price: what was executed when cannot be told apart
        apart = _apart(a, b)
        cause = _moved(a, b, *apart, inputs) or first.cause(max(apart))
        made.add(cause, one.paid(a) + two.worth(symbol, kept) - two.part(b))
        return
    for x, y in zip(a.fills, b.fills, strict=True):
        coins = two.coins(y) - one.coins(x)
        made.add("fill", two.worth(symbol, coins) + two.fee(y) - one.fee(x) + y.slippage - x.slippage)
        cause = _moved(a, b, x.executed_at, y.executed_at, inputs) or first.cause(max(x.executed_at, y.executed_at))
        made.add(cause, _unslipped(one, x) - _unslipped(two, y))


def _unslipped(told: Told, fill: Fill) -> Decimal:
    """The cash that a fill would have brought at the market's own price, without a fee."""
    return fill.slippage - told.worth(fill.symbol, fill.quantity, fill.price)


def _moved(a: Sent, b: Sent, executed: int, other: int, inputs: Inputs) -> str | None:
    """Why the same decision met another price; None where nothing says so: then it follows from something else."""
    if a.decided_at != b.decided_at:
        return "clock"
    if a.taken_at != b.taken_at:
        return "latency"
    if inputs.between(a.decided_at, max(executed, other)):
        return "data"
    # no word that the venue has it: when it first filled says when it arrived
    begun = (a.fills[0].executed_at, b.fills[0].executed_at) if a.fills and b.fills else (0, 0)
    return "latency" if a.taken_at is None and begun[0] != begun[1] else None


def _fate(a: Sent, b: Sent, inputs: Inputs) -> tuple[int, str] | None:
    """When and why an order of both came to another end; None where it did not, or was asked back or changed otherwise."""
    executed, other = _apart(a, b)
    if not (executed or other):
        return None
    cause = _moved(a, b, executed, other, inputs) or ("fill" if a.wishes == b.wishes else None)
    return None if cause is None else (min(at for at in (executed, other) if at), cause)


def _apart(a: Sent, b: Sent) -> tuple[int, int]:
    """When the first fills that are not the same were executed; 0 where there is none."""
    for x, y in zip_longest(a.fills, b.fills):
        if (
            x is None
            or y is None
            or replace(x, id=0, order_id=0, strategy="") != replace(y, id=0, order_id=0, strategy="")
        ):
            return x.executed_at if x else 0, y.executed_at if y else 0
    return 0, 0


class _First:
    """What was not the same first."""

    def __init__(self, inputs: Inputs, differing: Sequence[Setting], fates: Sequence[tuple[int, str]]) -> None:
        begins: list[tuple[int, str]] = []
        if any(setting.code for setting in differing):
            begins.append((0, "code"))
        elif any(setting.decides for setting in differing):
            begins.append((0, "parameters"))
        if inputs.first is not None:
            begins.append((inputs.first, "data"))
        if inputs.first_shift is not None:
            begins.append((inputs.first_shift, "clock"))
        self._begins = sorted([*begins, *fates], key=lambda begin: begin[0])

    def cause(self, at: int) -> str:
        """Of what happened at `at` in one session alone."""
        return self._begins[0][1] if self._begins and self._begins[0][0] <= at else "remainder"


def _flows(one: Told, two: Told) -> list[tuple[int, Decimal]]:
    """Money that came or went in one session alone."""
    left = Counter(_flow(at, flow) for at, flow in two.flows)
    found: list[tuple[int, Decimal]] = []
    for at, flow in one.flows:
        key = _flow(at, flow)
        if left[key]:
            left[key] -= 1
        else:
            found.append((at, flow.amount))
    return found + [(key[0], -key[-1]) for key, number in left.items() for _ in range(number)]


def _flow(at: int, flow: CashFlow) -> tuple[int, str, str, str, Decimal]:
    return at, flow.kind, flow.currency, flow.symbol, flow.amount
