"""Faults that show in what stands beside prices: dividends, splits and the adjusted close, as Yahoo publishes them.

Rules: an adjusted close is the close times a factor that falls, going back, by each dividend's share of the close before it; so
the factor tells which dividend was worked in. It is compared with the dividend that is listed, and both with the price's own
fall; two of about the same size within a week are one too many. Rounding is allowed for: a difference of less than half a per
cent of the price is not looked at. Gains that a fund hands out are part of its dividends.
Limits: the close must be adjusted for splits (as Yahoo's is) or have none; where two sources disagree, it is not said which of
them is right; a dividend that is missing everywhere shows as an ordinary fall.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from onepath.calendars import DAY

_NAMES = {
    "adjusted": ("adj_close", "adjclose", "adjusted_close"),
    "dividends": ("dividends", "dividend", "ex-dividend"),
    "gains": ("capital_gains",),
}
_LEAST = 0.005
"""of the price: what is smaller is not looked at"""
_NEAR = 0.25
"""how far, relatively, the dividend worked in may be from the one listed"""
_LARGE = 0.15
"""of the price: a dividend that large shows in the price"""
_APART = 25.0
"""times the usual dividend, or that part of it"""
_FEW = 3
_WEEK = 7 * DAY


class Suspect(NamedTuple):
    """A row, and what is odd about it."""

    row: int
    text: str


def columns_of(names: Mapping[str, Any]) -> dict[str, Any]:
    """Which of a table's columns (by their plain names) say what."""
    found = {what: next((names[name] for name in known if name in names), None) for what, known in _NAMES.items()}
    return {what: column for what, column in found.items() if column is not None}


def suspects(at: Any, close: Any, beside: Mapping[str, Any]) -> Iterator[Suspect]:
    """Odd dividends and adjustments of rows in order of time, one a row."""
    if len(close) < 2 or not {"dividends", "adjusted"} <= set(beside):
        return
    paid = np.nan_to_num(beside["dividends"])
    plain = paid - np.nan_to_num(beside.get("gains", np.zeros(len(close))))
    factor = beside["adjusted"] / close
    before = close[:-1]
    worked_in = (1 - factor[:-1] / factor[1:]) * before
    usual = float(np.median(plain[plain > 0])) if (plain > 0).sum() >= _FEW else 0.0
    twice = _twice(at, paid)
    for i in np.flatnonzero(_odd(paid[1:], plain[1:], worked_in, before, close[1:], usual) | twice[1:]):
        row, listed = int(i) + 1, float(paid[i + 1])
        if twice[row]:
            yield Suspect(row, f"a dividend of {listed:g} is listed, and one about the same within a week of it")
            continue
        odd = usual if plain[row] > 0 and not usual / _APART <= plain[row] <= usual * _APART else 0.0
        yield Suspect(row, _text(listed, float(worked_in[i]), float(before[i]), float(close[row]), odd))


def _twice(at: Any, paid: Any) -> Any:
    """The later of two dividends of about one size within a week."""
    found = np.zeros(len(paid), dtype=bool)
    rows = np.flatnonzero(paid > 0)
    near = (np.diff(at[rows]) <= _WEEK) & (np.abs(np.diff(paid[rows])) <= _NEAR * paid[rows[1:]])
    found[rows[1:][near]] = True
    return found


def _odd(paid: Any, plain: Any, worked_in: Any, before: Any, after: Any, usual: float) -> Any:
    with np.errstate(all="ignore"):
        apart = np.abs(worked_in - paid) > np.maximum(_NEAR * np.maximum(paid, worked_in), _LEAST * before)
        unseen = (paid > _LARGE * before) & (before - after < paid / 3)
        strange = (plain > 0) & (usual > 0) & ((plain > _APART * usual) | (plain < usual / _APART))
        return (apart | unseen | strange) & np.isfinite(worked_in)


def _text(paid: float, worked_in: float, before: float, after: float, usual: float) -> str:
    """What is odd; `usual` where the dividend is far from it, else zero."""
    if usual:
        return f"a dividend of {paid:g} is listed, where the usual one is {usual:g}"
    if paid > _LARGE * before and before - after < paid / 3:
        return f"a dividend of {paid:g} is listed on a price of {before:g}, which then falls by {before - after:g}"
    if not paid:
        return f"the adjusted close is as of a dividend of {worked_in:.3g}, but none is listed"
    if abs(worked_in) < _NEAR * paid:
        return f"a dividend of {paid:g} is listed, but not worked into the adjusted close"
    return f"a dividend of {paid:g} is listed, but one of {worked_in:.3g} worked into the adjusted close"
