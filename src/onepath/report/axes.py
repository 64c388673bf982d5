"""Axes: ticks at round numbers and round dates, and how many points a picture needs.

Rules: pure arithmetic; equal input, equal ticks. Thinning keeps the lowest and the highest value of every stretch, so
that no extreme is lost, and the first and the last point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from onepath.report.formulas import Floats, Times
from onepath.report.wording import DAY, SECOND, moment

_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND
_EVEN = (
    *(count * SECOND for count in (1, 5, 15, 30)),
    *(count * _MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 4, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240)


def nice_step(width: float, count: int) -> float:
    """The smallest of 1, 2, 2.5 and 5 x 10^n that cuts `width` into about `count` pieces, a third more at most."""
    least = width / count / 1.34
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * 0.999)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from low to high."""
    step = nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * i for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between low and high; where those are few, round numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        found = [digit * 10.0**decade for decade in decades for digit in digits]
        inside = [tick for tick in found if low <= tick <= high]
        if len(inside) >= 3:
            return inside
    return [tick for tick in ticks(low, high, 4) if tick > 0]


def time_ticks(first: int, last: int, most: int = 8) -> list[tuple[int, str]]:
    """Round moments between two times with their labels."""
    width = last - first
    for step in _EVEN:
        if width / step <= most:
            return _even(first, last, step)
    months = next((m for m in _MONTHS if width / (m * 30.44 * DAY) <= most), _MONTHS[-1])
    return list(_monthly(first, last, months))


def _even(first: int, last: int, step: int) -> list[tuple[int, str]]:
    times = range(-(-first // step) * step, last + 1, step)
    return [(at, _even_label(moment(at), step)) for at in times]


def _even_label(when: datetime, step: int) -> str:
    if step >= DAY or not (when.hour or when.minute or when.second):
        return f"{when.day} {when:%b}"
    return f"{when:%H:%M:%S}" if step < _MINUTE else f"{when:%H:%M}"


def _monthly(first: int, last: int, months: int) -> Iterator[tuple[int, str]]:
    when = moment(first)
    index = when.year * 12 + when.month - 1
    index += -index % months
    while True:
        when = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
        at = int(when.timestamp()) * SECOND
        if at > last:
            return
        if at >= first:
            yield at, f"{when:%Y}" if when.month == 1 else f"{when:%b}"
        index += months


def thin(at: Times, columns: Sequence[Floats], limit: int) -> Times:
    """Indices of about `limit` points that keep every stretch's lowest and highest value of each column."""
    if len(at) <= limit:
        return np.arange(len(at))
    buckets = max(1, limit // (2 * max(1, len(columns))))
    edges = np.searchsorted(at, np.linspace(at[0], at[-1], buckets + 1)[:-1])
    starts = np.unique(edges)
    kept = [np.array([0, len(at) - 1])]
    for column in columns:
        kept += [_extremes(column, starts, np.fmin, np.inf), _extremes(column, starts, np.fmax, -np.inf)]
    return np.unique(np.concatenate(kept))


def _extremes(column: Floats, starts: Times, pick: np.ufunc, empty: float) -> Times:
    """Index of the first value of each stretch that is its extreme."""
    filled = np.where(np.isnan(column), empty, column)
    extreme = pick.reduceat(filled, starts)
    lengths = np.diff(np.append(starts, len(column)))
    hits = np.flatnonzero(filled == np.repeat(extreme, lengths))
    stretch = np.searchsorted(starts, hits, side="right") - 1
    found: Times = hits[np.unique(stretch, return_index=True)[1]]
    return found
