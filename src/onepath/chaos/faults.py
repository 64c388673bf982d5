"""What can go wrong, by name, and a schedule of it drawn from a seed.

Rules: a schedule is data: the same seed gives the same faults at the same moments, and one left out leaves the others where they
were. Times are nanoseconds since the session began. Each kind says in `KINDS` what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from onepath.chaos.timing import SECOND


class Fault(NamedTuple):
    """One thing that goes wrong at `at`, for `length` nanoseconds or `n` times, with the stream (or point) `where`."""

    kind: str
    at: int
    length: int = 0
    n: int = 0
    where: str = ""

    def __str__(self) -> str:
        seconds = f" for {self.length / SECOND:.2f} s" if self.length else ""
        times = f" x{self.n}" if self.n else ""
        return f"{self.kind} at {self.at / SECOND:.2f} s{seconds}{times}{f' ({self.where})' if self.where else ''}"


KINDS: dict[str, str] = {
    # the network between the venue and us
    "drop": "messages are lost in a standing connection",
    "vanish": "messages are lost, and REST does not have them either",
    "delay": "everything comes late",
    "duplicate": "messages come twice",
    "reorder": "messages overtake each other",
    "cut": "the connection breaks",
    "half-open": "the connection stands, and nothing comes any more",
    "mute": "one stream falls silent, the others go on",
    "daily": "the venue announces that it disconnects, and does",
    "refuse": "dials are refused",
    "hang": "dials are not answered",
    "busy": "REST answers 429",
    "broken": "REST answers 502",
    "silent": "REST does not answer",
    "behind": "REST is behind the stream",
    "malformed": "messages are damaged",
    "garbled": "REST's answers are damaged",
    # time
    "clock forward": "the machine's clock is set forward",
    "clock back": "the machine's clock is set back",
    "stall": "the session does nothing for a while",
    # the process and its disk
    "crash": "the process is killed",
    "crash again": "it is killed while it recovers",
    "disk error": "a write to the journal fails",
    "disk full": "there is no room for the journal",
    "torn end": "the end of the journal's log is damaged when the process is killed",
    "lost mark": "the note of how far the journal is durable is gone after the process was killed",
    "bad snapshot": "a snapshot is damaged when the process is killed",
    "second process": "another process tries to run the session",
    # the simulated broker, and strategies
    "rejections": "the broker rejects orders",
    "outage": "the broker takes nothing",
    "late reports": "the broker's reports come late",
    "strategy raises": "a strategy raises",
}
"""every kind, and what it is"""

_STREAMED = ("drop", "vanish", "duplicate", "reorder", "malformed", "mute")
_COUNTED = {"drop": 6, "vanish": 4, "duplicate": 6, "reorder": 5, "malformed": 4, "garbled": 3}
_LASTING = {
    "delay": (0.2, 4.0),
    "mute": (1.0, 9.0),
    "refuse": (0.5, 6.0),
    "hang": (0.5, 6.0),
    "busy": (0.5, 5.0),
    "broken": (0.5, 5.0),
    "silent": (0.5, 5.0),
    "behind": (0.5, 5.0),
    "clock forward": (0.001, 10.0),
    "clock back": (0.001, 10.0),
    "stall": (0.2, 5.0),
}
_NETWORK = tuple(KINDS)[:17]
_TIME = ("clock forward", "clock back", "stall")
_DISK = ("disk error", "disk full")
UNSEEN = ("drop", "vanish", "duplicate", "reorder", "malformed", "mute", "behind")
"""what cannot be noticed of trades without numbers: losses in a standing connection, and an answer that is not up to date"""


def drawn(rng: Random, length: int, streams: Sequence[str], *, numbered: bool = True, most: int = 14) -> list[Fault]:
    """Faults of a session that lasts `length` nanoseconds. Every kind that is not of the network comes in some schedules."""
    found = [_network(rng, length, streams) for _ in range(rng.randint(3, most))]
    if not numbered:
        found = [fault for fault in found if fault.kind not in UNSEEN]
    if rng.random() < 0.25:
        found.append(_timed(rng.choice(_TIME), rng, length))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        found += _crash(rng, length)
    if rng.random() < 0.15:
        found.append(Fault(rng.choice(_DISK), rng.randrange(length), n=rng.randint(1, 8)))
    if rng.random() < 0.05:
        found.append(Fault("second process", rng.randrange(length)))
    return sorted(found, key=lambda fault: fault.at)


def _network(rng: Random, length: int, streams: Sequence[str]) -> Fault:
    kind = rng.choice(_NETWORK)
    fault = _timed(kind, rng, length)
    n = rng.randint(1, _COUNTED[kind]) if kind in _COUNTED else 0
    return fault._replace(n=n, where=rng.choice(streams) if kind in _STREAMED else "")


def _timed(kind: str, rng: Random, length: int) -> Fault:
    least, longest = _LASTING.get(kind, (0.0, 0.0))
    return Fault(kind, rng.randrange(length), round(rng.uniform(least, longest) * SECOND))


POINTS = ("append", "flush", "flushed", "take", "batch", "snapshot", "decided")
"""where a process can be killed: before a row is appended, before and after a flush, when data are awaited, between two
batches, when a snapshot is kept, when the venue is handed an order"""


def _crash(rng: Random, length: int) -> list[Fault]:
    at = rng.randrange(length)
    crash = Fault("crash", at, rng.randrange(8 * SECOND), rng.randint(1, 12), rng.choice(POINTS))
    found = [crash]
    if rng.random() < 0.3:
        again = Fault(
            "crash again", at + 1, rng.randrange(5 * SECOND), rng.randint(1, 80), rng.choice(("batch", "flush", "take"))
        )
        found.append(again)
    for kind, chance in (("torn end", 0.15), ("lost mark", 0.1), ("bad snapshot", 0.15)):
        if rng.random() < chance:
            found.append(Fault(kind, at, n=rng.randrange(1, 1 << 30)))
    return found
