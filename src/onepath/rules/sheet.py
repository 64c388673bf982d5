"""A rule file as plain values: what it is called, its parameters and features, and for each side what it does when.

Rules: nothing here is checked but by who makes it (`reading.py`), and nothing runs.
"""

from __future__ import annotations

from typing import NamedTuple

from onepath.rules.words import Count, Node

WHOLE, NUMBER, TEXT, TRUTH = "whole", "number", "text", "truth"
TYPES: dict[str, type] = {WHOLE: int, NUMBER: float, TEXT: str, TRUTH: bool}
"""what a parameter can be, and what that is in Python"""


class Param(NamedTuple):
    """A parameter; `least` and `most` bound a number."""

    name: str
    type: str
    default: bool | int | float | str
    least: float | None = None
    most: float | None = None
    description: str = ""


class Wanted(NamedTuple):
    """A feature by its text, in which parameters and features above it may stand; `where` is file:line."""

    name: str
    text: str
    where: str


class Rule(NamedTuple):
    """When something is done. `parts` are its conditions as they were written, each with its nodes, for the record."""

    key: str
    node: Node
    parts: tuple[tuple[str, Node], ...]
    lasts: Count = 1
    """of a signal: for so many bars it stands"""
    cooldown: Count | None = None
    """of an emergency exit: bars without a new entry"""


class Size(NamedTuple):
    """How much: `kind` is weight, quantity, notional or risk. `most` bounds the weight of what risk comes to; with `rebalance`
    the weight is set right again where it is off by that share of equity."""

    kind: str
    amount: Node
    most: Node | None = None
    rebalance: Node | None = None


class Entry(NamedTuple):
    """The order that opens: `type` is market, limit or stop; `price` for the last two."""

    type: str = "market"
    price: Node | None = None
    time_in_force: str = "gtc"


class Guard(NamedTuple):
    """A stop loss or take profit: `kind` is percent, distance, price or money; `trailing` follows the best price."""

    kind: str
    amount: Node
    trailing: bool = False


class Side(NamedTuple):
    """What is done on one side, long or short."""

    name: str
    size: Size
    order: Entry = Entry()
    signal: Rule | None = None
    entry: Rule | None = None
    cancel: Rule | None = None
    emergency_exit: Rule | None = None
    close: Rule | None = None
    stop_loss: Guard | None = None
    take_profit: Guard | None = None

    @property
    def rules(self) -> list[Rule]:
        """Those that there are."""
        return [rule for rule in (self.emergency_exit, self.close, self.cancel, self.signal, self.entry) if rule]

    @property
    def nodes(self) -> list[Node]:
        """All that is reckoned on this side."""
        guards = [guard.amount for guard in (self.stop_loss, self.take_profit) if guard]
        rest = (self.size.amount, self.size.most, self.size.rebalance, self.order.price)
        return [*(rule.node for rule in self.rules), *guards, *(node for node in rest if node is not None)]


class Sheet(NamedTuple):
    """A whole file. `text` is what stood in it, `path` what it is called (no absolute path, so that equal runs are equal)."""

    name: str
    version: str
    description: str
    params: tuple[Param, ...]
    features: tuple[Wanted, ...]
    sides: tuple[Side, ...]
    cooldown: Count
    max_positions: Count | None
    text: str
    path: str

    @property
    def nodes(self) -> list[Node]:
        """All that is reckoned."""
        return [node for side in self.sides for node in side.nodes]
