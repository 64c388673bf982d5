"""Every kind of feature can be asked for in a rule file: of features, of longer bars, across symbols, TA-Lib's, one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from onepath import registry, rules
from onepath.errors import StrategyError
from onepath.features import Feature
from onepath.session import MINUTE
from onepath.testing import START, Trial, bars, trial

SIZE = "size: {quantity: 1}\n"


def entries(seen: Trial) -> list[tuple[str, int]]:
    """Symbol of each entry, and the bar at whose close it was decided (the first is 0)."""
    return [(o.symbol, (o.submitted_at - START) // MINUTE - 1) for o in seen.orders]


def asked(text: str, **params: object) -> dict[str, Feature]:
    """The features of a file."""
    made = rules.loads(f"{text}\nentry: close > 1\n{SIZE}")(**params)
    found: dict[str, Feature] = made._features  # type: ignore[attr-defined]
    return found


def test_parameters_and_features_above() -> None:
    """Parameters of every type and features of lines above are put into the text, at any depth."""
    text = (
        "params: {fast: 2, slow: {default: 5, type: whole}, source: high, log: true, scale: 252.0}\n"
        "features:\n  base: sma(slow, on=source)\n  line: ema(fast, on=base)\n  vol: volatility(slow, log=log, periods=scale)\n"
        "  plain: sma(3, on=volume)\n  deep: ema(fast, on=sma(fast, on=line))\n"
    )
    found = asked(text)
    assert found["line"].key == "ema@1(window=2)[sma@1(window=5)[high]]"
    assert found["deep"].key == "ema@1(window=2)[sma@1(window=2)[ema@1(window=2)[sma@1(window=5)[high]]]]"
    assert dict(found["vol"].params) == {"window": 5, "log": True, "periods": 252.0}
    assert found["plain"].inputs == ("volume",)
    assert asked(text, fast=3, source="low")["line"].key == "ema@1(window=3)[sma@1(window=5)[low]]"


def test_a_feature_of_longer_bars() -> None:
    """The average of one 3-minute bar is its close, known from the bar that ends it on: at bar 2 it is 12, at bar 5 15."""
    text = "features: {slow: \"sma(1).at('3m')\"}\nentry: slow == 15\n" + SIZE
    assert entries(trial(rules.loads(text), {"X": bars([10, 11, 12, 13, 14, 15, 16])}))[0] == ("X", 5)


def test_a_rank_is_of_this_bar() -> None:
    """Of three symbols at one bar the strongest is bought: the rank that a rule sees is that of the bar it decides on."""
    text = "features: {place: rank(returns(1))}\nentry: place == highest(place, 1) and place >= 1\n" + SIZE
    rows = {"A": bars([10, 11, 11]), "B": bars([10, 12, 12]), "C": bars([10, 10, 15])}
    assert entries(trial(rules.loads(text), rows)) == [("B", 1), ("C", 2)]


def test_a_talib_function() -> None:
    """`talib:` names a function of TA-Lib, also inside another feature and with parameters; where it is missing, that is said."""
    pytest.importorskip("talib")
    found = asked("params: {days: 7}\nfeatures: {strength: 'talib:ADX(days)', smooth: 'sma(3, on=talib:CCI(days))'}")
    assert "ADX" in found["strength"].name.upper()
    assert isinstance(found["smooth"].inputs[0], Feature)


OWN = """
from onepath import feature

@feature(inputs=("high", "low"))
def height(state, high, low, times=1):
    return (high - low) * times
"""


def test_a_feature_of_ones_own(tmp_path: Path) -> None:
    """A file of features beside the rules is named with its path in the workspace."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "own.py").write_text(OWN)
    text = "params: {n: 2}\nfeatures: {tall: 'own.py:height(n)'}\nentry: tall == 8\n" + SIZE
    (tmp_path / "strategies" / "tall.yaml").write_text(text)
    strategy = registry.resolve("tall", tmp_path)
    assert entries(trial(strategy, {"X": [(10, 11, 9, 10), (10, 13, 9, 10), (10, 11, 9, 10)]})) == [("X", 1)]
    (tmp_path / "strategies" / "tall.yaml").write_text(text.replace("height", "hight"))
    with pytest.raises(StrategyError, match=r"^strategies/tall\.yaml:2: features\.tall: .*\(did you mean 'height'\?\)"):
        registry.resolve("tall", tmp_path)
    (tmp_path / "strategies" / "tall.yaml").write_text(text.replace("own.py", "../own.py"))
    with pytest.raises(StrategyError, match=r"^strategies/tall\.yaml:2: features\.tall: "):
        registry.resolve("tall", tmp_path)


def test_a_feature_that_has_no_number_for_a_bar() -> None:
    """A return over a close of zero is no number: on that bar neither a comparison with it nor its opposite fires."""
    rows = [(1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (1.0, 2.0, 1.0, 2.0)]
    text = "features: {change: returns(1)}\nentry: change < 5 or not change < 5\n" + SIZE
    assert entries(trial(rules.loads(text), {"X": rows})) == [("X", 2)]
