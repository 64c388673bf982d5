"""The command line: parses, calls, prints.

Rules: whatever is heavy is imported inside the command that needs it, so that help is instant. Results go to stdout,
progress and errors to stderr. Exit codes: 0 done, 1 done but not well (a strategy failed, a replay differs, data is
faulty), 2 the user's input is at fault (one sentence says how), 130 stopped by Ctrl-C. A traceback is a bug of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import onepath
from onepath.cli import (
    chaos,
    checking,
    configs,
    data,
    diffing,
    execution,
    exporting,
    features,
    features_computing,
    features_drifting,
    features_testing,
    fetching,
    linting,
    replaying,
    running,
    sessions,
    starting,
    strategies,
    sweeping,
    universes,
    venue,
    watching,
)
from onepath.errors import OnepathError

app = typer.Typer(
    name="onepath",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.command("init")(starting.init)
app.command("run")(running.run)
app.command("resume")(running.resume)
app.command("status")(watching.status)
app.command("report")(sessions.report)
app.command("execution")(execution.execution)
app.command("explain")(execution.explain)
app.command("sessions")(sessions.listing)
app.command("replay")(replaying.replay)
app.command("diff")(diffing.diff)
app.command("sweep")(sweeping.sweep)
app.command("trials")(sweeping.trials)
app.command("chaos")(chaos.chaos)
app.command("venue")(venue.venue)
data.app.command("fetch")(fetching.fetch)
app.add_typer(data.app, name="data")
app.add_typer(universes.app, name="universe")
app.command("calendar")(universes.calendar)
app.command("lint")(linting.lint)
app.command("check")(checking.check)
app.command("export")(exporting.export)
app.command("strategies")(strategies.listing)
app.add_typer(configs.app, name="config")
features.app.command("test")(features_testing.check)
features.app.command("compute")(features_computing.compute)
features.app.command("drift")(features_drifting.drift)
features.app.command("cache")(features_computing.cache)
app.add_typer(features.app, name="features")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onepath {onepath.__version__}")
        raise typer.Exit


@app.callback()
def _onepath(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """One strategy, one code path, from backtest to paper to live trading.

    Start here:  onepath init my-folder && cd my-folder && onepath run config/backtest.yaml
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code. Typer sees to Ctrl-C and broken pipes."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="onepath")
    except OnepathError as error:
        _complain(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _complain(f"{error.filename}: {error.strerror}")
    sys.exit(2)


def _complain(sentence: str) -> None:
    sys.stderr.write(f"error: {' '.join(sentence.split())}\n")
