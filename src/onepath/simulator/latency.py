"""How long messages are on their way: orders to the venue, reports back.

Rules: an order, a replace and a cancel each take one `outward` draw when they are sent, a report one `homeward` draw when it
leaves; draws come from the session's seed, so equal runs draw equal delays. The two ways draw from streams of their own: a
way back does not change the way out. A session's messages keep their order (the venue sees to it): nothing overtakes what was
sent before it, as on one connection.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Protocol

import msgspec

from onepath.errors import ConfigError

MS = 1_000_000


class Latency(Protocol):
    """Nanoseconds from sending to arrival, never negative."""

    def outward(self) -> int: ...

    def homeward(self) -> int: ...


class NoLatency(msgspec.Struct, frozen=True):
    """Assumes that orders arrive, and are answered, at once."""

    def outward(self) -> int:
        return 0

    def homeward(self) -> int:
        return 0


class Constant(msgspec.Struct, frozen=True):
    """Assumes that every order takes `ms` and every report `back_ms` milliseconds."""

    ms: float
    back_ms: float = 0.0

    def __post_init__(self) -> None:
        _delays(self, ms=self.ms, back_ms=self.back_ms)

    def outward(self) -> int:
        return round(self.ms * MS)

    def homeward(self) -> int:
        return round(self.back_ms * MS)


class NormalLatency:
    """Assumes normally distributed delays, each way with a mean and a standard deviation in milliseconds, cut at zero."""

    def __init__(
        self, mean_ms: float, std_ms: float, seed: int = 0, back_mean_ms: float = 0.0, back_std_ms: float = 0.0
    ) -> None:
        _delays(self, mean_ms=mean_ms, std_ms=std_ms, back_mean_ms=back_mean_ms, back_std_ms=back_std_ms)
        self._seed = seed
        self._out = mean_ms, std_ms
        self._back = back_mean_ms, back_std_ms
        self._outward, self._homeward = _streams(seed)

    def __repr__(self) -> str:
        out, back = self._out, self._back
        return (
            f"NormalLatency(mean_ms={out[0]}, std_ms={out[1]}, seed={self._seed}, "
            f"back_mean_ms={back[0]}, back_std_ms={back[1]})"
        )

    def outward(self) -> int:
        return max(0, round(self._outward.gauss(*self._out) * MS))

    def homeward(self) -> int:
        return max(0, round(self._homeward.gauss(*self._back) * MS))


class Samples:
    """Assumes that delays are as they were measured: each is drawn from a list of milliseconds, every one as likely."""

    def __init__(self, samples: Sequence[float], seed: int = 0, back: Sequence[float] = ()) -> None:
        """`back` are the delays of reports; none: they arrive at once."""
        if not samples:
            raise ConfigError("Samples: there are none; give measured delays in milliseconds, such as [12, 15, 40]")
        _delays(self, **{f"samples[{i}]": ms for i, ms in enumerate(samples)})
        _delays(self, **{f"back[{i}]": ms for i, ms in enumerate(back)})
        self._seed = seed
        self._out = [max(0, round(ms * MS)) for ms in samples]
        self._back = [max(0, round(ms * MS)) for ms in back]
        self._outward, self._homeward = _streams(seed)

    def __repr__(self) -> str:
        out, back = len(self._out), len(self._back)
        return f"Samples({out} delays of orders, {back} of reports, seed={self._seed})"

    def outward(self) -> int:
        return self._outward.choice(self._out)

    def homeward(self) -> int:
        return self._homeward.choice(self._back) if self._back else 0


def _delays(model: object, **given: float) -> None:
    """Refuse what no delay can be."""
    for name, ms in given.items():
        if isinstance(ms, bool) or not isinstance(ms, int | float) or not 0 <= ms < math.inf:
            raise ConfigError(
                f"{type(model).__name__}: {name} is {ms!r}; it must be a finite number of milliseconds, zero or more"
            )


def _streams(seed: int) -> tuple[random.Random, random.Random]:
    """A stream for each way."""
    return random.Random(seed), random.Random(f"{seed} back")  # noqa: S311 - a simulation, and it must repeat
