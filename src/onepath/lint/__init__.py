"""`onepath lint`: what is wrong with a strategy before it runs, by reading its code and by loading it.

Rules: every finding names a place, a rule and what to do instead; `# onepath: ignore[OP101]` on its line switches a rule off.
Code that no strategy reaches is left alone. Reading runs nothing; loading runs what the file does when it is imported.
Limits: it finds idioms, not proofs; the proof is a replay.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from onepath.lint import ahead, asking, outside, shape, state
from onepath.lint.rules import ERROR, RULES, Finding
from onepath.lint.source import Source

__all__ = ["ERROR", "RULES", "Finding", "lint"]

RULE_FILES = (".yaml", ".yml")
CHECKS: tuple[Callable[[Source], Iterator[Finding]], ...] = (
    *(outside.of_names, outside.of_calls, outside.of_order),
    *(state.of_module, state.of_class, state.of_self),
    *(shape.of_callbacks, shape.of_trading, shape.of_context, shape.of_insides),
    *(asking.of_params, asking.of_features, asking.of_views),
    *(ahead.of_calls, ahead.of_rows, ahead.of_equality),
)


def lint(path: str, text: str, also: Collection[str] = ()) -> list[Finding]:
    """What the text of a file has against it, in the order of its lines; nothing where it holds no strategy.

    `also` are classes that are strategies though their text does not tell.
    """
    try:
        source = Source(path, text, also)
        ignored = source.ignored()
    except SyntaxError as error:
        rule = RULES["OP001"]
        place = (error.lineno or 1, error.offset or 1)
        return [Finding(path, *place, rule.id, rule.severity, f"this is no Python: {error.msg}")]
    if not source.ideas:
        return []
    found = {(f.line, f.rule, f.column): f for check in CHECKS for f in check(source)}
    once = {(f.line, f.rule, f.message): f for f in found.values()}
    kept = [f for f in once.values() if f.rule not in ignored.get(f.line, ())]
    return sorted([*kept, *_unknown(path, ignored)], key=lambda f: (f.line, f.column, f.rule))


def worth_loading(path: str, text: str) -> bool:
    """Whether a file may hold strategies and importing it runs no backtest."""
    try:
        source = Source(path, text)
    except SyntaxError:
        return False
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    runs = [source.dotted(call.func) for call in calls if source.function(call) is None]
    return "onepath" in text and any(node.bases for node in source.classes.values()) and "onepath.backtest" not in runs


def files(path: Path) -> list[Path]:
    """The Python files of a folder and the rules in folders called strategies, hidden ones and those of environments left out."""
    rules = [f for f in path.rglob("*") if f.suffix in RULE_FILES and f.absolute().parent.name == "strategies"]
    found = sorted([*path.rglob("*.py"), *rules])
    return [
        f
        for f in found
        if not any(
            part.startswith((".", "__pycache__")) or part in {"venv", "site-packages"}
            for part in f.relative_to(path).parts
        )
    ]


def _unknown(path: str, ignored: dict[int, frozenset[str]]) -> Iterator[Finding]:
    for line, ids in ignored.items():
        for name in sorted(ids - RULES.keys()):
            yield Finding(path, line, 1, "OP003", RULES["OP003"].severity, f"there is no rule {name}")
