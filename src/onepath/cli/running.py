"""`onepath run`: a configuration becomes a session, with progress while it runs and a report when it is done.

Rules: the first Ctrl-C (or a termination) asks the session to stop, so that journal and report are whole; a second one
breaks off. Progress goes to stderr, redrawn on a terminal and a line now and then elsewhere.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.configs import Mode, Sets
from onepath.cli.printing import note, say, say_json
from onepath.errors import ConfigError

if TYPE_CHECKING:
    from onepath.config import Config
    from onepath.session import Outcome, Session
    from onepath.workspace import Workspace

BUILT = ("backtest",)
EXITS = {"completed": 0, "failed": 1, "stopped": 130}


def run(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    *,
    mode: Mode = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    name: Annotated[str | None, typer.Option(help="The session's id; default: mode, time and four digits.")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no tear sheet.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run a configuration.

    Strategies over market data, into a journal and a tear sheet.

    Example:  onepath run config/backtest.yaml --set strategies.0.params.fast=10
    """
    from onepath.config import load
    from onepath.workspace import home_of

    settings = load(config, sets or (), mode)
    if settings.mode not in BUILT:
        raise ConfigError(f"mode {settings.mode} is not built yet: this version of onepath runs {', '.join(BUILT)}")
    workspace = home_of(config, Path.cwd())
    session = _built(settings, workspace, name)
    outcome = _ran(session, quiet)
    session.journal.close()
    _tell(settings, workspace, outcome, as_json=as_json, sheet=not no_report)
    code = 1 if outcome.errors and outcome.status == "completed" else EXITS[outcome.status]
    if code:
        raise typer.Exit(code)


def _built(settings: Config, workspace: Workspace, name: str | None) -> Session:
    from onepath.build import build
    from onepath.clock import RealtimeClock
    from onepath.workspace import new_id

    session_id = name or new_id(settings.mode, RealtimeClock().now())
    journal = workspace.journal(session_id)
    if journal.exists():
        raise ConfigError(f"there is a session {session_id!r} already, and none is written over: give another --name")
    return build(settings, home=workspace.root, session_id=session_id, journal_path=journal)


def _ran(session: Session, quiet: bool) -> Outcome:
    from onepath.cli.progress import shown

    with stopped_by_signals(session.stop), shown(quiet) as progress:
        return session.run(progress)


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and termination call `stop`; the second time they interrupt at once."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        note("stopping: the session ends after what it is doing (once more breaks off)")
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(settings: Config, workspace: Workspace, outcome: Outcome, *, as_json: bool, sheet: bool) -> None:
    from onepath.cli.sessions import read_record, say_stats, stats_json, write_sheet

    journal = workspace.journal(outcome.session_id)
    record = read_record(journal)
    at = workspace.inside(settings.report.path) if settings.report.path else workspace.report(outcome.session_id)
    path = write_sheet(record, at) if sheet else None
    for error in outcome.errors:
        note(f"error: {error}")
    if as_json:
        say_json(_summary(outcome, stats_json(record), journal, path))
        return
    say_stats(record)
    if path is not None:
        say(f"tear sheet  {path}")
    facts = f"{outcome.status}, {outcome.events:,} events, {outcome.decisions:,} decisions"
    say(f"session     {outcome.session_id} ({facts})")


def _summary(outcome: Outcome, stats: dict[str, float | None], journal: Path, sheet: Path | None) -> dict[str, Any]:
    return {
        "session_id": outcome.session_id,
        "status": outcome.status,
        "events": outcome.events,
        "decisions": outcome.decisions,
        "hash": outcome.hash,
        "errors": list(outcome.errors),
        "stats": stats,
        "paths": {"journal": str(journal), "report": None if sheet is None else str(sheet)},
    }
