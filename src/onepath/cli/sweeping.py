"""`onepath sweep` and `onepath trials`: many backtests of one configuration, and the log of all that were ever tried.

Rules: the first Ctrl-C ends a sweep with what is done kept; the same command again goes on from there.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.configs import Sets
from onepath.cli.printing import note, say, say_json, say_table

if TYPE_CHECKING:
    from onepath.research.belief import Belief
    from onepath.research.sweeping import Progress, Tried
    from onepath.research.sweeps import Sweep
    from onepath.research.walk import Walk

SHOWN = 10
_KEYS = ("sharpe", "total_return", "max_drawdown", "trades")


def sweep(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    *,
    params: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUES", help="What to try: start:stop:step, a,b,c or low:high[:log]."),
    ] = None,
    metric: Annotated[str, typer.Option(help="The statistic to choose by.")] = "sharpe",
    search: Annotated[str, typer.Option(help="grid, random or optuna.")] = "grid",
    trials: Annotated[int | None, typer.Option(help="How many trials, at most.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of random and optuna.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a processor.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Ray cluster: its address, or auto.")
    ] = None,
    engine: Annotated[bool, typer.Option("--engine", help="Run every trial in the engine.")] = False,
    walk_forward: Annotated[
        str | None,
        typer.Option(
            metavar="PLAN", help="train=2y,test=6m[,step=..][,purge=..][,embargo=..][,anchored]: test on unseen data."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page of the sweep here.")] = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Try many parameters of a configuration's strategies, and say what the best is worth.

    Every trial is recorded in the workspace (`onepath trials`); the same command again goes on where it was stopped.

    Example:  onepath sweep config/backtest.yaml --param fast=5:50:5 --param slow=20:200:20

    Example:  onepath sweep config/backtest.yaml --param fast=2:100 --param slow=10:400 --search random --trials 200
    """
    from onepath.config import load
    from onepath.research.space import assignments
    from onepath.research.sweeping import Terms
    from onepath.research.sweeps import sweep_config
    from onepath.workspace import home_of

    wanted = assignments(params or ())
    settings = load(config, sets or ())
    home = home_of(config, Path.cwd()).root
    terms = Terms(metric, search, trials, seed, workers, ray, engine, walk_forward)
    found = sweep_config(settings, home, wanted, terms, None if quiet else _progress())
    if html is not None:
        found.report(html)
    if as_json:
        say_json(summary(found) | {"html": None if html is None else str(html)})
    else:
        _tell(found)
        if html is not None:
            say(f"page       {html}")
    if found.stopped:
        note(f"stopped after {len(found.tried):,} trials; the same command again goes on from there")
        raise typer.Exit(130)
    if found.best is None:
        raise typer.Exit(1)


def _progress() -> Any:
    """Draws how far it is, how fast, and how long it still takes."""
    import sys

    from onepath.clock import monotonic

    began, shown = monotonic(), [0.0]
    redraws = sys.stderr.isatty()

    def draw(progress: Progress) -> None:
        now = monotonic()
        done, total = progress.done, progress.total
        if done < total and now - shown[0] < (0.2 if redraws else 5):
            return
        shown[0] = now
        rate = (done - progress.known) / max(now - began, 1e-9)
        left = f"{(total - done) / rate:,.0f} s left" if rate else ""
        best = f"best {progress.best:.3f}" if math.isfinite(progress.best) else ""
        text = "  ".join(filter(None, [f"{done:,} of {total:,} trials", f"{rate:,.1f}/s", left, best]))
        typer.echo(f"\r{text:<78}" if redraws else text, err=True, nl=not redraws or done == total)

    return draw


def summary(found: Sweep) -> dict[str, Any]:
    """What a program wants to know."""
    return {
        "study": found.study,
        "metric": found.metric,
        "trials": len(found.tried),
        "known": found.known,
        "failed": len(found.failed),
        "refused": len(found.refused),
        "stopped": found.stopped,
        "best": None if found.best is None else _row(found.best),
        "how": found.run.how,
        "differences": [one._asdict() for one in found.differences],
        "belief": None if found.belief is None else _belief(found.belief),
        "walk_forward": None if found.walk is None else _walk(found.walk),
        "sentences": found.sentences,
        "table": [_row(one) for one in found.tried],
    }


def _belief(belief: Belief) -> dict[str, Any]:
    plain = {k: _number(v) for k, v in belief._asdict().items() if isinstance(v, int | float)}
    plateau = {"score": _number(belief.plateau.score), "word": belief.plateau.word}
    return plain | {"overfitting": _number(belief.overfitting.probability), "plateau": plateau}


def _walk(walk: Walk) -> dict[str, Any]:
    folds = [
        {
            "train": [f.cut.train.start, f.cut.train.end],
            "test": [f.cut.test.start, f.cut.test.end],
            "params": None if f.best is None else f.best.point,
            "in_sample": None if f.best is None else _number(f.best.value),
            "out_of_sample": None if f.test is None else _number(f.test.value),
        }
        for f in walk.folds
    ]
    facts = {"efficiency": walk.efficiency, "sharpe": walk.sharpe, "total_return": walk.total_return}
    return {name: _number(value) for name, value in facts.items()} | {"folds": folds}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(one: Tried) -> dict[str, Any]:
    error = {"error": one.found.error} if one.found.error else {}
    return {"params": one.point, "status": one.found.status, **error, "stats": one.found.stats}


def _tell(found: Sweep) -> None:
    sign = found.run.terms.sign
    able = [one for one in found.tried if math.isfinite(one.value)]
    ordered = sorted(able, key=lambda one: (-sign * one.value, one.number))
    keys = tuple(dict.fromkeys((found.metric, *_KEYS)))
    rows = [
        [*map(_text, one.point.values()), *(_text(one.found.stats.get(key)) for key in keys)] for one in ordered[:SHOWN]
    ]
    say_table([*(f"{name}>" for name in found.names), *(f"{key}>" for key in keys)], rows)
    say()
    facts = [f"{len(found.tried):,} trials"]
    facts += [f"{found.known:,} of them known"] if found.known else []
    facts += [f"{len(found.refused):,} combinations refused by the strategy"] if found.refused else []
    say(f"tried      {', '.join(facts)}")
    say(f"ran in     {'QuickBacktest' if not found.run.why_not else f'the engine: {found.run.why_not}'}")
    for difference in found.differences:
        said = f"{difference.fills} fills and {difference.equity:.1e} of final equity apart"
        say(f"engine     {_point(difference.point)}: {said}")
    for sentence in found.sentences:
        say(f"believe    {sentence}")
    for one in found.failed[:5]:
        note(f"failed: {_point(one.point)}: {one.found.error}")


def _point(point: dict[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in point.items())


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return f"{value:,.6g}" if isinstance(value, int) else f"{value:,.4g}"


def trials(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the parameter studies that were ever run in this workspace.

    Example:  onepath trials
    """
    from onepath.research.trials import FILE, Trials
    from onepath.workspace import find

    home = find(Path.cwd()).root
    log = Trials.open(home) if (home / FILE).exists() else None
    rows = [] if log is None else log.studies()
    if as_json:
        say_json(rows)
        return
    if not rows:
        say("no trials yet: `onepath sweep CONFIG --param ...` makes some")
        return
    columns = ("study", "begun_at", "strategy", "symbols", "metric", "search", "trials>", "failed>")
    say_table(columns, [[str(row[name.rstrip(">")]) for name in columns] for row in rows])
