"""Files and frames to tables: CSV (plain or gzip), Parquet, pandas, polars, Arrow, mappings of columns.

Rules: what is read is not changed. Text above the header of a CSV file is skipped and noted; a CSV file without a
header is refused, because nobody can know which column is which.
Limits: CSV is read whole (about 60 bytes a bar); one header line; quoted fields may not hold line breaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from onepath.data.places import Place
from onepath.data.tables import SYMBOLS, TIMES, VOLUMES, plain
from onepath.data.tickcolumns import kind_of
from onepath.feeds.columns import FIELDS

CSV_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz")
PARQUET_ENDINGS = (".parquet", ".pq")
_HEADER_WITHIN = 30
_LARGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Header:
    """Where a CSV file's header stands, and what separates its columns."""

    line: int
    names: tuple[str, ...]
    delimiter: str
    banner: str


def is_csv(path: Path) -> bool:
    """By the file's name."""
    return path.name.lower().endswith(CSV_ENDINGS)


def is_parquet(path: Path) -> bool:
    """By the file's name."""
    return path.name.lower().endswith(PARQUET_ENDINGS)


def stem(path: Path) -> str:
    """The file's name without its endings: what its symbol is called when nobody says otherwise."""
    for ending in sorted((*CSV_ENDINGS, *PARQUET_ENDINGS), key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def read_file(path: Path, notes: list[str]) -> tuple[pa.Table, Place]:
    """A CSV or Parquet file as a table, and how its rows are called."""
    if not path.exists():
        Place(str(path)).fail("the file does not exist; check the path")
    if is_csv(path):
        return _read_csv(path, notes)
    if is_parquet(path):
        return parquet(path).read(), Place(str(path), "row", 1)
    endings = ", ".join((*CSV_ENDINGS, *PARQUET_ENDINGS))
    return Place(str(path)).fail(f"the name is not that of a CSV or Parquet file; expected one of {endings}")


def parquet(path: Path) -> Any:
    """The opened Parquet file. Raises DataError where it is none."""
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        return Place(str(path)).fail(f"it cannot be read as Parquet ({str(error).splitlines()[0]})")


def _read_csv(path: Path, notes: list[str]) -> tuple[pa.Table, Place]:
    place = Place(str(path))
    header = csv_header(path)
    if header.line:
        notes.append(f"skipped {header.line} line(s) above the header: {header.banner!r}")
    as_text = {n: pa.string() for n in header.names if plain(n) in (*TIMES, *SYMBOLS)}
    as_float = {n: pa.float64() for n in header.names if plain(n) in (*FIELDS, *VOLUMES)}
    try:
        table = _parse_csv(path, header, as_text | as_float)
    except pa.ArrowInvalid:
        try:
            table = _parse_csv(path, header, as_text)
        except pa.ArrowInvalid as error:
            place.fail(f"it cannot be read as CSV ({str(error).splitlines()[0]})")
    except (OSError, UnicodeDecodeError) as error:
        place.fail(f"it cannot be read ({str(error).splitlines()[0]})")
    return table, Place(str(path), "line", header.line + 2)


def _parse_csv(path: Path, header: Header, types: Mapping[str, Any]) -> pa.Table:
    with pa.input_stream(str(path), compression="detect") as stream:
        return pcsv.read_csv(
            stream,
            read_options=pcsv.ReadOptions(skip_rows=header.line, use_threads=False),
            parse_options=pcsv.ParseOptions(delimiter=header.delimiter, ignore_empty_lines=False),
            convert_options=pcsv.ConvertOptions(column_types=dict(types), strings_can_be_null=True),
        )


def csv_header(path: Path) -> Header:
    """The first line that names a close, or columns of ticks; text before it is a banner. Raises DataError without one."""
    place = Place(str(path))
    lines = _first_lines(path, place)
    if not any(line.strip() for line in lines):
        place.fail("the file is empty; expected a header line and bars")
    for number, line in enumerate(lines):
        delimiter = max(",;\t|", key=line.count)
        names = tuple(name.strip('"') for name in line.split(delimiter))
        if "close" in {plain(name) for name in names} or kind_of(names) != "bars":
            return Header(number, names, delimiter, " ".join(lines[:number]))
    first = lines[0] if len(lines[0]) <= 80 else lines[0][:80] + "..."
    return place.fail(
        f"there is no header line with a column for close; the first line is {first!r}: add one, such as "
        "time,open,high,low,close,volume"
    )


def _first_lines(path: Path, place: Place) -> list[str]:
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            text = stream.read(_LARGEST_LINE)
    except (pa.ArrowInvalid, OSError) as error:
        return place.fail(f"it cannot be read ({str(error).splitlines()[0]})")
    return [line.decode("utf-8-sig", "replace").rstrip("\r") for line in text.split(b"\n")[:_HEADER_WITHIN]]


def is_frame(source: object) -> bool:
    """Whether `source` is one table of bars rather than a mapping of them."""
    module = type(source).__module__.partition(".")[0]
    if module in {"pandas", "polars", "pyarrow"}:
        return True
    return isinstance(source, Mapping) and (
        any(plain(name) == "close" for name in source) or kind_of([str(name) for name in source]) != "bars"
    )


def read_frame(frame: Any, where: str) -> tuple[pa.Table, Place]:
    """A pandas or polars frame, an Arrow table or a mapping of columns as a table."""
    module = type(frame).__module__.partition(".")[0]
    place = Place(where)
    if module == "pandas":
        return _pandas(frame, place), place
    if module == "polars":
        return (frame.collect() if hasattr(frame, "collect") else frame).to_arrow(), place
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame]), place
    if isinstance(frame, Mapping):
        return pa.table({str(name): _array(values, place, str(name)) for name, values in frame.items()}), place
    if isinstance(frame, pa.Table):
        return frame, place
    kind = type(frame).__name__
    return place.fail(f"{kind} is no table of bars; expected a pandas or polars frame, an Arrow table or a path")


def _pandas(frame: Any, place: Place) -> pa.Table:
    if getattr(frame.columns, "nlevels", 1) > 1:
        frame = _tall(frame, place)
    columns = {str(name): _array(frame.iloc[:, i], place, str(name)) for i, name in enumerate(frame.columns)}
    if len(columns) < len(frame.columns):
        place.fail("two columns have the same name; keep one of them")
    return pa.table(_index_columns(frame, place, columns) | columns)


def _index_columns(frame: Any, place: Place, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The index as columns, where it says something that the columns do not: the time, or the symbol."""
    known = {plain(name) for name in columns}
    has_time = any(time in known for time in TIMES)
    found = {}
    for level in range(frame.index.nlevels):
        values = frame.index.get_level_values(level)
        name = plain(values.name) if values.name is not None else ""
        if name in known:
            continue
        if name in {*TIMES, *SYMBOLS}:
            found[name] = _array(values, place, name)
        elif not has_time and values.dtype.kind in "MOTU":
            found["time"] = _array(values, place, "the index")
    return found


def _tall(frame: Any, place: Place) -> Any:
    """Columns of two levels, price and symbol in either order (as yfinance gives them), to one row a bar and symbol."""
    levels = [{plain(v) for v in frame.columns.get_level_values(i)} for i in range(frame.columns.nlevels)]
    field = next((i for i, names in enumerate(levels) if "close" in names), None)
    if field is None or len(levels) != 2:
        place.fail("the columns have several levels, none with open, high, low and close; pass one frame a symbol")
    tall = frame.stack(level=1 - int(field), future_stack=True).dropna(how="all")
    return tall.rename_axis(index=[frame.index.name or "time", "symbol"]).sort_index(level=[1, 0], kind="stable")


def _array(values: Any, place: Place, name: str) -> Any:
    """One column as Arrow has it; objects that Arrow cannot place are named."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "O":
        _one_zone(values, place, name)
    try:
        array = pa.Array.from_pandas(values) if hasattr(values, "dtype") else pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        return place.fail(f"column {name!r} cannot be read ({str(error).splitlines()[0]})")
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _one_zone(values: Any, place: Place, name: str) -> None:
    """Arrow would turn times of several zones into those of the first; say so instead."""
    zones = {str(value.tzinfo) for value in values if hasattr(value, "tzinfo")}
    if len(zones) > 1:
        found = ", ".join(sorted(zones))
        place.fail(f"column {name!r} mixes time zones ({found}); convert all of them to one zone, best UTC")
