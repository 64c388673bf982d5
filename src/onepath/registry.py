"""From the name of a strategy to its class: import path, file of Python or of rules, entry point or bundled example.

Rules: names are looked up when asked for, nothing registers itself at import. `NAME_vN` is the strategy NAME whose
major version is N. A file's module name follows from its path, so that runs are equal. What a strategy's own code
raises is told with its own last line, never with ours.
Limits: a file of Python is loaded once a process; a change needs a new one.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from onepath.errors import ConfigError, OnepathError, StrategyError
from onepath.nearest import nearest
from onepath.rules import loading
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.config import Config

GROUP = "onepath.strategies"
OF_FILES = "onepath_file_"
"""how the names of modules begin that were loaded from a file of a workspace"""
EXAMPLES = "onepath.examples"
_VERSIONED = re.compile(r"(?P<name>.+)_v(?P<major>[0-9]+)")


_NOT_THEIRS = (*{sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")}, str(Path(__file__).parent))


class Entry(NamedTuple):
    """A strategy that can be named: where it comes from and how to get its class."""

    name: str
    origin: str
    load: Callable[[], type[Strategy]]


def resolve(wanted: str, search_dir: Path) -> type[Strategy]:
    """The class that `wanted` names; files are looked for from `search_dir` on and stay inside it.

    Raises ConfigError where there is nothing of that name, StrategyError where its code does not load.
    """
    path, colon, attribute = wanted.rpartition(":") if ":" in wanted else (wanted, "", "")
    if wanted.endswith(loading.ENDINGS):
        return loading.inside(wanted, search_dir)
    if path.endswith(".py"):
        return _only(module_of(path, search_dir), attribute, wanted)
    if colon:
        return _only(_imported(path, wanted), attribute, wanted)
    return _named(wanted, search_dir)


def configured(settings: Config, index: int, search_dir: Path) -> Strategy:
    """The strategy that `settings.strategies[index]` asks for; complaints begin with the line of the configuration."""
    wanted = settings.strategies[index]
    try:
        strategy = resolve(wanted.source, search_dir)
    except OnepathError as error:
        raise _at(settings.where("strategies", index, "class" if wanted.class_path else "name"), error) from None
    try:
        return strategy.make(wanted.params)
    except OnepathError as error:
        blamed = next((key for key in wanted.params if re.search(rf"parameter '?{re.escape(key)}\b", str(error))), None)
        path = ("params",) if blamed is None else ("params", blamed)
        raise _at(settings.where("strategies", index, *path), error) from None


def _at(where: str, error: OnepathError) -> OnepathError:
    return type(error)(f"{where}: {error}") if where else error


def known() -> dict[str, Entry]:
    """Every strategy that has a name: bundled examples, and entry points, which win."""
    found = {entry.name: entry for entry in _examples()}
    found.update({entry.name: entry for entry in _installed()})
    return dict(sorted(found.items()))


def in_file(path: Path, search_dir: Path) -> list[type[Strategy]]:
    """All strategies written in a file."""
    if path.suffix in loading.ENDINGS:
        return [loading.inside(str(path), search_dir)]
    return _classes(module_of(str(path), search_dir))


def _examples() -> Iterable[Entry]:
    package = importlib.import_module(EXAMPLES)
    for folder in package.__path__:
        for file in sorted(Path(folder).glob("*.yaml")):
            origin = f"{EXAMPLES}/{file.name}"
            yield Entry(file.stem, origin, lambda file=file: loading.made(file.read_text("utf-8"), file.name))  # type: ignore[misc]
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            path = f"{EXAMPLES}.{module.name}"
            yield Entry(module.name, path, lambda path=path: _only(_imported(path, path), "", path))  # type: ignore[misc]


def _installed() -> Iterable[Entry]:
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        module, _, attribute = point.value.partition(":")
        yield Entry(
            point.name,
            point.value,
            lambda module=module, attribute=attribute, value=point.value: _only(  # type: ignore[misc]
                _imported(module, value), attribute, value
            ),
        )


def _named(wanted: str, search_dir: Path) -> type[Strategy]:
    entries = known() | {name: _rules(path, search_dir) for name, path in loading.files(search_dir).items()}
    if wanted in entries:
        return entries[wanted].load()
    versioned = _VERSIONED.fullmatch(wanted)
    if versioned and versioned["name"] in entries:
        return _of_version(entries[versioned["name"]].load(), versioned["major"], wanted)
    raise ConfigError(
        f"there is no strategy {wanted!r}{nearest(wanted, entries)}; known are {', '.join(entries) or 'none'}, "
        "or give file.py:Class, file.yaml or package.module:Class under `class`"
    )


def _rules(path: Path, search_dir: Path) -> Entry:
    """A rule file of the workspace, which can be named without its folder."""
    inside = path.relative_to(search_dir).as_posix()
    return Entry(path.stem, inside, lambda: loading.inside(inside, search_dir))


def _of_version(strategy: type[Strategy], major: str, wanted: str) -> type[Strategy]:
    if strategy.version.partition(".")[0] != major:
        raise ConfigError(f"{wanted!r} asks for version {major}; {strategy.__name__} is version {strategy.version}")
    return strategy


def _imported(module: str, wanted: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise ConfigError(f"{wanted!r}: there is no module {error.name!r} to import") from None
        raise _fault(error, wanted) from None
    except Exception as error:  # the user's module may raise anything
        raise _fault(error, wanted) from None


def module_of(text: str, search_dir: Path, what: str = "strategy") -> ModuleType:
    """The module of a user's file, which is looked for from `search_dir` on and stays inside it; `what` is written in it.

    Raises ConfigError where there is no such file, StrategyError where its code does not load.
    """
    path = (search_dir / text).resolve()
    if not path.is_relative_to(search_dir.resolve()):
        raise ConfigError(f"{what} file {text} leads out of {search_dir}: it must lie inside")
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise ConfigError(f"there is no {what} file {text} in {search_dir}{nearest(path.name, beside)}")
    name = _module_name(path, search_dir.resolve())
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    return _executed(name, path, text, what)


def _module_name(path: Path, root: Path) -> str:
    """Follows from the path inside the workspace, wherever that is."""
    inside = path.relative_to(root).with_suffix("")
    return OF_FILES + re.sub(r"\W", "_", "__".join(inside.parts))


def _executed(name: str, path: Path, text: str, what: str) -> ModuleType:
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{text} cannot be loaded as Python")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's file may raise anything
        del sys.modules[name]
        raise _fault(error, text, what) from None
    return module


def _fault(error: Exception, wanted: str, kind: str = "strategy") -> StrategyError:
    """The user's own last line, and what was raised there."""
    if isinstance(error, SyntaxError):
        place, what = f"{error.filename}:{error.lineno}", f"SyntaxError: {error.msg}"
    else:
        frames = list(traceback.extract_tb(error.__traceback__))
        frames = [f for f in frames if _theirs(f.filename)] or frames
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else wanted
        what = f"{type(error).__name__}: {error}"
    return StrategyError(f"{kind} {wanted} does not import: {place}: {what}")


def _theirs(filename: str) -> bool:
    """Whether a frame is in code that its author can change: not Python's, an installed package's or ours."""
    return not filename.startswith(("<", *_NOT_THEIRS))


def _classes(module: ModuleType) -> list[type[Strategy]]:
    """Strategies written in the module itself, not what it imported."""
    found = inspect.getmembers(module, lambda item: inspect.isclass(item) and issubclass(item, Strategy))
    return [item for _, item in found if item.__module__ == module.__name__]


def _only(module: ModuleType, attribute: str, wanted: str) -> type[Strategy]:
    """The class called `attribute`, or the one strategy of the module."""
    classes = _classes(module)
    names = [item.__name__ for item in classes]
    if attribute:
        found = getattr(module, attribute, None)
        if inspect.isclass(found) and issubclass(found, Strategy):
            return found
        if found is not None:
            raise ConfigError(
                f"{wanted!r}: {attribute} is not a strategy; it must be a class derived from onepath.Strategy"
            )
        has = ", ".join(names) or "none"
        raise ConfigError(f"{wanted!r}: there is no class {attribute!r}{nearest(attribute, names)}; it has {has}")
    if len(classes) != 1:
        has = (
            f"{len(classes)} strategies ({', '.join(names)}): name one as {wanted}:{names[0]}"
            if names
            else "no Strategy class"
        )
        raise ConfigError(f"{wanted} has {has}")
    return classes[0]
