"""`onepath features compute` and `cache`: features of a configuration into the cache, of data into a file; and what is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.configs import Mode, Sets
from onepath.cli.printing import say, say_json, say_table

if TYPE_CHECKING:
    from onepath.features import Feature
    from onepath.workspace import Workspace

_SHOWN = 10
"""rows that are shown where no file is asked for"""
Rows = dict[str, list[Any]]
"""columns by name"""


def compute(
    what: Annotated[
        str,
        typer.Argument(metavar="CONFIG|DATA", help="A configuration, or a data set's name, a file or folder of bars."),
    ],
    *,
    feature: Annotated[
        list[str] | None,
        typer.Option(metavar="FEATURE", help='Of data: what to compute, such as "rsi(14)" or "my.py:mine(3)".'),
    ] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="Of data: these symbols alone.")] = None,
    out: Annotated[Path | None, typer.Option(help="Of data: write the values here, as .csv or .parquet.")] = None,
    mode: Mode = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Compute features beforehand.

    Of a configuration: all features that its strategies ask for go into the cache, where the next run finds them; with
    features.compute_on_demand: false a run takes them from nowhere else. Of data: the features you name, into a file.

    Example:  onepath features compute config/backtest.yaml

    Example:  onepath features compute us10 --feature "rsi(14)" --feature "ema(9)" --symbol AAPL --out values.csv
    """
    from onepath.errors import ConfigError

    if not feature:
        if not what.endswith((".yaml", ".yml", ".toml", ".json")):
            raise ConfigError(f'{what} is no configuration: of data, name a feature, such as --feature "rsi(14)"')
        found = _filled(Path(what), mode, sets or [], quiet=quiet or as_json)
        say_json(found) if as_json else _say_filled(found)
        return
    rows, names = _computed(what, feature, symbol)
    told = {"rows": len(rows["time"]), "features": names, "path": None if out is None else str(out)}
    if out is not None:
        _written(rows, out)
    if as_json:
        say_json(told)
    elif out is None:
        _say_rows(rows)
    else:
        say(f"{told['rows']:,} rows of {', '.join(names)} in {out}")


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything in it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how much the cache of feature values holds, or clear it: what is removed is computed again when it is needed.

    Example:  onepath features cache --clear
    """
    from onepath.featurecache import FeatureCache
    from onepath.workspace import find

    kept = FeatureCache(find(Path.cwd()).features_dir)
    held = kept.clear() if clear else kept.held()
    if as_json:
        say_json({"folder": str(kept.folder), "entries": held.entries, "bytes": held.bytes, "cleared": clear})
        return
    say(f"{held.entries:,} entries, {held.bytes / 1e6:,.1f} MB{' removed' if clear else ''} in {kept.folder}")


def _filled(config: Path, mode: str | None, sets: list[str], *, quiet: bool) -> dict[str, Any]:
    """Run the features of a configuration alone, into the cache."""
    from onepath.build import build
    from onepath.cli.progress import shown
    from onepath.config import load
    from onepath.drift.gathering import muted
    from onepath.errors import ConfigError, StrategyError
    from onepath.featurecache import FeatureCache
    from onepath.journal.memory import MemoryJournal
    from onepath.session import Session
    from onepath.workspace import home_of

    settings = load(config, sets, mode)
    if not settings.features.cache:
        raise ConfigError(f"{settings.where('features') or config}: features.cache is false, so that nothing is kept")
    if settings.data.type == "realtime":
        raise ConfigError(f"{config}: features of data in real time cannot be computed beforehand")
    workspace = home_of(config, Path.cwd())
    plan = build(settings, home=workspace.root, session_id="features", journal_path=None).plan
    memo = FeatureCache(workspace.features_dir, settings.features.cache_size, always=True)
    session = Session(plan._replace(memo=memo), MemoryJournal("features"))
    session.once_started.append(lambda: muted(session))
    with shown(quiet) as progress:
        outcome = session.run(progress)
    if outcome.errors:
        raise StrategyError(outcome.errors[0])
    if outcome.status == "stopped":  # by Ctrl-C: what is in the cache by now is right, and the next call goes on
        raise KeyboardInterrupt
    held = memo.held()
    told = {"events": outcome.events, "found": memo.found, "computed": memo.kept, "entries": held.entries}
    return told | {"bytes": held.bytes, "folder": str(memo.folder)}


def _say_filled(found: Mapping[str, Any]) -> None:
    say(f"{found['computed']:,} entries computed, {found['found']:,} were there; {found['events']:,} events")
    say(f"{found['entries']:,} entries, {found['bytes'] / 1e6:,.1f} MB in {found['folder']}")


def _computed(data: str, texts: list[str], symbols: list[str] | None) -> tuple[Rows, list[str]]:
    """A row a bar and symbol, with its end and the values."""
    from onepath.features import compute as over
    from onepath.workspace import find

    workspace = find(Path.cwd())
    features = _parsed(texts, workspace)
    bars = _bars(data, symbols, workspace)
    rows: Rows = {"symbol": [], "time": [], **{text: [] for text in features}}
    values = {text: over(feature, bars) for text, feature in features.items()}
    for symbol, columns in bars.items():
        rows["symbol"] += [symbol] * len(columns["at"])
        rows["time"] += columns["at"]
        for text in features:
            rows[text] += list(map(float, values[text][symbol]))
    return rows, list(features)


def _parsed(texts: list[str], workspace: Workspace) -> dict[str, Feature]:
    from onepath.featurefiles import features_in
    from onepath.features.named import parse

    return {text: parse(text, lambda path: features_in(path, workspace.root)) for text in texts}


def _bars(data: str, symbols: list[str] | None, workspace: Workspace) -> dict[str, dict[str, list[Any]]]:
    """All bars by symbol, as columns. Raises DataError where the data are no bars."""
    from onepath.data import open_feed
    from onepath.errors import DataError
    from onepath.market import Bar

    where = workspace.root / data
    feed = open_feed(where if where.exists() else data, symbols=symbols, data_dir=workspace.data_dir)
    names = ("start", "at", "open", "high", "low", "close", "volume")
    found: dict[str, dict[str, list[Any]]] = {symbol: {name: [] for name in names} for symbol in feed.instruments}
    for batch in feed.batches():
        for event, _ in batch.events():
            if type(event) is not Bar:
                raise DataError(f"{data} holds {type(event).__name__.lower()}s: features are computed here over bars")
            columns = found[event.symbol]
            for name in names:
                columns[name].append(getattr(event, name))
    return found


def _written(rows: Rows, path: Path) -> None:
    """As CSV, with times as text, or as Parquet. Raises ConfigError for another ending."""
    from onepath.errors import ConfigError

    if path.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--out {path}: values are written as .csv or .parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow as arrow
        from pyarrow import parquet

        columns = {name: arrow.array(column) for name, column in rows.items() if name != "time"}
        times = arrow.array(rows["time"], arrow.timestamp("ns", tz="UTC"))
        parquet.write_table(arrow.table({"symbol": columns.pop("symbol"), "time": times, **columns}), path)
        return
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows)
        for symbol, at, *values in zip(*rows.values(), strict=True):
            writer.writerow([symbol, _time(at), *("" if value != value else repr(value) for value in values)])  # noqa: PLR0124


def _time(at: int) -> str:
    moment = dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{at % 1_000_000_000:09d}" if at % 1_000_000_000 else "") + "Z"


def _say_rows(rows: Rows) -> None:
    """The last rows, whole columns where nobody looks."""
    last = list(zip(*(column[-_SHOWN:] for column in rows.values()), strict=True))
    names = ["symbol", "time", *(f"{name}>" for name in list(rows)[2:])]
    say_table(names, ([row[0], _time(row[1]), *(f"{value:.10g}" for value in row[2:])] for row in last))
    say(f"the last {len(last)} of {len(rows['time']):,} rows; --out FILE.csv writes all")
