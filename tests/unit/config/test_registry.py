"""Claims about names of strategies: what is found, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from onepath import registry
from onepath.config import loads
from onepath.errors import ConfigError, OnepathError, StrategyError

ONE = '''
from typing import Annotated
from onepath.strategy import Params, Range, Strategy

class One(Strategy):
    """Does nothing."""
    class Params(Params):
        fast: Annotated[int, Range(1, 200)] = 20
'''


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("wanted", ["one.py", "one.py:One"])
def test_a_file_of_the_workspace_is_found(tmp_path: Path, wanted: str) -> None:
    """A path, with or without the class, names a strategy; its module's name follows from the path."""
    write(tmp_path, "one.py", ONE)
    found = registry.resolve(wanted, tmp_path)
    assert found.__name__ == "One"
    assert found.__module__ == "onepath_file_one"


@pytest.mark.parametrize(
    "name", ["sma_cross", "mean_reversion", "mean_reversion_v1", "onepath.examples.sma_cross:SmaCross"]
)
def test_bundled_examples_have_names(tmp_path: Path, name: str) -> None:
    """An example is found by name, by name and version, and by import path."""
    assert registry.resolve(name, tmp_path).schema()["properties"]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("sma_cros", "there is no strategy 'sma_cros' (did you mean 'sma_cross'?)"),
        ("mean_reversion_v7", "'mean_reversion_v7' asks for version 7; MeanReversion is version 1"),
        ("on.py", "there is no strategy file on.py in"),
        ("../one.py", "strategy file ../one.py leads out of"),
        ("one.py:Two", "'one.py:Two': there is no class 'Two'; it has One"),
        ("one.py:Range", "'one.py:Range': Range is not a strategy"),
        ("none.py", "none.py has no Strategy class"),
        ("two.py", "two.py has 2 strategies (A, B): name one as two.py:A"),
        ("nowhere.at_all:One", "'nowhere.at_all:One': there is no module 'nowhere' to import"),
    ],
)
def test_what_is_not_there_is_one_sentence(tmp_path: Path, wanted: str, sentence: str) -> None:
    """Names, files and classes that are missing are told with the nearest that is there."""
    write(tmp_path, "one.py", ONE)
    write(tmp_path, "none.py", "x = 1\n")
    write(tmp_path, "two.py", "from onepath.strategy import Strategy\nclass A(Strategy): ...\nclass B(Strategy): ...\n")
    with pytest.raises(ConfigError) as caught:
        registry.resolve(wanted, tmp_path)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (
            "x = 1\nimport nothing_of_this_name\n",
            "bad.py:2: ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("def f():\n    return 1 / 0\n\nf()\n", "bad.py:2: ZeroDivisionError: division by zero"),
        ("import json\n\njson.loads('{')\n", "bad.py:3: JSONDecodeError"),
        ("class A(:\n", "bad.py:1: SyntaxError: invalid syntax"),
    ],
)
def test_code_that_does_not_import_shows_its_own_last_line(tmp_path: Path, code: str, ending: str) -> None:
    """The user's file and line are named, not ours and not the standard library's."""
    write(tmp_path, "bad.py", code)
    with pytest.raises(StrategyError) as caught:
        registry.resolve("bad.py", tmp_path)
    assert f"strategy bad.py does not import: {tmp_path}/{ending}" in str(caught.value)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ("fst: 10", "c.yaml:7: One has no parameter 'fst' (did you mean 'fast'?)"),
        ("fast: 1000", "c.yaml:7: One: parameter fast is not valid: Expected `int` <= 200 (found 1000)"),
        ("fast: ten", "c.yaml:7: One: parameter fast is not valid: Expected `int`, got `str` (found 'ten')"),
    ],
)
def test_parameters_are_checked_against_the_strategys_own_schema(tmp_path: Path, params: str, sentence: str) -> None:
    """A parameter that does not fit is told with the line of the configuration it stands in."""
    write(tmp_path, "one.py", ONE)
    text = f"data: {{name: x}}\nstrategies:\n- name: a\n  class: one.py\n  capital: 1\n  params:\n    {params}\n"
    with pytest.raises(OnepathError) as caught:
        registry.configured(loads(text, name="c.yaml"), 0, tmp_path)
    assert str(caught.value).startswith(sentence)
