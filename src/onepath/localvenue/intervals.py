"""The venue's candle lengths, and when a candle of each begins.

Rules: times in milliseconds since the epoch, UTC; weeks begin on Monday, months on the first.
"""

from __future__ import annotations

import datetime as dt

SECOND = 1_000
DAY = 86_400_000
_MONDAY = 4 * DAY  # 1970-01-05
MONTH = "1M"
LENGTHS: dict[str, int] = {
    "1s": SECOND,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
    MONTH: 0,
}
"""milliseconds by name; a month has none"""


def opening(interval: str, at: int) -> int:
    """When the candle that holds the moment `at` began."""
    if interval == MONTH:
        day = dt.datetime.fromtimestamp(at // 1000, dt.UTC)
        return int(dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC).timestamp()) * 1000
    length = LENGTHS[interval]
    shift = _MONDAY if interval == "1w" else 0
    return (at - shift) // length * length + shift


def following(interval: str, opened: int) -> int:
    """When the candle after the one that began at `opened` begins."""
    if interval == MONTH:
        return opening(MONTH, opened + 32 * DAY)
    return opened + LENGTHS[interval]
