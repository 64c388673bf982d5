"""`onepath strategies`: what can be named in a configuration, with its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import note, say_json, say_table
from onepath.errors import OnepathError

if TYPE_CHECKING:
    from onepath.strategy import Strategy


def listing(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the strategies that can be run, with their parameters.

    Bundled, installed, and in the workspace's folder strategies.

    Example:  onepath strategies
    """
    found = [_described(name, origin, strategy) for name, origin, strategy in _all(Path.cwd())]
    if as_json:
        say_json(found)
        return
    rows = ((s["name"], s["version"], s["description"], _parameters(s["params"])) for s in found)
    say_table(("strategy", "version", "what it does", "parameters"), rows)


def _all(start: Path) -> Iterator[tuple[str, str, type[Strategy]]]:
    """Name, origin and class; one that does not load is told on stderr and left out."""
    from onepath import registry
    from onepath.workspace import find

    for entry in registry.known().values():
        try:
            yield entry.name, entry.origin, entry.load()
        except OnepathError as error:
            note(f"left out: {error}")
    root = find(start).root
    own = [path for path in (root / "strategies").glob("*") if path.suffix in (".py", ".yaml", ".yml")]
    for path in sorted(own):
        file = path.relative_to(root).as_posix()
        try:
            for strategy in registry.in_file(path, root):
                yield f"{file}:{strategy.__name__}" if path.suffix == ".py" else file, file, strategy
        except OnepathError as error:
            note(f"left out: {error}")


def _described(name: str, origin: str, strategy: type[Strategy]) -> dict[str, Any]:
    return {
        "name": name,
        "version": strategy.version,
        "description": strategy.description(),
        "from": origin,
        "class": strategy.__name__,
        "params": strategy.schema(),
    }


def _parameters(schema: dict[str, Any]) -> str:
    """`fast=20 (1..200), slow=50`."""
    return ", ".join(_parameter(name, field) for name, field in schema.get("properties", {}).items()) or "-"


def _parameter(name: str, field: dict[str, Any]) -> str:
    default = f"={field['default']}" if "default" in field else ""
    least, most = field.get("minimum"), field.get("maximum")
    bounds = (
        "" if least is None and most is None else f" ({'' if least is None else least}..{'' if most is None else most})"
    )
    return f"{name}{default}{bounds}"
