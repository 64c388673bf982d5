"""Parquet history: one canonical file a symbol, streamed in bounded memory.

Rules: a canonical file has the seven columns of `feeds.columns.COLUMNS`, times as int64 nanoseconds UTC, sorted, in
row groups of 65,536. Bars are checked as they stream, before they are handed out. `start` is inclusive, `end`
exclusive, both compared with a bar's start; row groups outside are not read. Which rows lie inside is settled when
the feed is made, so `total` is exact.
Cost: about 0.15 us a bar from file to columns; one row group of each symbol in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from onepath.errors import DataError
from onepath.feeds.checks import Checked, stamp
from onepath.feeds.columns import BATCH, COLUMNS, BarBatch, as_batches
from onepath.feeds.fingerprints import Fingerprint
from onepath.feeds.merging import Chunk, chunk_rows
from onepath.instruments import Instrument

ROW_GROUP = 65_536
SCHEMA = pa.schema([(name, pa.int64() if name in {"start", "at"} else pa.float64()) for name in COLUMNS])

FILLED = "filled"
MARKED = SCHEMA.append(pa.field(FILLED, pa.bool_()))
"""of bars some of which were put in where none was published, as the user asked (see data.policies)"""

_LEAST_DECODED = 2_048
"""rows that are decoded, checked and hashed at once; fewer would cost more in calls than in work"""


@dataclass(frozen=True)
class Stretch:
    """The rows of one file that a feed hands out: some row groups, less `skip` rows at the front, `rows` in all."""

    path: Path
    groups: tuple[int, ...]
    first_row: int
    skip: int
    rows: int
    schema: pa.Schema = SCHEMA
    left_out: int = 0
    """rows among them that were put in where none was published, and are not handed out"""


class ParquetFeed:
    """Bars streamed from canonical Parquet files, one a symbol; the order of `files` is the feed's order."""

    def __init__(
        self,
        files: Mapping[str, Path],
        instruments: Mapping[str, Instrument],
        *,
        start: int | None = None,
        end: int | None = None,
        interval_ns: int = 0,
        calendar: str = "24/7",
        batch: int = BATCH,
        origin: Mapping[str, Any] | None = None,
        filled: bool = True,
    ) -> None:
        """`filled`: also the bars that were put in where none was published."""
        self._stretches = {symbol: stretch(path, start, end) for symbol, path in files.items()}
        if not filled:
            self._stretches = {symbol: without_filled(s) for symbol, s in self._stretches.items()}
        self.instruments: Mapping[str, Instrument] = {symbol: instruments[symbol] for symbol in files}
        self.total: int | None = sum(s.rows - s.left_out for s in self._stretches.values())
        self.volumes: Collection[str] = frozenset(symbol for symbol, s in self._stretches.items() if _has_volume(s))
        self.kinds: Mapping[str, Collection[str]] = {}
        self.interval_ns = interval_ns
        self.calendar = calendar
        self._batch = batch
        self._origin = dict(origin or {"source": "parquet"})
        self._fingerprint = ""

    def batches(self) -> Iterator[BarBatch]:
        """The bars in time order. Raises DataError, with file and row, at the first that is not in order or no bar."""
        whole = Fingerprint(self._stretches)
        rows = chunk_rows(self._batch, len(self._stretches))
        yield from as_batches({symbol: _lists(symbol, s, rows, whole) for symbol, s in self._stretches.items()}, rows)
        self._fingerprint = whole.hexdigest()

    def arrays(self) -> dict[str, list[Any]]:
        """All bars at once: each symbol's columns, checked. Raises DataError as `batches` does."""
        found = {}
        for symbol, s in self._stretches.items():
            checked, pieces = Checked(f"{s.path}", row=s.first_row), []
            for columns in arrays_of(s, ROW_GROUP):
                checked.check(columns)
                pieces.append(columns)
            empty = [np.empty(0, np.int64 if name in {"start", "at"} else np.float64) for name in COLUMNS]
            found[symbol] = [np.concatenate(column) for column in zip(*pieces, strict=True)] if pieces else empty
        return found

    def fingerprint(self) -> str:
        """Hash of all bars of this feed; free once they have been streamed to the end, else one pass over the files."""
        if not self._fingerprint:
            whole = Fingerprint(self._stretches)
            for symbol, s in self._stretches.items():
                for columns in arrays_of(s, ROW_GROUP):
                    whole.add(symbol, columns)
            self._fingerprint = whole.hexdigest()
        return self._fingerprint

    def note(self, said: Sequence[str]) -> None:
        """Something more to say of where the bars are from."""
        self._origin["notes"] = [*self._origin.get("notes", ()), *said]

    def describe(self) -> dict[str, Any]:
        """What the manifest says of this feed, ready for JSON."""
        ends = [ends_of(s) for s in self._stretches.values() if s.rows]
        return self._origin | {
            "symbols": list(self._stretches),
            "interval_ns": self.interval_ns,
            "first_at": min((first for first, _ in ends), default=None),
            "last_at": max((last for _, last in ends), default=None),
            "events": self.total,
        }


def stretch(path: Path, start: int | None, end: int | None, schema: pa.Schema = SCHEMA) -> Stretch:
    """Which rows of a canonical file have their first column, the time, in `[start, end)`."""
    file = opened(path, schema)
    first = 0 if start is None else _rows_before(file, start)
    stop = file.metadata.num_rows if end is None else _rows_before(file, end)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    edges = [0, *np.cumsum(sizes).tolist()]
    groups = tuple(i for i in range(len(sizes)) if edges[i] < stop and edges[i + 1] > first)
    skip = first - edges[groups[0]] if groups else 0
    return Stretch(path, groups, first, skip, max(0, stop - first), schema)


def _has_volume(s: Stretch) -> bool:
    """Whether any bar reports a volume, by the row groups' statistics; a file without them is taken to."""
    metadata = opened(s.path).metadata
    column = COLUMNS.index("volume")
    found = (metadata.row_group(i).column(column).statistics for i in s.groups)
    return any(statistics is None or not statistics.has_min_max or statistics.max > 0 for statistics in found)


def opened(path: Path, schema: pa.Schema = SCHEMA) -> Any:
    """The file, if it is canonical. Raises DataError where it is missing, no Parquet, or has other columns."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False, memory_map=False)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check the path or import the data first.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}); import it again.") from None
    if not is_canonical(file.schema_arrow, schema):
        found = ", ".join(file.schema_arrow.names)
        expected = ", ".join(schema.names)
        raise DataError(f"{path} has columns {found}; expected {expected}: import it with 'onepath data import'.")
    return file


def is_canonical(found: Any, schema: pa.Schema = SCHEMA) -> bool:
    """Whether a file with the schema `found` can be streamed as it is; bars may have a column `filled` besides."""
    wanted = MARKED if schema is SCHEMA and FILLED in found.names else schema
    return bool(found.names == wanted.names and found.types == wanted.types)


def marks_of(s: Stretch) -> Any:
    """Which rows of a stretch were put in where none was published; None where its file has no such column."""
    file = opened(s.path, s.schema)
    if FILLED not in file.schema_arrow.names or not s.groups:
        return None
    column = file.read_row_groups(list(s.groups), columns=[FILLED]).column(0).combine_chunks()
    return column.to_numpy(zero_copy_only=False)[s.skip : s.skip + s.rows]


def without_filled(s: Stretch) -> Stretch:
    """The same stretch, less the rows that were put in."""
    marks = marks_of(s)
    return s if marks is None else replace(s, left_out=int(marks.sum()))


def _rows_before(file: Any, moment: int) -> int:
    """How many rows have their time before `moment`, by row-group statistics and one column of one row group."""
    rows = 0
    for i in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(i)
        statistics = group.column(0).statistics
        if statistics is not None and statistics.has_min_max and statistics.max < moment:
            rows += group.num_rows
            continue
        starts = _numbers(file.read_row_group(i, columns=file.schema_arrow.names[:1]).column(0))
        inside = int(np.searchsorted(starts, moment))
        rows += inside
        if inside < group.num_rows:
            break
    return rows


def arrays_of(s: Stretch, rows: int) -> Iterator[list[Any]]:
    """The stretch's columns as NumPy arrays, `rows` at a time."""
    if not s.rows:
        return
    skip, left = s.skip, s.rows
    file, names = opened(s.path, s.schema), (MARKED if s.left_out else s.schema).names
    for batch in file.iter_batches(rows, row_groups=list(s.groups), columns=names, use_threads=False):
        piece = batch.slice(skip, left)
        skip = max(0, skip - batch.num_rows)
        left -= piece.num_rows
        if piece.num_rows:
            _no_missing_times(s.path, piece)
            arrays = [_numbers(column) for column in piece.columns[: len(s.schema.names)]]
            keep = ~piece.column(FILLED).to_numpy(zero_copy_only=False) if s.left_out else slice(None)
            yield [array[keep] for array in arrays]


def _no_missing_times(path: Path, piece: Any) -> None:
    for name in ("start", "at"):
        if name in piece.schema.names and piece.column(name).null_count:
            raise DataError(f"{path} has rows without a time in column {name!r}; import the data again.")


def _numbers(column: Any) -> Any:
    """The values as an array; missing ones become NaN, which the check then names.

    Read from Arrow's buffer, because its own `to_numpy` imports pandas (50 MB) wherever that is installed.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if whole.null_count:
        whole = whole.fill_null(float("nan"))
    data = whole.buffers()[1]
    kind = np.int64 if pa.types.is_int64(whole.type) else np.float64
    if data is None:
        return np.empty(0, kind)
    return np.frombuffer(data, kind)[whole.offset : whole.offset + len(whole)]


def _lists(symbol: str, s: Stretch, rows: int, whole: Fingerprint) -> Iterator[Chunk]:
    checked = Checked(f"{s.path}", row=s.first_row)
    for columns in arrays_of(s, max(rows, _LEAST_DECODED)):
        checked.check(columns)
        whole.add(symbol, columns)
        for first in range(0, len(columns[0]), rows):
            yield [column[first : first + rows].tolist() for column in columns]


def ends_of(s: Stretch) -> tuple[int, int]:
    """First and last `at`, from the two row groups at the ends."""
    file = opened(s.path, s.schema)
    first = _numbers(file.read_row_group(s.groups[0], columns=["at"]).column(0))
    last = _numbers(file.read_row_group(s.groups[-1], columns=["at"]).column(0))
    before = sum(file.metadata.row_group(i).num_rows for i in s.groups[:-1])
    return int(first[s.skip]), int(last[s.skip + s.rows - 1 - before])


def no_overlap(where: str, first: int, last: int) -> DataError:
    """The error for dates that select nothing."""
    return DataError(f"{where} has no bars in the requested dates; it runs from {stamp(first)} to {stamp(last)}.")
