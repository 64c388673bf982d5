"""One symbol's place in a data set: what is there, compared with what comes; bars, actions and description written whole.

Rules: the bars' file is put in place first, then the actions, then `dataset.json`; a kill in between is healed by putting the
same pages again. What is written depends on what was fetched alone, not on when or in how many pieces. Prices may differ by
the source's rounding and are then what they were; anything else is a restated history.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from onepath.calendars import Calendar, day_of
from onepath.data import assets, catalogue, quality
from onepath.data import policies as rules
from onepath.data.fetch import due
from onepath.data.fetch.port import Action, FetchError, Importer, Page
from onepath.data.ingest import Part, SymbolFile, entry, joined, stored
from onepath.data.policies import Policies
from onepath.data.sessions import get
from onepath.data.ticksources import IN_MEMORY
from onepath.errors import DataError
from onepath.feeds.checks import Checked, stamp
from onepath.feeds.columns import COLUMNS
from onepath.instruments import Instrument

ACTIONS = "actions.csv"
_HEADER = ("symbol", "date", "type", "ratio", "amount", "pay_date")
Arrays = Sequence[Any]


class RestatedError(FetchError):
    """The source has changed what it said before."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: history was restated; nothing was changed here. Say --restated keep to stay with what is there, or "
            "--restated replace to fetch the whole symbol again, or fetch under another name."
        )
        self.what = what


class Home:
    """Where one symbol's bars live. `open` before anything else."""

    def __init__(self, folder: Path, symbol: str, source: Importer, interval_ns: int, asked: Policies) -> None:
        self._folder, self._symbol, self._source = folder, symbol, source
        self._interval_ns, self._asked = interval_ns, asked
        self._meta: Mapping[str, Any] = {}
        self._there: Arrays | None = None
        self._instrument = assets.default(symbol, None, None)
        self.calendar: Calendar = get("24/7")
        self.spans: list[due.Span] = []
        self.notes: list[str] = []
        self.added = self.actions_added = self.rows = self.without_prices = 0
        self._differing: set[int] = set()

    @property
    def differing(self) -> int:
        """Bars that the source now has otherwise."""
        return len(self._differing)

    @property
    def _path(self) -> Path:
        return self._folder / catalogue.file_name(self._symbol)

    def open(self, calendar: str | None) -> None:
        """What is there. Raises FetchError where a new symbol cannot be told what it is, or follows another calendar."""
        if (self._folder / catalogue.DATASET).is_file():
            self._meta = catalogue.load(self._folder).meta
        known = self._entry()
        if known:
            self._instrument = catalogue.load(self._folder).instrument(self._symbol)
        else:
            self._instrument = self._source.about(self._symbol)
            self._fits(calendar)
        name = str(self._meta.get("calendar") or calendar or self._instrument.calendar)
        self.calendar = get(name)
        if self._path.exists():
            self._there, _ = stored(self._path)
        self.rows = int(known.get("rows", 0))
        if not self._asked.said:
            self._asked = rules.policies(self._meta.get("policies"))
        self.spans = due.merged((int(a), int(b)) for a, b in known.get("fetched", {}).get("spans", ()))
        if not self.spans and known and self._there is not None:
            # Imported bars: what lies between the first and the last is taken to be all there was.
            self.spans = [(self._stamp(self._there, 0), self._stamp(self._there, -1) + self._interval_ns)]

    def _fits(self, calendar: str | None) -> None:
        there = self._meta.get("calendar")
        if there and not calendar and self._instrument.calendar != there:
            raise FetchError(
                f"{self._symbol} follows calendar {self._instrument.calendar}, the data set {there}; fetch it under another name"
                " (--name), or say --calendar."
            )

    def _entry(self) -> Mapping[str, Any]:
        return dict(self._meta.get("symbols", {}).get(self._symbol, {}))

    def _stamp(self, there: Arrays, row: int) -> int:
        return due.stamp_of(int(there[0][row]), self._interval_ns, self.calendar)

    def back(self, first: int, bars: int) -> int:
        """From where to ask, so that the last bars before `first` come again."""
        if self._there is None or not any(stop == first for _, stop in self.spans):
            return first
        begin = due.bounds_of(first, self._interval_ns, self.calendar)[0]
        stop = int(np.searchsorted(self._there[0], begin))
        return first if not stop else min(first, self._stamp(self._there, max(0, stop - bars)))

    # -- comparing -------------------------------------------------------------------------------------------------------

    def compare(self, page: Page, *, keep: bool) -> None:
        """Raise RestatedError where a page has bars otherwise than they are here; `keep` only counts them."""
        self._restated(self._arrays([page], complain=False)[0], keep=keep)

    def _restated(self, coming: Arrays, *, keep: bool) -> Any:
        """Which of the coming bars are there already."""
        if self._there is None or not len(coming[0]):
            return np.zeros(len(coming[0]), dtype=bool)
        there = self._there
        place = np.minimum(np.searchsorted(there[0], coming[0]), len(there[0]) - 1)
        known = there[0][place] == coming[0]
        differs = known & ~_alike(there, place, coming, self._source.tolerance)
        if differs.any():
            self._differing |= {int(start) for start in coming[0][differs]}
            what = self._what(there, place, coming, differs)
            if not keep:
                raise RestatedError(what)
            note = f"kept what is here, though {what}"
            self.notes = [*(n for n in self.notes if not n.startswith("kept what is here")), note]
        return known

    def _what(self, there: Arrays, place: Any, coming: Arrays, differs: Any) -> str:
        row = int(differs.argmax())
        old, new = [c[place[row]] for c in there], [c[row] for c in coming]
        name = next(
            n
            for n in ("close", "open", "high", "low", "volume", "at")
            if old[COLUMNS.index(n)] != new[COLUMNS.index(n)]
        )
        i = COLUMNS.index(name)
        return (
            f"{self._source.name} now has {name} {float(new[i]):g} of the bar of {stamp(int(new[0]))} of {self._symbol}, where "
            f"{float(old[i]):g} is here ({int(differs.sum())} bars differ)"
        )

    # -- putting away ----------------------------------------------------------------------------------------------------

    def put(self, pages: Sequence[Page], since: int, *, whole: bool, keep: bool, open_end: bool) -> None:
        """Put pages away. Raises RestatedError, or DataError for bars that cannot be."""
        if whole:
            self._there, self.spans = None, []
        coming, notes = self._arrays(pages, complain=True)
        known = self._restated(coming, keep=keep)
        new = [column[~known] for column in coming]
        until = self._until(pages, since, open_end=open_end)
        blanks = self._blanks(pages, until)
        spans = due.merged([*self.spans, (since, until)])
        bars = new if self._there is None else joined(self._there, new, self._symbol)
        if not len(bars[0]):
            return
        before = self.actions_added
        actions = self._actions(pages, whole=whole, keep=keep)
        if not (len(new[0]) or whole or self.actions_added > before or spans != self.spans):
            return
        splits = split_days((actions or read_actions(self._folder / ACTIONS)).get(self._symbol, ()))
        written = self._write(bars, notes, splits)
        self.added += len(new[0])
        self.without_prices += blanks
        self.notes += [note for note in notes if note not in self.notes]
        self._describe(written, self._quality(bars, splits), spans, blanks, len(new[0]), whole=whole)
        self._finish(written, actions)
        self._there, self.spans, self.rows = bars, spans, written.rows

    def _arrays(self, pages: Sequence[Page], *, complain: bool) -> tuple[list[Any], list[str]]:
        """The pages' bars, each once, and what was left out of them."""
        rows = {row[0]: row for page in pages for row in page.rows}
        ordered = [rows[at] for at in sorted(rows)]
        bounds = [due.bounds_of(row[0], self._interval_ns, self.calendar) for row in ordered]
        times = np.array(bounds, dtype=np.int64).reshape(-1, 2).T
        values = np.array([row[1:] for row in ordered], dtype=np.float64).reshape(-1, len(COLUMNS) - 2).T
        arrays = [np.ascontiguousarray(column) for column in (*times, *values)]
        if not complain:
            return arrays, []
        where = f"{self._source.name}, {self._symbol}"
        raw, notes = rules.cleaned(rules.as_raw(self._symbol, where, arrays, self.calendar), self._asked)
        if len(raw.stamps.utc) < len(ordered):
            keep = np.isin(arrays[0], raw.stamps.utc)
            arrays = [column[keep] for column in arrays]
        try:
            Checked(where).check(arrays)
        except DataError as error:
            raise FetchError(f"{str(error).rstrip('.')}; say --quality bad_bars=flag to leave such bars out.") from None
        return arrays, notes

    def _blanks(self, pages: Sequence[Page], until: int) -> int:
        """Rows without prices that were not seen before."""
        seen = {at for page in pages for at in page.blanks if at < until}
        return sum(not any(a <= at < b for a, b in self.spans) for at in seen)

    def _until(self, pages: Sequence[Page], since: int, *, open_end: bool) -> int:
        """To where all is known: at the open end to the last bar only, because the source may be late with the next."""
        if not open_end:
            return pages[-1].until
        last = max((row[0] for page in pages for row in page.rows), default=since - self._interval_ns)
        return min(pages[-1].until, last + self._interval_ns)

    def _write(self, bars: Arrays, left_out: Sequence[str], splits: Collection[int]) -> SymbolFile:
        raw = rules.as_raw(self._symbol, self._source.name, bars, self.calendar)
        notes = rules.judged(raw, self.calendar.name, self._asked, splits)
        self.notes += [note for note in notes if note not in self.notes]
        part = Part(self._symbol, iter(()), self._interval_ns, "start", "given", len(bars[0]), (), [*left_out, *notes])
        if self._asked.gaps != "fill":
            file = SymbolFile(self._folder, part)
            file.write(iter([bars]), lambda _: None)
            return file
        columns, marks = rules.fill(bars, self._interval_ns, self.calendar)
        file = SymbolFile(self._folder, part, marked=True)
        file.write(iter([[*columns, marks]]), lambda _: None)
        return file

    def _actions(self, pages: Sequence[Page], *, whole: bool, keep: bool) -> dict[str, list[Action]] | None:
        """All actions of the data set by symbol, where there are new ones."""
        coming = {(action.date, action.type): action for page in pages for action in page.actions}
        path = self._folder / ACTIONS
        found = read_actions(path)
        mine = {} if whole else {(a.date, a.type): a for a in found.get(self._symbol, ())}
        if not coming and not whole:
            return None
        for key, action in coming.items():
            if key in mine and abs(action.size / mine[key].size - 1) > max(1_000 * self._source.tolerance, 1e-9):
                what = (
                    f"{self._source.name} now has {action.type} {action.size:f} of {self._symbol} on {action.date}, where "
                    f"{mine[key].size:f} is here"
                )
                if not keep:
                    raise RestatedError(what)
                self.notes += [note] if (note := f"kept what is here, though {what}") not in self.notes else []
            elif key not in mine:
                mine[key] = action
                self.actions_added += 1
        found[self._symbol] = list(mine.values())
        return found

    def _describe(
        self,
        file: SymbolFile,
        found: Mapping[str, Any],
        spans: Sequence[due.Span],
        blanks: int,
        added: int,
        *,
        whole: bool,
    ) -> None:
        before = {} if whole else dict(self._entry().get("fetched", {}))
        fetched = {
            "source": self._source.name,
            "rows": int(before.get("rows", 0)) + added,
            "without_prices": int(before.get("without_prices", 0)) + blanks,
            "spans": [list(span) for span in spans],
        }
        instrument = self._entry().get("instrument") or assets.to_json(_on(self._instrument, self.calendar.name))
        # What was left out stays known; what was judged was judged of all bars, anew.
        known = (
            [] if whole else [f for f in self._entry().get("faults", ()) if f.startswith(("bad_bars", "duplicates"))]
        )
        mine = entry(file, instrument, known) | {"quality": found, "fetched": fetched}
        symbols = dict(self._meta.get("symbols", {})) | {self._symbol: mine}
        symbols = {symbol: symbols[symbol] for symbol in sorted(symbols)}
        self._meta = {
            "format": catalogue.FORMAT,
            "name": self._folder.name,
            "interval_ns": self._interval_ns,
            "calendar": self.calendar.name,
            "stamps": "start",
            "stamps_how": "given",
            **{key: self._meta[key] for key in ("stamps", "stamps_how") if key in self._meta},
            "symbols": symbols,
            "sources": _sources(self._meta.get("sources", ()), symbols, self._source),
            "quality": _together(symbols),
            **({"policies": self._asked.said} if self._asked.said else {}),
        }

    def _quality(self, bars: Arrays, splits: Collection[int]) -> dict[str, Any]:
        if len(bars[0]) > IN_MEMORY:
            return {"checked": False, "reason": f"more than {IN_MEMORY} rows"}
        raw = rules.as_raw(self._symbol, self._symbol, bars, self.calendar)
        return quality.check_raws([raw], self.calendar.name, splits={self._symbol: splits}).summary()

    def _finish(self, file: SymbolFile, actions: Mapping[str, Sequence[Action]] | None) -> None:
        try:
            file.put()
            if actions is not None:
                write_actions(self._folder / ACTIONS, actions)
            catalogue.write_meta(self._folder, self._meta)
        finally:
            file.temporary.unlink(missing_ok=True)


def _alike(there: Arrays, place: Any, coming: Arrays, tolerance: float) -> Any:
    """Which coming bars are those that are there, but for the source's rounding."""
    same = there[1][place] == coming[1]
    for i, name in enumerate(COLUMNS[2:], 2):
        old, new = there[i][place], coming[i]
        # A volume that was divided by a split and rounded comes back a few shares off.
        near = tolerance * np.abs(old) + (100 * (tolerance > 0) if name == "volume" else 0)
        same &= np.abs(old - new) <= near
    return same


def _on(instrument: Instrument, calendar: str) -> Instrument:
    return msgspec.structs.replace(instrument, calendar=calendar)


def _sources(old: Sequence[Mapping[str, Any]], symbols: Mapping[str, Any], source: Importer) -> list[dict[str, Any]]:
    """The lines of provenance: one for each source, and the files that were imported."""
    rows = sum(e["fetched"]["rows"] for e in symbols.values() if e.get("fetched", {}).get("source") == source.name)
    mine = {"fetched": source.name, "rows_added": rows, "notes": [source.adjusted]}
    others = [dict(line) for line in old if line.get("fetched") != source.name]
    return [*others, mine]


def _together(symbols: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of all symbols that have some."""
    found = [e["quality"] for e in symbols.values() if "rows" in e.get("quality", {})]
    whole: dict[str, Any] = {"rows": sum(q["rows"] for q in found), "counts": {}, "severities": {}}
    for key in ("counts", "severities"):
        for one in found:
            for name, count in one[key].items():
                whole[key][name] = whole[key].get(name, 0) + count
        whole[key] = dict(sorted(whole[key].items()))
    return whole | {"missing_bars": sum(q["missing_bars"] for q in found)}


def split_days(actions: Sequence[Action]) -> list[int]:
    """The days, counted from 1970, on which prices jump because shares are split."""
    return [day_of(date.fromisoformat(a.date)) for a in actions if a.type in ("split", "stock_dividend")]


def read_actions(path: Path) -> dict[str, list[Action]]:
    """The file of corporate actions, by symbol; empty where there is none."""
    if not path.exists():
        return {}
    found: dict[str, list[Action]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            action = Action(row["date"], row["type"], row["ratio"], row["amount"], row["pay_date"])
            found.setdefault(row["symbol"], []).append(action)
    return found


def write_actions(path: Path, found: Mapping[str, Sequence[Action]]) -> None:
    """The file of corporate actions, in order of date, whole or not at all."""
    lines = sorted(
        ((a.date, symbol, a.type != "split", a) for symbol, actions in found.items() for a in actions),
        key=lambda x: x[:3],
    )
    if not lines:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for _, symbol, _, a in lines:
        writer.writerow((symbol, a.date, a.type, a.ratio, a.amount, a.pay_date))
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(path)
