"""The features that are written in a user's file.

Rules: a feature is what `@feature` made, a function that says it returns a `Feature`, or a `Feature` itself; what it only
imports is another's. The file is loaded as a strategy's is: inside the workspace, once a process, and what its code raises is
told with its own last line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from onepath.errors import StrategyError
from onepath.features.definition import Feature
from onepath.registry import module_of

Constructor = Callable[..., Feature]
TABLE = "FEATURE_TESTS"
"""name of a file's table: feature -> list of the parameters (a dict each) that it is tested with"""
_MAKER = "onepath.features.definition"


def features_in(text: str | Path, search_dir: Path) -> dict[str, Constructor]:
    """Constructors by name, in the order of the file. Raises ConfigError, StrategyError."""
    return _constructors(module_of(str(text), search_dir, "feature"))


def parameters_in(text: str | Path, search_dir: Path) -> Mapping[str, list[dict[str, Any]]]:
    """What the file's table says each feature is to be tested with. Raises StrategyError where it is no such table."""
    module = module_of(str(text), search_dir, "feature")
    table = getattr(module, TABLE, {})
    known = _constructors(module)
    whole = isinstance(table, dict) and all(
        name in known and isinstance(sets, list | tuple) and all(isinstance(given, dict) for given in sets)
        for name, sets in table.items()
    )
    if not whole:
        raise StrategyError(
            f"{text}: {TABLE} must be a dict of a feature of this file to a list of parameters, such as "
            f'{{"{next(iter(known), "my_feature")}": [{{"window": 5}}]}}'
        )
    return {name: list(sets) for name, sets in table.items()}


def _constructors(module: ModuleType) -> dict[str, Constructor]:
    found: dict[str, Constructor] = {}
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, Feature):
            found[name] = _itself(value)
        elif isinstance(value, FunctionType) and value.__module__ == module.__name__ and _makes(value):
            found[name] = value
    return found


def _makes(function: FunctionType) -> bool:
    """Whether it makes features: by `@feature`, or by what it says of itself."""
    if function.__globals__.get("__name__") == _MAKER:
        return True
    return inspect.signature(function).return_annotation in (Feature, "Feature")


def _itself(made: Feature) -> Constructor:
    return lambda: made
