"""From the time of the data to the time of the venue: recorded time t becomes start + (t - t0) / speed.

Rules: whole nanoseconds, exact for any speed that is a decimal. Data are played in rounds of one length, over and over;
`position` counts nanoseconds of data since the start of round 0. The data's bars begin on whole multiples of their
retimed length: one-minute bars at speed 60 are the venue's one-second candles, price for price.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from onepath.errors import ConfigError


class Retiming(NamedTuple):
    """Position in the data and moment at the venue, one from the other."""

    origin: int
    """the moment of position 0"""
    numerator: int
    denominator: int

    def moment(self, position: int) -> int:
        """When the venue shows what is at this position of the data."""
        return self.origin + position * self.denominator // self.numerator


def speed_of(value: float | str) -> Fraction:
    """The speed, exactly. Raises ConfigError where it is no number above zero."""
    try:
        speed = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        speed = Fraction(0)
    if speed <= 0:
        raise ConfigError(f"speed is {value}; it must be a number above zero, such as 1 (as recorded) or 60")
    return speed


def anchored(now: int, position: int, speed: Fraction, step: int) -> Retiming:
    """The retiming in which data position `position` is what is played at `now`; `step` is the data's bar length in
    nanoseconds, 0 for ticks."""
    moment = now
    if step:
        length = step * speed.denominator // speed.numerator
        moment = now // length * length if length else now
    origin = moment - position * speed.denominator // speed.numerator
    return Retiming(origin, speed.numerator, speed.denominator)
