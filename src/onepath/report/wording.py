"""Numbers, money, times and spans as a person reads them.

Rules: plain ASCII but for the dash of what is undefined and currency signs; one style everywhere, so that the terminal,
the page and the notebook agree. Times are UTC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

UNDEFINED = "–"
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_EPOCH = date(1970, 1, 1)


def number(value: float, places: int = 2) -> str:
    """1,234.57; beyond a quadrillion as a power of ten."""
    if not math.isfinite(value):
        return UNDEFINED
    return f"{value:,.{places}f}" if abs(value) < 1e15 else f"{value:.2e}"


def percent(value: float, places: int = 2, sign: str = "-") -> str:
    """0.0512 -> 5.12%; what no one can read in digits (a day's luck made yearly) goes as a power of ten."""
    if not math.isfinite(value):
        return UNDEFINED
    return f"{value * 100:{sign},.{places}f}%" if abs(value) < 10_000 else f"{value * 100:{sign}.2e}%"


def signed_percent(value: float, places: int = 2) -> str:
    """0.0512 -> +5.12%"""
    return percent(value, places, "+")


def basis_points(value: float) -> str:
    """0.00125 -> 12.5 bps"""
    return f"{value * 10_000:,.1f} bps" if math.isfinite(value) else UNDEFINED


def money(value: float, currency: str, places: int = 2) -> str:
    """-1234.5, USD -> -$1,234.50; a currency without a sign of its own stands behind."""
    if not math.isfinite(value):
        return UNDEFINED
    minus, digits = ("-" if round(value, places) < 0 else ""), number(abs(value), places)
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{digits}" if sign else f"{minus}{digits} {currency}".rstrip()


def price(value: float) -> str:
    """With the digits its size can need, two at least: 43,210.50, 94.37, 1.08432."""
    if not math.isfinite(value):
        return UNDEFINED
    size = abs(value)
    places = 2 if size >= 100 or not size else min(8, max(2, 5 - math.floor(math.log10(size))))
    whole, _, decimals = f"{value:,.{places}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def plural(count: int, noun: str) -> str:
    """1 lot, 2 lots"""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def quantity(value: float) -> str:
    """Without trailing zeros: 12, 0.005."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def moment(at: int) -> datetime:
    """Nanoseconds since the epoch as a UTC datetime."""
    return datetime.fromtimestamp(at // SECOND, UTC)


def day(days: int) -> date:
    """Days since the epoch as a date."""
    return _EPOCH + timedelta(days=days)


def long_date(when: date) -> str:
    """2 Jan 2015"""
    return f"{when.day} {when:%b %Y}"


def timestamp(at: int) -> str:
    """2015-01-02 14:30, with seconds where there are any."""
    when = moment(at)
    return f"{when:%Y-%m-%d %H:%M:%S}" if when.second else f"{when:%Y-%m-%d %H:%M}"


def span(nanoseconds: float) -> str:
    """A length of time in the unit that suits it: 3.2 years, 41 days, 5.5 h, 12 min, 40 s."""
    if not math.isfinite(nanoseconds):
        return UNDEFINED
    days = nanoseconds / DAY
    if days >= 730:
        return f"{days / 365.25:.1f} years"
    if days >= 2:
        return f"{days:.0f} days" if days >= 10 else f"{days:.2g} days"
    for size, unit in ((3600, "h"), (60, "min")):
        count = nanoseconds / size / SECOND
        if count >= 2 or count == 1:
            return f"{round(count, 1):g} {unit}"
    return f"{nanoseconds / SECOND:.0f} s"


def shortened(lines: Sequence[str], most: int = 5, where: str = "the manifest") -> list[str]:
    """The first lines, and how many more there are, and where."""
    more = len(lines) - most
    return [*lines[:most], *([f"{more:,} more in {where}"] if more > 0 else [])]
