"""Claims about walk-forward: windows where they should be, and nothing of a test known before it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest
from tests.unit.research.sweeping import days, swept, told, write

from onepath.errors import ConfigError
from onepath.research.subject import Window
from onepath.research.walk import Cut, Plan, Span, cuts, moved, parsed

GRID = {"fast": "2:6:2", "slow": "10,20"}
BARS = np.arange(1, 101, dtype=np.int64) * 10
"""a hundred bars that end at 10, 20, ... 1000"""


def windows(text: str) -> list[Cut]:
    return cuts(parsed(text), BARS)


def test_rolling_windows_by_hand() -> None:
    """Trained on 40 bars and tested on 20: bars 1 to 40 and 41 to 60, then 21 to 60 and 61 to 80, then 41 to 80 and 81 to 100. A
    window is what ends after its start and not after its end; the first begins just before the first bar."""
    assert windows("train=40,test=20") == [
        Cut(Window(9, 9, 400), Window(9, 400, 600)),
        Cut(Window(200, 200, 600), Window(200, 600, 800)),
        Cut(Window(400, 400, 800), Window(400, 800, 1000)),
    ]


def test_anchored_windows_begin_where_the_data_do() -> None:
    """The training window grows, the tests are the same."""
    rolling, anchored = windows("train=40,test=20"), windows("train=40,test=20,anchored")
    assert [cut.test[1:] for cut in anchored] == [cut.test[1:] for cut in rolling]
    assert [cut.train for cut in anchored] == [Window(9, 9, end) for end in (400, 600, 800)]


def test_purge_and_embargo_by_hand() -> None:
    """A purge of 5 bars ends training at bar 35, an embargo of 3 begins the test after bar 43."""
    (first, *_) = windows("train=40,test=20,purge=5,embargo=3")
    assert first == Cut(Window(9, 9, 350), Window(9, 430, 630))


def test_a_step_of_its_own_and_a_last_test_that_is_shorter() -> None:
    """Steps of 10 bars; the last test of a plan ends with the data if half of it is there, else it is left out."""
    assert [cut.test.start for cut in windows("train=40,test=20,step=10")] == [400, 500, 600, 700, 800]
    assert [cut.test[1:] for cut in windows("train=40,test=24")][-1] == (880, 1000)
    assert [cut.test[1:] for cut in windows("train=40,test=50")] == [(400, 900)]


def test_calendar_spans() -> None:
    """Two years from 29 February are 28 February; months count by the calendar."""

    def at(*day: int) -> int:
        return int(dt.datetime(*day, tzinfo=dt.UTC).timestamp()) * 10**9  # type: ignore[misc,arg-type]

    assert moved(at(2020, 2, 29), 24, 0) == at(2022, 2, 28)
    assert moved(at(2020, 10, 31), 4, 1) == at(2021, 3, 1)
    assert moved(at(2020, 12, 31, 21), 0, 1) == at(2021, 1, 1, 21)
    assert moved(at(2020, 1, 31), -1, 0) == at(2019, 12, 31)
    assert parsed("train=2y, test=6m, step=4w, purge=10d") == Plan(
        Span(months=24), Span(months=6), Span(days=28), Span(days=10)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train=2y", "test is missing"),
        ("trian=2y,test=1y", "no key 'trian' (did you mean 'train'?)"),
        ("train=2x,test=1y", "train=2x is no length; write 2y, 6m (months), 4w, 10d, or a number of bars"),
        ("train=0,test=1y", "train is zero"),
        ("train=90,test=30", "the data (100 bars from 1970-01-01 to 1970-01-01) are too short for one training window"),
    ],
)  # fmt: skip
def test_plans_that_make_no_sense(text: str, said: str) -> None:
    """One sentence that says what was expected."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        windows(text)


def test_the_choice_knows_nothing_of_the_test(tmp_path: Path) -> None:
    """With every bar after a training window's end replaced by another walk, the trials of that window are equal to the last bit,
    and so is what was chosen. Without a change of data that would say nothing: the tests after it do differ."""
    write(tmp_path / "a", days(300))
    others = [(day, *(3 * price for price in row), 1e6) for day, *row, _ in days(300, seed=9)]
    write(tmp_path / "b", days(300)[:160] + others[160:])
    plan = "train=120,test=40,purge=3,embargo=2"
    one, other = (swept(tmp_path / name, GRID, walk=plan) for name in "ab")
    assert one.walk is not None
    assert other.walk is not None
    first, changed = one.walk.folds[0], other.walk.folds[0]
    assert first.cut == changed.cut
    results = [[(t.point, t.found) for t in fold.tried] for fold in (first, changed)]
    assert results[0] == results[1]
    assert len(results[0]) == 6
    assert first.best is not None
    assert changed.best is not None
    assert first.best.point == changed.best.point
    assert one.walk.folds[-1].test is not None
    assert other.walk.folds[-1].test is not None
    assert one.walk.folds[-1].test.found != other.walk.folds[-1].test.found


def test_a_test_trades_from_its_first_bar_on_with_warm_features(tmp_path: Path) -> None:
    """In a test the averages are warm from the training window: with prices that rise without end, a strategy of 20 bars holds
    its position from the test's second bar on (bought at its open) to the end, and nothing was bought before."""
    rows = [(day, *(100.0 + n + off for off in (0, 0.6, -0.1, 0.5)), 1e6) for n, (day, *_) in enumerate(days(200))]
    write(tmp_path, rows)
    found = swept(tmp_path, {"fast": "5", "slow": "20"}, walk="train=100,test=50")
    assert found.walk is not None
    fold = found.walk.folds[0]
    record, _ = found.run.subject.ran({0: {"fast": 5, "slow": 20}}, fold.cut.test)
    (fill,) = record.fills
    at = sorted({int(when) for when in found.run.subject.plan.feed.columns["ABC"]["at"]})  # type: ignore[attr-defined]
    assert at[99] == fold.cut.test.start
    assert at[100] <= fill.executed_at <= at[101]
    assert int(record.total.at[0]) > fold.cut.test.start
    assert fold.test is not None
    # 50 days of the test and not one of the training window.
    assert len(np.frombuffer(fold.test.found.returns, "<f4")) == 50
    assert (np.frombuffer(fold.test.found.returns, "<f4")[2:] > 0).all()


def test_the_out_of_sample_record_is_all_tests_after_each_other(tmp_path: Path) -> None:
    """Days rise without a gap between folds, returns compound to the total, and two processes find the same."""
    one = swept(tmp_path / "a", GRID, walk="train=200,test=60,anchored")
    two = swept(tmp_path / "b", GRID, walk="train=200,test=60,anchored", workers=2)
    assert one.walk is not None
    assert two.walk is not None
    dates, returns = one.walk.returns()
    assert len(one.walk.folds) == 3
    assert (np.diff(dates) > 0).all()
    assert len(dates) == 60 + 60 + 60
    grown = 1.0
    for fold in one.walk.folds:
        assert fold.test is not None
        grown *= 1 + (fold.test.found.stats["total_return"] or 0)
    assert one.walk.total_return == pytest.approx(grown - 1, abs=1e-5)
    assert np.array_equal(returns, two.walk.returns()[1])
    assert told(one) == told(two)
    assert [fold.best and fold.best.point for fold in one.walk.folds] == [
        f.best and f.best.point for f in two.walk.folds
    ]
    assert any(sentence.startswith("Walk-forward: ") for sentence in one.sentences)


def test_tests_are_no_trials(tmp_path: Path) -> None:
    """What was run once after the choice is in the log but does not count as something that could have been chosen."""
    found = swept(tmp_path, GRID, walk="train=200,test=60")
    assert found.belief is not None
    assert found.belief.trials == 6
    purposes = [trial.purpose for trial in found.run.log.of_study(found.study)]
    assert purposes.count("test") == 3
    assert purposes.count("search") == 6 * 4
