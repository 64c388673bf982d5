"""History streams: five times the bars take no more memory.

The peak is read from /proc, because what getrusage says of a child includes the parent it was forked from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onepath.feeds.parquet import ROW_GROUP, SCHEMA

READER = """
import sys
from pathlib import Path
from onepath.feeds.parquet import ParquetFeed
from onepath.instruments import Instrument
feed = ParquetFeed({"A": Path(sys.argv[1])}, {"A": Instrument(symbol="A")})
rows = sum(1 for batch in feed.batches() for _ in batch.events())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(rows, int(peak.split()[1]) // 1024)
"""


def peak(rows: int, folder: Path) -> int:
    """Megabytes at most of a process that streams that many bars."""
    path = folder / f"{rows}.parquet"
    write(rows, path)
    done = subprocess.run([sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=True)
    seen, megabytes = map(int, done.stdout.split())
    assert seen == rows
    return megabytes


def write(rows: int, path: Path) -> None:
    start = np.arange(rows) * 60_000_000_000
    close = 100 + np.random.default_rng(1).random(rows)
    columns = [start, start + 60_000_000_000, close, close + 1, close - 1, close, close]
    pq.write_table(pa.table(columns, schema=SCHEMA), path, row_group_size=ROW_GROUP)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_does_not_grow_with_history(tmp_path: Path) -> None:
    """200,000 bars stay under 200 MB, and a million within 20 MB of that."""
    few, many = peak(200_000, tmp_path), peak(1_000_000, tmp_path)
    assert few < 200
    assert many - few < 20
