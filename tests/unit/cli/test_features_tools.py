"""`onepath features test`, `compute`, `cache` and `drift` as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli

FILE = """\
from onepath.features import Feature, feature, sma

def smooth(window: int = 4) -> Feature:
    return sma(window)
"""
UNSTABLE = """\
from onepath.features import feature

@feature(inputs=("close",))
def hashed(state, x):
    return x + (hash("a word") % 1000)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "unstable.py").write_text(UNSTABLE)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_testing_a_good_file(cli: Cli) -> None:
    """JSON with every check, code 0."""
    told = cli("features", "test", "mine.py", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["passed"], found["features"][0]["feature"]) == (True, "sma@1(window=4)[close]")
    assert {check["check"] for check in found["features"][0]["checks"]} >= {"no look-ahead", "warm-up", "hash seeds"}


@pytest.mark.usefixtures("here")
def test_testing_a_faulty_file(cli: Cli) -> None:
    """A table with the check that fails and why, code 1."""
    told = cli("features", "test", "unstable.py")
    assert told.code == 1
    assert "hash seeds          FAIL     two processes with other hash seeds" in told.out
    assert "1 tested, 1 with broken promises" in told.out


@pytest.mark.usefixtures("here")
def test_testing_what_is_not_there(cli: Cli) -> None:
    """A file that is not there, or data that are not: one sentence, code 2."""
    told = cli("features", "test", "mime.py")
    assert (told.code, told.err.startswith("error: there is no file mime.py here")) == (2, True)
    told = cli("features", "test", "mine.py", "--data", "us11")
    assert (told.code, told.err.count("\n"), "us10" in told.err) == (2, 1, True)


CONFIG = """\
mode: backtest
data: {name: us10, symbols: [AAPL, MSFT]}
clock: {start_date: 2018-01-01}
strategies:
  - {name: crossing, class: crossing.py, capital: 100000}
features: {compute_on_demand: false}
"""
CROSSING = """\
from onepath import Strategy, sma

class Crossing(Strategy):
    def on_start(self, context):
        context.features.require(fast=sma(5), slow=sma(20))

    def generate_orders(self, context):
        return [order for s in context.symbols if context.features[s].ready for order in context.target(s, weight=0.1)]
"""


@pytest.fixture
def configured(here: Path) -> Path:
    (here / "config.yaml").write_text(CONFIG)
    (here / "crossing.py").write_text(CROSSING)
    return here


@pytest.mark.usefixtures("configured")
def test_computing_beforehand(cli: Cli) -> None:
    """A run is refused with the command; the command fills the cache without an order; the run then finds all it needs."""
    refused = cli("run", "config.yaml", "--quiet", "--no-report")
    assert refused.code == 2
    assert "`onepath features compute config.yaml` first" in refused.err.replace(str(Path.cwd()) + "/", "")
    filled = json.loads(cli("features", "compute", "config.yaml", "--json").out)
    assert (filled["events"], filled["computed"], filled["found"]) == (3_522, 4, 0)  # 1,761 days of two symbols
    again = json.loads(cli("features", "compute", "config.yaml", "--json").out)
    assert (again["computed"], again["found"]) == (0, 4)
    assert cli("run", "config.yaml", "--quiet", "--no-report").code == 0
    held = json.loads(cli("features", "cache", "--json").out)
    assert (held["entries"], held["bytes"]) == (filled["entries"], filled["bytes"]) == (4, filled["bytes"])
    cleared = cli("features", "cache", "--clear")
    assert cleared.out.startswith("4 entries, 0.1 MB removed in ")
    assert cli("run", "config.yaml", "--quiet", "--no-report").code == 2


@pytest.mark.usefixtures("here")
def test_a_file_without_a_feature_passes_nothing(cli: Cli) -> None:
    """In a build, a wrong file must not look like a tested one: exit code 2."""
    Path("empty.py").write_text("x = 1\n")
    found = cli("features", "test", "empty.py")
    assert found.code == 2 and "error: empty.py has no feature: write one" in found.err


def test_computing_that_is_interrupted_is_not_done(configured: Path) -> None:
    """Ctrl-C ends it with 130, and nothing is said to have been computed; afterwards it can be asked for again."""
    crossing = configured / "crossing.py"
    crossing.write_text(
        "import os, signal\n" + CROSSING.replace("slow=sma(20))", "slow=sma(20)); os.kill(os.getpid(), signal.SIGINT)")
    )
    command = [sys.executable, "-m", "onepath.cli", "features", "compute", "config.yaml", "--quiet"]
    done = subprocess.run(command, cwd=configured, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (130, "", False)
    crossing.write_text(CROSSING)
    assert subprocess.run(command, cwd=configured, capture_output=True, check=False).returncode == 0


@pytest.mark.usefixtures("configured")
def test_what_cannot_be_computed_beforehand(cli: Cli) -> None:
    """A configuration without a cache, one in real time, and data without a feature: one sentence each."""
    sets = ("--set", "features.cache=false", "--set", "features.compute_on_demand=true")
    assert "features.cache is false" in cli("features", "compute", "config.yaml", *sets).err
    assert "name a feature, such as" in cli("features", "compute", "us10").err
    assert "no feature 'smaa' (did you mean 'sma'?)" in cli("features", "compute", "us10", "--feature", "smaa(2)").err


@pytest.mark.usefixtures("here")
def test_computing_into_a_file(cli: Cli) -> None:
    """CSV and Parquet hold the same: a row a bar and symbol, its end, no value before it is warm; a file's own features too."""
    from pyarrow import parquet

    asked = ("features", "compute", "us10", "--feature", "mine.py:smooth(3)", "--symbol", "AAPL")
    assert cli(*asked, "--out", "values.csv").out == "2,516 rows of mine.py:smooth(3) in values.csv\n"
    assert cli(*asked, "--out", "values.parquet").code == 0
    header, first, second, third, *_ = Path("values.csv").read_text().splitlines()
    assert (header, first, second) == (
        "symbol,time,mine.py:smooth(3)",
        "AAPL,2015-01-02T21:00:00Z,",
        "AAPL,2015-01-05T21:00:00Z,",
    )
    # closes of the first three days: 24.3203, 23.6361 and that of the third
    table = parquet.read_table("values.parquet").to_pydict()
    assert float(third.rpartition(",")[2]) == table["mine.py:smooth(3)"][2]
    assert 23.6 < table["mine.py:smooth(3)"][2] < 24.33
    assert "written as .csv or .parquet" in cli(*asked, "--out", "values.txt").err


@pytest.mark.usefixtures("here")
def test_computing_for_a_look(cli: Cli) -> None:
    """Without a file the last ten rows are shown."""
    told = cli("features", "compute", "us10", "--feature", "sma(2)", "--symbol", "AAPL")
    assert told.out.rstrip().endswith("the last 10 of 2,516 rows; --out FILE.csv writes all")
    assert "2024-12-31T21:00:00Z" in told.out


@pytest.mark.usefixtures("configured")
def test_drift_of_a_session(cli: Cli) -> None:
    """Against itself a session is stable, code 0; the last years' prices against all are not, code 1; with a page and as JSON."""
    config = ("--set", "features.compute_on_demand=true", "--quiet", "--no-report", "--name", "mine")
    assert cli("run", "config.yaml", *config).code == 0
    same = cli("features", "drift", "mine", "--reference", "mine")
    assert (same.code, same.out.splitlines()[-1]) == (0, "stable")
    told = cli("features", "drift", "mine", "--reference", "us10", "--from", "2023-01-01", "--html", "d.html", "--json")
    found = json.loads(told.out)
    assert (told.code, found["verdict"], found["html"]) == (1, "drifted", "d.html")
    assert {one["feature"] for one in found["features"]} == {"fast", "slow"}
    assert {one["live"]["rows"] for one in found["features"]} == {502}  # 250 trading days in 2023, 252 in 2024
    assert "<h1>Feature drift of mine</h1>" in Path("d.html").read_text()


@pytest.mark.usefixtures("configured")
def test_drift_that_cannot_be_told(cli: Cli) -> None:
    """A session or reference that is not there, other symbols, a time without values, no date: one sentence, code 2."""
    cli("run", "config.yaml", "--set", "features.compute_on_demand=true", "--quiet", "--no-report", "--name", "mine")
    asked = ("features", "drift", "mine", "--reference")
    assert "no data set 'us11'" in cli(*asked, "us11").err
    assert "has none of the session's symbols (AAPL, MSFT)" in cli(*asked, "eurusd_1h").err
    assert "no features that became ready in that time" in cli(*asked, "us10", "--to", "2018-01-03").err
    assert "--from: 'soon' is no date" in cli(*asked, "us10", "--from", "soon").err
    assert cli("features", "drift", "yours", "--reference", "us10").code == 2
