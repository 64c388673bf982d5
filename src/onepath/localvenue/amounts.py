"""Prices and quantities as the venue writes them: eight decimals, exact.

Rules: inside the venue a price or a quantity is a whole number of 1e-8, a value (price x quantity) of 1e-16; so sums are
exact, and the text of a number is the same on every machine. On the wire both have eight decimals, values cut off.
Limits: a float is read to the instrument's increment; above 90 million with eight decimals a float has no more digits.
"""

from __future__ import annotations

from decimal import Decimal

ONE = 100_000_000
"""a price or quantity of one"""


def units(value: Decimal | float | str) -> int:
    """`value` in units of 1e-8, rounded to the nearest."""
    if isinstance(value, float):
        return round(value * ONE)
    return int((Decimal(value) * ONE).to_integral_value())


def on_grid(value: float, step: int) -> int:
    """`value` in units, on whole steps."""
    return round(value * ONE / step) * step


def text(amount: int) -> str:
    """61800.2 is written 61800.20000000."""
    if amount < 0:
        return f"-{text(-amount)}"
    return f"{amount // ONE}.{amount % ONE:08d}"


def value_text(value: int) -> str:
    """A sum of price x quantity, cut to eight decimals."""
    return text(value // ONE)
