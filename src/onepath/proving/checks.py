"""The checks, one a promise: each gives nothing where it holds, else the first counterexample.

Rules: rows are counted from 1, as bars are. A check that does not apply raises `NotApplicable` with the reason.
Limits: what a step hides in files, threads or the network is not found. A finite memory is told from a fading one by how it
ends: at the same row in every trial, and at once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onepath.features import compiled
from onepath.features.definition import Feature
from onepath.features.history import compute
from onepath.features.running import Running, float_array
from onepath.proving import samples
from onepath.proving.samples import Columns
from onepath.proving.stepping import Worked, apart, direct, fields, span, worked

PIECES = (1, 7, 64, 3, 250)
"""lengths that a history is cut into, over and over"""
TRIALS = 6
CLOSE = 1e-9
"""relative difference from which on a past no longer matters"""


class NotApplicable(Exception):  # noqa: N818 - not an error
    """This promise was not made, or cannot be looked at here."""


class Subject:
    """A feature and the data it is tried on; `real` is there where sample data was given."""

    def __init__(self, feature: Feature, real: Columns | None = None) -> None:
        self.feature = feature
        self.window = span(feature)
        self.reach = max(self.window, feature.total_warm_up)
        self.size = min(max(1_000, 6 * self.reach), 20_000)
        self.clean = self.data(0)
        self.real = None if real is None else {name: list(real[name]) for name in fields(feature) if name in real}
        if self.real is not None and len(self.real) < len(fields(feature)):
            self.real = None

    def data(self, seed: int, size: int | None = None) -> dict[str, list[float]]:
        """Made-up data with the fields it needs."""
        size = size or self.size
        made = samples.market(size, seed)
        return {name: made.get(name) or samples.other(seed, size) for name in fields(self.feature)}

    def hostile(self) -> Mapping[str, dict[str, list[float]]]:
        """Data as it should not be."""
        return samples.hostile(self.clean, self.reach + 10)


def state(subject: Subject) -> str:
    """The state keeps its length and holds nothing but numbers."""
    running = Worked(subject.feature)
    long = len(running.state)
    names = list(subject.clean)
    for i, row in enumerate(zip(*subject.clean.values(), strict=True), 1):
        running.take(dict(zip(names, row, strict=True)))
        if len(running.state) != long:
            return f"the state has {long} numbers at first and {len(running.state)} after bar {i}"
        odd = next((x for x in running.state if not isinstance(x, int | float)), None)
        if odd is not None:
            return f"the state holds {odd!r} after bar {i}, which is not a number"
    return ""


def repeatable(subject: Subject) -> str:
    """Run twice from the start, the values are the same."""
    one, two = worked(subject.feature, subject.clean), worked(subject.feature, subject.clean)
    return _differs(one, two, "the first time", "the second time, with a state of its own")


def streamed(subject: Subject) -> str:
    """Event by event, and two symbols in turn, it is what it is over a history at once."""
    one, two = subject.clean, subject.data(1)
    whole = [_history(subject.feature, one), _history(subject.feature, two)]
    first, second = Worked(subject.feature), Worked(subject.feature)
    names, by_row = list(one), [list(zip(*data.values(), strict=True)) for data in (one, two)]
    turns = [
        (first.take(dict(zip(names, a, strict=True))), second.take(dict(zip(names, b, strict=True))))
        for a, b in zip(*by_row, strict=True)
    ]
    return _differs([a for a, _ in turns], whole[0], "streamed", "over history") or _differs(
        [b for _, b in turns], whole[1], "streamed beside another symbol", "over history"
    )


def compiles(subject: Subject) -> str:
    """Compiled, it gives the same bits as in Python, on clean data and on bad."""
    if not compiled.installed():
        raise NotApplicable("numba is not installed: pip install 'onepath[fast]'")
    feature = subject.feature
    if getattr(feature.step, "native", False):
        raise NotApplicable("its step is compiled code already")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        loop = compiled.loop(feature.step, len(feature.inputs), feature.arguments)
    if loop is None:
        reason = next((str(w.message).partition("slower: ")[2] for w in said), "it did not before in this process")
        raise NotApplicable(f"it does not compile and runs in Python: {reason or 'the compiler does not say why'}")
    for what, data in [("clean data", subject.clean), *subject.hostile().items()]:
        columns = direct(feature, data)
        fast = Running(feature).compiled_over([float_array(column) for column in columns]).tolist()
        told = _differs(fast, Running(feature).over(columns), "compiled", "in Python")
        if told:
            return f"with {what}: {told}"
    return ""


def chunked(subject: Subject) -> str:
    """Cut into pieces of any length, in either execution, the values are the same."""
    feature, columns = subject.feature, direct(subject.feature, subject.clean)
    whole = Running(feature).over(columns)
    ways = [False] if compiled_loop(feature) is None else [False, True]
    for fast in ways:
        running, found = Running(feature), []
        for turn, (first, last) in enumerate(_pieces(len(whole))):
            piece = [column[first:last] for column in columns]
            if fast and turn % 2:
                found += running.compiled_over([float_array(column) for column in piece]).tolist()
            else:
                found += running.over(piece)
        told = _differs(found, whole, "in pieces" + (", some compiled" if fast else ""), "at once")
        if told:
            return told
    return ""


def causal(subject: Subject) -> str:
    """A value is the same whatever comes after it."""
    feature, clean, others = subject.feature, subject.clean, subject.data(2)
    for at in (subject.size // 2, subject.size - 1):
        # seen whole before and after: a step that remembers what it must not know finds it here
        worked(feature, clean)
        known = worked(feature, clean)[:at]
        changed = worked(feature, samples.joined(clean, others, at))[:at]
        cut = worked(feature, {name: column[:at] for name, column in clean.items()})
        told = _differs(changed, known, f"with other data after bar {at}", "with the data as they were")
        told = told or _differs(cut, known, f"with nothing after bar {at}", "with the data that came")
        if told:
            return told
    return ""


def warm(subject: Subject) -> str:
    """The first number comes at bar `warm_up`, not before and not after."""
    values = worked(subject.feature, subject.clean)
    first = next((i for i, value in enumerate(values, 1) if not math.isnan(value)), None)
    wanted = subject.feature.total_warm_up
    if first == wanted:
        return ""
    when = f"comes at bar {first} ({values[first - 1]!r})" if first else f"does not come in {len(values):,} bars"
    return f"the first number {when}; warm_up says {wanted}"


def memory(subject: Subject) -> tuple[str, int | None, bool]:
    """What is wrong with `window`; how many bars until the past does not matter (None: it always does); whether it ends at once.

    Where it ends at once and at the same bar whatever the data, the feature looks back on so many bars, and `window` says so.
    """
    ends, sudden = [], True
    for trial in range(TRIALS):
        end, at_once = _forgotten(subject, trial)
        ends.append(end)
        sudden = sudden and at_once
    if None in ends:
        return "", None, False
    forgets = max(end for end in ends if end is not None)
    if sudden and len(set(ends)) == 1 and forgets > subject.window:
        return f"a value depends on {forgets} bars; window says {subject.window}", forgets, sudden
    return "", forgets, sudden


def _forgotten(subject: Subject, trial: int) -> tuple[int | None, bool]:
    """Bars until two pasts give the same to 1e-9 (None: never), and whether the last difference was far larger."""
    before, size = subject.reach + 40, min(max(600, 12 * subject.reach), 10_000)
    seeds = 10 + 3 * trial
    tail = subject.data(seeds, size)
    pasts = [subject.data(seeds + n, before) for n in (1, 2)]
    one, two = (worked(subject.feature, {name: [*past[name], *tail[name]] for name in tail})[before:] for past in pasts)
    scale = max((abs(x) for x in one if math.isfinite(x)), default=0.0) or 1.0
    gaps = [
        0.0 if a == b or (math.isnan(a) and math.isnan(b)) else _gap(a, b) / scale
        for a, b in zip(one, two, strict=True)
    ]
    last = max((i for i, gap in enumerate(gaps) if gap > CLOSE), default=-1)
    return None if last == size - 1 else last + 2, last < 0 or gaps[last] > 1e3 * CLOSE


def _gap(a: float, b: float) -> float:
    gap = abs(a - b)
    return gap if math.isfinite(gap) else math.inf


def unharmed(subject: Subject) -> str:
    """Bad data raise nothing (an infinite result is taken for none); after them there are numbers again."""
    for what, data in subject.hostile().items():
        values = _tried(subject.feature, data, what)
        if isinstance(values, str):
            return values
        if what in ("a NaN", "an infinity", "a negative infinity", "a huge number") and not math.isfinite(values[-1]):
            return f"with {what} at bar {subject.reach + 11}: no number ever after, in {len(values):,} bars"
    return ""


def clean_after(subject: Subject, forgets: int | None, finite: bool) -> str:
    """What has left the window has left no residue."""
    if not finite or forgets is None:
        raise NotApplicable("its memory fades; it has no end that something could be left behind after")
    at, plain = subject.reach + 10, worked(subject.feature, subject.clean)
    scale = max((abs(x) for x in plain if math.isfinite(x)), default=0.0) or 1.0
    for value in (math.nan, math.inf, 1e14):
        hit = worked(subject.feature, samples.with_value(subject.clean, value, [at]))
        # one bar more for the change from the bar itself
        for i in range(at + forgets + 1, len(plain)):
            if math.isnan(hit[i]) != math.isnan(plain[i]) or _gap(hit[i], plain[i]) > 1e-8 * scale:
                return f"{value:g} at bar {at + 1} is still felt at bar {i + 1}: {hit[i]!r} instead of {plain[i]!r}"
    return ""


def bounded(subject: Subject) -> str:
    """Every number lies within `low` and `high`."""
    low, high = subject.feature.low, subject.feature.high
    if low == -math.inf and high == math.inf:
        raise NotApplicable("it declares no bounds")
    tried: list[tuple[str, Columns]] = [("made-up data", subject.clean), *subject.hostile().items()]
    for what, data in [*([] if subject.real is None else [("the sample data", subject.real)]), *tried]:
        values = _tried(subject.feature, data, what)
        for i, value in enumerate(() if isinstance(values, str) else values, 1):
            if math.isfinite(value) and not low <= value <= high:
                return f"with {what}: {value!r} at bar {i}, outside {low:g} to {high:g}"
    return ""


def on_real_data(subject: Subject) -> str:
    """Over real data there are numbers from `warm_up` on, and they are those of a stream."""
    if subject.real is None:
        raise NotApplicable("no sample data has its fields")
    values = _history(subject.feature, subject.real)
    told = _differs(worked(subject.feature, subject.real), values, "streamed", "over history")
    if told or len(values) < subject.feature.total_warm_up:
        return told
    return "" if any(map(math.isfinite, values)) else f"not one number in {len(values):,} bars"


def compiled_loop(feature: Feature) -> Any:
    """The compiled step, without a word where there is none."""
    if not compiled.installed():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compiled.loop(feature.step, len(feature.inputs), feature.arguments)


def _history(feature: Feature, data: Columns) -> list[float]:
    return list(map(float, compute(feature, dict(data))))


def _tried(feature: Feature, data: Columns, what: str) -> list[float] | str:
    """The values, or what was raised and when."""
    running, found = Worked(feature), []
    names = list(data)
    for i, row in enumerate(zip(*data.values(), strict=True), 1):
        try:
            found.append(running.take(dict(zip(names, row, strict=True))))
        except Exception as error:  # the author's code may raise anything
            return f"with {what}: {type(error).__name__} at bar {i}: {error}"
    return found


def _pieces(size: int) -> Iterator[tuple[int, int]]:
    first, turn = 0, 0
    while first < size:
        last = min(first + PIECES[turn % len(PIECES)], size)
        yield first, last
        first, turn = last, turn + 1


def _differs(one: Sequence[float], two: Sequence[float], as_one: str, as_two: str) -> str:
    at = apart(one, two)
    if at is None:
        return ""
    a, b = (repr(values[at]) if at < len(values) else "nothing" for values in (one, two))
    return f"bar {at + 1} is {a} {as_one} and {b} {as_two}"
