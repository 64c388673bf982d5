"""A feed of bars whose prices are scaled for splits and dividends: what was said raw, in the units of a later day.

Rules: a bar is scaled by all actions that take effect after its start: prices divided by the product of the splits' ratios
(exact), times the product of the dividends' factors; volume multiplied by the ratios. Prices are not rounded. What comes
after the last action is handed on as it is.
Limits: bars alone. Cost: 2 us a bar that is scaled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from onepath.errors import DataError
from onepath.feeds.over import Over
from onepath.market import Bar, MarketEvent
from onepath.ports import Batch, Feed, News

FIELDS = ("open", "high", "low", "close", "volume")


class Steps(NamedTuple):
    """What prices of one symbol are scaled by: before `times[0]` by the first divisor and factor, then by the next, ...; after
    the last time not at all."""

    times: tuple[int, ...]
    divisors: tuple[float, ...]
    factors: tuple[float, ...]

    def bar(self, bar: Bar) -> Bar:
        """`bar` in the units of after the last time."""
        i = bisect_right(self.times, bar.start)
        if i == len(self.times):
            return bar
        divisor, factor = self.divisors[i], self.factors[i]
        opens, high, low, close = (price / divisor * factor for price in (bar.open, bar.high, bar.low, bar.close))
        return Bar(bar.symbol, bar.start, bar.at, opens, high, low, close, bar.volume * divisor)


class _Scaled:
    """A batch with its bars scaled."""

    def __init__(self, rows: Sequence[tuple[MarketEvent, bool]], news: Sequence[News]) -> None:
        self.news = news
        self.size = len(rows)
        self.ends_at = rows[-1][0].at if rows else 0
        self._rows = rows
        self._columns: dict[str, dict[str, list[float]]] | None = None

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return iter(self._rows)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        if self._columns is None:
            self._columns = {}
            for event, _ in self._rows:
                own = self._columns.setdefault(event.symbol, {field: [] for field in FIELDS})
                for field, column in own.items():
                    column.append(getattr(event, field))
        return self._columns.get(symbol, {field: [] for field in FIELDS})


class Adjusted(Over):
    """`feed`, scaled by `steps`."""

    def __init__(self, feed: Feed, steps: Mapping[str, Steps]) -> None:
        super().__init__(feed)
        self._steps = {symbol: found for symbol, found in steps.items() if found.times}
        self._until = max((found.times[-1] for found in self._steps.values()), default=-(2**63))

    def batches(self) -> Iterator[Batch]:
        done = False
        for batch in self._feed.batches():
            if done:
                yield batch
                continue
            rows = list(batch.events())
            done = bool(rows) and all(_start(event) >= self._until for event, _ in rows)
            yield _Scaled([(self._scaled(event), last) for event, last in rows], batch.news)

    def fingerprint(self) -> str:
        """The feed's, and what it is scaled by."""
        whole = blake2b(digest_size=32)
        whole.update(self._feed.fingerprint().encode())
        whole.update(repr(sorted(self._steps.items())).encode())
        return whole.hexdigest()

    def _scaled(self, event: MarketEvent) -> MarketEvent:
        steps = self._steps.get(event.symbol)
        return event if steps is None or type(event) is not Bar else steps.bar(event)


def _start(event: MarketEvent) -> int:
    if type(event) is not Bar:
        raise DataError(
            f"the data has {type(event).__name__.lower()}s of {event.symbol}; adjust is for bars: leave it out, and give the "
            "corporate actions as actions."
        )
    return event.start
