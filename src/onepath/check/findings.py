"""What was found, in sentences: each with how bad it is, what it means and what to do.

Rules: four levels: good (looked at, nothing found), note (good to know), doubt (the result may be better than the truth), bad
(the result is not to be believed). A sentence says the number it rests on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from onepath.report import wording as w

if TYPE_CHECKING:
    from onepath.check.ahead import Lookahead
    from onepath.check.bootstrap import Bootstrap
    from onepath.check.robust import Case
    from onepath.check.snooping import Snooping
    from onepath.check.survivors import Survivors
    from onepath.check.warming import Settling, WarmUp

GOOD, NOTE, DOUBT, BAD = "good", "note", "doubt", "bad"
LEVELS = (GOOD, NOTE, DOUBT, BAD)
_FEW_TRADES = 30
_SURE = 0.95


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    level: str
    says: str


def of_lookahead(found: Lookahead) -> Finding:
    """Whether a decision knew the future."""
    if found.glimpses:
        first = found.glimpses[0]
        return Finding("look-ahead", BAD, f"decisions depend on what comes later: {first}; find what reads ahead")
    if not found.compared:
        return Finding("look-ahead", NOTE, "the strategy decided nothing, so there was nothing to compare")
    partly = "" if found.scrambled else " (order books are not scrambled: only data that end were tried)"
    return Finding(
        "look-ahead",
        GOOD,
        f"{found.compared:,} decisions up to {found.moments} moments are the same with {found.runs} other futures{partly}",
    )


def of_warm_up(found: list[WarmUp], left_out: list[str], settles: Settling | None) -> list[Finding]:
    """Whether features are ready when they say so, and how long the start of the data matters."""
    findings = []
    for one in found:
        if one.early:
            needs = "never" if one.close is None else f"after {one.close:,} bars"
            says = (
                f"{one.strategy}.{one.name} ({one.feature}) calls itself ready after {one.declared:,} bars and is within "
                f"1 % of its value over the whole history {needs}: give the run more history before it trades"
            )
            findings.append(Finding("warm-up", DOUBT, says))
    unseen = [one for one in found if one.unseen]
    if unseen:
        says = ", ".join(f"{one.strategy}.{one.name} {one.declared:,}" for one in unseen)
        findings.append(
            Finding(
                "warm-up",
                DOUBT,
                f"the history is too short to tell ({unseen[0].tried:,} bars tried; needed are: {says})",
            )
        )
    if found and not findings:
        slowest = max(found, key=lambda one: one.exact or one.tried)
        exact = f"{slowest.exact:,}" if slowest.exact else f"more than {slowest.tried:,}"
        says = (
            f"all features ({len(found)}) are within 1 % when they call themselves ready; {slowest.name} takes longest until "
            f"the start no longer matters at all: {exact} bars"
        )
        findings.append(Finding("warm-up", GOOD, says))
    if left_out:
        findings.append(
            Finding(
                "warm-up", NOTE, f"not looked at, being of longer bars or of several symbols: {', '.join(left_out)}"
            )
        )
    if settles is not None and settles.orders:
        findings.append(_settling(settles))
    return findings


def _settling(found: Settling) -> Finding:
    begun = w.timestamp(found.began)
    if found.agrees is None:
        says = f"begun at {begun} instead, the orders never become those of the whole run: they depend on the past's positions"
        return Finding("start", NOTE, says)
    if found.agrees == found.began:
        return Finding("start", GOOD, f"begun at {begun} instead, the orders are those of the whole run")
    agrees = w.timestamp(found.agrees)
    return Finding("start", NOTE, f"begun at {begun} instead, the orders are those of the whole run from {agrees} on")


def of_survivors(found: Survivors) -> Finding:
    """Whether the data know of losers."""
    if found.dated:
        return Finding(
            "survivorship", GOOD, f"{found.symbols:,} symbols of a universe with dates; {len(found.ended)} ended early"
        )
    if found.suspicious:
        return Finding(
            "survivorship",
            DOUBT,
            f"none of the {found.symbols:,} symbols ends before the data do: a list of those that are still there. Use a "
            "universe with dates (data.universe), or expect less",
        )
    return Finding(
        "survivorship", NOTE, f"{found.symbols:,} symbols, {len(found.ended)} of which ended before the data do"
    )


def of_costs(cases: list[Case], level: float | None) -> Finding:
    """Whether the profit lives on cheap trading."""
    own, dearest = cases[1], cases[-1]
    if not own.trades:
        return Finding("costs", NOTE, "there were no round trips, so costs make no difference")
    if own.total_return <= 0:
        return Finding("costs", BAD, f"nothing is earned as configured: {w.signed_percent(own.total_return)} in all")
    if level is None:
        said = (
            f"{dearest.label} leaves {w.signed_percent(dearest.total_return)} of {w.signed_percent(own.total_return)}"
        )
        return Finding("costs", GOOD, f"costs do not decide it: {said}")
    says = f"the profit is gone with {level:.1f} bps a side more than configured"
    return Finding("costs", DOUBT if level < 10 else NOTE, says)


def of_delay(cases: list[Case]) -> Finding:
    """Whether the profit lives on being first."""
    own, late = cases
    said = f"{late.label}: {w.signed_percent(late.total_return)} instead of {w.signed_percent(own.total_return)}"
    if not own.trades and not late.trades:
        return Finding("delay", NOTE, "there were no round trips, so a delay makes no difference")
    if own.total_return > 0 and late.total_return < own.total_return / 2:
        return Finding("delay", DOUBT, f"{said}; more than half of the profit depends on trading at once")
    return Finding("delay", GOOD, said)


def of_bootstrap(found: Bootstrap | None, trades: float) -> list[Finding]:
    """How far it may be chance."""
    if found is None:
        return [Finding("chance", DOUBT, "fewer than 20 days: nothing can be said about chance")]
    sharpe = found.of("sharpe")
    if not math.isfinite(sharpe.value):
        return [Finding("chance", NOTE, "the equity never moved, so there is nothing to be lucky with")]
    says = (
        f"Sharpe {sharpe.value:.2f}, {found.level:.0%} interval {sharpe.low:.2f} to {sharpe.high:.2f}; "
        f"{sharpe.below_zero:.1%} of {found.draws:,} draws are zero or less"
    )
    level = GOOD if sharpe.low > 0 else DOUBT
    few = (
        [Finding("chance", DOUBT, f"only {trades:.0f} round trips: one or two decide it")]
        if trades < _FEW_TRADES
        else []
    )
    return [Finding("chance", level, says), *few]


def of_snooping(found: Snooping) -> Finding:
    """How many were tried to find this one."""
    if found.trials < 2:
        return Finding(
            "data snooping",
            NOTE,
            "the log knows of no other trial of this strategy on these data; what was tried by hand nobody counts but you",
        )
    says = (
        f"{found.trials:,} things were tried on these data: the best of so many shows a Sharpe of {found.expected:.2f} "
        f"without any skill; that this run's true one is above that has a probability of {found.deflated:.1%}"
    )
    return Finding("data snooping", GOOD if found.deflated >= _SURE else DOUBT if found.deflated >= 0.5 else BAD, says)
