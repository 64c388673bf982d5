"""A local venue in a thread of its own, with real sockets: for tests, benchmarks and notebooks.

```python
with LocalVenue(data="btcusd_1m", speed=60) as venue:
    print(venue.url)
```
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from onepath.errors import ConfigError, OnepathError
from onepath.localvenue.faults import Fault, Faults
from onepath.localvenue.plans import fault, lottery, made, planned
from onepath.localvenue.sources import opened
from onepath.localvenue.tape import Deal
from onepath.localvenue.terms import Terms

if TYPE_CHECKING:
    from onepath.localvenue.server import Server

HOST = "127.0.0.1"
"""the only address it listens on"""
_T = TypeVar("_T")


def disturbances(faults: Sequence[str | Fault], drawn: str, seed: int) -> Faults:
    """The faults planned: some as text or Fault, some by lot (see `plans`)."""
    asked = [one if isinstance(one, Fault) else fault(one) for one in faults]
    return Faults(seed, planned(asked, lottery(drawn) if drawn else None))


def server(source: Any, terms: Terms, seed: int, faults: Faults) -> Server:
    """The server; aiohttp is needed from here on."""
    try:
        from onepath.localvenue.server import Server
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ConfigError("the local venue needs aiohttp; install it with: pip install 'onepath[live]'") from None
    return Server(source, terms, seed, faults)


class LocalVenue:
    """A venue that speaks Binance spot's public protocol on a free port of this machine.

    `data`: a data set's name, a path, a frame, or "generated". `speed`: seconds of data a second; without it
    a bar lasts a second, ticks come as recorded, generated symbols trade five times a second each. `history`: what is past
    when it opens, a share of the data ("20%") or a time ("2h"). `loop`: begin the data again at their end. `flood`: so
    many generated trades a second, at equal distances. `terms`: periods and limits (see Terms). `faults`: planned ones, such
    as "mute@10s:5s"; `lottery`: by lot, such as "seed=3,rate=0.2". The market begins when the context is entered.
    """

    def __init__(
        self,
        data: Any = "btcusd_1m",
        *,
        symbols: Sequence[str] | str | int | None = None,
        speed: float | str | None = None,
        seed: int = 0,
        history: str | float | None = None,
        loop: bool = True,
        legs: int = 1,
        flood: float | None = None,
        port: int = 0,
        terms: Terms | None = None,
        faults: Sequence[str | Fault] = (),
        lottery: str = "",
        data_dir: Path | None = None,
    ) -> None:
        self._source = opened(
            data,
            symbols=symbols,
            speed=speed,
            seed=seed,
            history=history,
            loop=loop,
            legs=legs,
            flood=flood,
            data_dir=data_dir,
        )
        self._terms, self._seed, self._wanted = terms or Terms(), seed, port
        self._faults = disturbances(faults, lottery, seed)
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._run, name="onepath-venue", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """Of REST, without a path: http://127.0.0.1:8765."""
        return f"http://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Of the sockets, without a path: ws://127.0.0.1:8765."""
        return f"ws://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        if error is None and self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OnepathError as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = server(self._source, self._terms, self._seed, self._faults)
        self.port = await self._server.start(HOST, self._wanted)
        self._ready.set()
        try:
            await self._server.until(self._stop)
        finally:
            await self._server.stop()

    def _there(self, work: Callable[[Server], _T]) -> _T:
        """Do something in the venue's thread and wait for it."""
        if self._loop is None or self._server is None:
            raise ConfigError("the local venue is not open; use it inside its with block")
        if self._failed is not None:
            raise self._failed
        running = self._server

        async def call() -> _T:
            return work(running)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)

    def truth(self, symbol: str, first: int = 1, limit: int = 10_000_000) -> list[Deal]:
        """What was really traded, by number, until now."""
        return self._there(lambda running: running.truth(symbol, first, limit))

    def inject(self, kind: str, **terms: Any) -> None:
        """A fault that begins now: inject("mute", seconds=2, stream="trade"). It has begun when this returns."""
        asked = made({"kind": kind, **terms})
        self._there(lambda running: running.inject([asked]))

    def status(self) -> Mapping[str, Any]:
        """What GET /onepath/status says."""
        return self._there(lambda running: running.status())
