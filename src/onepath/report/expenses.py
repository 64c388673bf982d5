"""Execution in figures: all orders together, or by symbol, strategy, hour of the day or type of order.

Rules: sums of money are exact and by currency; nothing is added across currencies. Ratios, basis points and times are
floats, None where undefined or unknown. The groups of one kind add up to the total: a cost of holding that belongs to no
symbol, and to no type of order, stands in the group "" of its own.
Cost: one pass over the orders a grouping.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from onepath.instruments import ZERO
from onepath.report.execution import EXACT, Carry, Denial, Ledgered, Measured, OrderCost
from onepath.report.execution import read as read_orders

if TYPE_CHECKING:
    from onepath.report.record import Rows

GROUPS = ("symbol", "strategy", "hour", "type")
_SECOND = 1e9
_BPS = 10_000


class Benchmark(msgspec.Struct, frozen=True):
    """A cost against a price over the orders whose price is known; `unknown` counts the traded orders without one."""

    cost: Decimal | None
    bps: float | None
    orders: int
    unknown: int


class Shortfalls(msgspec.Struct, frozen=True):
    """Implementation shortfall over the orders where all of it is known; `unknown` counts the others."""

    delay: Decimal | None
    trading: Decimal | None
    fees: Decimal | None
    opportunity: Decimal | None
    total: Decimal | None
    bps: float | None
    orders: int
    unknown: int


class Money(msgspec.Struct, frozen=True):
    """What was traded in one currency and what it cost."""

    currency: str
    notional: Decimal
    maker_share: float | None
    """of the value traded"""
    costs: dict[str, Decimal]
    """by kind: commission, rebates (negative), slippage, borrow, interest, funding"""
    cost: Decimal
    """all kinds together"""
    arrival: Benchmark
    mid: Benchmark
    next_open: Benchmark
    shortfall: Shortfalls


class Waits(msgspec.Struct, frozen=True):
    """How long it took, in seconds of the session's own time."""

    orders: int
    median: float | None
    mean: float | None
    p95: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a set of orders and what they cost."""

    orders: int
    """sent to the venue"""
    fills: int
    filled: int
    """orders filled whole"""
    partly_filled: int
    """orders that ended, or stand, with a part filled"""
    in_parts: int
    """orders that took more than one fill"""
    working: int
    cancelled: int
    expired: int
    rejected: int
    denied: int
    forced: int
    fill_rate: float | None
    """orders filled whole / orders"""
    filled_share: float | None
    """mean of filled / ordered quantity: an order is an order, whatever its unit"""
    first_fill: Waits
    """decision to first fill"""
    last_fill: Waits
    """decision to the last fill of the orders filled whole"""
    cancel_requests: int
    cancels_refused: int
    replace_requests: int
    replaced: int
    replaces_refused: int
    restated: int
    """by the venue, without being asked"""
    rejected_by: dict[str, int]
    denied_by: dict[str, int]
    money: dict[str, Money]
    """by currency"""

    def __str__(self) -> str:
        from onepath.report.dealing import lines

        return "\n".join(f"{label:<38}{text:>32}" for label, text in lines(self))


class Execution:
    """The execution of a session: `total`, `by("symbol")`, and every order in `orders`."""

    def __init__(self, found: Ledgered) -> None:
        self._found = found

    @property
    def orders(self) -> tuple[OrderCost, ...]:
        """Every order that was sent, with what it cost."""
        return self._found.orders

    @cached_property
    def total(self) -> Figures:
        """All orders together."""
        return _figures(*self._found)

    def by(self, kind: str) -> dict[str, Figures]:
        """The same by symbol, strategy, hour (of the decision, UTC: "00" to "23") or type; keys in order."""
        if kind not in GROUPS:
            raise ValueError(f"execution is grouped by {', '.join(GROUPS)}; {kind!r} is none of them")
        key = _KEYS[kind]
        found: dict[str, tuple[list[OrderCost], list[Denial], dict[Carry, Decimal]]]
        found = defaultdict(lambda: ([], [], {}))
        for order in self._found.orders:
            found[key(order)][0].append(order)
        for denial in self._found.denials:
            found[key(denial)][1].append(denial)
        for carry, amount in self._found.carry.items():
            found[key(carry)][2][carry] = amount
        return {name: _figures(*found[name]) for name in sorted(found)}

    def __repr__(self) -> str:
        return str(self.total)


_KEYS: dict[str, Callable[[Any], str]] = {
    "symbol": lambda item: str(item.symbol),
    "strategy": lambda item: str(item.strategy),
    "hour": lambda item: f"{item.hour:02}",
    "type": lambda item: str(getattr(item, "type", "")),
}


def read(journal: Rows) -> Execution:
    """The execution of the session in `journal`."""
    return Execution(read_orders(journal))


def as_json(execution: Execution, by: str | None = None) -> dict[str, Any]:
    """For programs: money as text (exact), ratios and times as numbers, null where unknown."""
    found = {"total": msgspec.to_builtins(execution.total)}
    if by:
        found |= {"by": by, "groups": {name: msgspec.to_builtins(one) for name, one in execution.by(by).items()}}
    return found


def _figures(orders: Sequence[OrderCost], denials: Sequence[Denial], carry: Mapping[Carry, Decimal]) -> Figures:
    states = Counter(order.status for order in orders)
    return Figures(
        orders=len(orders),
        fills=sum(order.fills for order in orders),
        filled=states["filled"],
        partly_filled=sum(1 for order in orders if order.fills and order.status != "filled"),
        in_parts=sum(1 for order in orders if order.fills > 1),
        working=states["working"],
        cancelled=states["cancelled"],
        expired=states["expired"],
        rejected=states["rejected"],
        denied=len(denials),
        forced=sum(order.forced for order in orders),
        fill_rate=_share(states["filled"], len(orders)),
        filled_share=_share(sum(float(o.filled) / float(o.quantity) for o in orders), len(orders)),
        first_fill=_waits([o.first_fill - o.at for o in orders if o.first_fill is not None]),
        last_fill=_waits([o.last_fill - o.at for o in orders if o.last_fill is not None and o.status == "filled"]),
        cancel_requests=sum(order.cancels for order in orders),
        cancels_refused=sum(order.cancels_refused for order in orders),
        replace_requests=sum(order.replaces for order in orders),
        replaced=sum(order.replaced for order in orders),
        replaces_refused=sum(order.replaces_refused for order in orders),
        restated=sum(order.restated for order in orders),
        rejected_by=_ranked(order.reason for order in orders if order.status == "rejected"),
        denied_by=_ranked(denial.reason for denial in denials),
        money=_money(orders, carry),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _ranked(reasons: Iterable[str]) -> dict[str, int]:
    """The most frequent first, equal ones by name."""
    return dict(sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0])))


def _waits(spans: Sequence[int]) -> Waits:
    """Median, mean and 95th percentile (linear between neighbours, numpy.percentile)."""
    if not spans:
        return Waits(0, None, None, None)
    seconds = np.array(spans, dtype=np.float64) / _SECOND
    median, late = np.percentile(seconds, (50, 95))
    return Waits(len(spans), float(median), float(seconds.mean()), float(late))


def _money(orders: Sequence[OrderCost], carry: Mapping[Carry, Decimal]) -> dict[str, Money]:
    own: dict[str, list[OrderCost]] = defaultdict(list)
    costs: dict[str, dict[str, Decimal]] = defaultdict(dict)
    with localcontext(EXACT):
        for order in orders:
            own[order.currency].append(order)
            _spend(costs[order.currency], order)
            for currency, fee in order.foreign:
                _add(costs[currency], "commission" if fee > 0 else "rebates", fee)
        for key, amount in carry.items():
            _add(costs[key.currency], key.kind, amount)
        return {currency: _in_one(currency, own[currency], costs[currency]) for currency in sorted(costs)}


def _spend(costs: dict[str, Decimal], order: OrderCost) -> None:
    _add(costs, "commission", order.commission)
    _add(costs, "rebates", order.rebate)
    _add(costs, "slippage", order.slippage)


def _add(costs: dict[str, Decimal], kind: str, amount: Decimal) -> None:
    costs[kind] = costs.get(kind, ZERO) + amount


def _in_one(currency: str, orders: Sequence[OrderCost], costs: dict[str, Decimal]) -> Money:
    notional = sum((order.notional for order in orders), ZERO)
    made = sum((order.made for order in orders), ZERO)
    traded = [order for order in orders if order.fills]
    return Money(
        currency,
        notional,
        float(made / notional) if notional else None,
        costs,
        sum(costs.values(), ZERO),
        _benchmark([order.arrival for order in traded]),
        _benchmark([order.mid for order in traded]),
        _benchmark([order.next_open for order in traded]),
        _shortfalls(orders),
    )


def _benchmark(measured: Sequence[Measured]) -> Benchmark:
    known = [(cost, value) for cost, value in measured if cost is not None and value is not None]
    if not known:
        return Benchmark(None, None, 0, len(measured))
    cost, value = sum((cost for cost, _ in known), ZERO), sum((value for _, value in known), ZERO)
    return Benchmark(cost, _bps(cost, value), len(known), len(measured) - len(known))


def _bps(cost: Decimal, value: Decimal) -> float | None:
    return float(cost / value) * _BPS if value else None


def _shortfalls(orders: Sequence[OrderCost]) -> Shortfalls:
    found = [order.shortfall for order in orders if order.shortfall is not None]
    if not found:
        return Shortfalls(None, None, None, None, None, None, 0, len(orders))
    delay, trading, fees, opportunity, ideal = (sum(parts, ZERO) for parts in zip(*found, strict=True))
    total = delay + trading + fees + opportunity
    bps = _bps(total, ideal)
    return Shortfalls(delay, trading, fees, opportunity, total, bps, len(found), len(orders) - len(found))
