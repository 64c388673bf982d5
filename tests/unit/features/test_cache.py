"""The cache on disk: found by content alone, whole or not at all, within its bound, whoever writes meanwhile."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from onepath.errors import DataError
from onepath.featurecache import FeatureCache, digest
from onepath.features import atr, ema, feature, sma
from onepath.features.definition import Feature
from onepath.features.running import Running

SIZE = 2_000
PRICES = [100.0 + math.sin(i / 7.0) * 5.0 for i in range(SIZE)]


def computed(made: Feature, columns: list[list[float]]) -> tuple[list[float], list[float], list[float]]:
    """State before, values and state after, in Python."""
    running = Running(made)
    before = list(running.state)
    values = running.over(columns)
    return before, values, list(running.state)


def kept(cache: FeatureCache, made: Feature, columns: list[list[float]]) -> list[float]:
    before, values, after = computed(made, columns)
    cache.keep(made, before, columns, np.array(values), after)
    return before


def entries(cache: FeatureCache) -> list[Path]:
    return sorted(path for path in cache.folder.glob("*/*") if path.is_file())


def bits(values: Any) -> bytes:
    return np.asarray(values, np.float64).tobytes()


def test_what_was_kept_is_found_to_the_last_bit(tmp_path: Path) -> None:
    """Values, NaN among them, and the state after come back as they were, in a cache opened anew, and can be written to."""
    before, values, after = computed(sma(20), [PRICES])
    FeatureCache(tmp_path).keep(sma(20), before, [PRICES], np.array(values), after)
    found = FeatureCache(tmp_path).find(sma(20), before, [PRICES])
    assert found is not None
    assert (bits(found[0]), found[1]) == (bits(values), after)
    found[0][0] = 1.0


def test_lists_and_arrays_are_the_same_content(tmp_path: Path) -> None:
    """A column as a list, an array or a slice of an array is found under the same name."""
    cache = FeatureCache(tmp_path)
    before = kept(cache, sma(20), [PRICES])
    assert cache.find(sma(20), np.array(before), [np.array(PRICES)]) is not None
    wide = np.array([PRICES, PRICES]).T
    assert cache.find(sma(20), before, [wide[:, 1]]) is not None


@feature(inputs=("close",), warm_up=1)
def doubled(state: Any, x: float, by: float = 2.0) -> float:
    return x * by


def _tripled(state: Any, x: float, by: float) -> float:
    return x * by + x


def changed(what: str) -> tuple[Feature, list[float], list[list[float]]]:
    """A feature, state and columns that differ in one thing from doubled() over PRICES."""
    made = doubled()
    others: dict[str, tuple[Feature, list[float], list[list[float]]]] = {
        "version": (replace(made, version=2), [], [PRICES]),
        "parameter": (doubled(3.0), [], [PRICES]),
        "kind of a parameter": (doubled(2), [], [PRICES]),
        "input": (replace(made, inputs=("open",)), [], [PRICES]),
        "code": (replace(made, step=_tripled), [], [PRICES]),
        "state": (made, [0.0], [PRICES]),
        "one value": (made, [], [[*PRICES[:-1], PRICES[-1] + 1e-12]]),
        "sign of zero": (made, [], [[*PRICES[:-1], -0.0]]),
        "length": (made, [], [PRICES[:-1]]),
    }
    return others[what]


@pytest.mark.parametrize(
    "what",
    ["version", "parameter", "kind of a parameter", "input", "code", "state", "one value", "sign of zero", "length"],
)
def test_whatever_decides_the_values_is_in_the_name(tmp_path: Path, what: str) -> None:
    """A feature that differs in one thing finds nothing of the other's."""
    cache = FeatureCache(tmp_path)
    kept(cache, doubled(), [PRICES])
    kept(cache, doubled(), [[*PRICES[:-1], 0.0]])
    assert cache.find(doubled(), [], [PRICES]) is not None
    assert cache.find(*changed(what)) is None


def test_columns_do_not_run_into_each_other(tmp_path: Path) -> None:
    """Two columns of other lengths with the same bytes in a row are other content; so are columns in another order."""
    cache = FeatureCache(tmp_path, least=1)
    high, low = [3.0, 4.0], [1.0, 2.0]
    before = kept(cache, atr(1), [high, low, low])
    assert cache.find(atr(1), before, [high, low, low]) is not None
    assert cache.find(atr(1), before, [low, high, low]) is None


def test_a_changed_function_that_a_step_calls_changes_its_code() -> None:
    """The digest is that of all code: a helper's constant, a default, a global number."""

    def of(text: str) -> str | None:
        space: dict[str, Any] = {}
        exec(textwrap.dedent(text), space)  # noqa: S102
        return digest(space["step"])

    plain = "def half(x):\n    return x / {}\n\ndef step(state, x):\n    return half(x)\n"
    assert of(plain.format("2.0")) == of(plain.format("2.0")) != of(plain.format("3.0"))
    number = "K = {}\ndef step(state, x):\n    return x * K\n"
    assert of(number.format(1.0)) != of(number.format(2.0))


@pytest.mark.parametrize(
    "text",
    [
        "SEEN = []\ndef step(state, x):\n    SEEN.append(x)\n    return x\n",
        "def step(state, x, *, by=2.0):\n    return x * by\n",
        "def by(x, *, k=2.0):\n    return x * k\ndef step(state, x):\n    return by(x)\n",
        "import numpy as np\ndef step(state, x):\n    return np.sqrt(x)\n",
        "def make(k):\n    def step(state, x):\n        return x * k\n    return step\nstep = make(2.0)\n",
        "def a(x):\n    return b(x)\ndef b(x):\n    return a(x)\ndef step(state, x):\n    return a(x)\n",
        "class Step:\n    def __call__(self, state, x):\n        return x\nstep = Step()\n",
    ],
    ids=["list", "keyword default", "inner keyword default", "foreign module", "closure", "circle", "object"],
)
def test_code_that_cannot_be_told_is_not_cached_and_says_so(tmp_path: Path, text: str) -> None:
    """What may change behind a step's code leaves no entry; a warning names the feature, once."""
    space: dict[str, Any] = {}
    exec(text, space)  # noqa: S102
    name = f"f{abs(len(text))}"
    made = Feature(name, 1, ("close",), (), 1, 1, space["step"], lambda: ())
    cache = FeatureCache(tmp_path)
    with pytest.warns(RuntimeWarning, match=f"{name} is not cached"):
        assert cache.find(made, [], [PRICES]) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.keep(made, [], [PRICES], np.array(PRICES), [])
    assert entries(cache) == []


def test_a_function_of_talib_is_kept_by_name_and_version(tmp_path: Path) -> None:
    """Its step is no function of ours, but says which it is: found again to the last bit, and not as another function's."""
    pytest.importorskip("talib")
    from onepath.features import talib

    cache, made = FeatureCache(tmp_path), talib("MAX", 5)
    before = kept(cache, made, [PRICES])
    found = cache.find(made, before, [PRICES])
    assert found is not None
    assert bits(found[0]) == bits(computed(made, [PRICES])[1])
    assert cache.find(replace(made, step=talib("MIN", 5).step), before, [PRICES]) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's", "foreign"])
def test_a_damaged_entry_is_dropped_and_computed_again(tmp_path: Path, damage: str) -> None:
    """A file that is short, changed by one bit, empty, of another key or of another program is nothing, and is removed."""
    cache = FeatureCache(tmp_path)
    before = kept(cache, sma(20), [PRICES])
    (path,) = entries(cache)
    data = path.read_bytes()
    other = FeatureCache(tmp_path / "other")
    kept(other, sma(21), [PRICES])
    contents = {
        "cut": data[: len(data) // 2],
        "flipped": data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
        "empty": b"",
        "another's": entries(other)[0].read_bytes(),
        "foreign": b"x" * len(data),
    }
    path.write_bytes(contents[damage])
    assert cache.find(sma(20), before, [PRICES]) is None
    assert not path.exists()
    kept(cache, sma(20), [PRICES])
    assert cache.find(sma(20), before, [PRICES]) is not None


def test_the_bound_holds_and_the_least_recently_used_go(tmp_path: Path) -> None:
    """Of 40 entries of 8 KB in 100 KB: never more than the limit, and the one that was read again and again is still there."""
    cache = FeatureCache(tmp_path, limit=100_000, least=1)
    prices = PRICES[:1_000]
    first = kept(cache, doubled(0.5), [prices])
    os.utime(entries(cache)[0], ns=(1, 1))
    for i in range(40):
        kept(cache, doubled(float(i + 1)), [prices])
        assert cache.held().bytes <= 100_000
        for path in entries(cache):  # one clock tick apart, whatever the file system's clock
            os.utime(path, ns=(path.stat().st_mtime_ns - 10**9,) * 2)
        assert cache.find(doubled(0.5), first, [prices]) is not None
    assert cache.find(doubled(1.0), [], [prices]) is None
    assert cache.find(doubled(40.0), [], [prices]) is not None
    assert cache.held().entries >= 8


def test_an_entry_that_would_push_out_all_others_is_not_kept(tmp_path: Path) -> None:
    """16 KB in a cache of 50 KB are more than a quarter of it."""
    kept(FeatureCache(tmp_path, limit=50_000), sma(20), [PRICES])
    assert FeatureCache(tmp_path).held() == (0, 0)
    kept(FeatureCache(tmp_path, limit=100_000), sma(20), [PRICES])
    assert FeatureCache(tmp_path).held().entries == 1


def test_what_others_left_counts(tmp_path: Path) -> None:
    """A new process keeps to the bound although the entries are those of others; what a killed writer left goes too."""
    mine = FeatureCache(tmp_path, limit=1_000_000, least=1)
    for i in range(20):
        kept(mine, doubled(float(i)), [PRICES])
    left = entries(mine)[0].parent / "torn.1-1"
    left.write_bytes(b"x" * 1_000)
    os.utime(left, ns=(1, 1))
    cache = FeatureCache(tmp_path, limit=100_000, least=1)
    kept(cache, doubled(-1.0), [PRICES])
    assert cache.held().bytes <= 100_000
    assert not left.exists()


def test_clearing_removes_everything_and_tells_what(tmp_path: Path) -> None:
    """`clear` leaves no entry and gives their number and size; an empty or missing folder is nothing to clear."""
    cache = FeatureCache(tmp_path / "not there")
    assert cache.clear() == (0, 0)
    kept(cache, sma(20), [PRICES])
    assert cache.clear() == (1, 32 + 8 * (SIZE + 22))
    assert cache.held() == (0, 0)


def test_what_is_too_small_is_not_asked_for(tmp_path: Path) -> None:
    """Under 512 values nothing is written, because computing is as fast; `always` keeps it all the same."""
    short = PRICES[:500]
    kept(FeatureCache(tmp_path), sma(20), [short])
    assert FeatureCache(tmp_path).held() == (0, 0)
    kept(FeatureCache(tmp_path, always=True), sma(20), [short])
    assert FeatureCache(tmp_path).held().entries == 1


def test_where_nothing_may_be_computed_a_miss_names_the_command(tmp_path: Path) -> None:
    """With a command needed, what is missing is refused with it; what is there is found."""
    cache = FeatureCache(tmp_path, needed="onepath features compute x.yaml")
    assert cache.always
    before, _, _ = computed(sma(20), [PRICES])
    with pytest.raises(DataError, match=r"sma\(window=20\) on close .* run `onepath features compute x.yaml` first"):
        cache.find(sma(20), before, [PRICES])
    kept(FeatureCache(tmp_path), sma(20), [PRICES])
    assert cache.find(sma(20), before, [PRICES]) is not None


def test_a_state_that_holds_more_than_floats_is_not_kept(tmp_path: Path) -> None:
    """A whole number in the state would come back as a float: such a step is computed each time, and that is said."""
    cache, made = FeatureCache(tmp_path), replace(doubled(), name="counts")
    with pytest.warns(RuntimeWarning, match="feature counts is not cached: its state holds more than floats"):
        cache.keep(made, [], [PRICES], np.array(PRICES), [1])
    assert entries(cache) == []


def test_a_folder_that_cannot_be_written_costs_only_speed(tmp_path: Path) -> None:
    """A file where the folder should be: a warning once, and no error."""
    (tmp_path / "cache").write_text("in the way")
    cache = FeatureCache(tmp_path / "cache")
    with pytest.warns(RuntimeWarning, match="features are not cached in"):
        before = kept(cache, sma(20), [PRICES])
    kept(cache, ema(20), [PRICES])
    assert cache.find(sma(20), before, [PRICES]) is None


WRITER = """
import sys
import numpy as np
from pathlib import Path
from onepath.featurecache import FeatureCache
from onepath.features import sma
from onepath.features.running import Running

folder, rounds, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
cache = FeatureCache(folder, limit)
wrong = found = 0
print("ready", flush=True)
sys.stdin.readline()
for turn in range(rounds):
    for window in range(2, 22):
        prices = [float((i * window) % 97) for i in range(4096)]
        made = sma(window)
        running = Running(made)
        before = list(running.state)
        values = running.over([prices])
        known = cache.find(made, before, [prices])
        if known is None:
            cache.keep(made, before, [prices], np.array(values), list(running.state))
        else:
            found += 1
            right = (np.array(values).tobytes(), np.array(running.state).tobytes())
            wrong += (known[0].tobytes(), np.array(known[1]).tobytes()) != right
print(found, wrong, flush=True)
"""


def writer(folder: Path, rounds: int, limit: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(rounds), str(limit)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("limit", [10_000_000, 300_000], ids=["room", "evicting"])
def test_two_processes_write_and_read_the_same_keys_at_once(tmp_path: Path, limit: int) -> None:
    """Both find only whole and right entries, while each writes, replaces and removes under the other's hands."""
    both = [writer(tmp_path, 6, limit) for _ in range(2)]
    for process in both:
        go(process)
    told = [process.communicate(timeout=100)[0].split() for process in both]
    assert [wrong for _, wrong in told] == ["0", "0"]
    assert FeatureCache(tmp_path).held().bytes <= limit + 2 * (limit // 16 + 33_000)
    if limit == 10_000_000:
        assert sum(int(found) for found, _ in told) >= 200
        assert len(entries(FeatureCache(tmp_path))) == 20


def test_a_killed_writer_leaves_nothing_that_is_believed(tmp_path: Path) -> None:
    """Killed with signal 9 at some moment of its writing, three times over: what the next one finds is right."""
    for turn in range(3):
        process = writer(tmp_path, 10_000, 200_000)
        go(process)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.05 + 0.03 * turn)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=100)
    after = writer(tmp_path, 2, 10_000_000)
    go(after)
    _, wrong = after.communicate(timeout=100)[0].split()
    assert wrong == "0"
