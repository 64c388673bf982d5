"""`onepath check`: what of a backtest to believe, as a page and in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onepath.cli.configs import Sets
from onepath.cli.printing import note, say, say_json

if TYPE_CHECKING:
    from onepath.check import Check
    from onepath.config import Config
    from onepath.research.trials import Trial


def check(
    config: Annotated[Path, typer.Argument(help="The configuration of a backtest.")],
    *,
    sets: Sets = None,
    moments: Annotated[int, typer.Option(min=1, help="Moments at which other futures are tried.")] = 6,
    draws: Annotated[int, typer.Option(min=100, help="Histories drawn to judge chance.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the other futures and the draws.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Where the page goes; default: checks/NAME.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Find out how much of a backtest to believe.

    Runs the strategies again on data that end early or go on differently (look-ahead), on data that begin later (warm-up),
    with dearer trading and a bar late; draws histories from the run's own days (chance); counts what was tried before (data
    snooping); looks at whether the data know of losers (survivorship). Ends with 1 where the result is not to be believed.

    Example:  onepath check config/backtest.yaml
    """
    from onepath.build import build
    from onepath.check import BAD
    from onepath.check import check as checked
    from onepath.config import load
    from onepath.errors import ConfigError
    from onepath.workspace import home_of

    settings = load(config, sets or ())
    if settings.clock.type != "historical":
        raise ConfigError(
            f"check runs over history; {config} has mode {settings.mode}: give it the configuration of a backtest"
        )
    workspace = home_of(config, Path.cwd())
    found = checked(
        lambda: build(settings, home=workspace.root, session_id="check", journal_path=None).plan,
        moments=moments,
        draws=draws,
        seed=seed,
        trials=_trials(settings, workspace.root),
        step=(lambda _: None) if quiet else _said,
    )
    page = found.report(workspace.inside(html or Path("checks") / f"{config.stem}.html"))
    _say(found, page, as_json)
    if found.verdict == BAD:
        raise typer.Exit(1)


def _said(what: str) -> None:
    note(f"... {what}")


def _say(found: Check, page: Path, as_json: bool) -> None:
    if as_json:
        say_json({**found.as_json(), "page": str(page)})
        return
    say(repr(found))
    say()
    say(f"page: {page}")


def _trials(settings: Config, home: Path) -> list[Trial]:
    """What the workspace's log knows of these strategies on these data, each code and set of parameters once."""
    from onepath.research.keys import Identity
    from onepath.research.subject import of_config
    from onepath.research.sweeps import distinct
    from onepath.research.trials import FILE, Trials

    if not (home / FILE).exists():
        return []
    who = Identity(of_config(settings, home, [{} for _ in settings.active]))
    log = Trials.open(home)
    try:
        return distinct(log.of(who.strategy, who.data), who.config)
    finally:
        log.close()
