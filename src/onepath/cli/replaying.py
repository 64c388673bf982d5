"""`onepath replay`: the proof that a session decides the same, a walk through it, and what another strategy would have done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from onepath.cli.printing import note, say, say_json, say_table
from onepath.cli.sessions import AsJson, Named, read_record, stats_json
from onepath.errors import ConfigError

if TYPE_CHECKING:
    from onepath.chains import Chain, Link
    from onepath.report.record import SessionRecord
    from onepath.rerun import Proof
    from onepath.session import Session
    from onepath.workspace import SessionEntry, Workspace


def replay(
    session: Named,
    as_json: AsJson = False,
    step: Annotated[bool, typer.Option("--step", help="Walk through it, event by event.")] = False,
    speed: Annotated[str, typer.Option(help="1x: as fast as it happened, 10x, max.")] = "max",
    strategy: Annotated[
        str | None, typer.Option(metavar="FILE.py[:Class]", help="What would this strategy have done?")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Of that strategy; may be given again.")
    ] = None,
    instead: Annotated[str | None, typer.Option(metavar="NAME", help="Which strategy it replaces, of several.")] = None,
    capital: Annotated[
        str | None, typer.Option(help="What that strategy starts with; default: as the one it replaces.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The id of the session that makes.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Replay a session and check that it decides the same.

    It is run anew over what it saw, and every decision is compared; features are computed twice, as a stream and over history.

    Example:  onepath replay last

    Example:  onepath replay last --step

    Example:  onepath replay last --strategy other.py --param fast=5
    """
    from onepath.workspace import find

    workspace = find(Path.cwd())
    entry = workspace.session(session)
    if strategy is not None:
        if step:
            raise ConfigError("--step walks through what was recorded; give it without --strategy")
        other = Other(_found(strategy, workspace), tuple(param or ()), instead, capital, name)
        _run_other(workspace, entry, other, as_json=as_json, quiet=quiet)
        return
    if param or instead or capital or name:
        raise ConfigError(
            "--param, --instead, --capital and --name say how another strategy runs: give --strategy as well"
        )
    if step and as_json:
        raise ConfigError("--step is for the terminal; without it, --json prints the result")
    proof = _walked(entry, workspace.root) if step else _proved(entry, workspace.root, speed, quiet)
    if proof is None:
        return
    if as_json:
        say_json(_json(entry.id, proof))
    else:
        _say(proof)
    if not proof.identical:
        raise typer.Exit(1)


def _walked(entry: SessionEntry, home: Path) -> Proof | None:
    from onepath.cli.stepping import walk

    return walk(entry, home)


def _proved(entry: SessionEntry, home: Path, speed: str, quiet: bool) -> Proof:
    from onepath.cli.progress import shown
    from onepath.journal.sqlite import SqliteReader
    from onepath.rerun import Rerun

    reader = SqliteReader(entry.journal)
    try:
        rerun = Rerun(reader, home, speed=_factor(speed))
        with shown(quiet) as progress:
            return rerun.run(progress)
    finally:
        reader.close()


def _factor(speed: str) -> float | None:
    """How many times as fast as it happened; None: as fast as it goes."""
    from onepath.config.values import factor

    try:
        found = factor(speed)
    except ValueError as error:
        raise ConfigError(f"--speed {speed}: expected {error}") from None
    return None if found == "max" else float(found)


def _json(session_id: str, proof: Proof) -> dict[str, Any]:
    features = None
    if proof.features is not None:
        differences = [difference._asdict() for difference in proof.features.differences]
        features = {"identical": proof.features.identical, "values": proof.features.values, "differences": differences}
    found = {"session_id": session_id, **proof.result._asdict(), "identical": proof.identical, "events": proof.events}
    found["changed"] = list(proof.changed)
    return found | {"chain": None if proof.chain is None else proof.chain.as_json(), "features": features}


def _say(proof: Proof) -> None:
    result = proof.result
    for name in proof.changed:
        note(f"the file of {name} has changed since the session")
    if not proof.strategies and result.identical:
        say(f"nothing to decide: the session collected {proof.events:,} events, and has no strategy")
        return
    if result.identical:
        say(f"identical: {result.decisions:,} decisions, hash {result.hash}")
    else:
        say(f"different: {result.difference}")
    if proof.chain is not None:
        say()
        say_chain(proof.chain)
    if proof.features is not None:
        if proof.features.values and proof.features.identical:
            say(f"features identical: {proof.features.values:,} values")
        for difference in proof.features.differences:
            from onepath.chains import stamp

            say(f"features different from {stamp(difference.at)}: {difference}")


def say_chain(chain: Chain) -> None:
    """Both sides next to each other, from what came first to the decision."""
    say_table((f"decision {chain.number}", *chain.names), _beside(chain))
    ours, theirs = (
        next((link.body for link in side if link.part == "decision"), {}) for side in (chain.recorded, chain.replayed)
    )
    if ours and theirs:
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        say(f"they differ in {', '.join(f'{name}: {ours.get(name)} and {theirs.get(name)}' for name in names)}")


def _beside(chain: Chain) -> list[tuple[str, str, str]]:
    from onepath.chains import PARTS

    rows: list[tuple[str, str, str]] = []
    for part in PARTS:
        ours, theirs = ([link for link in links if link.part == part] for links in (chain.recorded, chain.replayed))
        rows += [(part, _at(ours, index), _at(theirs, index)) for index in range(max(len(ours), len(theirs)))]
    return rows


def _at(links: list[Link], index: int) -> str:
    return str(links[index]) if index < len(links) else "-"


# -- another strategy


def _found(strategy: str, workspace: Workspace) -> str:
    """The strategy as the workspace calls it: a file is looked for from the current folder on."""
    path, colon, name = strategy.partition(":")
    here = Path.cwd() / path
    is_file = path.endswith((".py", ".yaml", ".yml")) and here.is_file()
    if not is_file or not here.resolve().is_relative_to(workspace.root.resolve()):
        return strategy
    return f"{here.resolve().relative_to(workspace.root.resolve())}{colon}{name}"


class Other(NamedTuple):
    """What is asked of another strategy."""

    strategy: str
    params: tuple[str, ...]
    replaces: str | None
    capital: str | None
    session: str | None
    """the id of the session that comes of it"""


def _run_other(workspace: Workspace, entry: SessionEntry, other: Other, *, as_json: bool, quiet: bool) -> None:
    from onepath.cli.progress import shown

    session = _made(workspace, entry, other)
    try:
        with shown(quiet) as progress:
            outcome = session.run(progress)
    finally:
        session.journal.close()
    records = [read_record(workspace.journal(found)) for found in (entry.id, session.id)]
    for error in outcome.errors:
        note(f"error: {error}")
    if as_json:
        said = {record.session_id: _counted(record) | {"stats": stats_json(record)} for record in records}
        say_json({"session_id": session.id, "recorded": entry.id, "errors": list(outcome.errors), "sessions": said})
    else:
        _compared(*records)
        say(f"session     {session.id}; where the difference comes from: onepath diff {entry.id} {session.id}")
    if outcome.errors:
        raise typer.Exit(2)


def _made(workspace: Workspace, entry: SessionEntry, other: Other) -> Session:
    """The session of the other strategy, ready to run."""
    from onepath.clock import RealtimeClock
    from onepath.instead import instead
    from onepath.journal.sqlite import SqliteReader
    from onepath.rerun import startable
    from onepath.workspace import new_id

    reader = SqliteReader(entry.journal)
    try:
        started = startable(reader)
    finally:
        reader.close()
    session_id = other.session or new_id("replay", RealtimeClock().now())
    journal = workspace.journal(session_id)
    if journal.exists():
        raise ConfigError(f"there is a session {session_id!r} already, and none is written over: give another --name")
    return instead(
        started,
        entry.id,
        other.strategy,
        other.params,
        home=workspace.root,
        session_id=session_id,
        journal_path=journal,
        replaces=other.replaces,
        capital=other.capital,
    )


def _counted(record: SessionRecord) -> dict[str, Any]:
    profit = float(record.total.equity[-1]) - record.initial if len(record.total.at) else 0.0
    return {"orders": len(record.every_order), "fills": len(record.fills), "profit": profit}


def _compared(one: SessionRecord, two: SessionRecord) -> None:
    """Orders, fills and statistics of both, next to each other."""
    from onepath.report.metrics import stats, text_of

    rows = [
        (label, *(text_of(float(_counted(record)[key]), unit, record.currency) for record in (one, two)))
        for label, key, unit in (
            ("Orders", "orders", "count"),
            ("Fills", "fills", "count"),
            ("Profit", "profit", "money"),
        )
    ]
    found = [stats(record) for record in (one, two)]
    rows += [(stat.label, stat.text, found[1][key].text) for key, stat in found[0].items()]
    say_table(("", f"{one.session_id}>", f"{two.session_id}>"), rows)
