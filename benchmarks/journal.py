"""What the durable journal costs:  python benchmarks/journal.py [--json] [--quick]

`append_us`: a row handed over by a producer of 5,000 rows/s, median and 99th of a hundred, beside the same producer that puts
a tuple into a list (the floor); the writer thread encodes, chains and commits meanwhile. `flush_us`: append one row and
wait until it is on the disk, which is the disk's time. `rows_per_second`: as fast as it goes until all is on the disk.
`read_s`, `decode_s`, `verify_s`: a million rows read, read and decoded, compared with their checks.
Files are made in the folder that `--in` names: the figures are that disk's.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import asking, tell
from onepath.events import Mark
from onepath.journal.codec import decode
from onepath.journal.durable import DurableJournal
from onepath.journal.lease import take
from onepath.journal.sqlite import SqliteReader
from onepath.journal.tail import verify

RATE = 5_000
EVENT = Mark(strategy="sma", equity=100_000.123, cash=5_000.25, gross=95_000.0, net=95_000.0)


def percentile(taken: list[float], share: float) -> float:
    """In microseconds."""
    return round(sorted(taken)[int(len(taken) * share)] * 1e6, 2)


def paced(append: Callable[[int], Any], count: int) -> list[float]:
    """Seconds of each of `count` calls at RATE a second."""
    clock = time.perf_counter
    taken = []
    due = clock()
    for n in range(count):
        due += 1 / RATE
        while (left := due - clock()) > 0:
            time.sleep(left)
        began = clock()
        append(n)
        taken.append(clock() - began)
    return taken


def appending(journal: DurableJournal, count: int) -> dict[str, Any]:
    rows: list[Any] = []
    floor = paced(lambda n: rows.append((n, "mark", "sma", EVENT, 3)), count)
    found = paced(lambda n: journal.append(n, "mark", "sma", EVENT, 3), count)
    waits = []
    for n in range(count // 50):
        began = time.perf_counter()
        journal.append(n, "mark", "sma", EVENT, 3)
        journal.flush()
        waits.append(time.perf_counter() - began)
    return {
        "append_p50_us": percentile(found, 0.5),
        "append_p99_us": percentile(found, 0.99),
        "floor_p50_us": percentile(floor, 0.5),
        "floor_p99_us": percentile(floor, 0.99),
        "flush_p50_us": percentile(waits, 0.5),
        "flush_p99_us": percentile(waits, 0.99),
    }


def filling(journal: DurableJournal, count: int) -> dict[str, Any]:
    began = time.perf_counter()
    for n in range(count):
        journal.append(n, "mark", "sma", EVENT, 3)
    journal.flush()
    return {"rows_per_second": round(count / (time.perf_counter() - began))}


def timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return round(time.perf_counter() - began, 2)


def reading(path: Path) -> dict[str, Any]:
    reader = SqliteReader(path)
    found = {
        "rows": verify(path).seq,
        "read_s": timed(lambda: [None for _ in reader.rows()]),
        "decode_s": timed(lambda: [None for row in reader.rows() if decode(row) is None]),
        "verify_s": timed(lambda: verify(path)),
    }
    reader.close()
    return found


def main() -> None:
    """Measure and print."""
    options = asking(__doc__, quick="a tenth of the size")
    options.add_argument("--in", dest="place", default=".", help="a folder on the disk that is meant")
    asked = options.parse_args()
    scale = 10 if asked.quick else 1
    folder = Path(tempfile.mkdtemp(dir=asked.place))
    try:
        path = folder / "journal.db"
        journal = DurableJournal.create(path, "bench", take(path, 0))
        found = appending(journal, 25_000 // scale)
        found |= filling(journal, 1_000_000 // scale - journal.seq)
        journal.close()
        found |= reading(path)
    finally:
        shutil.rmtree(folder)
    tell(found, {}, as_json=asked.json)


if __name__ == "__main__":
    main()
