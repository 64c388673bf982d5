"""One combination over one stretch of bars: decisions, fills at the next open, books, statistics. Compiled, or plain Python.

Rules: the same functions run compiled (over arrays) and in Python (over memory views of the same arrays): equal to the last bit.
What each does is the engine's rule for a market order alone in its symbol: `context.target` and the controls it meets (`_order`),
the venue's price, cut to cash and fee (`_fill`), round trips first in first out (`_match`), valuations at round moments
(`_mark`). Quantities are whole lots, money is float. Where two figures that the engine compares exactly differ by rounding alone,
they are taken to be equal. All that goes on from stretch to stretch is in `state`.
Limits: nothing but numbers in here; a stretch may be broken off (`CODE`) where an assumption does not hold.
Cost: 2 to 4 ns a bar.
"""

from __future__ import annotations

import math
from typing import Any

scan: Any = None
"""stands for what asks the strategy, see `quickarguments`"""

# What is carried from stretch to stretch.
SIDE, CASH, HELD, ORDER, CODE, HEAD, LOTS, CALM = 0, 1, 2, 3, 4, 5, 6, 7
FILLS, FEES, TRADED, SLIPPED, DENIED, CUT = 8, 9, 10, 11, 12, 13
TRIPS, WINS, LOSSES, GAINED, LOST, HOLDING, TRIP_MEAN, TRIP_SPREAD = 14, 15, 16, 17, 18, 19, 20, 21
SINCE, COVERED = 22, 23
MARKED_AT, EQUITY, SHARE, EQUITY_AREA, SHARE_AREA, MARKED_CASH, MARKED_HELD = 24, 25, 26, 27, 28, 29, 30
PEAK, DEEPEST, DEPTHS, MARKS, HIGH_AT, HIGH, BELOW, LONGEST = 31, 32, 33, 34, 35, 36, 37, 38
DAY, BASE, DAYS, DAY_MEAN, DAY_SPREAD, DOWN, GROWN, BEST, WORST, RISEN = 39, 40, 41, 42, 43, 44, 45, 46, 47, 48
LARGEST, TRIP_LARGEST, BOUND_AT, SIZE = 49, 50, 51, 52

# What holds for the whole run.
MULTIPLIER, LOT, TICK, FEE, SLIP, PART, COST, BAND = 0, 1, 2, 3, 4, 5, 6, 7
LEVERAGE, LEAST, BY_WEIGHT, VOLUMES, LAST_AT, TERMS = 8, 9, 10, 11, 12, 13

# Why a stretch was broken off.
FINE, FULL, THIN, RUINED, ENDLESS = 0.0, 1.0, 2.0, 3.0, 4.0

EACH = 4
"""numbers of an open lot: lots left, price, fee left, when it came"""
ALIKE = 1e-12
"""a relative difference that is rounding"""
GRAIN = 4e-15
"""of a count of lots: what a division and a product or two may be off"""
LARGE = 4503599627370496.0
"""floats from here on are whole"""
FLAT = 1e-15


def whole(units: float) -> float:
    """Cut towards zero, unless it is a whole number but for rounding."""
    size = abs(units)
    if size >= LARGE:
        return units
    near = float(math.floor(size + 0.5))
    if abs(size - near) > GRAIN * size:
        near = float(math.floor(size))
    return near if units >= 0.0 else -near


def _order(wanted: float, price: float, state: Any, terms: Any) -> float:
    """The lots to trade, signed, so that what is wanted is held; zero: none, or denied."""
    held, lot = state[HELD], terms[LOT]
    unit = price * terms[MULTIPLIER]
    equity = state[CASH] + held * lot * unit
    if terms[BY_WEIGHT] == 0.0:
        target = whole(wanted / lot)
    elif wanted == 0.0:
        target = 0.0
    else:
        target = whole(wanted * equity / (unit * terms[COST]) / lot)
    change: float = target - held
    value = abs(change) * lot * unit
    if change == 0.0 or (target * held > 0.0 and value < terms[BAND] * equity * (1.0 - ALIKE)):
        return 0.0
    if value < terms[LEAST] * (1.0 - ALIKE):
        state[DENIED] += 1.0
        return 0.0
    opens = abs(target) > abs(held) or target * held < 0.0
    if opens and abs(target) * lot * unit > terms[LEVERAGE] * equity * (1.0 + ALIKE):
        state[DENIED] += 1.0
        return 0.0
    return change


def _price(open_: float, high: float, low: float, rises: bool, share: float, tick: float) -> float:
    """The open moved against the order, on the tick grid, inside the bar."""
    if share == 0.0:
        return open_
    moved = open_ * (1.0 + share) if rises else open_ * (1.0 - share)
    if tick > 0.0:
        ticks = moved / tick
        near = float(math.floor(ticks + 0.5))
        if abs(ticks - near) > ALIKE * ticks:
            near = float(math.ceil(ticks)) if rises else float(math.floor(ticks))
        moved = near * tick
    if rises:
        return min(moved, max(open_, high))
    return max(moved, min(open_, low))


def _paid(order: float, price: float, state: Any, terms: Any) -> float:
    """How much of a purchase cash pays for; what covers a short always."""
    bought: float = order
    if terms[LEVERAGE] > 1.0:
        return bought
    dear = price * terms[MULTIPLIER] * (1.0 + terms[FEE]) * terms[LOT]
    cash = state[CASH]
    if bought * dear <= cash * (1.0 + ALIKE):
        return bought
    state[CUT] += 1.0
    covering: float = min(bought, max(0.0, -state[HELD]))
    return max(covering, min(bought, whole(max(0.0, cash) / dear)))


def _fill(i: int, at: float, bars: Any, state: Any, lots: Any, terms: Any) -> float:
    """Trade the order at the open of bar `i`; tells whether that may be (`CODE`)."""
    opens, highs, lows, volumes = bars
    order = state[ORDER]
    open_ = opens[i]
    if (int(state[LOTS]) + 1) * EACH > len(lots):
        return FULL
    room = terms[PART] * volumes[i] * (1.0 + ALIKE)
    if terms[PART] > 0.0 and terms[VOLUMES] > 0.0 and abs(order) * terms[LOT] > room:
        return THIN
    price = _price(open_, highs[i], lows[i], order > 0.0, terms[SLIP], terms[TICK])
    traded = _paid(order, price, state, terms) if order > 0.0 else order
    state[ORDER] = 0.0
    state[CALM] = math.nan
    if traded == 0.0:
        return FINE
    units = abs(traded) * terms[LOT] * terms[MULTIPLIER]
    value = units * price
    fee = value * terms[FEE]
    state[CASH] -= (value if traded > 0.0 else -value) + fee
    state[FILLS] += 1.0
    state[FEES] += fee
    state[TRADED] += value
    state[SLIPPED] += abs(price - open_) * units
    _match(traded, price, fee, at, state, lots, terms)
    before, after = state[HELD], state[HELD] + traded
    state[HELD] = after
    state[SIDE] = 1.0 if after > 0.0 else (-1.0 if after < 0.0 else 0.0)
    if before == 0.0:
        state[SINCE] = at
    elif after == 0.0:
        state[COVERED] += max(0.0, min(at, terms[LAST_AT]) - max(0.0, state[SINCE]))
    return FINE


def _match(traded: float, price: float, fee: float, at: float, state: Any, lots: Any, terms: Any) -> None:
    """Close what stands against the fill, oldest first; what is left of it opens."""
    left, side = abs(traded), (-1.0 if traded > 0.0 else 1.0)
    size = len(lots) // EACH
    if state[HELD] * traded < 0.0:
        while left > 0.0 and state[LOTS] > 0.0:
            place = int(state[HEAD]) * EACH
            stands = lots[place]
            part = min(left, stands)
            entry = lots[place + 2] if part == stands else lots[place + 2] * part / stands
            exit_ = fee if part == left else fee * part / left
            gross = (price - lots[place + 1]) * part * terms[LOT] * terms[MULTIPLIER] * side
            profit = gross - (entry + exit_)
            if abs(profit) <= ALIKE * part * terms[LOT] * terms[MULTIPLIER] * price:
                profit = 0.0
            _trip(profit, at - lots[place + 3], state)
            lots[place] = stands - part
            lots[place + 2] -= entry
            fee -= exit_
            left -= part
            if part == stands:
                state[HEAD] = float((int(state[HEAD]) + 1) % size)
                state[LOTS] -= 1.0
    if left > 0.0:
        place = (int(state[HEAD]) + int(state[LOTS])) % size * EACH
        lots[place] = left
        lots[place + 1] = price
        lots[place + 2] = fee
        lots[place + 3] = at
        state[LOTS] += 1.0


def _trip(profit: float, held: float, state: Any) -> None:
    """A round trip is over."""
    state[TRIPS] += 1.0
    state[HOLDING] += held
    if profit > 0.0:
        state[WINS] += 1.0
        state[GAINED] += profit
    elif profit < 0.0:
        state[LOSSES] += 1.0
        state[LOST] -= profit
    off = profit - state[TRIP_MEAN]
    state[TRIP_MEAN] += off / state[TRIPS]
    state[TRIP_SPREAD] += off * (profit - state[TRIP_MEAN])
    state[TRIP_LARGEST] = max(state[TRIP_LARGEST], abs(profit))


def _mark(price: float, at: float, day: float, moved: float, state: Any, terms: Any, daily: Any) -> float:
    """Value the book at a round moment; what has not changed is not recorded."""
    cash, held = state[CASH], state[HELD]
    net = held * terms[LOT] * price * terms[MULTIPLIER]
    equity = cash + net
    if moved == 0.0 and held == state[MARKED_HELD] and abs(cash - state[MARKED_CASH]) <= ALIKE * abs(cash):
        return FINE
    if equity <= 0.0:
        return RUINED
    span = at - state[MARKED_AT]
    state[EQUITY_AREA] += state[EQUITY] * span
    state[SHARE_AREA] += state[SHARE] * span
    if day != state[DAY]:
        if state[DAY] >= 0.0:
            close_day(state, daily)
        state[DAY] = day
    state[MARKED_AT] = at
    state[EQUITY] = equity
    state[SHARE] = abs(net) / equity
    state[MARKED_CASH] = cash
    state[MARKED_HELD] = held
    _fall(equity, at, state)
    return FINE


def _fall(equity: float, at: float, state: Any) -> None:
    """How deep below the last high, and for how long."""
    state[PEAK] = max(state[PEAK], equity)
    depth = equity / state[PEAK] - 1.0
    if depth < -ALIKE:
        state[DEEPEST] = min(state[DEEPEST], depth)
        state[DEPTHS] += depth * depth
    state[MARKS] += 1.0
    falls = equity < state[HIGH] - ALIKE * state[HIGH]
    if state[BELOW] > 0.0 or falls:
        state[LONGEST] = max(state[LONGEST], at - state[HIGH_AT])
    if not falls:
        state[HIGH] = max(equity, state[HIGH])
        state[HIGH_AT] = at
    state[BELOW] = 1.0 if falls else 0.0


def close_day(state: Any, daily: Any) -> None:
    """The session day is over: its return."""
    gain = state[EQUITY] / state[BASE] - 1.0
    state[BASE] = state[EQUITY]
    state[DAYS] += 1.0
    off = gain - state[DAY_MEAN]
    state[DAY_MEAN] += off / state[DAYS]
    state[DAY_SPREAD] += off * (gain - state[DAY_MEAN])
    if gain < -ALIKE:
        state[DOWN] += gain * gain
    state[GROWN] *= 1.0 + gain
    state[BEST] = max(state[BEST], gain)
    state[WORST] = min(state[WORST], gain)
    state[LARGEST] = max(state[LARGEST], abs(gain))
    if gain > ALIKE:
        state[RISEN] += 1.0
    if len(daily) > 0:
        daily[int(state[DAY])] = gain


def run(
    columns: Any,
    numbers: Any,
    starts: Any,
    closes: Any,
    bars: Any,
    marks: Any,
    state: Any,
    lots: Any,
    terms: Any,
    daily: Any,
    begin: int,
) -> int:
    """One stretch from bar `begin` on; gives the bar at which it was broken off (`state[CODE]` says why), or its length.

    `columns` and `numbers`: the arguments, see `scan`. `starts`: when bars begin, from the origin on. `bars`: open, high, low,
    volume. `marks`: after which bar a valuation comes, when, on what day, and whether the price has moved since the last.
    """
    after, marked_at, days, moved = marks
    n, count, mark, i = len(closes), len(after), 0, begin
    while mark < count and after[mark] < begin:
        mark += 1
    while i < n:
        stop = after[mark] + 1 if mark < count else n
        while i < stop:
            if state[ORDER] != 0.0:
                state[CODE] = _fill(i, starts[i], bars, state, lots, terms)
                if state[CODE] != FINE:
                    return i
            i = _next(columns, numbers, i, stop, closes, state, terms)
            if state[CODE] != FINE:
                return i
        if mark < count:
            state[CODE] = _mark(closes[stop - 1], marked_at[mark], days[mark], moved[mark], state, terms, daily)
            if state[CODE] != FINE:
                return stop - 1
            mark += 1
    return n


def _next(columns: Any, numbers: Any, i: int, stop: int, closes: Any, state: Any, terms: Any) -> int:
    """Go on until an order is sent; gives the bar after it."""
    by_weight, unit = terms[BY_WEIGHT] > 0.0, terms[LOT] * terms[MULTIPLIER]
    most = terms[BAND] * (1.0 - 1e-9) if by_weight else -1.0
    sizing = (state[CASH], 1.0 / terms[COST], most, unit)
    stake, side = state[HELD] * unit, state[SIDE]
    while i < stop:
        i, wanted = scan(columns, numbers, i, stop, closes, side, state[CALM], stake, sizing)
        if i < stop:
            if wanted - wanted != 0.0:
                state[CODE] = ENDLESS
                return i
            state[ORDER] = _order(wanted, closes[i], state, terms)
            i += 1
            if state[ORDER] != 0.0:
                return i
            if (wanted == 0.0 and stake == 0.0) or (not by_weight and state[HELD] * terms[LOT] == wanted):
                state[CALM] = wanted
    return i
