"""Raw prices adjusted when they are read, by the corporate actions that were known on a day.

Rules: what is stored stays raw. `splits` divides prices of before a split (or stock dividend) by its ratio and multiplies
volumes; `all` also takes cash dividends out: prices of before the ex-date times (1 - amount / last close before it), both in
the units of that day. Only actions with an ex-date up to `as_of` count, because the day on which they were declared is not
known; what comes later stays in the data as it was, and a backtest meets it as an event. Actions that are no split or dividend
stay events, their terms in the adjusted units.
A split that the prices do not show is refused: they are adjusted already, and would be twice.
Limits: bars alone; a dividend whose last close is not among the data is refused.
Cost: one pass over the data beforehand, 1 us a bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import log
from typing import Any

from msgspec.structs import replace

from onepath.actions import CashDividend, CorporateAction, Delisting, Merger, SpinOff, ratio_of
from onepath.calendars import DAY, as_date, day_of
from onepath.data.actions import midnight
from onepath.errors import ConfigError, DataError
from onepath.feeds.actions import WithActions
from onepath.feeds.adjusted import Adjusted, Steps
from onepath.instruments import ONE, Instrument
from onepath.market import Bar
from onepath.ports import Feed

ADJUST = ("none", "splits", "all")
_PLAIN = (0.75, 1.34)
"""ratios between these could hide in a day's own move"""
Around = Mapping[str, Sequence[tuple[float, float]]]
"""by symbol and action, the last close before it and the first open from it on; 0: none"""


def acting(
    feed: Feed, actions: Sequence[CorporateAction], end: int | None, adjust: str = "none", as_of: Any = None
) -> Feed:
    """The feed with its actions: those that adjust its prices taken into them, the others as events."""
    if adjust == "none":
        return WithActions(feed, actions, end)
    last = feed.describe().get("last_at")
    until = day_given(as_of, adjust)
    until = (0 if last is None else (int(last) - 1) // DAY) if until is None else until
    taken = taken_of(actions, feed.instruments, until, adjust)
    steps = steps_of(taken, around(feed, taken))
    rest = [_restated(action, taken) for action in actions if action not in taken]
    return WithActions(Adjusted(feed, steps), rest, end)


def taken_of(
    actions: Sequence[CorporateAction], instruments: Mapping[str, Instrument], until: int, adjust: str
) -> list[CorporateAction]:
    """Those that prices are adjusted by, in order of time."""
    ordered = sorted(actions, key=lambda action: action.at)
    known = [a for a in ordered if a.symbol in instruments and a.at <= midnight(until, instruments[a.symbol])]
    return [action for action in known if _is_taken(action, adjust)]


def day_given(as_of: Any, adjust: str) -> int | None:
    """The day that was given as `as_of`, and whether `adjust` is one of the three. Raises ConfigError."""
    if adjust not in ADJUST:
        raise ConfigError(f"adjust is {adjust!r}; it must be none, splits or all")
    if as_of is None or isinstance(as_of, int):
        return None if as_of is None else as_of // DAY
    try:
        found = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        if isinstance(found, datetime):
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).date()
        return day_of(found)
    except (TypeError, ValueError):
        raise ConfigError(f"as_of is {as_of!r}; expected a date such as 2014-06-09") from None


def _is_taken(action: CorporateAction, adjust: str) -> bool:
    return ratio_of(action) is not None or (adjust == "all" and isinstance(action, CashDividend))


def around(feed: Feed, actions: Sequence[CorporateAction]) -> Around:
    """The prices on either side of each action, in the raw data. Raises DataError for data that are no bars."""
    waiting: dict[str, list[int]] = {}
    for action in actions:
        waiting.setdefault(action.symbol, []).append(action.at)
    found: dict[str, list[tuple[float, float]]] = {symbol: [] for symbol in waiting}
    last = dict.fromkeys(waiting, 0.0)
    for batch in feed.batches() if waiting else ():
        for event, _ in batch.events():
            times = waiting.get(event.symbol)
            if times is None:
                continue
            if not isinstance(event, Bar):
                raise DataError(
                    f"{event.symbol} has {type(event).__name__.lower()}s; adjust is for bars: leave it out."
                )
            done = found[event.symbol]
            while len(done) < len(times) and times[len(done)] <= event.start:
                done.append((last[event.symbol], event.open))
            last[event.symbol] = event.close
    return {s: [*done, *[(last[s], 0.0)] * (len(waiting[s]) - len(done))] for s, done in found.items()}


def steps_of(actions: Iterable[CorporateAction], prices: Around) -> dict[str, Steps]:
    """What prices are scaled by until each of the actions, which are in order of time."""
    by_symbol: dict[str, list[CorporateAction]] = {}
    for action in actions:
        by_symbol.setdefault(action.symbol, []).append(action)
    return {symbol: _steps(found, prices[symbol]) for symbol, found in by_symbol.items()}


def _steps(actions: Sequence[CorporateAction], prices: Sequence[tuple[float, float]]) -> Steps:
    divisor, factor = ONE, 1.0
    rows: list[tuple[int, float, float]] = []
    for i in reversed(range(len(actions))):
        action, (before, after) = actions[i], prices[i]
        if not before:
            continue  # nothing was traded before it
        ratio = ratio_of(action)
        if ratio is not None:
            _shown(action, ratio, before, after)
            divisor *= ratio
        elif isinstance(action, CashDividend):
            factor *= _share_left(action, before / float(_same_day(actions[:i], action.at)), after)
        rows.append((action.at, float(divisor), factor))
    rows.reverse()
    return Steps(*(tuple(column) for column in zip(*rows, strict=True))) if rows else Steps((), (), ())


def _same_day(before: Sequence[CorporateAction], at: int) -> Decimal:
    """What a split of the same moment has made of one unit: a dividend that comes second is of new units."""
    ratio = ONE
    for action in before:
        if action.at == at:
            ratio *= ratio_of(action) or ONE
    return ratio


def _share_left(action: CashDividend, close: float, after: float) -> float:
    if not after:
        raise DataError(
            f"the dividend of {action.symbol} on {_day(action)}: the data end before it, so that its last close is not known; "
            "set as_of to the end of the data, or adjust to splits."
        )
    if float(action.amount) >= close:
        raise DataError(
            f"the dividend of {action.symbol} on {_day(action)}, {action.amount}, is more than its close before, {close:g}; "
            "check its amount, and that the prices are raw."
        )
    return 1.0 - float(action.amount) / close


def _shown(action: CorporateAction, ratio: Decimal, before: float, after: float) -> None:
    """Refuse a split that the prices do not show."""
    if _PLAIN[0] < ratio < _PLAIN[1] or not after:
        return
    if abs(log(before / after)) < abs(log(float(ratio))) / 2:
        raise DataError(
            f"the split of {action.symbol} on {_day(action)}, {ratio.normalize():f} for one: its price was {before:g} before and "
            f"is {after:g} after, so the prices are adjusted for the split already; give raw prices, or set adjust to none."
        )


def _restated(action: CorporateAction, taken: Sequence[CorporateAction]) -> CorporateAction:
    """An action that stays an event, in the units that prices are adjusted to."""
    old, new = (
        _ratio_after(action.symbol, action.at, taken),
        _ratio_after(getattr(action, "into", ""), action.at, taken),
    )
    if old == new == ONE:
        return action
    if isinstance(action, CashDividend):
        return replace(action, amount=action.amount / old)
    if isinstance(action, Delisting):
        return action if action.price is None else replace(action, price=action.price / old)
    if isinstance(action, SpinOff | Merger):
        cash = {} if isinstance(action, SpinOff) else {"cash": action.cash / old}
        paid = {} if action.cash_price is None else {"cash_price": action.cash_price / new}
        return replace(action, ratio=action.ratio * new / old, **cash, **paid)
    return action


def _ratio_after(symbol: str, at: int, taken: Sequence[CorporateAction]) -> Decimal:
    ratio = ONE
    for action in taken:
        if action.symbol == symbol and action.at > at:
            ratio *= ratio_of(action) or ONE
    return ratio


def _day(action: CorporateAction) -> date:
    return as_date((action.at + DAY // 2) // DAY)
