"""`onepath config`: check a configuration without running it, and the schema for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onepath.cli.printing import say, say_json

app = typer.Typer(
    help="Check a configuration; print its schema.\n\nExample:  onepath config check config/backtest.yaml",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the file.")]
Mode = Annotated[str | None, typer.Option(help="Override the mode: backtest, paper, live, collect.")]


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    mode: Mode = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole configuration, defaults included.")] = False,
) -> None:
    """Say whether a configuration is right: its keys, its strategies and their parameters; or whether a rule file is.

    Example:  onepath config check config/backtest.yaml
    """
    from onepath.rules.loading import is_rules

    if is_rules(config) and not sets and mode is None:
        _check_rules(config, as_json)
        return
    from onepath.build import market_of
    from onepath.config import load
    from onepath.registry import configured
    from onepath.workspace import home_of

    settings = load(config, sets or (), mode)
    market_of(settings)
    root = home_of(config, Path.cwd()).root
    for index, strategy in enumerate(settings.strategies):
        if strategy.enabled:
            configured(settings, index, root)
    if as_json:
        say_json(settings.as_manifest())
        return
    names = ", ".join(strategy.name for strategy in settings.active)
    say(f"{config} is right: mode {settings.mode}, {f'strategies {names}' if names else 'no strategies'}")


def _check_rules(path: Path, as_json: bool) -> None:
    """Say whether a file of rules is right, and what there is in it."""
    from onepath.rules import load

    strategy = load(path)
    if as_json:
        say_json({"name": strategy.__name__, "version": strategy.version, "params": strategy.schema()})
        return
    params = ", ".join(strategy.Params.__struct_fields__) or "none"
    say(f"{path} is right: rules {strategy.__name__}, version {strategy.version}, parameters {params}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a configuration, for editors that complete and check.

    Example:  onepath config schema > onepath.schema.json
    """
    from onepath.config import json_schema

    say_json(json_schema())
