"""What a venue tells, beside a reference: kept by order, and checked as it is heard."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from reference_bars import Told

from onepath.blotter import restated
from onepath.events import Cancelled, CancelRejected, Expired, Fill, Rejected, Replaced, ReplaceRejected
from onepath.orders import Amended, Order

TICK = Decimal("0.25")


class Beside:
    """Orders as they are by what the venue has told; whoever drives it sends the same to both sides."""

    def begin(self) -> None:
        """Nothing has happened yet."""
        self.orders: dict[int, Order] = {}
        self.ends: dict[int, str] = {}
        self.fills: list[Told] = []
        self.filled: dict[int, Decimal] = defaultdict(Decimal)

    def hear(self, reports: Any) -> None:
        """Take in what the venue says: nothing but a late refusal after an order's end, and the rest always adds up."""
        for report in reports:
            number = report.order_id
            assert number not in self.ends or isinstance(report, CancelRejected | ReplaceRejected)
            if isinstance(report, Fill):
                self.fills.append(Told(number, report.quantity, report.price, report.executed_at, report.maker))
                self.filled[number] += abs(report.quantity)
                assert self.filled[number] + report.remaining == self.orders[number].quantity
                if not report.remaining:
                    self.ends[number] = "filled"
            elif isinstance(report, Replaced):
                self.orders[number] = restated(self.orders[number], report)
            elif isinstance(report, Cancelled | Expired | Rejected):
                self.ends[number] = type(report).__name__.lower()

    def amended(self, number: int, quantity: int, move: int) -> tuple[dict[str, Any], Amended]:
        """New terms of an order, its prices moved by ticks: in the reference's words, and as the venue is told."""
        order = self.orders[number]
        terms: dict[str, Any] = {"quantity": Decimal(quantity)}
        for name in ("limit", "stop"):
            value = getattr(order, name)
            terms[name] = None if value is None else value + move * TICK
        trails = {"trail": order.trail}
        ours = Order(
            **{name: getattr(order, name) for name in order.__struct_fields__}
            | terms
            | trails
            | {"trail_percent": order.trail_percent}
        )
        return terms | trails | {"percent": order.trail_percent}, Amended(ours)
