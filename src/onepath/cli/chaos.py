"""`onepath chaos`: a configuration's own strategies in a simulated world where everything goes wrong.

Rules: nothing leaves the process and nothing is kept. The same seed gives the same faults; what fails says how to repeat it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.configs import Sets
from onepath.cli.printing import note, say, say_json, say_table
from onepath.errors import ConfigError

if TYPE_CHECKING:
    from onepath.chaos.sweep import Sum
    from onepath.chaos.world import Schedule


def chaos(
    config: Annotated[Path, typer.Argument(help="The configuration file, of mode paper.")],
    *,
    schedules: Annotated[int, typer.Option(min=1, help="How many schedules of faults.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The first schedule's seed.")] = 1,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run your strategies through injected faults.

    A simulated market, network, disk and process, by a seed: lost, late, repeated and damaged messages, silent and broken
    connections, REST errors, clock jumps, kill -9 at any moment and recovery, disk errors, a broker that rejects and delays.
    After each schedule the invariants of docs/faults.md are checked. Exit code 1 where one is broken.

    Example:  onepath chaos config/paper.yaml --schedules 500

    Example:  onepath chaos config/paper.yaml --seed 4711 --schedules 1
    """
    from onepath.chaos.findings import findings
    from onepath.chaos.schedules import of
    from onepath.chaos.sweep import sweep
    from onepath.config import load
    from onepath.workspace import home_of

    settings = load(config, sets or (), "paper")
    if not settings.data.symbols:
        raise ConfigError(f"{config}: the simulated market is of symbols that are named: give data.symbols")
    home = home_of(config, Path.cwd()).root

    def make(number: int) -> Schedule:
        return of(settings, home, number)

    make(seed)
    total = sweep(
        make, range(seed, seed + schedules), look=lambda found: list(findings(found)), progress=_progress(quiet)
    )
    if as_json:
        say_json(_json(total))
    else:
        _tell(total, make, config)
    if total.schedules < schedules:
        note(f"stopped after {total.schedules:,} of {schedules:,} schedules")
        raise typer.Exit(130)
    if total.bad:
        raise typer.Exit(1)


def _progress(quiet: bool) -> Any:
    """Draws how far it is, how fast, and how long it still takes."""
    import sys

    from onepath.clock import monotonic

    began, shown = monotonic(), [0.0]
    redraws = sys.stderr.isatty()

    def draw(done: int, total: int) -> None:
        now = monotonic()
        if quiet or (done < total and now - shown[0] < (0.2 if redraws else 10)):
            return
        shown[0] = now
        rate = done / max(now - began, 1e-9)
        text = f"{done:,} of {total:,} schedules, {rate:,.1f}/s, {(total - done) / rate:,.0f} s left"
        typer.echo(f"\r{text:<70}" if redraws else text, err=True, nl=not redraws or done == total)

    return draw


def _tell(total: Sum, make: Any, config: Path) -> None:
    from onepath.chaos.checks import CHECKS
    from onepath.chaos.faults import KINDS

    happened = total.happened
    say_table(
        ("injected", "times>", "what it is"),
        [(k, f"{happened[k]:,}", text) for k, text in KINDS.items() if happened[k]],
    )
    say()
    broken = {name: [ran for ran in total.bad if any(text.startswith(name) for text in ran.wrong)] for name in CHECKS}
    say_table(
        ("invariant", "held>", "broken>", "first seed>"),
        [
            (name, f"{total.schedules - len(ran):,}", f"{len(ran):,}", str(min((r.seed for r in ran), default="")))
            for name, ran in broken.items()
        ],
    )
    if total.told:
        say()
        rows = [(text, f"{n:,}", str(total.first[text])) for text, n in total.told.most_common()]
        say_table(("found of your strategies", "schedules>", "first seed>"), rows)
    say()
    facts = f"{happened['crash'] + happened['crash again']:,} kills, {happened['resumes']:,} resumed, "
    facts += f"{happened['orders']:,} orders, {happened['fills']:,} fills, {happened['events']:,} events"
    say(f"schedules {total.schedules:,} ({facts}), bad {len(total.bad)}")
    if total.bad:
        _repeat(min(total.bad), make, config)


def _repeat(ran: Any, make: Any, config: Path) -> None:
    """The first seed that fails: what is wrong, the fewest faults that show it, and how to see it again."""
    from onepath.chaos.sweep import shrunk

    say(f"seed {ran.seed}")
    for text in ran.wrong[:5]:
        say(f"  {text}")
    few = shrunk(make(ran.seed)).faults
    say(f"  with these faults alone: {'; '.join(map(str, few)) or 'none'}")
    say(f"  again: onepath chaos {config} --seed {ran.seed} --schedules 1")


def _json(total: Sum) -> dict[str, Any]:
    return {
        "schedules": total.schedules,
        "bad": [{"seed": ran.seed, "wrong": list(ran.wrong)} for ran in sorted(total.bad)],
        "happened": dict(sorted(total.happened.items())),
        "findings": [
            {"text": text, "schedules": n, "first_seed": total.first[text]} for text, n in total.told.most_common()
        ],
    }
