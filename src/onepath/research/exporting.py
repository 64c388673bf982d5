"""From a notebook to a file of its own: the source of a strategy or feature, what it needs, and a list of what is left to do.

Rules: what is written is the source as it stands, with the imports, constants and functions of the notebook that it refers to,
and nothing else; it is loaded again from the file and must define the same. What refers to data (a frame, an array) is refused: a
definition depends on its arguments and parameters alone. Nothing is written over unless asked, and nothing half-written.
The checklist says what was found to be so, with the finding, and leaves open what only people and time can do.
Limits: the source must be known to Python: a cell of a notebook or a file, not the interactive prompt.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import symtable
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import onepath
from onepath.errors import ConfigError, StrategyError
from onepath.registry import OF_FILES
from onepath.research import production
from onepath.research.production import Item
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.check import Check

_PLAIN = (int, float, str, bool, bytes, type(None))


class Exported(NamedTuple):
    """What was written."""

    path: Path
    checklist: Path
    items: tuple[Item, ...]

    def __repr__(self) -> str:
        return "\n".join([f"{self.path} and {self.checklist}", *map(str, self.items)])


def export(what: Any, path: str | Path, *, check: Check | None = None, force: bool = False) -> Exported:
    """Write a strategy class or a feature's constructor to `path`, and a checklist for production beside it.

    `check` is what `onepath.check.of_backtest` found of the strategy. Raises ConfigError for a path that exists (unless `force`)
    or is no Python file, StrategyError for what cannot be written: its source is not known, or it refers to data.

    >>> onepath.research.export(MyIdea, "strategies/my_idea.py", check=found)
    """
    target = Path(path)
    if target.suffix != ".py":
        raise ConfigError(f"{target} is no Python file: give a path such as strategies/my_idea.py")
    if target.exists() and not force:
        raise ConfigError(f"{target} exists already, and nothing is written over: give another path, or force=True")
    is_strategy = isinstance(what, type) and issubclass(what, Strategy)
    if not is_strategy and not _step(what):
        raise StrategyError(f"{what!r} is neither a Strategy class nor a feature made with @feature; give one of them")
    text = written(what)
    with TemporaryDirectory() as folder:
        trial = Path(folder) / target.name
        trial.write_text(text, encoding="utf-8")
        items = production.of_strategy(what, trial, text, check) if is_strategy else production.of_feature(what, trial)
    _put(target, text)
    checklist = target.with_suffix(".checklist.md")
    _put(checklist, production.page(what.__name__, target.name, items))
    return Exported(target, checklist, tuple(items))


def _put(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def written(what: Any) -> str:
    """The text of the file."""
    imports: dict[str, None] = {}
    pieces: dict[str, str] = {}
    _gather(what, imports, pieces)
    head = f'"""{what.__name__}: exported from research by onepath."""\n\nfrom __future__ import annotations\n'
    body = "\n\n".join(piece.strip("\n") + "\n" for piece in pieces.values())
    standard, others = (sorted(line for line in imports if _is_standard(line) is known) for known in (True, False))
    between = [""] if standard and others else []
    return "\n".join([head, *standard, *between, *others, "", "", body]).rstrip("\n") + "\n"


def _is_standard(line: str) -> bool:
    """Whether an import is of the standard library."""
    return line.split()[1].partition(".")[0] in sys.stdlib_module_names


def _gather(what: Any, imports: dict[str, None], pieces: dict[str, str]) -> None:
    """The source of `what`, after that of everything it refers to."""
    node, source, names = _defined(what)
    for name in _free(source):
        if name in names and name not in pieces and names[name] is not what:
            _refer(name, names[name], what, imports, pieces)
    pieces[node.name] = source


def _refer(name: str, value: Any, user: Any, imports: dict[str, None], pieces: dict[str, str]) -> None:
    if getattr(onepath, name, None) is value and not isinstance(value, ModuleType):
        imports[f"from onepath import {name}"] = None
    elif isinstance(value, ModuleType):
        plain = value.__name__ == name
        imports[f"import {value.__name__}" if plain else f"import {value.__name__} as {name}"] = None
    elif _is_constant(value):
        pieces[name] = f"{name} = {value!r}\n"
    elif _is_local(value):
        _gather(value, imports, pieces)
    elif getattr(value, "__module__", None) and hasattr(value, "__qualname__") and "." not in value.__qualname__:
        own = value.__qualname__
        imports[f"from {value.__module__} import {own}" + ("" if own == name else f" as {name}")] = None
    else:
        raise StrategyError(
            f"{user.__name__} refers to {name}, which is data ({type(value).__name__}): a definition depends on its "
            "arguments and parameters alone; make it a parameter or compute it from them"
        )


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_constant, value))
    if isinstance(value, dict):
        return all(map(_is_constant, [*value, *value.values()]))
    return type(value) in _PLAIN


def _is_local(value: Any) -> bool:
    """Whether it was written in a notebook, a script that was run or a file of the workspace: it cannot be imported."""
    inner = _step(value) or value
    module = str(getattr(inner, "__module__", None))
    return (module == "__main__" or module.startswith(OF_FILES)) and (isinstance(inner, type) or callable(inner))


def _defined(what: Any) -> tuple[ast.FunctionDef | ast.ClassDef, str, dict[str, Any]]:
    """The definition, its source and the names that it is read with."""
    function = _some_function(what)
    if function is None:
        raise StrategyError(
            f"{what.__name__} has no method of its own, so its source cannot be found; write it in full"
        )
    text = "".join(linecache.getlines(function.__code__.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a cell with magic commands
        text = "".join(
            "\n" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines(keepends=True)
        )
        tree = ast.parse(text)
    wanted = (_step(what) or what).__name__
    nodes = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == wanted]
    if not nodes:
        raise StrategyError(
            f"the source of {wanted} is not known: define it at the top of a notebook's cell or of a file, not inside a function"
        )
    node = nodes[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    source = "".join(text.splitlines(keepends=True)[first - 1 : node.end_lineno])
    return node, source, function.__globals__


def _some_function(what: Any) -> FunctionType | None:
    if isinstance(what, type):
        found = (getattr(member, "__func__", member) for member in vars(what).values())
        return next((member for member in found if isinstance(member, FunctionType)), None)
    inner = _step(what) or what
    return inner if isinstance(inner, FunctionType) else None


def _step(what: Any) -> FunctionType | None:
    """The step of a feature's constructor; None for anything else."""
    if not isinstance(what, FunctionType) or what.__closure__ is None:
        return None
    found = inspect.getclosurevars(what).nonlocals.get("step")
    return found if isinstance(found, FunctionType) else None


def _free(source: str) -> list[str]:
    """Names that a definition reads and nobody in it makes, each once, in order."""
    whole = symtable.symtable(source, "exported", "exec")
    found = dict.fromkeys(
        name.get_name() for name in whole.get_symbols() if name.is_referenced() and not name.is_assigned()
    )
    waiting = list(whole.get_children())
    while waiting:
        table = waiting.pop(0)
        found.update(dict.fromkeys(name.get_name() for name in table.get_symbols() if name.is_global()))
        waiting += table.get_children()
    return [name for name in found if not hasattr(builtins, name)]
