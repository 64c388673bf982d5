"""Whatever is thrown at it, `open_feed` gives right bars or one sentence, never a traceback of its own and never a guess."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onepath.data import open_feed
from onepath.data.quality import check
from onepath.errors import DataError

PRICE = st.one_of(st.floats(0.01, 1e6), st.floats(), st.none(), st.just(100.0))
TIME = st.one_of(st.integers(1_500_000_000, 1_500_000_600), st.integers(), st.none())
FOLDER = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def right(bars: list[Any]) -> bool:
    """Every bar's prices can be, and time goes on."""
    noise = 1e-9
    ordered = all(a.at < b.at and a.at <= b.start for a, b in pairwise(bars))
    return ordered and all(
        math.isfinite(b.high)
        and 0 < b.low <= b.high
        and b.start < b.at
        and 0 <= b.volume < math.inf
        and b.low * (1 - noise) <= min(b.open, b.close)
        and max(b.open, b.close) <= b.high * (1 + noise)
        for b in bars
    )


@FOLDER
@given(st.lists(st.tuples(TIME, PRICE, PRICE, PRICE, PRICE), max_size=8))
def test_a_frame_gives_right_bars_or_a_sentence(rows: list[tuple[Any, ...]]) -> None:
    """Any numbers in a frame: bars that can be, in order, all of them; or a DataError of one line."""
    frame = pd.DataFrame(rows, columns=["time", "open", "high", "low", "close"])
    try:
        feed = open_feed(frame)
    except DataError as error:
        assert "\n" not in str(error)
        return
    bars = [bar for batch in feed.batches() for bar, _ in batch.events()]
    assert len(bars) == len(rows)
    assert right(bars)


@FOLDER
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.csv.gz", "x.parquet", "x.txt"]))
def test_any_bytes_are_a_sentence(tmp_path: Path, content: bytes, name: str) -> None:
    """Files of any bytes are refused with a DataError that names the file."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="x"):
        open_feed(tmp_path / name)


@FOLDER
@given(st.lists(st.lists(st.text(max_size=6), min_size=5, max_size=5), max_size=5))
def test_any_text_under_a_header_is_bars_or_a_sentence(tmp_path: Path, rows: list[list[str]]) -> None:
    """A CSV file with the right header and any text below gives right bars or a DataError."""
    lines = ["time,open,high,low,close", *(",".join(row) for row in rows)]
    (tmp_path / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    try:
        feed = open_feed(tmp_path / "x.csv")
    except DataError as error:
        assert "x.csv" in str(error)
        return
    assert right([bar for batch in feed.batches() for bar, _ in batch.events()])


@FOLDER
@given(st.lists(st.tuples(TIME, PRICE, PRICE, PRICE, PRICE), min_size=1, max_size=30))
def test_the_quality_check_never_fails_on_rows(rows: list[tuple[Any, ...]]) -> None:
    """However faulty the rows, the quality check reports on all of them; only a column that is no time is refused."""
    frame = pd.DataFrame(rows, columns=["time", "open", "high", "low", "close"])
    try:
        report = check(frame)
    except DataError as error:
        assert "'time'" in str(error)
        return
    assert report.rows == len(rows)
