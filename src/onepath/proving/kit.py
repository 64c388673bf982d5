"""All checks of one feature, and what they found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from onepath.clock import monotonic
from onepath.features.definition import Feature
from onepath.features.running import Running, float_array
from onepath.proving import checks, seeds
from onepath.proving.checks import NotApplicable, Subject
from onepath.proving.samples import Columns
from onepath.proving.stepping import direct, on_own_bars

_TIMED = 10_000


class Check(NamedTuple):
    """One promise: kept, broken (`told` is the counterexample), or not looked at (`passed` None, `told` why)."""

    name: str
    passed: bool | None
    told: str = ""


class Proof(NamedTuple):
    """What is known of a feature."""

    name: str
    """as it was asked for"""
    feature: str
    """name, version, parameters and inputs"""
    checks: tuple[Check, ...]
    forgets: int | None
    """bars until the past does not matter any more (to 1e-9); None: it always does, or was not found out"""
    python_ns: float | None
    """nanoseconds a value, in Python"""
    compiled_ns: float | None

    @property
    def passed(self) -> bool:
        """Whether no promise is broken."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The promises that are broken."""
        return tuple(check for check in self.checks if check.passed is False)

    def __str__(self) -> str:
        lines = [f"{check.name}: {check.told}" for check in self.failures]
        return f"{self.feature}: " + ("all checks pass" if not lines else "; ".join(lines))


CHECKS: Mapping[str, Callable[[Subject], str]] = {
    "state": checks.state,
    "repeatable": checks.repeatable,
    "batch = stream": checks.streamed,
    "compiled = Python": checks.compiles,
    "any chunking": checks.chunked,
    "no look-ahead": checks.causal,
    "warm-up": checks.warm,
    "bad data": checks.unharmed,
    "bounds": checks.bounded,
    "real data": checks.on_real_data,
}
"""The checks in the order they are shown; window, residue and hash seeds need more than the subject."""


def prove(feature: Feature, *, real: Columns | None = None, name: str = "", process: Check | None = None) -> Proof:
    """Try everything on a feature. `real`: columns of real data by field. `process`: what other processes gave."""
    if _across(feature):
        told = "it is computed over all symbols of an instant: test the features it ranks"
        return Proof(name or feature.name, feature.key, (Check("steps", None, told),), None, None, None)
    whole, feature = feature, on_own_bars(feature)
    subject = Subject(feature, real)
    found = [_checked(key, check, subject) for key, check in CHECKS.items()]
    remembered, forgets, finite = _memory(subject)
    residue = _checked("no residue", lambda s: checks.clean_after(s, forgets, finite), subject)
    found[7:7] = [remembered, residue]
    found.append(process or _elsewhere(whole))
    raised = any(check.passed is False for check in found[:1])
    python, fast = (None, None) if raised else _speeds(subject)
    return Proof(name or feature.name, whole.key, tuple(found), forgets, python, fast)


def prove_file(
    path: Path, root: Path, real: Columns | None = None, told: Callable[[int, int], None] | None = None
) -> list[Proof]:
    """Every feature of a file, with its defaults or what the file's table says. `told` hears of features done and of all.

    Raises ConfigError and StrategyError where the file does not load or a feature cannot be made.
    """
    from onepath.featurefiles import features_in, parameters_in

    table = parameters_in(path, root)
    made = [
        (name, params, _made(name, make, params))
        for name, make in features_in(path, root).items()
        for params in table.get(name, [{}])
    ]
    elsewhere = seeds.differences(path, root, made, 500) if made else []
    proofs = []
    for i, ((name, params, feature), other) in enumerate(zip(made, elsewhere, strict=True), 1):
        given = ", ".join(f"{key}={value!r}" for key, value in params.items())
        proofs.append(prove(feature, real=real, name=f"{name}({given})", process=_process(other)))
        if told is not None:
            told(i, len(made))
    return proofs


def _across(feature: Feature) -> bool:
    return feature.across is not None or any(isinstance(f, Feature) and _across(f) for f in feature.inputs)


def _made(name: str, make: Callable[..., Feature], params: Mapping[str, Any]) -> Feature:
    """A feature as its file makes it. Raises StrategyError where it cannot be made so."""
    from onepath.errors import StrategyError
    from onepath.featurefiles import TABLE

    try:
        found = make(**params)
    except Exception as error:  # the author's code may raise anything
        given = "with its defaults" if not params else f"with {dict(params)}"
        raise StrategyError(
            f"{name} cannot be made {given}: {error}; give it parameters in the file: "
            f'{TABLE} = {{"{name}": [{{"parameter": value}}]}}'
        ) from None
    if not isinstance(found, Feature):
        raise StrategyError(f"{name} says it returns a Feature and gives {found!r}")
    return found


def _checked(name: str, check: Callable[[Subject], str], subject: Subject) -> Check:
    try:
        told = check(subject)
    except NotApplicable as reason:
        return Check(name, None, str(reason))
    except Exception as error:  # the author's code may raise anything
        return Check(name, False, f"{type(error).__name__}: {error}{_where(error, subject.feature)}")
    return Check(name, not told, told)


def _where(error: Exception, feature: Feature) -> str:
    """The line of the author's code."""
    import traceback

    code = getattr(feature.step, "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _memory(subject: Subject) -> tuple[Check, int | None, bool]:
    try:
        told, forgets, finite = checks.memory(subject)
    except Exception as error:  # the author's code may raise anything
        return Check("window", False, f"{type(error).__name__}: {error}{_where(error, subject.feature)}"), None, False
    return Check("window", not told, told or _remembers(forgets, finite)), forgets, finite


def _remembers(forgets: int | None, finite: bool) -> str:
    if forgets is None:
        return "what has been is never forgotten"
    return f"forgets after {forgets:,} bars" + ("" if finite else " (to 1e-9)")


def _process(told: str) -> Check:
    if told.startswith("["):
        return Check("hash seeds", None, told[1:-1])
    return Check("hash seeds", not told, told)


def _elsewhere(feature: Feature) -> Check:
    """In two more processes, where the feature can be found by its file and name."""
    try:
        path = Path(inspect.getsourcefile(feature.step) or "")
    except TypeError:
        path = Path()
    if not path.is_file():
        return Check("hash seeds", None, "its step is in no file")
    made: Sequence[tuple[str, Mapping[str, Any], Feature]] = [(feature.name, dict(feature.params), feature)]
    return _process(seeds.differences(path.resolve(), path.resolve().parent, made, 500)[0])


def _speeds(subject: Subject) -> tuple[float | None, float | None]:
    """Nanoseconds a value, the better of three."""
    feature = subject.feature
    try:
        columns = direct(feature, subject.data(0, _TIMED))
        python = _best(lambda: Running(feature).over(columns), _TIMED)
        if checks.compiled_loop(feature) is None:
            return python, None
        arrays = [float_array(column) for column in columns]
        return python, _best(lambda: Running(feature).compiled_over(arrays), _TIMED)
    except Exception:  # a step that raises has been told of
        return None, None


def _best(work: Callable[[], Any], values: int) -> float:
    took = []
    for _ in range(3):
        began = monotonic()
        work()
        took.append(monotonic() - began)
    return round(min(took) / values * 1e9, 1)
