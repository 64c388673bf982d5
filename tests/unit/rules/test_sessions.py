"""Rule files are strategies like any other: same orders as in Python, same after a crash, in a replay, in another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.unit.session.scripted import CONFIG
from tests.unit.session.test_realtime import begun, cut_short, resumed, rows_of, without

import onepath
from onepath import rules
from onepath.errors import ConfigError, StrategyError
from onepath.examples.rsi_reversion import RsiReversion
from onepath.examples.sma_cross import SmaCross
from onepath.features import compute
from onepath.journal import tail
from onepath.journal.codec import decode
from onepath.rerun import replay
from onepath.result import Result
from onepath.testing import bars, trial

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
CROSS = """
params:
  fast: {default: 20, min: 1, max: 500}
  slow: {default: 50, min: 2, max: 1000}
  weight: {default: 0.95, min: 0, max: 1}
features: {quick: sma(fast), calm: sma(slow)}
entry: quick > calm
close: not quick > calm
size: {weight: weight / symbols, rebalance: 2%}
"""


def orders(result: Result) -> list[tuple[Any, ...]]:
    """What was asked for, but for the reasons, which Python's example does not give."""
    found = [decode(row) for row in result.journal.rows(("order.submitted",))]
    return [(o.symbol, o.side, o.type, o.quantity, o.submitted_at, o.limit, o.stop, o.time_in_force) for o in found]


@pytest.mark.parametrize("params", [{}, {"fast": 5, "slow": 20}, {"fast": 3, "slow": 9, "weight": 0.5}])
def test_a_crossover_is_that_in_python(params: dict[str, Any]) -> None:
    """The SMA crossover as rules sends the orders of the SMA crossover in Python, every one, with the same parameters."""
    how: dict[str, Any] = {"data": "us10", "symbols": ("AAPL", "MSFT", "XOM"), "commission": "0.001"}
    ours = onepath.backtest(rules.loads(CROSS)(**params), **how)
    theirs = onepath.backtest(SmaCross(**params), **how)
    assert len(orders(ours)) > 200
    assert orders(ours) == orders(theirs)
    assert ours.portfolio().equity == theirs.portfolio().equity


def test_values_of_a_signal_are_those_of_the_feature() -> None:
    """The RSI in the journal of each entry is the RSI over the closes up to that bar, to the last bit."""
    text = "features: {rsi: rsi(14)}\nentry: rsi < 30\nclose: rsi > 55\nsize: {weight: 0.9}\n"
    result = onepath.backtest(rules.loads(text), data="us10", symbols="MSFT")
    closes = pq.read_table(SAMPLES / "us10" / "MSFT.parquet", columns=["close"]).column("close").to_pylist()
    known = set(compute(onepath.rsi(14), {"close": closes}))
    entries = result.signals[result.signals["type"] == "long entry"]
    assert len(entries) > 5
    assert all(values["rsi"] < 30 and values["rsi"] in known for values in entries["values"])


DIP = """
name: dip
description: Everything that has to survive.
params: {calm: 5}
features: {mean: sma(calm), swing: atr(3)}
signal: {when: close < mean, lasts: 3}
entry: close > close[1]
order: {type: limit, price: close + 5%}
cancel: order.bars >= 3
close: position.bars >= 3 or close > mean for 2 bars or close crosses above highest(high, 4)[1]
emergency_exit: {when: position.profit_percent < -0.3, cooldown: 2}
size: {quantity: 0.4}
stop_loss: 2 * swing
take_profit: {percent: 3}
cooldown: 1
"""
SESSION = CONFIG.format(
    mode="paper",
    symbols="AB",
    strategies="  - {name: dip, class: strategies/dip.yaml, capital: 10000, params: {calm: 4}}",
).replace("snapshots: auto", "snapshots: 60s")


def put_rules(home: Path, text: str = DIP) -> None:
    (home / "strategies").mkdir(parents=True, exist_ok=True)
    (home / "strategies" / "dip.yaml").write_text(text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a paper session of rules that nothing happened to."""
    home = tmp_path_factory.mktemp("whole")
    put_rules(home)
    session = begun(home, "whole", SESSION)
    assert session.run().status == "completed"
    session.journal.close()
    return home


def test_the_session_is_worth_it(whole: Path) -> None:
    """It has entries and exits with their signals, and snapshots; and it decides the same again."""
    rows = rows_of(whole, "whole")
    signals = [decode(row) for row in rows if row.kind == "signal"]
    assert {"long entry", "long close"} <= {signal.type for signal in signals}
    assert len([signal for signal in signals if signal.type == "long entry"]) >= 2
    assert len(list(tail.snapshots(whole / "whole" / "journal.db"))) > 2
    (started,) = [decode(row) for row in rows if row.kind == "session.started"]
    assert started.strategies[0]["class"] == "strategies/dip.yaml"
    assert len(started.strategies[0]["source_sha256"]) == 64
    assert replay(whole / "whole" / "journal.db", home=whole).identical


@pytest.mark.parametrize("snapshots", [False, True], ids=["from the start", "from a snapshot"])
@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 0.75, 0.9, 0.98])
def test_broken_off_anywhere(whole: Path, tmp_path: Path, part: float, snapshots: bool) -> None:
    """Broken off after any row, it goes on to the same rows: cooldowns, bars held, signals that stand and past bars survive."""
    put_rules(tmp_path)
    everything = rows_of(whole, "whole")
    cut_short(whole, tmp_path, max(1, round(len(everything) * part)), snapshots=snapshots)
    gone_on = resumed(tmp_path, "cut")
    began = gone_on.session.delivered
    assert gone_on.notes == ()
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()
    outside = ("data.status", "time", "session.ended")
    assert without(rows_of(tmp_path, "cut"), *outside) == without(everything, *outside)
    if snapshots and part > 0.9:
        assert began > 0, "no snapshot was used"


def test_a_changed_file_is_noticed(whole: Path, tmp_path: Path) -> None:
    """A replay over a file that says something else differs, at the first decision that is another one."""
    put_rules(tmp_path, DIP.replace("close > close[1]", "close < close[1]"))
    found = replay(whole / "whole" / "journal.db", home=tmp_path)
    assert not found.identical
    assert "decision 1" in str(found.difference)


def test_the_manifest_has_the_file() -> None:
    """The hash in the manifest is of the text, and another text has another."""
    one = onepath.backtest(rules.loads(CROSS, "cross.yaml"), data="us10", symbols="AAPL")
    two = onepath.backtest(rules.loads(CROSS + "# changed\n", "cross.yaml"), data="us10", symbols="AAPL")
    sources = [decode(next(iter(r.journal.rows(("session.started",))))).strategies[0] for r in (one, two)]
    assert [source["class"] for source in sources] == ["cross.yaml", "cross.yaml"]
    assert sources[0]["source_sha256"] != sources[1]["source_sha256"]


def test_a_path_is_as_good_as_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` reads a file: the same class for the same text; for one that is not there its neighbour is named."""
    monkeypatch.chdir(tmp_path)
    put_rules(tmp_path)
    first = rules.load("strategies/dip.yaml")
    assert rules.load(Path("strategies") / "dip.yaml") is first
    put_rules(tmp_path, DIP + "# changed\n")
    assert rules.load("strategies/dip.yaml") is not first
    with pytest.raises(ConfigError, match=r"there is no rule file strategies/dib\.yaml \(did you mean 'dip\.yaml'\?\)"):
        rules.load("strategies/dib.yaml")
    with pytest.raises(ConfigError, match="cannot read strategies"):
        rules.load("strategies")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(StrategyError, match=r"latin\.yaml is not a text file in UTF-8"):
        rules.load("latin.yaml")


CHILD = """
import pickle, sys
strategy = pickle.loads(sys.stdin.buffer.read())
print(type(strategy).__name__, strategy.params.fast, type(strategy).source_path)
"""


def test_another_process_knows_the_class() -> None:
    """A strategy of rules can be handed to another process, which makes its class of the text again."""
    made = rules.loads(CROSS, "cross.yaml")(fast=7)
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert type(again) is type(made)
    told = subprocess.run([sys.executable, "-c", CHILD], input=pickle.dumps(made), capture_output=True, check=False)
    assert told.stdout.decode().split() == ["Cross", "7", "cross.yaml"], told.stderr.decode()


def test_a_split_restates_the_past() -> None:
    """After a split of two for one, half the price is no fall: looking back on prices is in today's units."""
    text = "entry: close < 60% * close[1]\nsize: {quantity: 1}\n"
    assert len(trial(rules.loads(text), {"X": bars([100, 100, 50, 50])}).orders) == 1
    days = pd.date_range("2024-01-02", periods=4, tz="UTC")
    closes = [100.0, 100.0, 50.0, 50.0]
    frame = pd.DataFrame({"open": closes, "high": closes, "low": closes, "close": closes, "volume": 1e6}, index=days)
    split = onepath.Split(symbol="X", at=int(days[2].value), ratio=Decimal(2))
    result = onepath.backtest(rules.loads(text), data={"X": frame}, actions=[split])
    assert len(result.orders) == 0


def test_python_example_as_rules_with_a_stop() -> None:
    """The RSI example's entries: the same bars say buy, in Python and as rules."""
    text = "features: {rsi: rsi(14)}\nentry: rsi < 30\nclose: rsi > 70\nsize: {weight: 0.95}\nstop_loss: 10%\n"
    first = orders(onepath.backtest(rules.loads(text), data="us10", symbols="XOM"))[0]
    assert first[:5] == orders(onepath.backtest(RsiReversion, data="us10", symbols="XOM"))[0][:5]
