"""What a line of a table is a case of: which order, on which kind of data, in which situation, on which side.

Nothing is tagged: all of it is read off the line, so that a table cannot claim what it does not show. The words:

- situations of an order with a price of its own (limit, stop, trailing stop; a stop-limit by its stop), by what its side of the
  market did while it was at work: `touch` came to the price and not beyond it, `gap` jumped from before it to beyond it,
  `through` went over it (a bar: opened before it and reached beyond it; ticks: were at it and then beyond it),
  `thin` gave less than was asked for. Of a limit in an auction: the auction was `gap` better than the limit, `touch` at it,
  worse, though the market went `through` it at another time. Of orders without a price: `gap` the market jumped between the
  decision and the fill, `through` several prices were taken in one go.
- time in force: `had` it traded, whole and in time (GTC: in a later session than it was sent in); `ended` by its own rule.
- reduce-only: `whole`, or `cut` to what is held (denied when it is sent, or cut when it fills); post-only: `rests`, `refused`.
- families: `target`, `stop` of a bracket, `entry in part`, `exit in part`; one cancels other and one triggers other, `whole` and
  `in part`; races: a cancel or a replace that is under way comes `in time`, `too late`, or `after a part`.

A child's own price is not looked at; what it does is the family's case. Ticks beside bars: the ticks are the market.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from scenario import Case, Script, Tape, parsed

from onepath import CancelIntent, OrderIntent
from onepath.market import Bar, MarketEvent
from onepath.orders import ReplaceIntent

KINDS = ("bars", "quotes", "trades", "book")
SITUATIONS = ("gap", "touch", "through", "thin")
TYPES = (
    "market",
    "limit",
    "stop",
    "stop_limit",
    "trailing_stop",
    "trailing_stop %",
    "market at_open",
    "market at_close",
    "limit at_open",
    "limit at_close",
)
TIMES = ("day", "gtc", "gtd", "ioc", "fok", "at_open", "at_close")
MORE = {
    "reduce-only": ("whole", "cut"),
    "post-only": ("rests", "refused"),
    "bracket": ("target", "stop", "entry in part", "exit in part"),
    "one cancels other": ("whole", "in part"),
    "one triggers other": ("whole", "in part"),
    "race of a cancel": ("in time", "too late", "after a part"),
    "race of a replace": ("in time", "too late", "after a part"),
}
SIDES = ("buy", "sell")


class Cell(NamedTuple):
    """One box of the matrix."""

    what: str
    kind: str
    situation: str
    side: str

    def __str__(self) -> str:
        return " | ".join(self)


def wanted() -> Iterator[Cell]:
    """The whole matrix."""
    rows = [(name, SITUATIONS) for name in TYPES]
    rows += [(time, ("had", "ended")) for time in TIMES]
    rows += list(MORE.items())
    for what, situations in rows:
        for kind in KINDS:
            for situation in situations:
                for side in SIDES:
                    yield Cell(what, kind, situation, side)


class Seen(NamedTuple):
    """An order of a line and what became of it."""

    intent: OrderIntent
    number: int
    at: int
    """nanoseconds, when it was decided"""
    told: list[tuple[str, str]]
    """(when, what) of its own"""

    @property
    def fills(self) -> list[tuple[str, Decimal, Decimal]]:
        """(when, quantity, price)"""
        found = [(when, re.match(r"[+-]([\d.]+) @ ([\d.]+)", what)) for when, what in self.told]
        return [(when, Decimal(m[1]), Decimal(m[2])) for when, m in found if m]

    @property
    def filled(self) -> Decimal:
        return sum((quantity for _, quantity, _ in self.fills), Decimal(0))

    def says(self, *words: str) -> bool:
        return any(what.startswith(words) for _, what in self.told)


def cells(line: str) -> set[Cell]:
    """What a line is a case of."""
    case = parsed(line)
    tape = Tape(case)
    kind = next(kind for kind in ("book", "quotes", "trades", "bars") if kind in tape.kinds)
    orders, messages = _orders(case, tape)
    parents = [seen for seen in orders if seen.number in _tops(orders)]
    found: set[Cell] = set()
    for seen in parents:
        side = "buy" if seen.intent.side.sign > 0 else "sell"
        names = [
            *((_type(seen.intent), situation) for situation in _situations(seen, case, tape, kind)),
            *_times(seen, case, tape),
            *_flags(seen),
            *_families(seen, orders),
            *_races(seen, case, messages),
        ]
        found |= {Cell(what, kind, situation, side) for what, situation in names}
    return found


def _orders(case: Case, tape: Tape) -> tuple[list[Seen], list[Any]]:
    script = Script()
    script.case, script.tape = case, tape
    told: dict[int, list[tuple[str, str]]] = {}
    for term in case.happens:
        match = re.fullmatch(r"(\S+): #(\d+) (.*)", term)
        assert match, f"cannot read {term!r}"
        told.setdefault(int(match[2]), []).append((match[1], match[3]))
    orders: list[Seen] = []
    messages: list[Any] = []
    number = 0
    parts = [part.strip().partition(":") for part in case.orders.split(";") if part.strip()]
    for when, what in sorted(((float(w), t.strip()) for w, _, t in parts), key=lambda pair: pair[0]):
        intent = script._intent(what)
        if isinstance(intent, CancelIntent | ReplaceIntent):
            messages.append((intent.order_id - bool(case.hold), intent))
            continue
        at = tape.moment(f"{when:g}")
        for one in (intent, *intent.children):
            number += 1
            orders.append(Seen(one, number, at, told.get(number, [])))
    return orders, messages


def _tops(orders: list[Seen]) -> set[int]:
    """Numbers of the orders that are nobody's children."""
    children = {id(child) for seen in orders for child in seen.intent.children}
    return {seen.number for seen in orders if id(seen.intent) not in children}


def _type(intent: OrderIntent) -> str:
    time = intent.time_in_force.value
    if time in ("at_open", "at_close"):
        return f"{intent.type.value} {time}"
    return f"{intent.type.value}{' %' if intent.trail_percent else ''}"


# -- situations


def _situations(seen: Seen, case: Case, tape: Tape, kind: str) -> set[str]:
    intent = seen.intent
    found = set()
    own = not (intent.reduce_only or intent.children or intent.group or "cash" in case.settings)
    if own and not seen.says("now") and _is_thin(seen):
        found.add("thin")
    events = _events(seen, tape, kind)
    if intent.time_in_force.value in ("at_open", "at_close"):
        return found | _of_auction(seen, events, kind)
    if intent.type.value == "market":
        return found | _of_market(seen, events, kind, tape)
    if intent.type.value == "limit" and (intent.post_only or intent.time_in_force.value in ("ioc", "fok")):
        return found
    return found | _of_price(seen, events, kind)


def _is_thin(seen: Seen) -> bool:
    parts = [quantity for _, quantity, _ in seen.fills]
    return (
        bool(parts)
        and parts[0] < seen.intent.quantity
        and (len(parts) > 1 or seen.says("cancelled", "expired", "open"))
    )


def _events(seen: Seen, tape: Tape, kind: str) -> list[MarketEvent]:
    """From the last one before the order on, of the kind that is its market, until its last fill."""
    names = {"bars": "Bar", "quotes": "Quote", "trades": "Trade", "book": "BookUpdate"}
    last = max((tape.moment(re.split(r"\+", when)[0]) for when, _, _ in seen.fills), default=0)
    if last and seen.filled < seen.intent.quantity and not seen.says("cancelled", "expired"):
        last = 0
    events = [e for e in tape.events if type(e).__name__ == names[kind] and (not last or e.at <= last)]
    before = [e for e in events if e.at <= seen.at]
    return [*before[-1:], *(e for e in events if e.at > seen.at)]


def _price(event: Any, kind: str, sign: int) -> float:
    """The price that the order's side meets."""
    if kind == "trades":
        return float(event.price)
    return float(event.ask if sign > 0 else event.bid)


def _of_price(seen: Seen, events: list[Any], kind: str) -> set[str]:
    """Touch, gap, through, for an order with a price."""
    marks = list(_distances(seen, events, kind))
    found = set()
    if any(first > 0 and was < 0 for was, first, _ in marks):
        found.add("gap")
    if any(first < 0 < reached for _, first, reached in marks) or (kind != "bars" and _walked(marks)):
        found.add("through")
    if marks and max(max(first, reached) for _, first, reached in marks) == 0:
        found.add("touch")
    return found


def _walked(marks: list[tuple[float, float, float]]) -> bool:
    """Was at the price, then beyond it."""
    return any(was == 0 < now for was, now, _ in marks)


def _distances(seen: Seen, events: list[Any], kind: str) -> Iterator[tuple[float, float, float]]:
    """How far beyond its price the market was before an event, at first in it, and at most (negative: not reached)."""
    intent = seen.intent
    sign = intent.side.sign
    if intent.trail is not None or intent.trail_percent is not None:
        yield from _trailing(intent, sign, events, kind, seen.at)
        return
    level = float(intent.stop if intent.stop is not None else intent.limit or 0)
    way = sign if intent.stop is not None else -sign
    for before, now in pairwise(events):
        if kind == "bars":
            yield (
                (before.close - level) * way,
                (now.open - level) * way,
                ((now.high if way > 0 else now.low) - level) * way,
            )
        else:
            p = _price(now, kind, sign)
            yield (_price(before, kind, sign) - level) * way, (p - level) * way, (p - level) * way


def _trailing(
    intent: OrderIntent, sign: int, events: list[Any], kind: str, at: int
) -> Iterator[tuple[float, float, float]]:
    """The same where the price follows the best (lowest for buys) before."""
    better = min if sign > 0 else max

    def level(best: float) -> float:
        away = float(intent.trail) if intent.trail is not None else best * float(intent.trail_percent or 0) / 100
        return round(best + sign * away, 9)

    best: float | None = None
    for before, now in pairwise(events):
        if kind == "bars":
            known = level(best) if best is not None else None
            was, first = before.close, now.open
            best = better(best, now.open) if best is not None else now.open
            if known is not None and (first - known) * sign >= 0:
                yield (was - known) * sign, (first - known) * sign, (first - known) * sign
            else:
                reach = ((now.high if sign > 0 else now.low) - level(best)) * sign
                yield (was - level(best)) * sign, (first - level(best)) * sign, reach
            best = better(best, now.low if sign > 0 else now.high)
            continue
        was, p = _price(before, kind, sign), _price(now, kind, sign)
        if best is None:
            best = p if kind == "trades" else was
            if kind == "trades":
                continue
        yield (was - level(best)) * sign, (p - level(best)) * sign, (p - level(best)) * sign
        best = better(best, p)


def _of_market(seen: Seen, events: list[Any], kind: str, tape: Tape) -> set[str]:
    found = set()
    sign = seen.intent.side.sign
    if not seen.fills:
        return found
    times = [when for when, _, _ in seen.fills]
    if kind == "book" and len(set(times)) < len({price for _, _, price in seen.fills}):
        found.add("through")
    if kind == "bars":
        if any(not b.low <= a.open <= b.high for b, a in pairwise(events[:2])):
            found.add("gap")
        return found
    around = [e for e in tape.events if type(e) is type(events[0])]
    near = [e for e in around if abs(around.index(e) - around.index(events[0])) <= 1]
    if len({_price(e, kind, sign) for e in near}) > 1:
        found.add("gap")
    return found


def _of_auction(seen: Seen, events: list[Any], kind: str) -> set[str]:
    intent, sign = seen.intent, seen.intent.side.sign
    prices = {price for _, _, price in seen.fills}
    if intent.limit is None:
        found = {"through"} if kind == "book" and len(prices) > 1 else set()
        last = events[0]
        if prices and kind == "bars":
            jumped = [p for p in prices if not last.low <= p <= last.high]
        else:
            jumped = [p for p in prices if float(p) != _price(last, kind, sign)]
        return found | ({"gap"} if jumped else set())
    found = set()
    if any((intent.limit - price) * sign > 0 for price in prices):
        found.add("gap")
    if intent.limit in prices:
        found.add("touch")
    if seen.says("expired") and not prices and any(_reaches(e, kind, sign, float(intent.limit)) for e in events):
        found.add("through")
    return found


def _reaches(event: Any, kind: str, sign: int, limit: float) -> bool:
    if isinstance(event, Bar):
        return (limit - (event.low if sign > 0 else event.high)) * sign > 0
    return (limit - _price(event, kind, sign)) * sign > 0


# -- time in force and flags


def _times(seen: Seen, case: Case, tape: Tape) -> Iterator[tuple[str, str]]:
    time = seen.intent.time_in_force.value
    whole = seen.filled == seen.intent.quantity
    if time == "gtc":
        day = 86_400_000_000_000
        later = [
            when for when, _, _ in seen.fills if (tape.moment(when.split("+")[0]) - 1) // day > (seen.at - 1) // day
        ]
        if later:
            yield time, "had"
    elif whole:
        yield time, "had"
    elif seen.says("expired" if time in ("day", "gtd", "at_open", "at_close") else "cancelled"):
        yield time, "ended"


def _flags(seen: Seen) -> Iterator[tuple[str, str]]:
    if seen.intent.reduce_only:
        if seen.filled == seen.intent.quantity:
            yield "reduce-only", "whole"
        elif seen.says("denied reduce_only", "cancelled"):
            yield "reduce-only", "cut"
    if seen.intent.post_only:
        yield "post-only", "refused" if seen.says("rejected") else "rests"


# -- families and races


def _families(seen: Seen, orders: list[Seen]) -> Iterator[tuple[str, str]]:
    intent = seen.intent
    if intent.group:
        others = [o for o in orders if o.intent.group == intent.group and o is not seen]
        if seen.fills and any(other.says("cancelled") for other in others) and seen.filled == intent.quantity:
            yield "one cancels other", "whole"
        if seen.fills and any(other.says("now") for other in others):
            yield "one cancels other", "in part"
    children = [o for o in orders if any(o.intent is child for child in intent.children)]
    if len(children) == 1:
        if children[0].filled == children[0].intent.quantity:
            yield "one triggers other", "whole"
        elif 0 < seen.filled < intent.quantity or len(seen.fills) > 1:
            yield "one triggers other", "in part"
        if len(seen.fills) > 1:
            yield "one triggers other", "in part"
    target = [o for o in children if o.intent.type.value == "limit"]
    stop = [o for o in children if o.intent.stop is not None or o.intent.trail is not None or o.intent.trail_percent]
    if not (target and stop):
        return
    yield from (("bracket", "target") for o in target if o.filled == o.intent.quantity)
    yield from (("bracket", "stop") for o in stop if o.filled == o.intent.quantity)
    if len(seen.fills) > 1 or 0 < seen.filled < intent.quantity:
        yield "bracket", "entry in part"
    if seen.filled == intent.quantity and any(o.says("now") for o in children):
        yield "bracket", "exit in part"


def _races(seen: Seen, case: Case, messages: list[Any]) -> Iterator[tuple[str, str]]:
    if "late" not in case.settings:
        return
    for number, message in messages:
        if number != seen.number:
            continue
        name = "race of a cancel" if isinstance(message, CancelIntent) else "race of a replace"
        refused, done = ("cancel refused", "cancelled") if name.endswith("cancel") else ("replace refused", "now")
        if seen.says(refused):
            yield name, "too late"
        if seen.says(done):
            first = next(i for i, (_, what) in enumerate(seen.told) if what.startswith(done))
            part = any(re.match(r"[+-]\d", what) for _, what in seen.told[:first])
            yield name, "after a part" if part else "in time"
