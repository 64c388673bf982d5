"""The rules by their ids: what is found, how bad it is, what to do instead. `docs/lint.md` is made from this table.

Rules: an error is what makes a replay differ, fails, or never does what its author thinks; a warning may be meant so. Ids never
change their meaning.
"""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING = "error", "warning"


class Rule(NamedTuple):
    """One thing that is looked for."""

    id: str
    severity: str
    title: str
    instead: str


class Finding(NamedTuple):
    """One place where a rule is broken."""

    path: str
    line: int
    column: int
    rule: str
    severity: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.rule} {self.severity}: {self.message}"


_ALL = (
    Rule("OP001", ERROR, "the file is no Python", "correct the line"),
    Rule("OP002", ERROR, "the strategy does not load", "correct what the sentence names"),
    Rule("OP003", WARNING, "`# onepath: ignore[...]` names no rule", "take an id of this page"),
    Rule("OP101", ERROR, "the machine's clock", "`context.now` or `context.current_time`: a replay has no other time"),
    Rule("OP102", ERROR, "the network", "have it recorded: as market data, or as a file that a configuration names"),
    Rule("OP103", ERROR, "files and databases in a callback", "load before the session, keep data in `self`"),
    Rule(
        *("OP104", WARNING, "files at the start or the end"),
        "what they hold is not recorded: a replay is right only while they are the same",
    ),
    Rule("OP105", ERROR, "environment, arguments, processes", "a parameter in `Params`: those are recorded"),
    Rule("OP106", ERROR, "randomness without a seed of its own", "`random.Random(self.params.seed)` kept in `self`"),
    Rule("OP107", ERROR, "`hash()` and `id()`", "they differ in each process: `zlib.crc32`, or the value itself"),
    Rule("OP108", WARNING, "the order of a set", "`sorted(...)`: it differs in each process"),
    Rule("OP111", ERROR, "state in a module", "`self.x = ...` in `on_start`: strategies and runs share a module"),
    Rule("OP112", ERROR, "state in a class", "`self.x = ...` in `on_start`: all instances share a class"),
    Rule("OP113", ERROR, "the engine's insides", "what `context` offers; insides change without notice"),
    Rule("OP114", ERROR, "the context has no such attribute", "the name that the sentence gives"),
    Rule("OP115", ERROR, "an order has no such term", "the name that the sentence gives"),
    Rule("OP121", ERROR, "a callback's name is misspelt", "the name that the sentence gives: no other is ever called"),
    Rule("OP122", ERROR, "a callback takes other arguments", "the arguments that the sentence gives"),
    Rule("OP123", ERROR, "a callback that waits", "`def` instead of `async def`: nobody awaits it"),
    Rule("OP124", WARNING, "the strategy never trades", "`generate_orders`: it is the only method that trades"),
    Rule(
        "OP125",
        ERROR,
        "an order that is made and thrown away",
        "return it from `generate_orders`: a call sends nothing",
    ),
    Rule("OP131", ERROR, "a parameter without a type", "`name: int = 20`: without a type it is no parameter"),
    Rule("OP132", WARNING, "a parameter without a default", "`name: int = 20`: else every run has to give it"),
    Rule("OP133", ERROR, "a parameter that there is not", "a field of `Params`"),
    Rule("OP134", WARNING, "a parameter that nobody uses", "take it out"),
    Rule("OP141", ERROR, "a feature that was not asked for", "`context.features.require(name=...)` in `on_start`"),
    Rule("OP142", WARNING, "a feature that nobody uses", "take it out: it is computed all the same"),
    Rule(
        *("OP143", ERROR, "history, bars or books that were not asked for"),
        "`require` in `on_start`: what is not asked for is not kept",
    ),
    Rule("OP151", ERROR, "an idiom that looks ahead", "shift by a positive number, roll without `center`"),
    Rule("OP152", WARNING, "an idiom that may look ahead", "read back from the last row, fill forward"),
    Rule("OP161", WARNING, "threads, processes, coroutines", "a strategy is called when there is something to do"),
    Rule("OP162", WARNING, "sleeping", "`context.set_timer`: sleeping holds up every strategy of the session"),
    Rule("OP163", WARNING, "printing for every event", "`context.signal`, or print in `on_stop`"),
    Rule("OP164", WARNING, "prices compared exactly with what was computed", "`math.isclose`, or `<` and `>`"),
    Rule("OP165", WARNING, "state that is no data", "numbers, texts, lists, dicts in `self` or `context.metadata`"),
)
RULES = {rule.id: rule for rule in _ALL}


def reference() -> str:
    """The table of the documentation."""
    rows = [f"| {rule.id} | {rule.severity} | {rule.title} | {rule.instead} |" for rule in _ALL]
    return "\n".join(["| rule | | what | instead |", "|---|---|---|---|", *rows])
