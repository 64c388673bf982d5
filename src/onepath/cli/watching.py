"""`onepath status`, and what is seen of a session in real time while it runs.

Rules: the screen goes to stderr, four times a second at most; without a terminal a line every five seconds. `status` reads what
the session writes beside its journal, so it needs no connection, and tells of a session that has died as well.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import note, say, say_json
from onepath.clock import monotonic

if TYPE_CHECKING:
    from onepath.journal.lease import Holder
    from onepath.monitor.view import View
    from onepath.session import Session
    from onepath.workspace import SessionEntry

Told = Callable[["View"], None]
LINE_SECONDS = 5.0
_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
OLD = 5.0
"""seconds after which what is written beside a session is too old for one that runs"""


def shown_live(quiet: bool) -> AbstractContextManager[Told | None]:
    """Something to tell views to: a screen on a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        return nullcontext(None)
    return _screen() if sys.stderr.isatty() else nullcontext(_lines(monotonic))


@contextmanager
def _screen() -> Iterator[Told]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from onepath.monitor.screen import picture

    console = Console(stderr=True)
    with Live(Text("starting"), console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:

        def told(view: View) -> None:
            live.update(picture(view), refresh=True)

        yield told


def _lines(seconds: Callable[[], float]) -> Told:
    from onepath.monitor.screen import line

    last = seconds() - LINE_SECONDS

    def told(view: View) -> None:
        nonlocal last
        now = seconds()
        if now - last >= LINE_SECONDS:
            last = now
            note(line(view))

    return told


@contextmanager
def watched(session: Session, folder: Path, *, quiet: bool, metrics_port: int | None = None) -> Iterator[None]:
    """The monitor of a session in real time, with its screen."""
    from onepath.clock import RealtimeClock
    from onepath.monitor.watching import Monitor

    live = session.plan.live
    health = getattr(None if live is None else live.source, "health", None)
    with (
        shown_live(quiet) as told,
        Monitor(
            session,
            RealtimeClock(),
            folder,
            health=health,
            told=told,
            secrets=secrets_in(session.plan.config),
            metrics_port=metrics_port,
        ) as monitor,
    ):
        if monitor.metrics_port is not None:
            note(f"metrics at http://127.0.0.1:{monitor.metrics_port}/metrics")
        yield


def secrets_in(config: Any) -> set[str]:
    """The texts that came into a configuration from the environment: the manifest has their names alone."""
    if isinstance(config, Mapping):
        return {text for value in config.values() for text in secrets_in(value)}
    if isinstance(config, list | tuple):
        return {text for value in config for text in secrets_in(value)}
    named = _NAMED.findall(config) if isinstance(config, str) else ()
    return {os.environ[name] for name in named if os.environ.get(name)}


def status(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="A session's id, its first characters, or `last`.")
    ] = "last",
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again every second, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how a session in real time is doing, or was when it ended.

    Example:  onepath status last --watch
    """
    from onepath.workspace import find

    entry = find(Path.cwd()).session(session)
    while True:
        found = _found(entry)
        if as_json:
            say_json(found)
        else:
            _say(found)
        if not watch or not found["runs"]:
            break
        time.sleep(1.0)
    if found["state"] == "died":
        raise typer.Exit(1)


def _found(entry: SessionEntry) -> dict[str, Any]:
    """What is known of a session: whether it runs, and what was seen last."""
    import msgspec

    from onepath.clock import RealtimeClock
    from onepath.errors import ConfigError
    from onepath.journal.lease import holder
    from onepath.monitor.files import read_status

    view = read_status(entry.journal.parent)
    if view is None:
        raise ConfigError(
            f"session {entry.id} has no status: only sessions in real time write one; `onepath report {entry.id}` tells of others"
        )
    age = (RealtimeClock().now() - view.wall) / 1e9
    who = holder(entry.journal)
    at_work = who is not None and _is_there(who)
    over = view.state in ("completed", "stopped", "failed", "ended", "broken off")
    state = view.state if over or (at_work and age < OLD) else "does not answer" if at_work else "died"
    return {**msgspec.to_builtins(view), "state": state, "runs": at_work and not over, "age_seconds": round(age, 1)}


def _is_there(who: Holder) -> bool:
    """Whether the process that took the lease lives; one of another host is believed to."""
    if who.host != os.uname().nodename:
        return True
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _say(found: dict[str, Any]) -> None:
    import msgspec
    from rich.console import Console

    from onepath.monitor.screen import picture, span
    from onepath.monitor.view import View

    view = msgspec.convert({key: value for key, value in found.items() if key in View.__struct_fields__}, View)
    console = Console() if sys.stdout.isatty() else Console(width=100)
    with console.capture() as drawn:
        console.print(picture(view))
    for drawn_line in drawn.get().splitlines():
        say(drawn_line.rstrip())
    seen = f"seen {span(int(found['age_seconds'] * 1e9))} ago"
    if found["state"] == "died":
        say(f"the session died without ending, {seen}: `onepath resume {view.session}` goes on with it")
    elif found["state"] == "does not answer":
        say(f"process {view.pid} is there, but has written nothing for {found['age_seconds']:,.0f} s")
    else:
        say(seen)
