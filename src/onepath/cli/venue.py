"""`onepath venue`: a venue on this machine that speaks Binance spot's public protocol."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import note, say

if TYPE_CHECKING:
    from onepath.localvenue.server import Server


def venue(
    *,
    data: Annotated[str, typer.Option(help="A data set's name, a file, or `generated`.")] = "btcusd_1m",
    port: Annotated[
        int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8765,
    speed: Annotated[
        str | None, typer.Option(help="Seconds of data a second; default: a bar a second, ticks as recorded.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Names with commas; or how many are generated.")] = None,
    seed: Annotated[int, typer.Option(help="Of generated data, made-up books and faults.")] = 0,
    history: Annotated[str | None, typer.Option(help="What is past at the start: 20% of the data, or 2h.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop trading at the data's end; default: begin again.")] = False,
    flood: Annotated[float | None, typer.Option(help="Generate exactly so many trades a second.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="kind@start:duration,key=value; repeatable.")] = None,
    faults: Annotated[str, typer.Option(help="Faults by lot: seed=3,rate=0.2,kinds=mute+cut.")] = "",
    seconds: Annotated[float | None, typer.Option(help="End after so long; default: with Ctrl-C.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it is as one line of JSON.")] = False,
) -> None:
    """Play market data as a venue would.

    Binance spot's public REST and streams on 127.0.0.1, for ccxt, python-binance and onepath itself.

    Example:  onepath venue --data btcusdt_quotes --speed 1 --fault mute@10s:5s
    """
    from onepath.localvenue.running import disturbances, server
    from onepath.localvenue.sources import opened
    from onepath.localvenue.terms import Terms
    from onepath.workspace import find

    source = opened(
        data,
        symbols=int(symbols) if symbols and symbols.isdecimal() else symbols,
        speed=speed,
        seed=seed,
        history=history,
        loop=not once,
        legs=1,
        flood=flood,
        data_dir=find(Path.cwd()).data_dir,
    )
    made = server(source, Terms(), seed, disturbances(fault or [], faults, seed))
    import asyncio

    asyncio.run(_serve(made, port, seconds, as_json))


async def _serve(made: Server, port: int, seconds: float | None, as_json: bool) -> None:
    import asyncio

    from onepath.localvenue.running import HOST

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C comes as an exception
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    found = await made.start(HOST, port)
    try:
        _announce(made, f"{HOST}:{found}", as_json)
        await made.until(stop, seconds)
    finally:
        await made.stop()
    if not as_json:
        note(f"stopped: {_told(made.status())}")


def _announce(made: Server, where: str, as_json: bool) -> None:
    """The ready line, at once though nobody may look."""
    import json
    import sys

    symbols = list(made.market.symbols)
    if as_json:
        said = {"url": f"http://{where}", "ws_url": f"ws://{where}", "port": int(where.rpartition(":")[2])}
        say(json.dumps(said | {"symbols": symbols}))
    else:
        say(f"ready: http://{where}  {', '.join(symbols[:6])}{' ...' if len(symbols) > 6 else ''}")
        say(
            f"REST http://{where}/api/v3, streams ws://{where}/stream/ws, faults http://{where}/onepath/faults; Ctrl-C ends"
        )
    sys.stdout.flush()


def _told(status: Any) -> str:
    trades = sum(one["trades"] for one in status["symbols"].values())
    return f"{status['seconds']:,.0f} s, {trades:,} trades, {status['sent']:,} messages sent"
