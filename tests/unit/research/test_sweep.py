"""Claims about sweeps: the same results whoever runs them, nothing lost, faults told where they are."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.research.sweeping import days, read_shared, swept, told, write

import onepath
from onepath.errors import ConfigError, StrategyError
from onepath.examples.sma_cross import SmaCross
from onepath.research import sweep
from onepath.research.carried import packed
from onepath.research.subject import loaded

GRID = {"fast": "2:8:2", "slow": "5:20:5"}


def test_one_and_two_processes_find_the_same_to_the_byte(tmp_path: Path) -> None:
    """Statistics, daily returns and keys of 14 trials are equal, in the order of the grid; two of 16 combinations have fast above
    slow and are refused by Params, with its own words."""
    one = swept(tmp_path / "one", GRID)
    two = swept(tmp_path / "two", GRID, workers=2)
    assert told(one) == told(two)
    assert len(one.tried) == 14
    assert [point for point, _ in one.refused] == [{"fast": 6, "slow": 5}, {"fast": 8, "slow": 5}]
    assert "fast must be below slow" in one.refused[0][1]


def test_a_trial_is_what_the_backtest_is(tmp_path: Path) -> None:
    """Every statistic of each trial is that of `onepath.backtest` with the same parameters, costs and data."""
    found = sweep(SmaCross, "us10", {"fast": [5, 20], "slow": "50"}, symbols="AAPL", workers=1, workspace=tmp_path,
                  commission=0.001, end="2016-12-31")  # fmt: skip
    for one in found.tried:
        alone = onepath.backtest(SmaCross(**one.point), "us10", symbols="AAPL", commission=0.001, end="2016-12-31")
        expected = {key: None if math.isnan(value) else value for key, value in alone.stats.items()}
        assert one.found.stats == expected
        # The returns of the days multiply up to the return of the whole, but for float32.
        assert np.prod(1 + np.frombuffer(one.found.returns, "<f4")) - 1 == pytest.approx(
            expected["total_return"], abs=1e-5
        )


def test_the_best_by_a_metric_of_which_less_is_better(tmp_path: Path) -> None:
    """Of fees the best is the lowest; of the Sharpe ratio the highest."""
    fees, sharpe = swept(tmp_path, GRID, metric="fees"), swept(tmp_path, GRID)
    assert fees.best is not None
    assert sharpe.best is not None
    assert fees.best.value == min(one.value for one in fees.tried)
    assert sharpe.best.value == max(one.value for one in sharpe.tried)


def test_the_same_sweep_again_runs_nothing(tmp_path: Path) -> None:
    """All trials come from the log, equal to the byte, without a single session."""
    first = swept(tmp_path, GRID)
    again = swept(tmp_path, GRID)
    assert (first.known, again.known) == (0, len(first.tried))
    assert told(first) == told(again)


def test_what_makes_another_trial(tmp_path: Path) -> None:
    """Other costs, another instrument, other data, other code: nothing comes from the log; a wider grid takes what it has."""
    swept(tmp_path, GRID)
    assert swept(tmp_path, {"fast": "2:10:2", "slow": "5:20:5"}).known == 14
    config = tmp_path / "backtest.yaml"
    config.write_text(config.read_text().replace("bps: 5", "bps: 6"))
    assert swept(tmp_path, GRID).known == 0
    config.write_text(
        config.read_text().replace("calendar: 24/7", "calendar: 24/7, instruments: {ABC: {lot_size: 10}}")
    )
    assert swept(tmp_path, GRID).known == 0
    (tmp_path / "ABC.csv").write_text((tmp_path / "ABC.csv").read_text().rsplit("\n", 2)[0] + "\n")
    assert swept(tmp_path, GRID).known == 0
    (tmp_path / "cross.py").write_text((tmp_path / "cross.py").read_text() + "# another version\n")
    code = "from pathlib import Path; from tests.unit.research.sweeping import swept; import sys\n"
    code += f"print(swept(Path(sys.argv[1]), {GRID!r}).known)"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(Path.cwd())}, capture_output=True,
        check=True, timeout=100,
    )  # fmt: skip
    assert ran.stdout.split()[-1:] == [b"0"]


def test_a_strategy_that_fails_fails_at_its_point(tmp_path: Path) -> None:
    """Two of four trials raise: they are told with the strategy's own words, the others have values."""
    found = swept(tmp_path, {"fast": "2,3", "fault": ["", "raise"]})
    assert [one.found.status for one in found.tried] == ["ok", "failed", "ok", "failed"]
    assert "RuntimeError: no luck today" in found.failed[0].found.error
    assert "cross.py" in found.failed[0].found.error


def test_a_process_that_dies_takes_one_trial_with_it(tmp_path: Path) -> None:
    """A strategy that ends its process breaks that trial alone; it is not put into the log, because another time it may live."""
    found = swept(tmp_path, {"fast": "2,3,4", "fault": ["", "die"]}, workers=2)
    assert [one.found.status for one in found.tried] == ["ok", "broken"] * 3
    assert "exit code 3" in found.failed[0].found.error
    assert swept(tmp_path, {"fast": "2,3,4", "fault": [""]}).known == 3


def test_hash_seeds_and_orders_do_not_matter(tmp_path: Path) -> None:
    """Two interpreters with different PYTHONHASHSEED write the same keys and results."""
    write(tmp_path)
    code = "import sys; from pathlib import Path; from tests.unit.research.sweeping import swept, told\n"
    code += "sys.stdout.buffer.write(told(swept(Path(sys.argv[1]), {'fast': '2:8:2', 'slow': '10,20'})))"
    found = []
    for seed in ("1", "2"):
        home = tmp_path / seed
        write(home)
        ran = subprocess.run(
            [sys.executable, "-c", code, str(home)], env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True, check=True, timeout=100,
        )  # fmt: skip
        found.append(ran.stdout)
    assert found[0] == found[1]
    assert len(found[0]) > 1000


def command(home: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "onepath.cli", "sweep", str(home / "backtest.yaml"), "--json", "--workers", "2"),
        *("--param", "fast=2:8:2", "--param", "slow=10:14:1", "--param", "pause=0.1", *more),
    ]


def until_some_are_kept(home: Path, process: subprocess.Popen[bytes]) -> int:
    """How many trials the log has when it has some."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        try:
            (count,) = sqlite3.connect(home / "trials.db").execute("SELECT count(*) FROM trials").fetchone()
        except sqlite3.OperationalError:
            continue
        if count:
            return int(count)
    raise AssertionError(f"no trial was kept; exit code {process.poll()}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_stopped_goes_on(tmp_path: Path, number: int) -> None:
    """Killed with -9, or stopped by Ctrl-C (exit code 130, what was done is told), the same command again runs what is left and
    ends with what a sweep in one go ends with. No process is left behind."""
    write(tmp_path / "a")
    with subprocess.Popen(command(tmp_path / "a"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        kept = until_some_are_kept(tmp_path / "a", process)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        stopped = json.loads(out)
        assert stopped["stopped"]
        assert kept <= stopped["trials"] < 20
    again = subprocess.run(command(tmp_path / "a"), capture_output=True, check=True, timeout=100)
    whole = swept(tmp_path / "b", {"fast": "2:8:2", "slow": "10:14:1", "pause": "0.1"})
    found = json.loads(again.stdout)
    assert found["known"] >= kept
    assert found["trials"] == 20
    assert [row["stats"] for row in found["table"]] == [one.found.stats for one in whole.tried]


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    """A script that calls sweep at its top level would begin itself again in each process: one sentence says what to write."""
    script = tmp_path / "script.py"
    script.write_text(
        "from onepath.examples.sma_cross import SmaCross\nfrom onepath.research import sweep\n"
        f"sweep(SmaCross, 'us10', {{'fast': '5,6'}}, symbols='AAPL', workers=2, workspace={str(tmp_path)!r}, end='2015-06-30')\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False)
    assert "call the sweep under `if __name__ == '__main__':`" in ran.stderr


def test_a_strategy_that_cannot_be_sent(tmp_path: Path) -> None:
    """A class inside a function cannot be found by another process: a sentence says so where processes were asked for; where they
    were not, it runs in this one."""

    class Local(SmaCross):
        """Nowhere to be found."""

    with pytest.raises(
        ConfigError, match=r"cannot be sent to other processes .*: write the strategy in a file of its own"
    ):
        sweep(Local, "us10", {"fast": "5,6"}, symbols="AAPL", workers=2, end="2015-06-30", workspace=tmp_path)
    assert len(sweep(Local, "us10", {"fast": "5,6"}, symbols="AAPL", end="2015-06-30", workspace=tmp_path).tried) == 2


def test_market_data_are_shared() -> None:
    """What is sent for a million bars is a few kilobytes and a block of memory; what is unpacked from it lies in that block,
    cannot be written to, and is not copied: the process that reads it grows by a tenth of it at most."""
    from onepath.feeds.columns import COLUMNS, ColumnFeed
    from onepath.instruments import Instrument

    bars = 1_000_000
    at = np.arange(1, bars + 1, dtype=np.int64) * 60_000_000_000
    columns = {name: np.full(bars, 100.0) for name in COLUMNS} | {"start": at - 60_000_000_000, "at": at}
    sent = packed(ColumnFeed({"A": columns}, {"A": Instrument(symbol="A")}))
    block = sent.shared()
    try:
        assert sent.size == 7 * 8 * bars
        assert len(block.ticket.body) < 10_000
        here, there = multiprocessing.get_context("spawn").Pipe()
        reader = multiprocessing.get_context("spawn").Process(target=read_shared, args=(block.ticket, there))
        reader.start()
        assert here.poll(60)
        grown, total, writeable = here.recv()
        reader.join()
    finally:
        block.close()
    assert total == sum(float(c.sum()) for c in columns.values())
    assert not writeable
    assert grown < sent.size / 10


def test_parquet_is_read_once() -> None:
    """The bars of a data set in memory are those of its files: the same fingerprint, the same description."""
    from onepath.data import open_feed

    feed = open_feed("us10", symbols=["AAPL", "XOM"])
    found = loaded(feed)
    assert found.columns["XOM"]["close"].flags["C_CONTIGUOUS"]
    assert found.fingerprint() == feed.fingerprint()
    assert dict(found.describe()) == dict(feed.describe())


@pytest.mark.parametrize(
    ("terms", "params", "said"),
    [
        ({"metric": "sharp"}, GRID, "there is no metric 'sharp' (did you mean 'sharpe'?)"),
        ({"workers": 0}, GRID, "--workers is 0; it must be 1 or more"),
        ({"walk": "train=2y"}, GRID, "test is missing; expected such as train=2y,test=6m"),
        ({}, {"fast": "8", "slow": "2:8:2"}, "the strategy takes none of these parameters; the first was refused with"),
    ],
)
def test_faults_are_told_before_anything_runs(tmp_path: Path, terms: Any, params: Any, said: str) -> None:
    """One sentence, and no log is made."""
    with pytest.raises((ConfigError, StrategyError), match=re.escape(said)):
        swept(tmp_path, params, **terms)
    if "workers" not in terms and "walk" not in terms:
        assert not (tmp_path / "trials.db").exists()


def test_the_number_of_trials_counts_earlier_sweeps(tmp_path: Path) -> None:
    """A small sweep after a large one is deflated by both, and says how many were earlier. A trial that both had is one."""
    large = swept(tmp_path, {"fast": "2:8:2", "slow": "10:30:1"})
    small = swept(tmp_path, {"fast": "3,4", "slow": "10"})
    assert large.belief is not None
    assert small.belief is not None
    assert (len(large.tried), large.belief.trials, large.belief.earlier) == (84, 84, 0)
    assert (len(small.tried), small.belief.trials, small.belief.earlier) == (2, 85, 83)
    assert small.belief.threshold > 0
    assert "of 85 trials (83 of them earlier)" in small.sentences[0]


def test_optuna_finds_the_same_with_one_and_two_processes(tmp_path: Path) -> None:
    """What Optuna suggests depends on its seed and on results in their order, not on who is ready first."""
    pytest.importorskip("optuna")
    space = {"fast": "2:8", "slow": "10:60"}
    one = swept(tmp_path / "a", space, search="optuna", trials=20, seed=5)
    two = swept(tmp_path / "b", space, search="optuna", trials=20, seed=5, workers=2)
    assert told(one) == told(two)
    assert swept(tmp_path / "a", space, search="optuna", trials=20, seed=5).known == 20


def test_days_of_tests_are_those_of_the_file() -> None:
    """The prices of these tests rise and fall: a flat line would make every claim above an empty one."""
    closes = [row[4] for row in days(400)]
    assert max(closes) / min(closes) > 1.1
