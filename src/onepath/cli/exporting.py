"""`onepath export`: a definition from research as a file of its own, with the checklist for production."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from onepath.cli.printing import say, say_json


def export(
    what: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="A strategy or feature in a file, or a name.")],
    to: Annotated[Path, typer.Argument(metavar="PATH", help="Where it goes, such as strategies/my_idea.py.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a strategy or feature to a file of its own, with a checklist for production.

    With everything of its file or notebook that it refers to. In a notebook: onepath.research.export(Idea, PATH).

    Example:  onepath export notebooks/ideas.py:Idea strategies/idea.py
    """
    from onepath.errors import ConfigError
    from onepath.research import export as exported
    from onepath.workspace import find

    workspace = find(Path.cwd())
    target = workspace.inside(to)
    if target.suffix == ".py" and target.exists() and not force:
        raise ConfigError(f"{to} exists already, and nothing is written over: give another path, or --force")
    found = exported(_named(what, workspace.root), target, force=force)
    if as_json:
        items = [item._asdict() for item in found.items]
        say_json({"path": str(found.path), "checklist": str(found.checklist), "items": items})
        return
    say(f"{found.path} and {found.checklist}")
    for item in found.items:
        say(str(item))


def _named(what: str, root: Path) -> Any:
    """The strategy or the feature's constructor that is meant. Raises ConfigError, StrategyError."""
    from onepath import registry
    from onepath.featurefiles import features_in

    file, _, name = what.partition(":")
    if file.endswith(".py") and name:
        features = features_in(file, root)
        if name in features:
            return features[name]
    return registry.resolve(what, root)
