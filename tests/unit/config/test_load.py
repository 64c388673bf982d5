"""Claims about reading a configuration: what loads, what it means, and the sentence for what does not."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from onepath.config import json_schema, load, loads, template
from onepath.errors import ConfigError
from onepath.risk import Limits

MISSION = Path("/work/shared/mission-config")
TEXT = """\
mode: backtest
clock:
  start_date: 2023-01-01
  end_date: 2023-12-31
data:
  path: prices.csv
execution:
  slippage:
    model: volume_based
    params:
      base_bps: 5
      volume_factor: 0.1
strategies:
  - name: sma_cross
    capital: 100000
    params:
      fast: 10
      size: 1e3
      label: "7"
      deep: {on: true, list: [1, NO]}
features:
  cache: true
"""


def fault(text: str, *, sets: tuple[str, ...] = (), mode: str | None = None, env: dict[str, str] | None = None) -> str:
    """The sentence that reading `text` ends with."""
    with pytest.raises(ConfigError) as caught:
        loads(text, name="b.yaml", sets=sets, mode=mode, env=env or {})
    return str(caught.value)


@pytest.mark.parametrize("mode", ["backtest", "paper", "live"])
def test_the_missions_files_load_as_they_stand(mode: str) -> None:
    """The three environment files of the mission load without a change."""
    path = MISSION / f"{mode}.yaml"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    config = load(path)
    assert config.mode == mode
    assert config.strategies[0].risk_limits.max_position_size == Decimal("0.1")


@pytest.mark.parametrize("mode", ["backtest", "paper", "live", "collect"])
def test_every_template_loads(mode: str) -> None:
    """What `onepath init` writes is a right configuration of its mode."""
    assert loads(template(mode), env={}).mode == mode


@pytest.mark.parametrize("mode", ["backtest", "paper", "live", "collect"])
def test_a_template_loads_with_every_comment_opened(mode: str) -> None:
    """A key that a template shows as a comment is a right key with a right value."""
    lines = template(mode).splitlines()
    opened = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") and _is_key(line) else line for line in lines]
    text = "\n".join(line for line in opened if not line.startswith("#") and "data/my_prices" not in line)
    assert loads(text, env={}).mode == mode


def _is_key(line: str) -> bool:
    word = line.replace("#", "", 1).split()
    word = word[1:] if word[:1] == ["-"] else word
    return bool(word) and word[0].endswith(":") and word[0][:-1].isidentifier()


def test_text_becomes_what_the_key_wants() -> None:
    """YAML 1.1's traps are closed: dates, exponents, NO as a symbol, leading zeros, quoted numbers."""
    config = loads(TEXT, sets=["data.symbols=[NO, ON, 0700, 1e3]", "clock.speed=10x"])
    strategy = config.strategies[0]
    assert config.clock.start_date == dt.date(2023, 1, 1)
    assert config.data.symbols == ("NO", "ON", "0700", "1e3")
    assert config.clock.speed == 10.0
    assert strategy.capital == Decimal(100000)
    assert strategy.params == {"fast": 10, "size": 1000.0, "label": "7", "deep": {"on": True, "list": [1, "NO"]}}


def test_the_last_day_is_included() -> None:
    """An end date reaches to that day's end; a moment is a moment."""
    whole = loads(TEXT).clock
    exact = loads(TEXT, sets=["clock.end_date=2023-12-31T12:00:00Z"]).clock
    assert whole.start_ns == 1_672_531_200_000_000_000
    assert whole.end_ns == 1_704_067_200_000_000_000
    assert exact.end_ns == whole.end_ns - 43_200_000_000_000


def test_a_mode_brings_its_own_types() -> None:
    """With the types left out, one line switches the mode."""
    text = TEXT.replace("  path: prices.csv\n", "  source: alpaca\n").replace("mode: backtest", "mode: paper")
    text = text.replace("clock:\n  start_date: 2023-01-01\n  end_date: 2023-12-31\n", "")
    config = loads(text)
    assert (config.clock.type, config.data.type, config.execution.type) == ("realtime", "realtime", "simulated")


def test_an_empty_key_means_its_default() -> None:
    """A key with all its lines commented out is as if it were not there; null where null has a meaning stays."""
    config = loads(TEXT.replace("features:\n  cache: true", "features:"), sets=["execution.participation=null"])
    assert config.features.cache
    assert config.execution.participation is None
    assert loads(TEXT).execution.participation == Decimal("0.1")


def test_limits_are_put_over_the_declared_ones() -> None:
    """A limit that is left out is as the strategy declares it."""
    limits = loads(TEXT, sets=["strategies.0.risk_limits.max_leverage=2"]).strategies[0].risk_limits
    declared = Limits(max_position_size=Decimal("0.2"), allow_short=False)
    assert limits.over(declared) == Limits(max_position_size=Decimal("0.2"), max_leverage=Decimal(2), allow_short=False)


def test_overrides_reach_into_lists_by_index_and_by_name() -> None:
    """`--set` finds a strategy by its place and by its name, and makes mappings that are not there yet."""
    config = loads(
        TEXT, sets=["strategies.sma_cross.params.fast=3", "strategies.0.risk_limits.allow_short=no", "seed=7"]
    )
    assert config.strategies[0].params["fast"] == 3
    assert config.strategies[0].risk_limits.allow_short is False
    assert config.seed == 7


def test_a_configuration_is_frozen() -> None:
    """Nobody changes a configuration after it was read."""
    with pytest.raises(ValidationError):
        loads(TEXT).seed = 3  # type: ignore[misc]


def test_the_manifest_is_deterministic_and_comes_back() -> None:
    """A manifest is JSON, the same for the same file, and reads back as the same configuration."""
    config = loads(TEXT)
    manifest = config.as_manifest()
    assert json.dumps(manifest) == json.dumps(loads(TEXT).as_manifest())
    assert loads(json.dumps(manifest), env={}).as_manifest() == manifest


def test_environment_variables_are_put_in() -> None:
    """`${NAME}` and `${NAME:-default}` stand for values of the environment."""
    text = TEXT.replace("prices.csv", "${ROOT}/prices.csv").replace("cache: true", "cache: ${CACHE:-false}")
    config = loads(text, env={"ROOT": "/somewhere"})
    assert config.data.path == "/somewhere/prices.csv"
    assert not config.features.cache


def test_secrets_are_in_no_message_and_no_manifest() -> None:
    """What came from the environment is not echoed, and a secret's place in the manifest holds its name."""
    text = TEXT.replace('label: "7"', "api_key: ${MY_API_KEY}")
    env = {"MY_API_KEY": "hunter2"}
    config = loads(text, env=env)
    assert config.strategies[0].params["api_key"] == "hunter2"
    assert "hunter2" not in json.dumps(config.as_manifest())
    assert loads(json.dumps(config.as_manifest()), env=env).strategies[0].params["api_key"] == "hunter2"
    assert "hunter2" not in fault(TEXT.replace("cache: true", "cache: ${MY_API_KEY}"), env=env)


def test_every_key_of_the_schema_has_a_description() -> None:
    """The JSON Schema says of every key what it is for."""
    schema = json_schema()
    models = [schema, *schema["$defs"].values()]
    bare = [
        f"{m.get('title')}.{k}" for m in models for k, v in m.get("properties", {}).items() if "description" not in v
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  end_date", "  end_dat", "b.yaml:4: unknown key 'end_dat' in clock (did you mean 'end_date'?)"),
        ("clock:", "clok:", "b.yaml:2: unknown key 'clok' (did you mean 'clock'?)"),
        (
            "base_bps: 5",
            "base_bps: five",
            "b.yaml:11: execution.slippage.params.base_bps: found 'five', expected a number",
        ),
        (
            "base_bps",
            "base_bbps",
            "b.yaml:11: unknown key 'base_bbps' in execution.slippage.params (did you mean 'base_bps'?)",
        ),
        (
            "volume_based",
            "volum_based",
            "b.yaml:9: execution.slippage.model: found 'volum_based', expected none, fixed_bps",
        ),
        (
            "capital: 100000",
            "capital: -5",
            "b.yaml:15: strategies.0.capital: found '-5', expected a number greater than 0",
        ),
        ("    capital: 100000\n", "", "b.yaml:14: strategies.0.capital is missing; expected the cash it starts with"),
        ("capital: 100000", "capital: .nan", "b.yaml:15: strategies.0.capital: found '.nan', expected a number"),
        ("cache: true", "cache: maybe", "b.yaml:22: features.cache: found 'maybe', expected true or false"),
        ("2023-12-31", "2022-01-01", "b.yaml:4: clock.end_date: found '2022-01-01', expected a day after start_date"),
        ("2023-12-31", "31.12.2023", "b.yaml:4: clock.end_date: found '31.12.2023', expected a day such as 2023-01-31"),
        (
            "mode: backtest",
            "mode: backtst",
            "b.yaml:1: mode: found 'backtst', expected backtest, paper, live or collect (did",
        ),
        ("mode: backtest", "mode: [", "b.yaml:3: this is not YAML"),
        ("cache: true", "cache: true\n  cache: no", "b.yaml:23: 'cache' stands twice, first in line 22"),
        ("cache: true", "cache: ${GONE}", "b.yaml:22: the environment variable GONE is not set"),
        (
            "path: prices.csv",
            "source: parket",
            "b.yaml:6: data.source: found 'parket', expected parquet, csv or dataset (did",
        ),
        ("  path: prices.csv\n", "", "b.yaml:5: data is missing; expected where market data comes from"),
        (
            "clock:\n",
            "clock:\n  type: realtime\n",
            "b.yaml:3: clock.type: found 'realtime', expected historical, because mode",
        ),
        (
            "name: sma_cross",
            "name: sma cross",
            "b.yaml:14: strategies.0.name: found 'sma cross', expected a name of letters",
        ),
        (
            "name: sma_cross",
            "enabled: false\n    name: x",
            "b.yaml:13: strategies: found a list, expected at least one enabled",
        ),
    ],
)
def test_a_fault_is_one_sentence_with_file_line_and_key(old: str, new: str, sentence: str) -> None:
    """A fault names file, line, key, what was found, what was expected and the nearest name."""
    found = fault(TEXT.replace(old, new, 1))
    assert found.startswith(sentence)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("seed", "--set seed: expected key=value"),
        ("seed=x", "--set seed: found 'x', expected a whole number"),
        ("seeed=1", "--set seeed: unknown key 'seeed' (did you mean 'seed'?)"),
        (
            "strategies.sma_cros.params.a=1",
            "--set strategies.sma_cros.params.a: there is no item 'sma_cros' (did you mean",
        ),
        ("strategies.3.params.a=1", "--set strategies.3.params.a: there is no item '3'"),
        ("mode.x=1", "--set mode.x: mode is a single value and has no key 'x'"),
        ("clock.start_date=[", "--set clock.start_date: this is not YAML"),
    ],
)
def test_a_fault_of_a_flag_names_the_flag(assignment: str, sentence: str) -> None:
    """What `--set` put in is not blamed on the file."""
    assert fault(TEXT, sets=(assignment,)).startswith(sentence)


def test_a_mode_that_the_parts_do_not_fit_says_which_part() -> None:
    """`--mode` cannot turn history into real time: the part that stands against it is named."""
    text = TEXT.replace("clock:\n", "clock:\n  type: historical\n").replace("path: prices.csv", "source: alpaca")
    assert fault(text, mode="paper").startswith("b.yaml:3: clock.type: found 'historical', expected realtime, because")


def test_two_strategies_need_two_names() -> None:
    """A name stands for one book, so it cannot stand twice."""
    text = TEXT.replace("features:", "  - name: sma_cross\n    capital: 5\nfeatures:")
    assert "strategies.1.name: found 'sma_cross', expected a name that no other strategy" in fault(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "word\n"])
def test_a_file_without_keys_is_told_apart(text: str) -> None:
    """An empty file and a file that is no mapping each get their sentence."""
    assert fault(text).startswith(("b.yaml is empty", "b.yaml:1: expected keys"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file suggests the nearest; a folder and a binary file are said to be such."""
    (tmp_path / "backtest.yaml").write_text(TEXT)
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00\x00")
    for name, part in (
        ("backtst.yaml", "did you mean 'backtest.yaml'"),
        ("", "is a folder"),
        ("image.yaml", "not a text"),
    ):
        with pytest.raises(ConfigError, match=part):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("sets", "sentence"),
    [
        (["data={source: csv}"], "--set data: data.path: found nothing, expected the path of the csv data"),
        (["data={source: dataset}"], "--set data: data.name: found nothing, expected the name of a dataset"),
        (["data={symbols: [A]}"], "--set data: data.path: found nothing, expected a path to Parquet or CSV files"),
        (["data={type: session}"], "--set data: data.id: found nothing, expected the id of a recorded session"),
        (["data={type: realtime}"], "--set data: data.source: found nothing, expected the name of a venue"),
        (["data.interval=1 day"], "--set data.interval: found '1 day', expected an interval such as 30s, 1m, 1h or 1d"),
        (["marks=often"], "--set marks: found 'often', expected an interval such as 30s, 1m, 1h or 1d"),
        (["clock.speed=0"], "--set clock.speed: found '0', expected max, or a factor such as 10 or 10x"),
        (["execution.participation=2"], "--set execution.participation: found '2', expected a number less than"),
        (
            ["execution.commission=flat"],
            "--set execution.commission: found 'flat', expected none, bps, per_share, per_order, maker_taker, tiers, "
            "ibkr_fixed, ibkr_tiered, alpaca, binance_spot, binance_usdm, mexc_spot or mexc_futures",
        ),
        (["strategies=[]"], "--set strategies: found a list, expected at least one enabled strategy"),
        (["clock.start_date=[1]"], "--set clock.start_date: found a list, expected a day such as"),
    ],
)
def test_parts_that_do_not_make_a_whole(sets: list[str], sentence: str) -> None:
    """What one part needs of another is told at the key that is wrong or missing."""
    assert fault(TEXT, sets=tuple(sets)).startswith(sentence)


@pytest.mark.parametrize("missing", ["broker", "endpoint"])
def test_live_needs_an_account(missing: str) -> None:
    """Nothing is sent to an account that the configuration does not name."""
    text = template("live").replace(f"  {missing}:", "  # ")
    assert f"expected execution.{missing}, because mode live sends orders to an account" in fault(text)


def test_collecting_needs_no_strategy() -> None:
    """A session that only records has no strategies."""
    assert loads(template("collect"), env={}).active == ()


def test_a_value_tells_where_it_stands() -> None:
    """`where` names file and line of a key, or of the nearest thing around it."""
    config = loads(TEXT, name="b.yaml")
    assert config.where("strategies", 0, "params", "fast") == "b.yaml:17"
    assert config.where("strategies", 0, "risk_limits") == "b.yaml:14"
    assert config.where("seed") == ""


def test_collecting_runs_no_strategy() -> None:
    """The file of a paper session with `--mode collect` records, and trades nothing."""
    text = "mode: {}\ndata: {{type: realtime, source: binance, symbols: [A]}}\nstrategies: [{{name: sma_cross, capital: 1}}]\n"
    assert [strategy.name for strategy in loads(text.format("paper")).active] == ["sma_cross"]
    assert loads(text.format("collect")).active == ()
