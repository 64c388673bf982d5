"""What has to be so before a definition from research trades: looked at where a program can tell, left open where not.

Rules: a tick is a finding, made just now on the file that was written; it says what was found. What only people and time can
tell (a review, weeks on paper) is never ticked here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.errors import StrategyError
from onepath.risk import Limits
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.check import Check
    from onepath.proving.kit import Proof


class Item(NamedTuple):
    """One line of the checklist."""

    done: bool
    what: str

    def __str__(self) -> str:
        return f"- [{'x' if self.done else ' '}] {self.what}"


def of_strategy(what: type[Strategy], path: Path, text: str, check: Check | None) -> list[Item]:
    """Of the strategy that `path` holds. Raises StrategyError where it does not hold it."""
    from onepath.registry import in_file

    found = [one for one in in_file(path, path.parent) if one.__name__ == what.__name__]
    if not found:
        raise StrategyError(
            f"what was written of {what.__name__} does not define it again; this is a fault of onepath's export"
        )
    return [
        Item(True, "loads from a file of its own, with nothing of the notebook"),
        _linted(path.name, text),
        _told(what),
        Item(False, "its docstring says what it does and why it should earn"),
        _bounded(found[0]),
        Item(found[0].limits != Limits(), "declares its own limits (`limits = Limits(...)`)"),
        _checked(check),
        Item(
            False,
            "was optimised and tested out of sample: `onepath sweep --walk-forward`, with the deflated Sharpe ratio",
        ),
        Item(False, "is run on another period or market than it was found on, once, and the result is kept"),
        Item(False, "costs, latency and participation in its configuration are those of its venue"),
        Item(False, "has a golden test: `onepath run` twice, the same hash"),
        Item(False, "has run on paper for weeks, and `onepath replay` says identical"),
        Item(False, "was read by a second person, by name:"),
    ]


def _told(what: Any) -> Item:
    first = next(iter((what.__doc__ or "").strip().splitlines()), "")
    return Item(bool(first), f"has a docstring: {first}" if first else "has a docstring")


def _within(proofs: Sequence[Proof]) -> Item:
    """Whether it declares bounds, and keeps them."""
    kept = bool(proofs) and all(one.passed for proof in proofs for one in proof.checks if one.name == "bounds")
    return Item(
        kept, "declares bounds (`low`, `high`), and keeps them" if kept else "declares bounds where its values have"
    )


def of_feature(what: Callable[..., Any], path: Path) -> list[Item]:
    """Of the feature that `path` holds. Raises StrategyError where it does not hold it."""
    from onepath.featurefiles import features_in
    from onepath.proving.kit import prove_file

    made = features_in(path, path.parent)
    if what.__name__ not in made:
        raise StrategyError(
            f"what was written of {what.__name__} does not define it again; this is a fault of onepath's export"
        )
    items = [Item(True, "loads from a file of its own, with nothing of the notebook")]
    try:
        proofs = prove_file(path, path.parent)
    except StrategyError as error:
        items.append(Item(False, f"holds what a definition promises (`onepath features test`): {error}"))
        proofs = []
    for proof in proofs:
        failed = [f"{one.name}: {one.told}" for one in proof.checks if one.passed is False]
        said = "; ".join(failed) if failed else f"{sum(one.passed is True for one in proof.checks)} checks passed"
        items.append(
            Item(not failed, f"{proof.name} holds what a definition promises (`onepath features test`): {said}")
        )
        items.append(
            Item(proof.forgets is not None, f"{proof.name}: how long it remembers is known ({_bars(proof.forgets)})")
        )
    return [
        *items,
        _told(what),
        Item(False, "its docstring says what it measures, in which unit, and where the formula is from"),
        Item(False, "agrees with a second source (TA-Lib, a paper's example, a spreadsheet) on real data, in a test"),
        _within(proofs),
        Item(False, "its drift is watched: `features.drift` in the configuration, with a reference"),
        Item(False, "was read by a second person, by name:"),
    ]


def page(name: str, file: str, items: list[Item]) -> str:
    """The checklist as Markdown."""
    lines = [f"# {name}: before it trades", "", f"Of `{file}`. Written by onepath; what is not ticked is for you.", ""]
    return "\n".join([*lines, *map(str, items), ""])


def _linted(name: str, text: str) -> Item:
    from onepath.lint import ERROR, lint

    found = lint(name, text)
    errors = [finding for finding in found if finding.severity == ERROR]
    said = "; ".join(f"line {finding.line}: {finding.message}" for finding in found) or "nothing found"
    return Item(not errors, f"passes `onepath lint`: {said}")


def _bounded(strategy: type[Strategy]) -> Item:
    numbers = {
        k: v for k, v in strategy.schema().get("properties", {}).items() if v.get("type") in ("integer", "number")
    }
    free = [name for name, facts in numbers.items() if not {"minimum", "maximum"} & facts.keys()]
    if free:
        return Item(False, f"its parameters have bounds (`Annotated[int, Range(1, 200)]`): {', '.join(free)} have none")
    return Item(True, "its parameters have bounds" if numbers else "has no parameters that could leave their bounds")


def _checked(check: Check | None) -> Item:
    if check is None:
        return Item(False, "`onepath check` finds nothing against it (give `check=` to tick this)")
    against = [finding for finding in check.findings if finding.level in ("doubt", "bad")]
    said = "; ".join(f"{finding.subject}: {finding.says}" for finding in against) or "nothing found"
    return Item(not against, f"`onepath check` finds nothing against it: {said}")


def _bars(number: int | None) -> str:
    return "it did not forget within what was tried" if number is None else f"{number:,} bars"
