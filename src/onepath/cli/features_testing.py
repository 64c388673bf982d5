"""`onepath features test`: whether the features of a file keep what a definition promises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import note, say, say_json, say_table

if TYPE_CHECKING:
    from onepath.proving import Check, Proof

SAMPLE = "us10"


def check(
    file: Annotated[Path, typer.Argument(help="A Python file with features.", metavar="FILE")],
    data: Annotated[
        str, typer.Option(help="Real data to try them on, too: a data set's name, or a file or folder of bars.")
    ] = SAMPLE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold the features of a file against everything that a definition promises.

    Batch and stream, compiled and Python, any chunking: the same bits. Nothing of the future, warm when it says so, a window that
    is true, unharmed by NaN, infinities, zeros and huge numbers, the same in every process. A feature is made with its defaults,
    or with each set of parameters that the file's FEATURE_TESTS = {"name": [{"window": 5}]} gives it.
    Ends with 1 where a promise is broken.

    Example:  onepath features test features/my_features.py
    """
    from onepath.errors import ConfigError
    from onepath.proving.kit import prove_file

    path = file.resolve()
    if not path.is_file():
        raise ConfigError(f"there is no file {file} here ({Path.cwd()})")
    proofs = prove_file(path, _root(path), _columns(data), None if as_json else _told)
    if not proofs:
        raise ConfigError(
            f"{file} has no feature: write one with @onepath.features.feature(...), or a function that returns a Feature"
        )
    if as_json:
        say_json(
            {"file": str(file), "passed": all(proof.passed for proof in proofs), "features": list(map(_plain, proofs))}
        )
    else:
        _say(file, proofs)
    if not all(proof.passed for proof in proofs):
        raise typer.Exit(1)


def _told(done: int, of: int) -> None:
    if of > 1:
        note(f"{done} of {of} features")


def _root(path: Path) -> Path:
    """The workspace that a file lies in, or its folder."""
    from onepath.workspace import find

    root = find(path.parent).root
    return root if path.is_relative_to(root) else path.parent


def _columns(data: str) -> dict[str, list[float]]:
    """All rows of the first symbol, as columns."""
    from onepath.data import open_feed
    from onepath.workspace import find

    workspace = find(Path.cwd())
    where = workspace.root / data
    feed = open_feed(where if where.exists() else data, data_dir=workspace.data_dir)
    symbol = next(iter(feed.instruments))
    found: dict[str, list[float]] = {}
    for batch in feed.batches():
        for field, column in (batch.columns(symbol) or {}).items():
            found.setdefault(field, []).extend(map(float, column))
    return found


def _say(file: Path, proofs: list[Proof]) -> None:
    for proof in proofs:
        say(proof.feature)
        say_table(("check", "result", "what was found"), ((c.name, _word(c), c.told) for c in proof.checks))
        say(f"speed: {_speed(proof)}")
        say()
    broken = sum(not proof.passed for proof in proofs)
    say(
        f"{len(proofs)} tested, {broken} with broken promises" if broken else f"{len(proofs)} tested, all promises kept"
    )


def _word(check: Check) -> str:
    return {True: "pass", False: "FAIL", None: "-"}[check.passed]


def _speed(proof: Proof) -> str:
    if proof.python_ns is None:
        return "not measured"
    fast = "" if proof.compiled_ns is None else f", compiled {proof.compiled_ns:,.1f} ns"
    return f"{proof.python_ns:,.0f} ns a value in Python{fast}"


def _plain(proof: Proof) -> dict[str, Any]:
    return {
        "name": proof.name,
        "feature": proof.feature,
        "passed": proof.passed,
        "forgets": proof.forgets,
        "python_ns": proof.python_ns,
        "compiled_ns": proof.compiled_ns,
        "checks": [{"check": c.name, "passed": c.passed, "found": c.told} for c in proof.checks],
    }
