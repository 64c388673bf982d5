"""`onepath lint`: what is wrong with a strategy before it runs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onepath.cli.printing import note, say, say_json

if TYPE_CHECKING:
    from onepath.lint import Finding


def lint(
    what: Annotated[list[str], typer.Argument(help="Files, folders, or names of strategies.", metavar="FILE...")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    load: Annotated[bool, typer.Option(help="Import each file, too, and make its strategies.")] = True,
) -> None:
    """Look for what makes a strategy fail, differ in a replay, or do nothing.

    Ends with 1 where there are errors, with 0 where there are warnings or nothing. `# onepath: ignore[OP101]` on a line
    switches a rule off. The rules: docs/lint.md.

    Example:  onepath lint strategies/my_strategy.py
    """
    from onepath.lint import ERROR

    paths = list(dict.fromkeys(path for wanted in what for path in _paths(wanted)))
    found = [finding for path in paths for finding in _found(path, load)]
    errors = sum(finding.severity == ERROR for finding in found)
    if as_json:
        counts = {"files": len(paths), "errors": errors, "warnings": len(found) - errors}
        say_json({**counts, "findings": [finding._asdict() for finding in found]})
    else:
        for finding in found:
            say(str(finding))
        note(f"{_many(errors, 'error')}, {_many(len(found) - errors, 'warning')} in {_many(len(paths), 'file')}")
    if errors:
        raise typer.Exit(1)


def _paths(wanted: str) -> list[Path]:
    """The files that are meant. Raises ConfigError where there are none."""
    from onepath import registry
    from onepath.errors import ConfigError
    from onepath.lint import files

    text = wanted.partition(":")[0] if ".py:" in wanted else wanted
    path = Path(text)
    if path.is_dir():
        found = files(path)
        if not found:
            raise ConfigError(f"there are no Python files in the folder {text}")
        return found
    if path.is_file():
        return [path]
    if text.endswith((".py", ".yaml", ".yml")) or "/" in text:
        raise ConfigError(f"there is no file or folder {text} here ({Path.cwd()})")
    strategy = registry.resolve(wanted, Path.cwd())
    rules = getattr(strategy, "source_path", "")
    if rules:  # in the workspace, or bundled
        places = (Path(rules), Path(registry.__file__).parent / "examples" / rules)
        return [place for place in places if place.is_file()][:1]
    return [Path(inspect.getsourcefile(strategy) or "")]


def _found(path: Path, load: bool) -> list[Finding]:
    """What is found in a file: by reading it, and by loading it if it is worth it."""
    from onepath.errors import ConfigError
    from onepath.lint import RULE_FILES, worth_loading
    from onepath.lint import lint as read
    from onepath.lint.loading import load as loaded
    from onepath.lint.loading import of_rules

    shown = path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{shown} is no text in UTF-8") from None
    if path.suffix in RULE_FILES:
        return list(of_rules(shown, text))
    found = read(shown, text)
    if not load or not worth_loading(shown, text):
        return found
    classes, failed = loaded(path.resolve(), _root(path), shown)
    return [*failed, *read(shown, text, [strategy.__name__ for strategy in classes])]


def _root(path: Path) -> Path:
    """The workspace that a file lies in, or its folder."""
    from onepath.workspace import find

    root, here = find(path.resolve().parent).root, path.resolve()
    return root if here.is_relative_to(root) else here.parent


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
