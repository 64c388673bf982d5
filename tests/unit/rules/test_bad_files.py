"""A bad rule file is told in one sentence: file, line, key, what was found, what was expected, the nearest name."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath import rules
from onepath.errors import StrategyError

GOOD = """\
params:
  window: 14
  level: {default: 30.0, min: 0, max: 100}
features:
  rsi: rsi(window)
  range: atr(14)
entry:
  - rsi < level
  - close > 1
close: rsi > 70
size: {weight: 0.5}
stop_loss: 2 * range
"""


def changed(line: str, into: str) -> str:
    assert line in GOOD
    return GOOD.replace(line, into)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "dip.yaml is empty: a rule file needs at least `entry` and `size`"),
        ("- a\n- b", "dip.yaml:1: expected keys such as `entry: rsi < 30`, found a list"),
        ("entry: [", "dip.yaml:2: this is not YAML: "),
        ("entry: close > 1\nentry: close > 2", "dip.yaml:2: 'entry' stands twice, first in line 1"),
        ("size: {weight: 1}", "dip.yaml: entry is missing; expected a condition, such as entry: rsi < 30"),
        ("long: {close: close > 1}\nsize: 5%", "dip.yaml:1: long.entry is missing"),
        ("entry: close > 1", "dip.yaml: size is missing; expected how much, such as size: {weight: 0.2}"),
        (changed("close: rsi > 70", "exit: rsi > 70"), "dip.yaml:10: unknown key 'exit' (did you mean 'close'?)"),
        (changed("close: rsi > 70", "cancle: rsi > 70"), "dip.yaml:10: unknown key 'cancle' (did you mean 'cancel'?)"),
        (
            changed("rsi < level", "rsu < level"),
            "dip.yaml:8: entry.0: 'rsu < level': there is no 'rsu' (did you mean 'rsi'?)",
        ),
        (
            changed("rsi < level", "rsi < levl"),
            "dip.yaml:8: entry.0: 'rsi < levl': there is no 'levl' (did you mean 'level'?)",
        ),
        (
            changed("- close > 1", "- clsoe > 1"),
            "dip.yaml:9: entry.1: 'clsoe > 1': there is no 'clsoe' (did you mean 'close'?)",
        ),
        (changed("- close > 1", "- close"), "dip.yaml:9: entry.1: 'close' is a number; expected a condition"),
        (changed("- close > 1", "- {any: close > 1}"), "dip.yaml:9: entry.1.any: found 'close > 1', expected a list"),
        (changed("- close > 1", "- {some: [close > 1]}"), "dip.yaml:9: unknown key 'some' in entry.1"),
        (changed("- close > 1", "- {any: [close > 1], all: [close > 1]}"), "found the keys any, all, expected one of"),
        (changed("- close > 1", "-"), "dip.yaml:9: entry.1: found nothing, expected a condition"),
        (
            changed("close: rsi > 70", "close: []"),
            "dip.yaml:10: close: found an empty list, expected a list of conditions",
        ),
        (changed("close: rsi > 70", "close:"), "dip.yaml:10: close: found nothing, expected a value"),
        (
            changed("rsi(window)", "rsj(window)"),
            "dip.yaml:5: features.rsi: feature 'rsj(14)': there is no feature 'rsj'",
        ),
        (
            changed("rsi(window)", "rsi(windw)"),
            "dip.yaml:5: features.rsi: there is no 'windw' (did you mean 'window'?)",
        ),
        (changed("rsi(window)", "rsi(0)"), "dip.yaml:5: features.rsi: "),
        (changed("rsi(window)", "rsi(1, 2, 3, 4)"), "dip.yaml:5: features.rsi: "),
        (changed("rsi(window)", "rsi(window, size=3)"), "dip.yaml:5: features.rsi: "),
        (
            changed("rsi(window)", "rsi"),
            "features.rsi: found 'rsi', expected a feature with its brackets, such as sma(20); write",
        ),
        (changed("rsi(window)", "14"), "dip.yaml:5: features.rsi: found '14', expected a feature with its brackets"),
        (
            changed("rsi(window)", "rsi(14"),
            "dip.yaml:5: features.rsi: found 'rsi(14', expected a feature, such as sma(20)",
        ),
        (changed("rsi(window)", "[1]"), "dip.yaml:5: features.rsi: found a list, expected the text of a feature"),
        (changed("rsi(window)", "sma(5, on=bid)"), "features.rsi: there is no 'bid'"),
        (changed("rsi(window)", "sma(5, on='bid')"), "is made of quotes, expected bars"),
        (changed("  range:", "  close:"), "dip.yaml:6: features.close: the name 'close' means something already"),
        (changed("  range:", "  window:"), "dip.yaml:6: features.window: 'window' is a parameter already"),
        (changed("  range:", "  2nd:"), "dip.yaml:6: features.2nd: found '2nd', expected a name of letters"),
        (changed("window: 14", "window:"), "dip.yaml:2: params.window: found nothing, expected a number, a text"),
        (changed("min: 0", "min: 50"), "dip.yaml:3: params.level.default: found 30.0, which is outside of min and max"),
        (changed("min: 0", "minimum: 0"), "dip.yaml:3: unknown key 'minimum' in params.level (did you mean 'min'?)"),
        (
            changed("min: 0", "type: hole"),
            "params.level.type: found 'hole', expected one of whole, number, text, truth (did",
        ),
        (changed("min: 0", "type: whole"), "dip.yaml:3: params.level.default: found 30.0, expected a whole"),
        (changed("{weight: 0.5}", "0.5"), "dip.yaml:11: size: found '0.5', expected one of weight, quantity"),
        (
            changed("{weight: 0.5}", "{wieght: 0.5}"),
            "dip.yaml:11: unknown key 'wieght' in size (did you mean 'weight'?)",
        ),
        (changed("{weight: 0.5}", "{weight: 1, risk: 1}"), "size: found weight and risk, expected one of"),
        (changed("{weight: 0.5}", "{weight: much}"), "size.weight: 'much': there is no 'much'"),
        (changed("{weight: 0.5}", "{weight: rsi > 3}"), "size.weight: 'rsi > 3' is a condition; expected a number"),
        (changed("{weight: 0.5}", "{weight: 1, max_weight: 1}"), "size.max_weight: it goes with risk"),
        (
            changed("{weight: 0.5}", "{weight: 1, rebalance: 1%}"),
            "size.rebalance: a size that is set right again has no stop",
        ),
        (
            changed("stop_loss: 2 * range", "stop_loss: 105%"),
            "dip.yaml:12: stop_loss: 105 % below the price there is no price",
        ),
        (changed("stop_loss: 2 * range", "stop_loss: {percent: 100}"), "stop_loss.percent: 100 % below the price"),
        (changed("stop_loss: 2 * range", "stop_loss: -5%"), "dip.yaml:12: stop_loss: it is not above zero"),
        (
            changed("stop_loss: 2 * range", "stop_loss: 2 * range\ntake_profit: {distance: -3}"),
            "take_profit.distance: it is not",
        ),
        (
            changed("stop_loss: 2 * range", "time_in_force: day"),
            "unknown key 'time_in_force' (it belongs into order: {type",
        ),
        (changed("stop_loss: 2 * range", "stop_loss: {pct: 5}"), "dip.yaml:12: unknown key 'pct' in stop_loss"),
        (
            changed("stop_loss: 2 * range", "stop_loss: {percent: 5%}"),
            "stop_loss.percent: found '5%', expected the number alone",
        ),
        (
            changed("stop_loss: 2 * range", "stop_loss: {price: 5, trailing: true}"),
            "stop_loss.trailing: a stop_loss by percent",
        ),
        (
            changed("stop_loss: 2 * range", "stop_loss: {percent: 5, trailing: 1}"),
            "trailing: found '1', expected true or false",
        ),
        (
            GOOD.replace("{weight: 0.5}", "{risk: 1%}").replace("stop_loss: 2 * range\n", ""),
            "dip.yaml:11: size: risk is a share",
        ),
        (
            GOOD + "order: limt\n",
            "dip.yaml:13: order.type: found 'limt', expected one of market, limit, stop (did you mean",
        ),
        (GOOD + "order: limit\n", "dip.yaml:13: order: a limit order needs a price"),
        (GOOD + "order: {type: market, price: close}\n", "order.price: a market order has no price"),
        (GOOD + "order: {time_in_force: dya}\n", "order.time_in_force: found 'dya', expected one of day, gtc,"),
        (GOOD + "cooldown: -1\n", "dip.yaml:13: cooldown: found '-1', expected a whole number from 0 to 10000"),
        (GOOD + "cooldown: level\n", "cooldown: found the parameter level, which is no whole number"),
        (GOOD + "cooldown: windw\n", "(did you mean 'window'?)"),
        (GOOD + "max_positions: 0\n", "dip.yaml:13: max_positions: found '0', expected a whole number from 1"),
        (
            GOOD + "emergency_exit: {when: rsi < 5, cooldwn: 3}\n",
            "unknown key 'cooldwn' in emergency_exit (did you mean 'cooldown'?)",
        ),
        (GOOD + "signal: {when: rsi < 5, lasts: 0}\n", "signal.lasts: found '0', expected a whole number from 1"),
        (GOOD + "signal: {lasts: 2}\n", "dip.yaml:13: signal.when: found nothing, expected a condition"),
        (
            changed("stop_loss: 2 * range", "stop_loss: {price: lowest(low, 10)}"),
            "dip.yaml:12: stop_loss: inside braces a text with a comma needs quotes (it was cut before '10)')",
        ),
        (GOOD + "version: [1]\n", "dip.yaml:13: version: found a list, expected text"),
        (GOOD + "name: 1 dip\n", "dip.yaml:13: name: found '1 dip', expected letters, digits, _ and -"),
        (GOOD + "long: yes\n", "dip.yaml:13: long: found 'yes', expected the sections of that side"),
        (
            GOOD + "long: {close: rsi > 1}\nshort: {close: rsi < 1}\n",
            "dip.yaml:7: entry: it stands beside long and short",
        ),
        (GOOD + "long: {entry: rsi > 1}\n", "dip.yaml:7: entry: it stands beside long and within it; keep one of them"),
        (changed("rsi(window)", "sma(" * 300 + "1" + ")" * 300), "dip.yaml:5: features.rsi: "),
        ("entry: " + "[" * 5000 + "]" * 5000, "dip.yaml"),
    ],
)
def test_the_sentence(text: str, sentence: str) -> None:
    """Each bad file is refused as a whole, in one sentence."""
    with pytest.raises(StrategyError) as told:
        rules.loads(text, "dip.yaml")
    assert str(told.value).startswith("dip.yaml")
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_the_good_file_is_good() -> None:
    """What the bad ones were made of is read, and all of it arrives."""
    strategy = rules.loads(GOOD, "dip.yaml")
    assert strategy.__name__ == "Dip"
    assert strategy.schema()["properties"]["level"] == {"type": "number", "minimum": 0, "maximum": 100, "default": 30.0}
    assert strategy.Params().window == 14


def test_parameters_that_no_feature_takes() -> None:
    """A feature that does not take the parameter's value is told when the strategy is made, with the line of the feature."""
    with pytest.raises(StrategyError, match=r"^dip\.yaml:5: features\.rsi: "):
        rules.loads(GOOD, "dip.yaml")(window=0)


LETTERS = string.ascii_lowercase + string.digits + " \n:-{}[]()<>%.,'\"#&*!|?@\t"
pieces = st.sampled_from(
    [*GOOD.splitlines(), "long:", "  short: {", "entry:", "  - ", "- any:", "size: 5%", "&a", "*a", "!!int 3"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(pieces | st.text(LETTERS, max_size=12), max_size=14).map("\n".join)
    | st.text(max_size=80)
    | st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.text(LETTERS, max_size=6)).map(
        lambda cut: GOOD[: cut[0]] + cut[2] + GOOD[cut[0] + cut[1] :]
    )
)
def test_no_file_does_harm(text: str) -> None:
    """Random files, and a good one with a piece cut out and another put in, are read or refused with a sentence of ours."""
    try:
        rules.loads(text, "dip.yaml")
    except StrategyError as error:
        assert str(error).startswith("dip.yaml")
