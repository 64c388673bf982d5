"""The house keeps its shape: who may import whom, what the core may not touch, how large things get.

The table below says which room a module lives in; a new module without a room fails. Arrows: words <- core <- joints <-
windows, and words <- edges <- joints. Lazy imports and imports for type checking count like any other.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "onepath"

ROOMS: dict[str, tuple[str, ...]] = {
    # Frozen values and the ports: standard library and msgspec only.
    "words": (
        *("errors", "nearest", "instruments", "market", "book", "orders", "events", "actions", "accounts"),
        *("calendars", "trading_days", "ports", "universe"),
    ),
    # Synchronous and pure.
    "core": (
        *("blotter", "ledger", "adjustments", "rates", "gate", "portfolio", "risk", "features"),
        *(
            "views",
            "timeframes",
            "context",
            "targets",
            "isolation",
            "strategy",
            "seat",
            "agenda",
            "desk",
            "engine",
            "loop",
            "trace",
        ),
    ),
    # Each implements one port; siblings do not know each other.
    "edges": ("clock", "feeds", "streams", "simulator", "journal", "brokers", "watchdog"),
    # What puts the parts together: configuration, data sources, the session and its proof.
    "joints": (
        *(
            "config",
            "models",
            "registry",
            "provenance",
            "data",
            "replay",
            "chains",
            "rerun",
            "instead",
            "stepping",
            "recording",
        ),
        *("featurecache", "featurefiles", "drift"),
        *("rules", "session", "outbox", "snapshot", "saving", "build", "realtime", "resuming", "workspace"),
    ),
    # What a user looks through or calls.
    "windows": (
        "backtest",
        "result",
        "frames",
        "report",
        "cli",
        "examples",
        "lint",
        "check",
        "monitor",
        "localvenue",
        "versus",
        "chaos",
        "testing",
        "proving",
        "research",
        "control",
        "server",
    ),
}
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "words": ("words",),
    "core": ("words", "core"),
    "edges": ("words",),  # and its own folder, see below
    "joints": ("words", "core", "edges", "joints", "root"),
    "windows": ("words", "core", "edges", "joints", "windows", "root"),
    # `import onepath` is a window that must stay light; see the test of what it brings in.
    "root": ("words", "core", "edges", "joints", "windows"),
}
ROOM_OF = {name: room for room, names in ROOMS.items() for name in names}
STANDARD = frozenset(sys.stdlib_module_names)
HEAVY = ("numpy", "pandas", "polars", "pyarrow", "pydantic", "plotly", "rich", "typer", "numba", "yaml", "fastapi")
MODE_WORDS = frozenset({"backtest", "paper", "live"})
LONGEST = 60
"""lines of a function without its docstring"""
LONG_TABLES = {"report/metrics.py:_risk": 70}
"""functions that are one table of statistics; a ratchet: may shrink, not grow, and nothing is added"""


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package; templates are the user's files, not ours."""
    found = sorted(p for p in ROOT.rglob("*.py") if "templates" not in p.relative_to(ROOT).parts)
    assert len(found) > 50
    return tuple(found)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def top(path: Path) -> str:
    """The first part of a module's name below the package; empty for the package itself."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def room(part: str) -> str:
    return ROOM_OF[part] if part else "root"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports; `from onepath import x` is module x where there is one."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            module = node.module or ""
            for alias in node.names:
                inside = module == "onepath" and (
                    (ROOT / f"{alias.name}.py").exists() or (ROOT / alias.name / "__init__.py").exists()
                )
                yield node.lineno, f"onepath.{alias.name}" if inside else module


def ours(dotted: str) -> str | None:
    """The part below the package of one of our own modules, None for anything else."""
    parts = dotted.split(".")
    return (parts[1] if len(parts) > 1 else "") if parts[0] == "onepath" else None


def wrong_imports(path: Path) -> list[str]:
    """What this module imports and may not."""
    here = top(path)
    own_room = room(here)
    wrong = []
    for line, dotted in imports(path):
        there = ours(dotted)
        if there is None or there == here:
            continue
        if room(there) not in MAY_IMPORT[own_room]:
            wrong.append(f"{name_of(path)}:{line}: {own_room} imports {dotted} ({room(there)})")
    return wrong


def in_rooms(*rooms: str) -> list[Path]:
    return [path for path in modules() if room(top(path)) in rooms]


def test_every_module_has_a_room() -> None:
    """Each module's first name stands in the table of rooms, so that no new one escapes the rules."""
    assert [name_of(p) for p in modules() if top(p) and top(p) not in ROOM_OF] == []


def test_imports_follow_the_arrows() -> None:
    """words <- core <- joints <- windows and words <- edges <- joints; edges do not import each other."""
    assert [line for path in modules() for line in wrong_imports(path)] == []


def test_the_import_check_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core module that imports the simulator, even inside a function, is caught."""
    (tmp_path / "simulator").mkdir()
    (tmp_path / "simulator" / "__init__.py").write_text('"""Edge."""\n')
    engine = tmp_path / "engine.py"
    engine.write_text('"""Core."""\ndef f():\n    from onepath.simulator import venue\n    return venue\n')
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert wrong_imports(engine) == ["engine.py:3: core imports onepath.simulator (edges)"]


def test_words_need_only_the_standard_library_and_msgspec() -> None:
    """The vocabulary imports nothing from the registry but msgspec."""
    foreign = [
        f"{name_of(path)}:{line}: {dotted}"
        for path in in_rooms("words")
        for line, dotted in imports(path)
        if dotted.split(".")[0] not in STANDARD | {"onepath", "msgspec"}
    ]
    assert foreign == []


FORBIDDEN_MODULES = frozenset({"time", "random", "uuid", "secrets", "socket", "asyncio", "threading", "subprocess"})
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "hash", "id", "exec", "eval"})
FORBIDDEN_METHODS = frozenset({"now", "utcnow", "today", "urandom", "getenv", "read_text", "write_text", "read_bytes"})


def impurities(path: Path) -> list[str]:
    """Clocks, randomness, identities, files, terminals and awaiting in a module."""
    found = []
    for line, dotted in imports(path):
        if dotted.split(".")[0] in FORBIDDEN_MODULES:
            found.append(f"{path.name}:{line}: imports {dotted}")
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            found.append(f"{path.name}:{node.lineno}: awaits")
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS:
            found.append(f"{path.name}:{node.lineno}: calls {called.id}")
        if isinstance(called, ast.Attribute) and called.attr in FORBIDDEN_METHODS:
            found.append(f"{path.name}:{node.lineno}: calls .{called.attr}")
    return found


def test_the_core_is_pure() -> None:
    """Words and core read no clock, draw nothing at random, make no uuid, open no file, print and await nothing."""
    paths = in_rooms("words", "core")
    assert [line for path in paths for line in impurities(path)] == []


def test_the_purity_check_can_fail(tmp_path: Path) -> None:
    """A module that reads the time, hashes, prints and opens is caught four times over."""
    impure = tmp_path / "impure.py"
    impure.write_text("import time\nimport datetime as dt\nprint(hash('a'))\nx = dt.datetime.now()\nopen('f')\n")
    assert len(impurities(impure)) == 5


def test_only_the_clock_reads_time() -> None:
    """Outside clock.py and the windows, no module imports `time` or asks a datetime for now."""
    readers = [
        line
        for path in in_rooms("words", "core", "edges", "joints")
        if name_of(path) != "clock.py"
        for line in impurities(path)
        if line.endswith(("imports time", "calls .utcnow", "calls .today"))
    ]
    assert readers == []


def mode_checks(path: Path) -> list[str]:
    """Comparisons and matches with the name of a mode."""
    found = []
    for node in ast.walk(tree(path)):
        looked_at: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            looked_at = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            looked_at = [node.value]
        parts = [part for expression in looked_at for part in ast.walk(expression)]
        constants = [part for part in parts if isinstance(part, ast.Constant) and part.value in MODE_WORDS]
        found += [f"{path.name}:{part.lineno}: {part.value}" for part in constants]
    return found


def test_only_the_configuration_asks_for_the_mode() -> None:
    """No code outside `config` compares anything with backtest, paper or live."""
    outside = [line for path in modules() if top(path) != "config" for line in mode_checks(path)]
    assert outside == []
    assert [line for path in modules() if top(path) == "config" for line in mode_checks(path)], "the check sees nothing"


def lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Each function with its lines, docstring left out."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1 - doc


def test_no_function_is_longer_than_a_screen() -> None:
    """No function has more than 60 lines, docstring aside; the one table that has may only shrink."""
    too_long = {
        name: lines for path in modules() for name, lines in lengths(path) if lines > LONG_TABLES.get(name, LONGEST)
    }
    assert too_long == {}


def test_every_module_says_what_it_is() -> None:
    """Every module begins with a docstring."""
    assert [name_of(p) for p in modules() if not ast.get_docstring(tree(p))] == []


def test_modules_are_named_after_what_they_hold() -> None:
    """No file is called helpers, utils, common, base, manager or misc."""
    empty_names = {"helper", "helpers", "util", "utils", "common", "base", "manager", "managers", "misc"}
    named = [name_of(p) for p in modules() if p.stem in empty_names or p.parent.name in empty_names]
    assert named == []


def test_import_brings_in_nothing_heavy() -> None:
    """`import onepath` loads neither NumPy, pandas, Arrow, pydantic, a plotting library nor a server."""
    code = f"import sys, onepath; print([m for m in {HEAVY!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_import_is_fast() -> None:
    """`import onepath` adds less than 0.3 s of processor time to a bare interpreter, best of five of each."""

    def best(code: str) -> float:
        took = []
        for _ in range(5):
            before = os.times()
            subprocess.run([sys.executable, "-c", code], check=True)
            after = os.times()
            took.append(after.children_user + after.children_system - before.children_user - before.children_system)
        return min(took)

    assert best("import onepath") - best("pass") < 0.3
