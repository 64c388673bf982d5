"""`onepath run`: a configuration becomes a session, with progress while it runs and a report when it is done.

Rules: the first Ctrl-C (or a termination) asks the session to stop, so that journal and report are whole; a second one
breaks off. Progress goes to stderr, redrawn on a terminal and a line now and then elsewhere.
"""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Callable, Iterator, Sequence
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

MetricsPort = Annotated[
    int | None,
    typer.Option(help="In real time: serve metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0: any free port."),
]
Sheet = Callable[[str], Path]
"""Where the tear sheet of a session id goes"""
BUILT = ("backtest", "paper", "collect")
EXITS = {"completed": 0, "failed": 2, "stopped": 130}


def run(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    *,
    mode: Mode = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    name: Annotated[str | None, typer.Option(help="The session's id; default: mode, time and four digits.")] = None,
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="In real time: end after so long, such as 90s, 30m or 8h."),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no tear sheet.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Run a configuration.

    Strategies over market data, into a journal and a tear sheet. Over live data (modes paper and collect) until Ctrl-C, or for
    the time given.

    Example:  onepath run config/backtest.yaml --set strategies.0.params.fast=10

    Example:  onepath run config/paper.yaml --for 8h
    """
    from onepath.config import load
    from onepath.workspace import home_of

    _is_built(config, sets or (), mode)
    settings = load(config, sets or (), mode)
    workspace = home_of(config, Path.cwd())
    sheet = None if no_report else _sheet(settings, workspace)
    with stopped_by_signals() as stopping:
        stopping.connects = settings.data.type == "realtime"
        session = _built(settings, workspace, name, lasting)
        stopping.reaches(session)
        _finished(session, workspace, quiet=quiet, as_json=as_json, sheet=sheet, metrics_port=metrics_port)


def resume(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, its first characters, or `last`.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after so long from now, such as 90s, 30m or 8h.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no tear sheet.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Go on with a session that broke off.

    It is run again over what it recorded, every row compared, and goes on live from there; what came meanwhile is fetched.

    Example:  onepath resume last --for 8h
    """
    from onepath import realtime, resuming
    from onepath.clock import RealtimeClock
    from onepath.journal.sqlite import SqliteReader
    from onepath.workspace import find

    workspace, clock = find(Path.cwd()), RealtimeClock()
    entry = workspace.session(session)
    config = resuming.config_of(resuming.started_of(SqliteReader(entry.journal)))
    sheet = None if no_report else _sheet(config, workspace)
    until = None if lasting is None else clock.now() + _duration(lasting)
    with stopped_by_signals() as stopping:
        stopping.connects = True
        source = realtime.source_of(config, clock)
        gone_on = resuming.resume(entry.journal, source, home=workspace.root, clock=clock, until=until)
        for said in gone_on.notes:
            note(said)
        stopping.reaches(gone_on.session)
        _finished(gone_on.session, workspace, quiet=quiet, as_json=as_json, sheet=sheet, metrics_port=metrics_port)


def _finished(
    session: Session,
    workspace: Workspace,
    *,
    quiet: bool,
    as_json: bool,
    sheet: Sheet | None,
    metrics_port: int | None,
) -> None:
    """Run the session, tell what came of it, and end with its exit code."""
    try:
        folder = workspace.journal(session.id).parent
        outcome = _ran(session, folder, quiet=quiet, metrics_port=metrics_port)
        _note(session, {"ended_at": _now(), "status": outcome.status})
        _tell(workspace, outcome, as_json=as_json, sheet=sheet)
    finally:
        session.journal.close()
    code = 2 if outcome.errors else EXITS[outcome.status]
    if code:
        raise typer.Exit(code)


def _is_built(config: Path, sets: Sequence[str], mode: str | None) -> None:
    """Told before anything else: the file of one mode lacks what another mode needs, which is not the point here."""
    from onepath.config import MODES, mode_asked

    asked = mode_asked(config, sets, mode)
    if asked in MODES and asked not in BUILT:
        raise ConfigError(f"mode {asked} is not built yet: this version of onepath runs {', '.join(BUILT)}")


def _sheet(settings: Config, workspace: Workspace) -> Sheet:
    """Where a session's tear sheet goes, settled before anything runs."""
    if settings.report.path is None:
        return workspace.report
    path = workspace.inside(settings.report.path)
    return lambda _session_id: path


def _built(settings: Config, workspace: Workspace, name: str | None, lasting: str | None) -> Session:
    from onepath.build import build
    from onepath.clock import RealtimeClock
    from onepath.workspace import new_id

    clock = RealtimeClock()
    session_id = name or new_id(settings.mode, clock.now())
    journal = workspace.journal(session_id)
    if journal.exists():
        raise ConfigError(f"there is a session {session_id!r} already, and none is written over: give another --name")
    if settings.data.type == "realtime":
        from onepath import realtime

        until = None if lasting is None else clock.now() + _duration(lasting)
        session = realtime.begin(
            settings,
            realtime.source_of(settings, clock),
            home=workspace.root,
            session_id=session_id,
            journal_path=journal,
            clock=clock,
            until=until,
        )
    else:
        if lasting is not None:
            raise ConfigError("--for is for data in real time; history has an end of its own (clock.end_date)")
        session = build(settings, home=workspace.root, session_id=session_id, journal_path=journal)
    _note(session, {"started_at": _now(), "mode": settings.mode})
    return session


def _duration(text: str) -> int:
    """`90s`, `30m`, `8h` in nanoseconds."""
    from onepath.config import interval_ns

    try:
        return interval_ns(text)
    except ValueError:
        raise ConfigError(f"--for takes a time such as 90s, 30m, 8h or 1d; found {text!r}") from None


def _ran(session: Session, folder: Path, *, quiet: bool, metrics_port: int | None) -> Outcome:
    """The session, with what fits it on the terminal: progress through history, or what happens now."""
    if session.plan.live is not None:
        from onepath.cli.watching import watched
        from onepath.monitor.drifting import attach
        from onepath.workspace import Workspace

        attach(session, Workspace(folder.parent.parent))
        with watched(session, folder, quiet=quiet, metrics_port=metrics_port):
            return session.run()
    from onepath.cli.progress import shown

    with shown(quiet) as progress:
        return session.run(progress)


def _note(session: Session, facts: dict[str, str]) -> None:
    """Wall-clock facts stand beside the record, not in it."""
    note_down = getattr(session.journal, "note", None)
    if note_down is not None:
        note_down(facts)


def _now() -> str:
    from onepath.clock import RealtimeClock

    return dt.datetime.fromtimestamp(RealtimeClock().now() / 1e9, dt.UTC).isoformat(timespec="milliseconds")


class Stopping:
    """A request to stop, which may come before there is a session."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._asked = False
        self.connects = False
        """a venue is being asked, for as long as it takes, and nothing has begun that would have to end whole"""

    def reaches(self, session: Session) -> None:
        """From here on the request goes to `session`."""
        self._session = session
        if self._asked:
            session.stop()

    def ask(self, number: int, _frame: object) -> None:
        """A signal came: the next of its kind interrupts at once."""
        if self.connects and self._session is None:
            raise KeyboardInterrupt
        signal.signal(number, signal.default_int_handler)
        note("stopping: the session ends after what it is doing (once more ends it at once)")
        self._asked = True
        if self._session is not None:
            self._session.stop()


@contextmanager
def stopped_by_signals() -> Iterator[Stopping]:
    """Ctrl-C and termination ask to stop instead of breaking off."""
    stopping = Stopping()
    before = {number: signal.signal(number, stopping.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(workspace: Workspace, outcome: Outcome, *, as_json: bool, sheet: Sheet | None) -> None:
    from onepath.cli.sessions import read_record, remarks_json, say_remarks, say_stats, stats_json, write_sheet

    journal = workspace.journal(outcome.session_id)
    if not outcome.portfolios and not as_json:
        config = f"onepath run config/backtest.yaml --set 'data={{type: session, id: {outcome.session_id}}}'"
        say(f"collected   {outcome.events:,} events; a backtest over them:  {config}")
        say(f"session     {outcome.session_id} ({outcome.status})")
        return
    record = read_record(journal)
    path = None if sheet is None or not outcome.portfolios else write_sheet(record, sheet(outcome.session_id))
    for error in outcome.errors:
        note(f"error: {error}")
    if as_json:
        say_json(_summary(outcome, {"stats": stats_json(record), **remarks_json(record)}, journal, path))
        return
    say_stats(record)
    say_remarks(record)
    if path is not None:
        say(f"tear sheet  {path}")
    facts = f"{outcome.status}, {outcome.events:,} events, {outcome.decisions:,} decisions"
    say(f"session     {outcome.session_id} ({facts})")


def _summary(outcome: Outcome, found: dict[str, Any], journal: Path, sheet: Path | None) -> dict[str, Any]:
    return {
        "session_id": outcome.session_id,
        "status": outcome.status,
        "events": outcome.events,
        "decisions": outcome.decisions,
        "hash": outcome.hash,
        "errors": list(outcome.errors),
        **found,
        "paths": {"journal": str(journal), "report": None if sheet is None else str(sheet)},
    }
