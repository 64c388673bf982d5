"""Market data from where it is published, into the catalogue: Yahoo, Alpaca and every exchange that ccxt knows.

Rules: one port (`port`), an importer a source (`yahoo`, `alpaca`, `ccxt`), one way to put pages away (`fetching`). This page
imports nothing heavy; urllib3 and ccxt come with the first request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onepath.data.fetch.fetching import Fetched, Going, Wanted
    from onepath.data.fetch.port import Importer

SOURCES = ("yahoo", "alpaca")
"""sources that are not exchanges of ccxt"""


def importer(source: str, *, url: str = "", feed: str = "", patience: float = 1.0) -> Importer:
    """The importer of that name: yahoo, alpaca, or the ccxt id of an exchange. Raises ConfigError.

    `url` is another address that speaks the source's protocol; `feed` one of several feeds of the source (Alpaca: iex or
    sip); `patience` stretches the pauses between attempts.
    """
    from onepath.clock import RealtimeClock
    from onepath.errors import ConfigError

    if url and not (url.startswith(("http://", "https://")) and url.partition("://")[2]):
        raise ConfigError(f"the address (--url) is {url!r}; expected one such as http://127.0.0.1:8080")
    clock = RealtimeClock()
    if source == "yahoo":
        from onepath.data.fetch.yahoo import Yahoo

        return Yahoo(clock, url=url, patience=patience)
    if source == "alpaca":
        from onepath.data.fetch.alpaca import Alpaca, keys

        return Alpaca(clock, keys(), url=url, feed=feed, patience=patience)
    from onepath.data.fetch.ccxt import Ccxt

    return Ccxt(source, clock, url=url, patience=patience)


def fetch(
    source: Importer,
    symbols: Sequence[str],
    folder: Path,
    wanted: Wanted,
    *,
    told: Callable[[Going], None] | None = None,
) -> list[Fetched]:
    """Bring a data set up to date; see `fetching`."""
    from onepath.data.fetch.fetching import fetch as fetched

    return fetched(source, symbols, folder, wanted, told=told)
