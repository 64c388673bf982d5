"""Numbers of quotes and of the order book: spread, middle, imbalance.

Rules: each is of one event alone, without memory; no number where a side is missing. Features of quotes and of the book are
computed from these events, see `definition`.
Cost: compiled 1 ns a value, in Python 0.1 us.
"""

from __future__ import annotations

import math

from onepath.features.definition import Feature, State
from onepath.features.laps import no_state


def spread() -> Feature:
    """Spread of a quote: ask - bid, in the unit of the price; negative where a market is crossed.

    First value at the first quote.
    """
    return Feature("spread", 1, ("bid", "ask"), (), 1, 1, _spread, no_state)


def _spread(state: State, bid: float, ask: float) -> float:
    return ask - bid


def relative_spread() -> Feature:
    """Spread of a quote as a fraction of its middle; NaN where the middle is not above zero. First value at the first quote."""
    return Feature("relative_spread", 1, ("bid", "ask"), (), 1, 1, _relative, no_state)


def _relative(state: State, bid: float, ask: float) -> float:
    middle = (bid + ask) / 2.0
    return (ask - bid) / middle if middle > 0.0 else math.nan


def mid() -> Feature:
    """Middle of a quote: (bid + ask) / 2, in the unit of the price. First value at the first quote."""
    return Feature("mid", 1, ("bid", "ask"), (), 1, 1, _mid, no_state)


def _mid(state: State, bid: float, ask: float) -> float:
    return (bid + ask) / 2.0


def quote_imbalance() -> Feature:
    """Imbalance of a quote, -1 to 1: (bid size - ask size) / (bid size + ask size); above 0 more is bid for than offered.

    NaN where no size is known. First value at the first quote.
    """
    return Feature("quote_imbalance", 1, ("bid_size", "ask_size"), (), 1, 1, _imbalance, no_state, low=-1.0, high=1.0)


def order_book_imbalance() -> Feature:
    """Imbalance of the order book, -1 to 1: (bid depth - ask depth) / (bid depth + ask depth) over the best five levels.

    Above 0 more is bid for than offered. NaN where the book is empty. First value at the first update of the book.
    """
    inputs = ("bid_depth", "ask_depth")
    return Feature("order_book_imbalance", 1, inputs, (), 1, 1, _imbalance, no_state, low=-1.0, high=1.0)


def _imbalance(state: State, bid: float, ask: float) -> float:
    both = bid + ask
    return (bid - ask) / both if both > 0.0 else math.nan
