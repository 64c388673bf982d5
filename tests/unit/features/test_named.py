"""Features by name: what a text means, and what it says where it means nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from onepath.errors import StrategyError
from onepath.features import Feature, builtins, ema, macd, parse, rank, returns, rsi, sma, talib, true_range
from onepath.features.reference import entries


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("sma(20)", sma(20)),
        (" sma( window = 20 ) ", sma(20)),
        ("sma(20, on='open')", sma(20, on="open")),
        ("sma(20, on=open)", sma(20, on="open")),
        ("ema(9, on=macd())", ema(9, on=macd())),
        ("ema(9, on=macd)", ema(9, on=macd())),
        ("true_range", true_range()),
        ("sma(50).at('1h')", sma(50).at("1h")),
        ("ema(9, on=sma(3)).at('60m')", ema(9, on=sma(3)).at("1h")),
        ("returns(5, log=True)", returns(5, log=True)),
        ("rank(returns(20))", rank(returns(20))),
    ],
)
def test_a_text_is_the_feature_it_reads_like(text: str, feature: Feature) -> None:
    """A call with literals, fields, other features and an interval."""
    assert parse(text) == feature


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smaa(3)", "there is no feature 'smaa' (did you mean 'sma'?); see onepath features list"),
        ("sma(3", "cannot be read; write it like a call, such as sma(20)"),
        ("sma()", "missing 1 required positional argument: 'window'"),
        ("sma(20).foo", ".foo is not known; what can follow a feature is .at('1h')"),
        ("sma(20).of('1h')", "cannot be called; what can follow a feature is .at('1h')"),
        ("(3).at('1h')", "cannot be called"),
        ("sma(*[3])", "arguments are written out, without stars"),
        ("sma(**{})", "arguments are written out, without stars"),
        ("sma(1 + len)", "'1 + len' is neither a number, a word, a field nor a feature"),
        ("__import__('os').system('true')", "cannot be called"),
        ("3", "is 3, not a feature such as sma(20)"),
        ("sma(20).at('7q')", "the interval '7q' is not understood"),
        ("sma(20).at()", "missing 1 required positional argument"),
        ("sma(" + "1" * 2000 + ")", "has at most 1000 characters"),
        ("mine.py:mine(3)", "features of a file cannot be named here"),
    ],
)
def test_what_means_nothing_says_why(text: str, words: str) -> None:
    """One sentence with the text and what is wrong; nothing is ever evaluated."""
    with pytest.raises(StrategyError) as caught:
        parse(text)
    assert words in str(caught.value)


def test_features_of_a_file_come_through_the_loader() -> None:
    """The file's name goes to the loader; its features are known beside the built-in ones."""
    asked: list[str] = []

    def load(file: str) -> dict[str, Callable[..., Feature]]:
        asked.append(file)
        return {"mine": ema}

    assert parse("sub/my-own.py:mine(3)", load) == ema(3)
    assert parse("mine.py:sma(3, on=mine(4)).at('1h')", load) == sma(3, on=ema(4)).at("1h")
    assert asked == ["sub/my-own.py", "mine.py"]
    with pytest.raises(StrategyError, match=r"no feature 'mone' \(did you mean 'mine'\?\)"):
        parse("mine.py:mone(3)", load)


def test_texts_of_talib() -> None:
    """A function after `talib:`, nested too, and one of its outputs after a point."""
    pytest.importorskip("talib", reason="TA-Lib is not installed")
    assert parse("talib:ADX(14)") == talib("ADX", 14)
    assert parse("talib:MACD(12, 26, 9).macdsignal") == talib("MACD", 12, 26, 9, output="macdsignal")
    assert parse("ema(5, on=talib:RSI(14, on=open))") == ema(5, on=talib("RSI", 14, on="open"))
    assert parse("talib:RSI(14).at('1h')") == talib("RSI", 14).at("1h")


def test_the_reference_reads_the_constructors() -> None:
    """Every built-in has a sentence, an example that parses to it, its fields and TA-Lib's name where it has it."""
    found = {entry.name: entry for entry in entries()}
    assert list(found) == list(builtins())
    assert len(found) >= 50
    for name, entry in found.items():
        made = parse(entry.example)
        assert made.version == entry.version
        assert (made.name == name) or name in ("talib",)
        assert entry.summary.endswith((".", "price.", ")"))
        assert entry.inputs
    assert found["rsi"].signature == "rsi(window=14, on='close')"
    assert (found["rsi"].warm_up, found["rsi"].low, found["rsi"].high, found["rsi"].talib) == (15, 0.0, 100.0, "RSI")
    assert (found["cci"].inputs, found["cci"].example) == (("high", "low", "close"), "cci()")
    assert (found["sma"].example, found["donchian_upper"].talib, found["vwap"].talib) == ("sma(20)", "MAX", "")
    assert sum(bool(entry.talib) for entry in found.values()) >= 20
    assert rsi().version == found["rsi"].version
