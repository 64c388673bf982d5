"""Whether a strategy's file loads: what reading it does not show.

Rules: what the file does when it is imported is done; of each strategy whose parameters all have defaults one is made. Whatever
the author's code raises becomes a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onepath.errors import OnepathError
from onepath.lint.rules import RULES, Finding
from onepath.strategy import Strategy


def load(path: Path, root: Path, shown: str) -> tuple[list[type[Strategy]], list[Finding]]:
    """The strategies written in a file, and why there are none."""
    from onepath import registry

    try:
        found = registry.in_file(path, root)
    except OnepathError as error:
        return [], [_finding(shown, 1, str(error))]
    return found, list(_made(found, shown))


def of_rules(shown: str, text: str) -> Iterator[Finding]:
    """What is wrong with a file of rules: the first thing, at its line."""
    from onepath.rules import loads

    try:
        loads(text, shown)
    except OnepathError as error:
        line, _, said = str(error).removeprefix(f"{shown}:").partition(":")
        at = int(line) if str(error).startswith(f"{shown}:") and line.isdecimal() else 1
        yield _finding(shown, at, said.strip() if at > 1 or line == "1" else str(error))


def _made(strategies: list[type[Strategy]], shown: str) -> Iterator[Finding]:
    for strategy in strategies:
        if strategy.schema().get("required"):
            continue
        try:
            strategy()
        except Exception as error:  # the author's own code may raise anything
            yield _finding(shown, _line(strategy), f"{strategy.__name__} cannot be made with its defaults: {error}")


def _line(strategy: type[Strategy]) -> int:
    import inspect

    try:
        return inspect.getsourcelines(strategy)[1]
    except OSError:
        return 1


def _finding(shown: str, line: int, message: str) -> Finding:
    return Finding(shown, line, 1, "OP002", RULES["OP002"].severity, " ".join(message.split()))
