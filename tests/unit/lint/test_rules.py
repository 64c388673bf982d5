"""Every rule: what trips it, and what looks alike and must not."""

from __future__ import annotations

from pathlib import Path

import pytest

import onepath
from onepath.lint import RULES, lint
from onepath.lint.rules import reference

PACKAGE = Path(onepath.__file__).parent
HERE = Path(__file__).parent
TOP = """\
import datetime as dt
import itertools, json, math, os, pickle, random, sqlite3, sys, time, threading, uuid
from collections import defaultdict, deque
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, ClassVar
import numpy as np
import pandas as pd
import requests
import onepath
from onepath import Context, OrderIntent, Params, Range, Strategy, sma
"""


def ids(text: str) -> list[str]:
    return [finding.rule for finding in lint("s.py", text)]


def cases(name: str) -> list[tuple[str, str]]:
    """The cases of a table: a rule, and a file."""
    parts = (HERE / f"{name}.txt").read_text(encoding="utf-8").split("\n== ")[1:]
    return [(part[:5], TOP + part[6:]) for part in parts]


def hears(*lines: str) -> str:
    """A strategy that does this on every market event."""
    body = "\n        ".join(lines)
    return (
        f"{TOP}class S(Strategy):\n    def on_market_event(self, event, context):\n        {body}\n"
        "    def generate_orders(self, context):\n        return []\n"
    )


TRIPS, ALIKE = cases("trips"), cases("alike")


@pytest.mark.parametrize(("rule", "text"), TRIPS)
def test_what_trips_a_rule(rule: str, text: str) -> None:
    """The rule is found, once for the line, and the file is Python."""
    compile(text, "s.py", "exec")
    assert rule in ids(text)


@pytest.mark.parametrize(("rule", "text"), ALIKE)
def test_what_looks_alike(rule: str, text: str) -> None:
    """The rule is not found."""
    compile(text, "s.py", "exec")
    assert rule not in ids(text)


def test_every_rule_is_tried_both_ways() -> None:
    """All rules of the table stand in both lists; those of reading and loading have tests of their own."""
    alone = {"OP001", "OP002", "OP003", "OP123"}
    assert set(RULES) - alone <= {rule for rule, _ in TRIPS}
    assert set(RULES) - alone == {rule for rule, _ in ALIKE}


def test_our_own_strategies_pass() -> None:
    """The bundled examples and the templates have nothing against them, not even a warning."""
    paths = [*(PACKAGE / "examples").glob("*.py"), *(PACKAGE / "templates/strategies").glob("*.py")]
    assert len(paths) > 10
    assert [str(f) for path in paths for f in lint(path.name, path.read_text(encoding="utf-8"))] == []


def test_a_finding_says_where_what_and_what_to_do() -> None:
    """File, line, column, rule, severity, sentence."""
    text = "import time\nfrom onepath import Strategy\n\nclass S(Strategy):\n    def generate_orders(self, context):\n"
    (found,) = lint("s.py", f"{text}        return [] if time.time() else None\n")
    assert str(found) == (
        "s.py:6:22: OP101 error: time.time reads the machine's clock; use context.now or context.current_time"
    )


def test_a_comment_switches_a_rule_off() -> None:
    """On its line: that rule, or all of them; another rule is still found, and a rule that there is not is told."""
    line = "self.x = time.time() + hash('a')"
    assert ids(hears(line)) == ["OP101", "OP107"]
    assert ids(hears(f"{line}  # onepath: ignore[OP101]")) == ["OP107"]
    assert ids(hears(f"{line}  # onepath: ignore[OP101, OP107]")) == []
    assert ids(hears(f"{line}  # onepath: ignore")) == []
    assert ids(hears(f"{line}  # onepath: ignore[OP999]")) == ["OP003", "OP101", "OP107"]
    assert ids(hears("text = '# onepath: ignore'", line)) == ["OP101", "OP107"]


def test_no_python() -> None:
    """A syntax error is one finding, at its place."""
    (found,) = lint("s.py", "class S(:\n    pass\n")
    assert (found.rule, found.line) == ("OP001", 1)
    assert found.message.startswith("this is no Python: ")


def test_a_file_without_strategies_is_left_alone() -> None:
    """A script may read clocks and files."""
    assert lint("s.py", "import time\nprint(time.time(), open('x'))\n") == []


def test_a_strategy_of_another_files_class_is_read_when_it_is_known() -> None:
    """A class that goes back to one from elsewhere is a strategy if loading said so; what it asks for is not judged then."""
    text = "import time\nfrom mine import Own\nclass S(Own):\n    def on_start(self, context):\n"
    text += "        time.time(), self.params.x, context.features['a'].b\n"
    assert lint("s.py", text) == []
    assert [f.rule for f in lint("s.py", text, ["S"])] == ["OP101"]


def test_the_table_of_the_docs_is_the_table_of_the_code() -> None:
    """docs/lint.md holds the rules as they are."""
    assert reference() in (PACKAGE.parents[1] / "docs" / "lint.md").read_text(encoding="utf-8")
