"""The schema of `isolation`: what each strategy may use up before it is quarantined and the others go on without it.

Rules: in a realtime session there are bounds unless others are set; elsewhere there are those alone that the section names, so
that a run over history is never limited, or ended by a slow machine, without being asked to.
"""

from __future__ import annotations

from typing import Literal

from onepath.config.risk import Count, Seconds
from onepath.config.values import Part
from onepath.isolation import Isolation

TIME_BUDGET = 0.1
ORDERS, ORDERS_A_SYMBOL = 100, 4
"""orders a second that nobody sends on purpose: no venue that is open to all takes more"""


class IsolationConfig(Part):
    """What a strategy may use up."""

    time_budget: Seconds | None = None
    """how long a call of a strategy may take: seconds, or 2s; default: 0.1 in a realtime session, elsewhere any time"""
    start_budget: Seconds = 10.0
    """how long on_start may take, where there is a time budget"""
    max_orders_per_second: Count | None = None
    """orders, replaces and cancels of a strategy in any second of session time; default in a realtime session: 100, or 4 a symbol
    where that is more; elsewhere: any number"""
    on_quarantine: Literal["cancel", "keep"] = "cancel"
    """what becomes of the orders of a strategy that has failed or was quarantined: asked back, or left to work"""
    grace: Seconds = 5.0
    """how long a call may stay stuck after it should have been broken off, until that is reported"""

    def isolation(self, *, realtime: bool, symbols: int) -> Isolation:
        """The bounds themselves."""
        usual = max(ORDERS, ORDERS_A_SYMBOL * symbols)
        return Isolation(
            time_budget=self.time_budget or (TIME_BUDGET if realtime else None),
            start_budget=self.start_budget,
            max_orders_per_second=self.max_orders_per_second or (usual if realtime else None),
            keeps_orders=self.on_quarantine == "keep",
            grace=self.grace,
        )
