"""What a session needs of a market that is made here: a clock that the market moves, and a source with nothing to connect."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from onepath import Instrument
from onepath.market import Bar, MarketEvent

SECOND = 1_000_000_000
T0 = 1_800_000_000 * SECOND


class Clock:
    """Moved by the source."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def wait_until(self, at: int) -> None:
        self.at = at


class Unconnected:
    """A source of crypto symbols, all but for `take`, which brings the market."""

    def __init__(self, clock: Clock, symbols: Sequence[str], kinds: Sequence[str]) -> None:
        self.instruments: Mapping[str, Instrument] = {
            symbol: Instrument(symbol=symbol, asset_class="crypto", currency="USDT", lot_size=Decimal("0.001"))
            for symbol in symbols
        }
        self.kinds: Mapping[str, Collection[str]] = dict.fromkeys(symbols, kinds)
        self.volumes: Collection[str] = symbols
        self.clock = clock

    def describe(self) -> Mapping[str, Any]:
        return {"source": "scripted"}

    def history(self, bars: int) -> Sequence[Bar]:
        return ()

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        """Nothing to connect."""

    def take(self, seconds: float) -> Sequence[MarketEvent]:
        """What has happened; here nothing, while time passes."""
        self.clock.at += round(seconds * SECOND) + 1
        return ()

    def wake(self) -> None:
        """Nobody waits."""

    def stop(self) -> None:
        """Nothing is open."""

    def health(self) -> Mapping[str, Any]:
        return {}
