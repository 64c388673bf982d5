"""Write the life of an order into docs/orders.md from the table in orders.py: `python tools/orders_reference.py`.

Rules: what stands between the two marks is `TRANSITIONS`, every row of it. `--check` writes nothing and ends with exit code 1
where they differ; the test of the docs compares them too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pages

from onepath.orders import TERMINAL, TRANSITIONS, OrderStatus

PAGE = Path(__file__).resolve().parents[1] / "docs" / "orders.md"
FIRST, LAST = "<!-- life: made by tools/orders_reference.py -->", "<!-- end of life -->"


def page() -> str:
    """The page with the table in its place."""
    return pages.between(PAGE, FIRST, LAST, table())


def table() -> str:
    """One line a status: the steps it knows, by where they lead."""
    lines = ["| from | to, by what step |", "|---|---|"]
    lines += [f"| `{status}` | {_ways(status)} |" for status in OrderStatus if status not in TERMINAL]
    ends = ", ".join(f"`{status}`" for status in OrderStatus if status in TERMINAL)
    return "\n".join([*lines, f"| {ends} | the end |"])


def _ways(status: OrderStatus) -> str:
    to: dict[OrderStatus, list[str]] = {}
    for (before, step), after in TRANSITIONS.items():
        if before is status:
            to.setdefault(after, []).append(step)
    return "; ".join(f"**{after}** by {', '.join(steps)}" for after, steps in to.items())


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
