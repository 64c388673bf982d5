"""`onepath data`: bring files in, see what is there, look for faults."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import note, say, say_json, say_table

if TYPE_CHECKING:
    from onepath.data.catalogue import Dataset
    from onepath.data.quality import Report

app = typer.Typer(
    help="Import, list, check and show market data.\n\nExample:  onepath data list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SHOWN = 50
SHORT = 16
"""characters of a fingerprint that a table shows; --json shows it whole"""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A data set's name, or a file.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the data set.")],
    symbol: Annotated[str | None, typer.Option(help="The symbol, where the file does not say it.")] = None,
    asset_class: Annotated[str | None, typer.Option(help="equity, crypto, perpetual, future, fx or generic.")] = None,
    calendar: Annotated[str | None, typer.Option(help="Trading calendar, such as XNYS or 24/7.")] = None,
    stamps: Annotated[
        str | None, typer.Option(help="Times mark the `start` or the `end` of a bar; default: detected.")
    ] = None,
    interval: Annotated[str | None, typer.Option(help="Bar length, such as 1m; default: detected.")] = None,
    kind: Annotated[str | None, typer.Option(help="bars, quotes, trades or book; default: detected.")] = None,
    crossed: Annotated[str | None, typer.Option(help="Quotes with bid above ask: refuse or drop.")] = None,
    sides: Annotated[str | None, typer.Option(help="A row of quotes carries `both` sides or `one`.")] = None,
    time: Annotated[str | None, typer.Option(help="The column of times of ticks, where there are several.")] = None,
    quality: Annotated[
        str,
        typer.Option(help="Faults of bars: reject, flag, or such as gaps=fill,bad_bars=flag; see docs/fetching.md."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Import a CSV or Parquet file into the workspace.

    Example:  onepath data import prices.csv --name my_prices --asset-class equity
    """
    from dataclasses import asdict

    from onepath.data.ingest import import_file
    from onepath.data.policies import policies
    from onepath.data.tickcolumns import TickOptions
    from onepath.workspace import find

    data_dir = find(Path.cwd()).data_dir
    imported = import_file(
        file,
        data_dir,
        name,
        symbol=symbol,
        asset_class=asset_class,
        calendar=calendar,
        stamps=stamps,
        interval=interval,
        progress=None,
        ticks=TickOptions(kind, crossed, sides, time),
        quality_policies=policies(quality),
    )
    if as_json:
        say_json(asdict(imported))
        return
    what = " and ".join(imported.kinds)
    added, known, total = imported.rows_added, imported.rows_known, imported.rows_total
    say(f"{imported.name}: {added:,} {_rows(what)} added, {known:,} known, {total:,} in all")
    long = f"{length(imported.interval_ns)} " if imported.interval_ns else ""
    say(f"{long}{what} of {', '.join(imported.symbols)}, calendar {imported.calendar}")
    for remark in imported.notes:
        say(remark)
    say(f"in {imported.folder}")


def _rows(kind: str) -> str:
    """What is counted: of a book its rows, one a level."""
    return "rows" if kind == "book" else kind


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """List the data sets.

    Those of the workspace and the samples that come with onepath.

    Example:  onepath data list
    """
    from onepath.data.catalogue import datasets, describe
    from onepath.workspace import find

    found = [describe(dataset) for dataset in datasets(find(Path.cwd()).data_dir)]
    if as_json:
        say_json(found)
        return
    columns = ("name", "symbols", "interval", "rows>", "from", "to", "calendar", "")
    say_table(columns, (_row(facts) for facts in found))


def _row(facts: dict[str, Any]) -> list[str]:
    symbols = facts["symbols"]
    return [
        facts["name"],
        ", ".join(symbols[:4]) + (f" and {len(symbols) - 4} more" if len(symbols) > 4 else ""),
        length(facts["interval_ns"]) if facts["interval_ns"] else ", ".join(facts["kinds"]),
        f"{facts['rows']:,}",
        day(facts["first_start"]),
        day(facts["last_at"]),
        facts["calendar"],
        "sample" if facts["bundled"] else "",
    ]


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show what a data set is, symbol by symbol.

    Example:  onepath data show my_prices
    """
    from onepath.data.catalogue import describe

    dataset = _dataset(name)
    facts = describe(dataset)
    if as_json:
        say_json(facts | {"symbols": dataset.meta["symbols"]})
        return
    _say_dataset(facts)
    if "kinds" in dataset.meta:
        _say_streams(dataset)
        return
    columns = ("symbol", "bars>", *(("filled>",) if facts["filled"] else ()), "from", "to", "fingerprint")
    say_table(columns, (_symbol(symbol, e, bool(facts["filled"])) for symbol, e in _entries(dataset)))


def _symbol(symbol: str, e: dict[str, Any], filled: bool) -> list[str]:
    put_in = [f"{e.get('filled', 0):,}"] if filled else []
    identity = (e.get("fingerprint") or "")[:SHORT]
    return [symbol, f"{e['rows']:,}", *put_in, day(e["first_start"]), day(e["last_at"]), identity]


@app.command()
def check(
    name: Name,
    *,
    symbol: Annotated[str | None, typer.Option(help="The symbol, where a file does not say it.")] = None,
    calendar: Annotated[str | None, typer.Option(help="Trading calendar, such as XNYS or 24/7.")] = None,
    time: Annotated[str | None, typer.Option(help="The column of times of ticks, where there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check data quality: errors and warnings, row by row.

    Ends with exit code 1 where something was found that cannot be.

    Example:  onepath data check prices.csv
    """
    from onepath.data.quality import check as checked

    if (report := _ticks(name, time)) is not None:
        _say_report(_unchanged(report, name), as_json)
        return
    source, known = _to_check(name)
    report = checked(source, symbol=symbol, calendar=calendar or known, splits=_splits(name))
    _say_report(_unchanged(report, name), as_json)


def _splits(name: str) -> dict[str, list[int]]:
    """The days of splits that were fetched with a data set: there the price jumps rightly."""
    from onepath.data.fetch.putting import ACTIONS, read_actions, split_days

    path = Path(name)
    if path.is_file() or path.suffix in (".csv", ".parquet", ".gz"):
        return {}
    found = read_actions(_dataset(name).folder / ACTIONS)
    return {symbol: split_days(actions) for symbol, actions in found.items()}


def _unchanged(report: Report, name: str) -> Report:
    """The report, with what has happened to the files of a data set since they were put there."""
    from onepath.data.unchanged import with_changes

    path = Path(name)
    return (
        report if path.is_file() or path.suffix in (".csv", ".parquet", ".gz") else with_changes(report, _dataset(name))
    )


def _ticks(name: str, time: str | None) -> Report | None:
    """The report on quotes, trades or books; None where the name is of bars."""
    from onepath.data.tickquality import check_tick_dataset, check_tick_file

    path = Path(name)
    if path.is_file():
        return check_tick_file(path, time)
    return None if path.suffix in (".csv", ".parquet", ".gz") else check_tick_dataset(_dataset(name))


def _say_report(report: Report, as_json: bool) -> None:
    if as_json:
        say_json(report.to_json())
    else:
        _say_findings(report)
    if not report.ok:
        raise typer.Exit(1)


def _to_check(name: str) -> tuple[Any, str | None]:
    """A file as it is; a data set as its tables, with its calendar."""
    path = Path(name)
    if path.is_file() or path.suffix in (".csv", ".parquet", ".gz"):
        return path, None
    dataset = _dataset(name)
    return {symbol: _as_published(dataset, symbol) for symbol in dataset.symbols}, str(dataset.meta["calendar"])


def _as_published(dataset: Dataset, symbol: str) -> Any:
    """A symbol's bars with the times of their market: a day in summer begins an hour earlier in UTC, and is no fault."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from onepath.calendars import DAY, get
    from onepath.data.bars import offsets
    from onepath.errors import DataError

    try:
        table = pq.read_table(dataset.file(symbol)).drop_columns(["at"])
    except (pa.ArrowInvalid, OSError):
        raise DataError(f"{dataset.file(symbol)} cannot be read as Parquet; import or fetch the data again.") from None
    if int(dataset.meta["interval_ns"]) < DAY:
        return table
    start = table.column("start").to_numpy()
    wall = start + offsets(start, get(str(dataset.meta["calendar"])))
    return table.set_column(0, "start", pa.array(wall, pa.timestamp("ns")))


def _say_findings(report: Report) -> None:
    for finding in report.findings[:SHOWN]:
        where = f"{finding.symbol}, {finding.message.removeprefix('the frame, ')}"
        say(f"{finding.severity:<8} {finding.kind:<16} {where}")
    if len(report.findings) > SHOWN:
        note(f"{len(report.findings) - SHOWN} more: --json shows them")
    found = ", ".join(f"{kind} {count:,}" for kind, count in sorted(report.counts.items()) if count) or "nothing found"
    say(f"{report.rows:,} rows: {found}")


def _dataset(name: str) -> Dataset:
    from onepath.data.catalogue import find as find_dataset
    from onepath.workspace import find

    return find_dataset(name, find(Path.cwd()).data_dir)


def _entries(dataset: Dataset) -> list[tuple[str, dict[str, Any]]]:
    return list(dataset.meta["symbols"].items())


def _say_streams(dataset: Dataset) -> None:
    """Symbol and kind by line, and the spread of quotes."""
    rows = [
        (
            *(symbol, kind, f"{s['rows']:,}", moment(s["first_at"]), moment(s["last_at"])),
            *(_spread(s), (s.get("fingerprint") or "")[:SHORT]),
        )
        for symbol, entry in _entries(dataset)
        for kind, s in entry["streams"].items()
    ]
    say_table(("symbol", "kind", "rows>", "from", "to", "spread", "fingerprint"), rows)
    for symbol, entry in _entries(dataset):
        for kind, stream in entry["streams"].items():
            for remark in stream["notes"]:
                say(f"{symbol} {kind}: {remark}")


def _spread(stream: dict[str, Any]) -> str:
    if "median_spread" not in stream:
        return ""
    return f"median {stream['median_spread']:g}, {stream['locked']:.1%} locked"


def moment(at: int) -> str:
    """To the second."""
    return dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _say_dataset(facts: dict[str, Any]) -> None:
    if not facts["interval_ns"]:
        kinds, symbols = " and ".join(facts["kinds"]), ", ".join(facts["symbols"])
        say(f"{facts['name']}: {facts['rows']:,} rows of {kinds} of {symbols}")
        say(f"{moment(facts['first_start'])} to {moment(facts['last_at'])}, calendar {facts['calendar']}")
        say(f"in {facts['path']}")
        return
    say(f"{facts['name']}: {facts['rows']:,} bars of {length(facts['interval_ns'])}, {len(facts['symbols'])} symbols")
    say(f"{day(facts['first_start'])} to {day(facts['last_at'])}, calendar {facts['calendar']}")
    say(f"times in the source mark the {facts['stamps']} of bars ({facts['stamps_how']})")
    say(f"in {facts['path']}")


def day(at: int) -> str:
    """The day, with the time where there is one."""
    moment = dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC)
    return moment.strftime("%Y-%m-%d" if not (moment.hour or moment.minute) else "%Y-%m-%d %H:%M")


def length(interval_ns: int) -> str:
    """`1m`, `1h`, `1d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(interval_ns, size * 1_000_000_000)
        if count and not rest:
            return f"{count}{unit}"
    return f"{interval_ns} ns"
