"""The language says what it says on paper: against Python on random numbers, and against tables worked out by hand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.rules.language import Scope, Wrong, amount, condition
from onepath.rules.reckoning import Compiler, Unfit

NAN = math.nan
NAMES = ("a", "b", "c")
SCOPE = Scope(NAMES, {"n": 2, "level": 1.5, "word": "close", "yes": True})
PARAMS = {"n": 2.0, "level": 1.5, "yes": 1.0}


def compiler() -> Compiler:
    return Compiler({name: place for place, name in enumerate(NAMES)}, PARAMS)


def judged(text: str, *rows: Sequence[float]) -> bool | None:
    """What a condition says over rows, the present one first."""
    return compiler().truth(condition(text, SCOPE))(rows, 0)


def reckoned(text: str, *rows: Sequence[float]) -> float:
    return compiler().number(amount(text, SCOPE))(rows, 0)


numbers = st.integers(-4, 4).map(str) | st.sampled_from(["0.5", "1e2", ".25", "3.", "a", "b", "c", "level"])
sums = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join),
        inner.map("-({})".format),
        inner.map("({})".format),
        inner.map("abs({})".format),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    ),
    max_leaves=6,
)
comparing = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
compared = st.tuples(sums, comparing, sums).map(" ".join) | st.tuples(sums, comparing, sums, comparing, sums).map(
    " ".join
)
conditions = st.recursive(
    compared,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=6,
)
values = st.tuples(*[st.floats(-100, 100).map(lambda x: round(x, 2)) for _ in NAMES])


def python(text: str, row: Sequence[float]) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # comparing two numbers with `is` and the like
        return eval(text, {"__builtins__": {}}, dict(zip(NAMES, row, strict=True)) | PARAMS | FUNCTIONS)  # noqa: S307


FUNCTIONS = {"abs": abs, "min": min, "max": max}


@settings(max_examples=300, deadline=None)
@given(sums, values)
def test_numbers_are_pythons(text: str, row: tuple[float, ...]) -> None:
    """An expression is, to the last bit, what Python makes of the same text; a division by zero is not a number."""
    try:
        expected = float(python(text, row))  # type: ignore[arg-type]
    except ZeroDivisionError:
        return
    found = reckoned(text, row)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@settings(max_examples=300, deadline=None)
@given(conditions, values)
def test_conditions_are_pythons(text: str, row: tuple[float, ...]) -> None:
    """A condition over numbers, chained comparisons, and, or and not included, is what Python makes of the same text."""
    try:
        expected = python(text, row)
    except ZeroDivisionError:
        return
    assert judged(text, row) is expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, NAN]), min_size=12, max_size=12), st.integers(1, 4), st.integers(0, 3))
def test_looking_back(past: list[float], bars: int, ago: int) -> None:
    """[N], highest, lowest, for N bars and crosses over random pasts are what a loop over the same past gives."""
    rows = [(x, 2.0, 0.0) for x in past]
    assert str(reckoned(f"a[{ago}]", *rows)) == str(past[ago])
    window = past[ago : ago + bars]
    whole = not any(map(math.isnan, window))
    assert str(reckoned(f"highest(a, {bars})[{ago}]", *rows)) == str(max(window) if whole else NAN)
    assert str(reckoned(f"lowest(a, {bars})[{ago}]", *rows)) == str(min(window) if whole else NAN)
    held = [None if math.isnan(x) else x > 1 for x in window]
    lasts = False if False in held else None if None in held else True
    assert judged(f"(a > 1 for {bars} bars)[{ago}]", *rows) is lasts
    now, before = past[ago], past[ago + 1]
    crossed = None if math.isnan(now + before) else now > 2 >= before
    assert judged(f"crosses_above(a, b)[{ago}]", *rows) is crossed
    assert judged(f"(a crosses above b)[{ago}]", *rows) is crossed
    below = None if math.isnan(now + before) else now < 2 <= before
    assert judged(f"crosses_below(a, b)[{ago}]", *rows) is below


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < 30", True),  # a = 29, b = not a number, c = 0
        ("b < 30", None),
        ("b != 30", None),
        ("b == b", None),
        ("not b < 30", None),
        ("a / c > 1", None),
        ("not a / c > 1", None),
        ("min(a, b) < 30", None),
        ("a < 30 or b < 30", True),
        ("b < 30 or a < 30", True),
        ("a > 30 or b < 30", None),
        ("a > 30 and b < 30", False),
        ("b < 30 and a > 30", False),
        ("a < 30 and b < 30", None),
        ("1 < b < 30", None),
        ("30 < a < b", False),
        ("true", True),
        ("not true", False),
        ("false or a == 29", True),
        ("a == 2900%", True),
        ("a > n * 10 + level", True),
        ("yes == 1", True),
        ("a < 30 for 1 bar", True),
        ("a < 30 for n bars", None),  # there is no bar before: its row is of NaN
    ],
)
def test_what_is_no_number_is_unknown(text: str, expected: bool | None) -> None:
    """A comparison with what is no number is neither true nor false, and so is what hangs on it."""
    assert judged(text, (29.0, NAN, 0.0), (NAN, NAN, NAN)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4", 14.0),
        ("2 * 3 - 4 / 2", 4.0),
        ("-a * 2", -58.0),
        ("--a", 29.0),
        ("(1 + 2) * 3", 9.0),
        ("10 - 3 - 2", 5.0),
        ("8 / 4 / 2", 1.0),
        ("98% * a", 0.98 * 29.0),
        ("max(1, 2, a)", 29.0),
        ("a[n]", 7.0),
        ("a[1][1]", 7.0),
        ("highest(a + 1, 3)", 30.0),
        ("highest(a, 2)[1]", 8.0),
        ("lowest(a[1], 2)", 7.0),
    ],
)
def test_numbers_by_hand(text: str, expected: float) -> None:
    """Precedence, sides, signs and the past, over a = 29, 8, 7 (now, a bar ago, two bars ago)."""
    assert reckoned(text, (29.0, 0.0, 0.0), (8.0, 0.0, 0.0), (7.0, 0.0, 0.0)) == expected


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("a > 1", 0),
        ("a[3] > 1", 3),
        ("a > 1 for 3 bars", 2),
        ("a[1] > 1 for 3 bars", 3),
        ("a crosses above highest(b, 5)[1]", 6),  # now and a bar ago, of the five bars before
        ("highest(a, n) > 0 for n bars", 2),
    ],
)
def test_how_far_back(text: str, reach: int) -> None:
    """As many bars are kept as the deepest value needs."""
    assert compiler().reach(condition(text, SCOPE)) == reach


def test_a_parameter_that_counts_is_checked() -> None:
    """Bars counted by a parameter must be at least one, and not go back further than is kept."""
    nothing = Compiler({"a": 0}, {"n": 0.0})
    with pytest.raises(Unfit, match="parameter n is 0; expected bars from 1"):
        nothing.reach(condition("a > 1 for n bars", Scope(["a"], {"n": 0})))
    with pytest.raises(Unfit, match="parameter n is -1; expected bars from 0"):
        Compiler({"a": 0}, {"n": -1.0}).reach(amount("a[n]", Scope(["a"], {"n": 0})))
    with pytest.raises(Unfit, match="it looks 20000 bars back"):
        compiler().reach(amount("a[10000][10000]", SCOPE))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "found nothing; expected a condition"),
        ("a <", "'a <': it ends too early; expected a number, a name or a bracket"),
        ("a < 3 4", "found '4' at character 7; expected the end"),
        ("a = 3", "found '=' at character 3; expected =="),
        ("a < 3 & b > 2", "found '&' at character 7; expected and"),
        ("a", "'a' is a number; expected a condition, such as a > 0"),
        ("a and b < 3", "a number stands where a condition must"),
        ("(a < 3) + 1 > 2", "a condition stands where a number must"),
        ("abc < 3", "there is no 'abc' (did you mean 'abs'?)"),
        ("leval > 3", "there is no 'leval' (did you mean 'level'?)"),
        ("position.bar > 3", "(did you mean 'position.bars'?)"),
        ("word > 3", "the parameter word is text; expected a number"),
        ("abs < 3", "abs is a function; expected abs(x)"),
        ("abs(a, b) < 3", "abs was given 2; expected abs(x)"),
        ("highest(a) > 3", "highest was given 1; expected highest(x, bars)"),
        ("highest(a, b) > 3", "expected over how many bars: a whole number from 1 to 10000"),
        ("highest(a, 0) > 3", "a whole number from 1 to 10000"),
        ("hihgest(a, 3) > 3", "there is no function 'hihgest' (did you mean 'highest'?)"),
        ("sma(20) > 3", "there is no function 'sma'"),
        ("a[1.5] > 3", "how many bars ago: a whole number from 0"),
        ("a[level] > 3", "the parameter level is 1.5; expected a whole number"),
        ("a[1 > 3", "expected ']'"),
        ("(a > 3", "expected ')' to close the bracket"),
        ("a > 3 for 3", "expected 'bars'"),
        ("a > 3 for ever bars", "for how many bars: a whole number from 1"),
        ("a crosses b", "expected above or below after crosses"),
        ("a < 1e999", "a number is too large"),
        ("((" * 30 + "a" + "))" * 30, "nested too deeply"),
        ("a" + " + a" * 500 + " > 3", "is too long (1003 words and signs, at most 600)"),
        ("__import__('os')", 'found "\'"'),
        ("a.__class__ > 3", "there is no 'a.__class__'"),
    ],
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    """Each text that is none of the language is told in one sentence: what was found, what was expected."""
    with pytest.raises(Wrong) as told:
        condition(text, SCOPE)
    assert sentence in str(told.value)


VOCABULARY = """
    a b n and or not for bars crosses above ( ) [ ] , < >= == = + - * / % 1 3.5 1e9 0x highest abs position.bars true é ' : close
"""
words = st.sampled_from(VOCABULARY.split())


@settings(max_examples=500, deadline=None)
@given(st.lists(words, max_size=30).map(" ".join) | st.text(max_size=60))
def test_no_text_does_harm(text: str) -> None:
    """Whatever the text, it is read or refused with one sentence; what is read can be reckoned with."""
    for parse in (condition, amount):
        try:
            node = parse(text, SCOPE)
        except Wrong as wrong:
            assert str(wrong)
            continue
        made = Compiler({"a": 0, "b": 1, "c": 2, "close": 3, "position.bars": 4}, PARAMS)
        try:
            reach = made.reach(node)
        except Unfit:
            continue
        rows = [[1.0, 2.0, 3.0, 4.0, 5.0]] * (min(reach, 50_000) + 1)
        if parse is condition:
            assert made.truth(node)(rows, 0) in (True, False, None)
        else:
            assert isinstance(made.number(node)(rows, 0), float)
