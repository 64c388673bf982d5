"""Write docs/statistics.md from the report's own code: `python tools/statistics_reference.py`.

Rules: names and definitions are those of `onepath.report.metrics`, formulas and sources the docstrings of
`onepath.report.formulas`; both are read as source, nothing is run. `--check` writes nothing and ends with exit code 1
where the page differs; the test of the docs compares them too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pages

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "statistics.md"
REPORT = ROOT / "src" / "onepath" / "report"
GROUPS = {
    "_returns": "Return",
    "_ratios": "Risk",
    "_drawdowns": "Risk",
    "_tails": "Risk",
    "_market": "Market",
    "_trips": "Round trips",
    "_costs": "Costs",
}
PLAIN = frozenset({"ratio", "mean", "NAN"})
"""what says nothing of its own as a formula"""
PARTS = {"sortino": ("downside",), "max_drawdown": ("drawdowns",)}
"""formulas that another one is made of"""

HEAD = """\
# Statistics

<!-- Made by tools/statistics_reference.py from src/onepath/report; do not edit by hand. -->

Every number of `result.stats`, `onepath report` and the tear sheet: its key, what it means, and its formula.

- Returns are those of session days: a day is a session of the instruments' calendar, in its own time zone; of several
  calendars the one with the most days a year measures all. The capital at the start is the base of the first day.
- A year has 252 days on `XNYS`, 260 on `24/5`, 365 on `24/7`. The risk-free rate is zero.
- Drawdowns are over all recorded marks (`marks` in the configuration), not only over days.
- Round trips match entries with exits first in, first out; their profit is after fees. Corporate actions restate open lots.
- Buy and hold spreads the capital evenly over the session's symbols at their first recorded prices, without cost, and goes
  through their corporate actions; dividends stay in cash.
- What is not defined (nothing to divide by, too few values) is NaN in Python, null in JSON and a dash on the page.
- Tests compare these with empyrical-reloaded on the same returns: `tests/unit/report/test_formulas.py`.

Below, r are daily returns, m those of buy and hold, e the equity curve, n the number of values, sd the sample standard
deviation, and periods the days a year.
"""


class Row(NamedTuple):
    """One statistic: key, label, definition and the formulas its value is made with."""

    key: str
    label: str
    definition: str
    formulas: tuple[str, ...]


def page() -> str:
    """The whole page."""
    tree = ast.parse((REPORT / "metrics.py").read_text(encoding="utf-8"))
    says = _docstrings()
    groups: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in GROUPS:
            groups.setdefault(GROUPS[node.name], []).extend(_line(row, says) for row in _rows(node))
    lines = [HEAD]
    for group, rows in groups.items():
        lines += [f"## {group}\n", "| statistic | key | definition | formula |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _line(row: Row, says: dict[str, str]) -> str:
    used = [part for name in row.formulas for part in (name, *PARTS.get(name, ()))]
    formula = " ".join(says[name] for name in used) or "as defined"
    return f"| {row.label} | `{row.key}` | {_cell(row.definition)} | {_cell(formula)} |"


def _cell(text: str) -> str:
    """Text of a table's cell; signs that Markdown would read are kept as they are."""
    for sign in ("|", "*", "<"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _docstrings() -> dict[str, str]:
    tree = ast.parse((REPORT / "formulas.py").read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {node.name: ast.get_docstring(node) or "" for node in functions}


def _rows(function: ast.FunctionDef) -> Iterator[Row]:
    """The rows of the tuple that the function returns."""
    local = {
        node.targets[0].id: node.value
        for node in function.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    last = function.body[-1]
    assert isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple), function.name
    for element in last.value.elts:
        assert isinstance(element, ast.Tuple), function.name
        key, label, value, _, definition = element.elts
        yield Row(_text(key), _text(label), _text(definition), _formulas(value, local))


def _text(node: ast.expr) -> str:
    """The literal text of a string; what is put in when it runs (the year's note) is left out."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values if isinstance(part, ast.Constant)).strip()
    assert isinstance(node, ast.Constant), ast.dump(node)
    return str(node.value)


def _formulas(value: ast.expr, local: dict[str, ast.expr]) -> tuple[str, ...]:
    """The first function of `formulas` that makes the value, outermost first."""
    if isinstance(value, ast.Name) and value.id in local:
        value = local[value.id]
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "f":
            return () if node.attr in PLAIN else (node.attr,)
    return ()


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
