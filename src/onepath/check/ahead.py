"""Look-ahead: whether anything that was decided would have been decided otherwise, had the future been another.

Rules: at moments at which orders were sent, spread over the run, the strategy is run again on data that end there, and on data
that go on differently. Everything decided up to and including that moment must be the same, byte for byte: signals, orders,
refusals. The shortest pasts are run first, so that a strategy that remembers an earlier run has seen no more than its past.
Limits: what a strategy reads elsewhere (files, the network) is not changed with the feed; `onepath lint` finds such reading.
Cost: two runs a moment, each as long as the past before it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

from onepath.check.futures import Scrambled, Truncated, can_be_scrambled
from onepath.check.runs import Make, Run, run, same, told
from onepath.ports import Row
from onepath.report.wording import timestamp

Step = Callable[[str], None]


class Glimpse(NamedTuple):
    """A decision that knew what came later."""

    at: int
    """the moment after which the future was changed"""
    how: str
    """ends there, or goes on differently"""
    strategy: str
    decided_at: int
    decided: str
    otherwise: str
    """what was decided with the other future"""

    def __str__(self) -> str:
        return (
            f"{self.strategy} at {timestamp(self.decided_at)}: {self.decided}; where the data "
            f"{self.how} after {timestamp(self.at)}: {self.otherwise}"
        )


class Lookahead(NamedTuple):
    """What was tried and found."""

    moments: int
    runs: int
    compared: int
    """decisions"""
    glimpses: tuple[Glimpse, ...]
    scrambled: bool
    """False where the data has order books, which are not scrambled"""


def lookahead(make: Make, whole: Run, moments: int, seed: int, step: Step) -> Lookahead:
    """Run the plan on other futures and compare with the `whole` run."""
    cuts = cuts_of(whole, moments)
    scramble = can_be_scrambled(make().feed)
    found: list[Glimpse] = []
    compared = runs = 0
    for number, cut in enumerate(cuts, 1):
        expected = whole.decisions(cut)
        for how in ("end", "go on differently") if scramble else ("end",):
            step(f"look-ahead {number}/{len(cuts)}: data that {how} after {timestamp(cut)}")
            plan = make()
            feed = Truncated(plan.feed, cut) if how == "end" else Scrambled(plan.feed, cut, seed)
            got = run(plan._replace(feed=feed)).decisions(cut)
            compared += len(expected)
            runs += 1
            difference = first(expected, got)
            if difference is not None:
                found.append(_glimpse(cut, how, *difference))
    return Lookahead(len(cuts), runs, compared, tuple(found), scramble)


def cuts_of(whole: Run, moments: int) -> list[int]:
    """Moments at which orders were sent, spread evenly over them; of a run without orders, over its decisions or its time."""
    rows = whole.decisions()
    times = sorted({row.at for row in rows if row.kind == "order.submitted"} or {row.at for row in rows})
    if not times:
        data = whole.session.plan.data
        begin, end = int(data.get("first_at") or 0), int(data.get("last_at") or 0)
        times = [begin + (end - begin) * share // (moments + 1) for share in range(1, moments + 1)]
    if len(times) <= moments:
        return times
    return sorted(
        {times[round(i * (len(times) - 1) / (moments - 1))] if moments > 1 else times[-1] for i in range(moments)}
    )


def first(expected: list[Row], got: list[Row]) -> tuple[Row | None, Row | None] | None:
    """The first pair that is not the same."""
    for one, two in zip_longest(expected, got):
        if one is None or two is None or not same(one, two):
            return one, two
    return None


def _glimpse(cut: int, how: str, one: Row | None, two: Row | None) -> Glimpse:
    known = one or two
    if known is None:
        raise ValueError("two rows that are both missing are the same")
    return Glimpse(cut, how, known.strategy or "", known.at, told(one), told(two))
