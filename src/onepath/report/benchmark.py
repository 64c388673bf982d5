"""Buy and hold: what the capital would be worth without the strategy.

Rules: the capital is spread evenly over the session's symbols, each bought at its first recorded price, without cost, and
never traded again. A symbol without a price, or with none above zero, stays in cash. Corporate actions happen to it as they
do to any holder: splits, new names and spin-offs change the units; dividends and what a merger or a delisting pays stay in cash.
Limits: growth in each symbol's own currency; fractions of units are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepath.actions import CashDividend, CorporateAction, Delisting, Merger, SpinOff, SymbolChange, ratio_of
from onepath.report.formulas import Floats, Times
from onepath.report.record import SessionRecord


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """Money at each of `at`: the times of the session's prices, and of actions that came after the last."""

    at: Times
    worth: Floats


@dataclass(slots=True)
class _Held:
    """Money and units by column of the price table."""

    cash: float
    units: Floats


def buy_and_hold(record: SessionRecord) -> Worth:
    """Worth of the capital spread evenly over all symbols."""
    prices, columns = record.prices, {symbol: n for n, symbol in enumerate(record.symbols)}
    held, count = _Held(record.initial, np.zeros(len(columns))), len(prices)
    at, worth = record.prices_at, np.full(count, record.initial)
    done = 0
    for row, happening in _happenings(record):
        worth[done:row] = _worth(held, prices[done:row])
        done = row
        if isinstance(happening, int):
            share = record.initial / len(columns)
            held.cash -= share
            held.units[happening] += share / prices[row, happening]
        else:
            _act(held, happening, columns)
    worth[done:] = _worth(held, prices[done:])
    late = [acted.at for acted in record.actions if acted.row >= count]
    if late and count:
        return Worth(np.append(at, late[-1]), np.append(worth, _worth(held, prices[-1:])))
    return Worth(at, worth)


def _happenings(record: SessionRecord) -> list[tuple[int, int | CorporateAction]]:
    """By row of the price table: corporate actions, then purchases (by column)."""
    found: list[tuple[int, int, int, int | CorporateAction]] = [
        (acted.row, 0, n, acted.action) for n, acted in enumerate(record.actions)
    ]
    if len(record.prices):
        rows = np.argmax(~np.isnan(record.prices), axis=0).tolist()
        found += [(row, 1, n, n) for n, row in enumerate(rows) if record.prices[row, n] > 0]
    return [(row, what) for row, *_, what in sorted(found, key=lambda entry: entry[:3])]


def _worth(held: _Held, prices: Floats) -> Floats:
    some = np.flatnonzero(held.units)
    worth: Floats = held.cash + np.nan_to_num(prices[:, some]) @ held.units[some]
    return worth


def _act(held: _Held, action: CorporateAction, columns: dict[str, int]) -> None:
    """What the holder of the action's symbol has after it."""
    own, units = columns[action.symbol], held.units
    had, ratio = units[own], ratio_of(action)
    if ratio is not None:
        units[own] *= float(ratio)
    elif isinstance(action, CashDividend):
        held.cash += had * float(action.amount)
    elif isinstance(action, SpinOff):
        units[columns[action.into]] += had * float(action.ratio)
    elif isinstance(action, Delisting):
        units[own] = 0.0
        held.cash += had * float(action.price or 0)
    elif isinstance(action, SymbolChange):
        units[own] = 0.0
        units[columns[action.into]] += had
    elif isinstance(action, Merger):
        units[own] = 0.0
        held.cash += had * float(action.cash)
        if action.ratio:
            units[columns[action.into]] += had * float(action.ratio)
