"""`onepath data fetch`: bring history from where it is published."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onepath.cli.printing import note, say, say_json
from onepath.cli.progress import DRAW_SECONDS, LINE_SECONDS
from onepath.clock import monotonic

if TYPE_CHECKING:
    from onepath.data.fetch.fetching import Fetched, Going


def fetch(
    source: Annotated[str, typer.Argument(help="yahoo, alpaca, or an exchange that ccxt knows, such as binance.")],
    symbols: Annotated[list[str], typer.Argument(help="As the source names them: AAPL, BTC/USDT.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the data set.")],
    start: Annotated[str | None, typer.Option(help="From this day or time, UTC; default: the source's first.")] = None,
    end: Annotated[str | None, typer.Option(help="Up to this day or time, not included; default: now.")] = None,
    interval: Annotated[str, typer.Option(help="Length of a bar, such as 1m, 1h or 1d.")] = "1d",
    calendar: Annotated[
        str | None, typer.Option(help="Trading calendar, such as XNYS or 24/7; default: the source's.")
    ] = None,
    feed: Annotated[str, typer.Option(help="Alpaca: iex (free) or sip.")] = "",
    quality: Annotated[
        str, typer.Option(help="Faults: reject, flag, or such as gaps=fill,bad_bars=flag; see docs/fetching.md.")
    ] = "",
    restated: Annotated[
        str, typer.Option(help="Where the source has changed history: refuse, keep or replace.")
    ] = "refuse",
    url: Annotated[str, typer.Option(help="Another address that speaks the source's protocol, such as a proxy.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fetch bars from Yahoo, Alpaca or an exchange into the workspace, or bring a data set up to date.

    Ends with exit code 1 where a symbol could not be had; the others are there.

    Example:  onepath data fetch yahoo AAPL MSFT --name my_stocks --start 2015-01-01
    """
    from onepath.data import catalogue
    from onepath.data.bars import nanoseconds
    from onepath.data.fetch import fetch as fetched
    from onepath.data.fetch import importer
    from onepath.data.fetch.fetching import Wanted, summary
    from onepath.data.policies import policies
    from onepath.data.sessions import get
    from onepath.data.sources import moment
    from onepath.workspace import find

    folder = catalogue.folder_of(find(Path.cwd()).data_dir, name)
    wanted = Wanted(nanoseconds(interval) or 0, moment(start), moment(end), calendar, restated, policies(quality))
    if calendar is not None:
        get(calendar)  # a name that is none is told before anything is asked for
    origin = importer(source, url=url, feed=feed)
    with _shown(quiet) as told:
        done = fetched(origin, symbols, folder, wanted, told=told)
    if as_json:
        say_json(summary(done, folder))
    else:
        _say(done, folder)
    if any(one.error for one in done):
        raise typer.Exit(1)


def _say(done: Sequence[Fetched], folder: Path) -> None:
    for one in done:
        if one.error:
            note(f"error: {one.symbol}: {one.error}")
        if one.rows_total:
            acted = f", {one.actions_added} corporate actions" if one.actions_added else ""
            say(f"{one.symbol}: {one.rows_added:,} bars added{acted}, {one.rows_total:,} in all")
        for remark in one.notes:
            say(f"{one.symbol}: {remark}")
    if any(one.rows_total for one in done):
        say(f"in {folder}")
    if (folder / "actions.csv").is_file():
        say(f"corporate actions in {folder / 'actions.csv'}: name it under data.actions")


@contextmanager
def _shown(quiet: bool) -> Iterator[Callable[[Going], None] | None]:
    if quiet:
        with nullcontext(None) as nothing:
            yield nothing
        return
    every = DRAW_SECONDS if sys.stderr.isatty() else LINE_SECONDS
    began, last, rows, symbol, before = monotonic(), monotonic(), 0, "", 0

    def told(going: Going) -> None:
        nonlocal last, rows, symbol, before
        if going.symbol != symbol:
            symbol, before = going.symbol, rows
        rows = before + going.rows
        now = monotonic()
        if now - last < every:
            return
        last = now
        text = line(going, rows, now - began)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text:<78}\r")
            sys.stderr.flush()
        else:
            note(text)

    yield told
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{'':<78}\r")


def line(going: Going, rows: int, elapsed: float) -> str:
    """`AAPL  3 of 10  27 %  12,000 bars  4,100 bars/s  31 s left`."""
    share = min(1.0, (going.done + min(1.0, max(0.0, going.share))) / max(1, going.symbols))
    parts = [going.symbol, f"{going.done + 1} of {going.symbols}", f"{share:.0%}".replace("%", " %"), f"{rows:,} bars"]
    parts.append(f"{rows / max(elapsed, 1e-9):,.0f} bars/s")
    if share:
        parts.append(f"{elapsed / share - elapsed:,.0f} s left")
    return "  ".join(parts)
