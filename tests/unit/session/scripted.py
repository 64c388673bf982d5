"""Paper sessions without sockets: a source that brings what a script says when it says so, by a clock that it moves itself."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from onepath import Instrument, realtime
from onepath.config import loads
from onepath.events import DataState, DataStatus
from onepath.market import Bar, MarketEvent, Trade, kind_of
from onepath.session import Outcome
from onepath.workspace import Workspace

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BEGIN = 1_704_189_600 * SECOND
"""Tuesday 2024-01-02 10:00 UTC"""


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self, at: int = BEGIN) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def wait_until(self, at: int) -> None:
        self.at = max(self.at, at)


class Scripted:
    """A venue's data, each item at its own time (`at`); history is what is given as such."""

    def __init__(
        self,
        clock: Hand,
        script: Sequence[MarketEvent | DataStatus],
        history: Sequence[Bar] = (),
        kinds: Collection[str] = ("bars", "trades"),
        symbols: Sequence[str] = ("AB",),
    ) -> None:
        self.instruments: Mapping[str, Instrument] = {
            symbol: Instrument(
                symbol=symbol, lot_size=Decimal("0.001"), tick_size=Decimal("0.01"), asset_class="crypto"
            )
            for symbol in symbols
        }
        self.kinds: Mapping[str, Collection[str]] = dict.fromkeys(symbols, tuple(kinds))
        self.volumes: Collection[str] = frozenset(symbols)
        self._clock = clock
        self._script = list(script)
        self._history = history

    def describe(self) -> Mapping[str, Any]:
        return {"source": "scripted", "interval_ns": MINUTE}

    def history(self, bars: int) -> Sequence[Bar]:
        return self._history[-bars * len(self.instruments) :]

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        """Nothing has to be fetched."""

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        upto = self._clock.at + int(seconds * SECOND)
        found = [item for item in self._script[:1] if item.at <= upto]
        while found and len(found) < len(self._script) and self._script[len(found)].at <= found[0].at + 2_000_000:
            found.append(self._script[len(found)])  # what comes within 2 ms comes together
        del self._script[: len(found)]
        self._clock.at = found[-1].at if found else max(upto, self._clock.at + 1)
        return found

    def wake(self) -> None:
        """Nobody sleeps here."""

    def stop(self) -> None:
        """Nothing is open."""

    def health(self) -> Mapping[str, Any]:
        return {}


def bar(symbol: str, minute: int, prices: Sequence[float], late: int = 0) -> Bar:
    """The bar of one minute after BEGIN, known `late` after its end."""
    start = BEGIN + minute * MINUTE
    end = start + MINUTE
    return Bar(symbol, start, end + late, prices[0], max(prices), min(prices), prices[-1], float(len(prices)), end)


def walked(minutes: int, seed: int, symbols: Sequence[str] = ("AB",), ahead: int = 60) -> tuple[list[Bar], list[Any]]:
    """History of `ahead` minutes before BEGIN, then as many `minutes` live: trades, and bars of them 30 ms late."""
    chance = random.Random(seed)  # noqa: S311 - a market, no secret
    price = dict.fromkeys(symbols, 100.0)
    history: list[Bar] = []
    live: list[MarketEvent | DataStatus] = []
    for minute in range(-ahead, minutes):
        for symbol in symbols:
            seen = []
            for second in sorted(chance.sample(range(60), 5)):
                drift = 0.2 * math.sin(minute / 7) + chance.gauss(0, 0.15)
                price[symbol] = round(price[symbol] + drift, 2)
                seen.append(price[symbol])
                at = BEGIN + minute * MINUTE + second * SECOND
                if minute >= 0:
                    live.append(Trade(symbol, at + chance.randrange(40_000_000), price[symbol], 1.0, 1, at))
            closed = bar(symbol, minute, seen, 30_000_000 + chance.randrange(9_000_000) if minute >= 0 else 0)
            (live if minute >= 0 else history).append(closed)
    live.sort(key=lambda item: item.at)
    return history, live


def interrupted(live: list[Any], minute: int) -> list[Any]:
    """The same, with the trades of one minute lost, and the source saying so."""
    first, last = BEGIN + minute * MINUTE, BEGIN + (minute + 1) * MINUTE
    kept = [item for item in live if not first <= item.at < last]
    stale = DataStatus(at=first + 5, state=DataState.STALE, symbol="AB", stream="trades", reason="nothing heard")
    back = DataStatus(at=last - 5, state=DataState.RECOVERED, symbol="AB", stream="trades", missed=5, since=first)
    return sorted([*kept, stale, back], key=lambda item: item.at)


CONFIG = """\
mode: {mode}
seed: 7
data: {{type: realtime, source: scripted, symbols: [{symbols}]}}
execution:
  slippage: {{model: fixed_bps, params: {{bps: 2}}}}
  commission: {{model: bps, params: {{bps: 5}}}}
  latency: {{mean_ms: 40, std_ms: 10}}
recovery: {{snapshots: auto}}
isolation: {{time_budget: 60}}
strategies:
{strategies}
"""


def run(
    home: Path,
    name: str,
    strategies: Mapping[str, str],
    *,
    minutes: int = 60,
    seed: int = 1,
    symbols: Sequence[str] = ("AB",),
    kinds: Sequence[str] = ("bars", "trades"),
    mode: str = "paper",
    script: Any = None,
    sets: Sequence[str] = (),
) -> tuple[Path, Outcome]:
    """Run a session of `strategies` (name: class) in `home`; gives its journal and what came of it."""
    listed = "\n".join(f"  - {{name: {n}, class: '{c}', capital: 10000}}" for n, c in strategies.items()) or "  []"
    text = CONFIG.format(mode=mode, symbols=", ".join(symbols), strategies=listed)
    clock = Hand()
    history, live = walked(minutes, seed, symbols)
    live = live if script is None else script(live)
    live = [item for item in live if isinstance(item, DataStatus) or kind_of(item) in kinds]
    source = Scripted(clock, live, history, kinds, symbols)
    journal = Workspace(home).journal(name)
    session = realtime.begin(
        loads(text, sets=sets),
        source,
        home=home,
        session_id=name,
        journal_path=journal,
        clock=clock,
        until=BEGIN + minutes * MINUTE + SECOND,
    )
    try:
        return journal, session.run()
    finally:
        session.journal.close()
