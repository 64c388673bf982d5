"""A data set brought up to date from a source: asked for what is missing, compared with what is there, put away whole.

Rules: what is known is recorded as spans; asked for is what of the wanted time lies in none, so that a second fetch asks for
nothing and changes no byte. Each page is on the disk before the next is asked for (see `staging`); a kill loses the page under
way. A data set that was fetched with interruptions is, byte for byte, one fetched without.
Going on, the last bars that are there are asked for again: where the source now says something else, history was restated,
and nothing is taken until the user says which to believe (`restated`: refuse, keep what is there, replace it by the whole
history again). A symbol that fails does not keep the others from coming; a source that cannot be reached ends the work.
Only bars that have ended, and that the source will not change any more (`settles`), are taken.
Corporate actions are kept beside the bars, in `actions.csv`, which `data.actions` of a configuration reads.
Limits: an interval a data set; a symbol's bars are held in memory while they are put away (about 200 bytes a bar).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from onepath.data import catalogue
from onepath.data.fetch import due
from onepath.data.fetch.port import FetchError, Importer, Page, UnreachableError
from onepath.data.fetch.putting import Home, RestatedError
from onepath.data.fetch.staging import Stage, Terms, alone
from onepath.data.places import Place
from onepath.data.policies import NONE, Policies
from onepath.errors import ConfigError, DataError, OnepathError

RESTATED = ("refuse", "keep", "replace")
OVERLAP = 5
"""bars that are asked for again, to see whether history was restated"""
FOLDED = 250_000
"""staged rows that are put away before all has come"""


class Wanted(msgspec.Struct, frozen=True):
    """What to fetch: [start, end) in nanoseconds UTC; from the source's first, to now, where they are not said."""

    interval_ns: int
    start: int | None = None
    end: int | None = None
    calendar: str | None = None
    restated: str = "refuse"
    quality: Policies = NONE


class Going(msgspec.Struct, frozen=True):
    """How far it has come: symbols done of all, and the share of the present one's time that is covered."""

    symbol: str
    done: int
    symbols: int
    share: float
    rows: int


class Fetched(msgspec.Struct, frozen=True):
    """What became of one symbol. `error` is empty where all is well."""

    symbol: str
    rows_added: int = 0
    rows_total: int = 0
    actions_added: int = 0
    restated: int = 0
    notes: Sequence[str] = ()
    error: str = ""


Told = Callable[[Going], None]


def fetch(
    source: Importer, symbols: Sequence[str], folder: Path, wanted: Wanted, *, told: Told | None = None
) -> list[Fetched]:
    """Each symbol's history, as far as it is missing, into the data set in `folder`. Raises ConfigError, DataError."""
    _sensible(folder, wanted)
    names = list(dict.fromkeys(symbols))
    done: list[Fetched] = []
    with alone(folder):
        for symbol in names:
            work = _Work(source, symbol, folder, wanted, partial(_tell, told, symbol, names, done))
            try:
                done.append(work.all())
            except UnreachableError as error:
                done.append(work.failed(str(error)))
                done.extend(Fetched(name, error=str(error)) for name in names[len(done) :])
                break
            except OnepathError as error:
                done.append(work.failed(str(error)))
    return done


def _sensible(folder: Path, wanted: Wanted) -> None:
    if wanted.restated not in RESTATED:
        raise ConfigError(f"restated is {wanted.restated!r}; expected {', '.join(RESTATED)}.")
    if wanted.start is not None and wanted.end is not None and wanted.start >= wanted.end:
        raise ConfigError("the start of the fetch lies after its end; expected --start before --end.")
    if not (folder / catalogue.DATASET).is_file():
        return
    meta = catalogue.load(folder).meta
    if "kinds" in meta:
        Place(str(folder)).fail("the data set has ticks; fetch bars under another name")
    if meta["interval_ns"] != wanted.interval_ns:
        there, asked = int(meta["interval_ns"]) // 10**9, wanted.interval_ns // 10**9
        Place(str(folder)).fail(f"the data set has bars of {there} s, not {asked} s; use another name")
    if wanted.calendar is not None and wanted.calendar != meta["calendar"]:
        Place(str(folder)).fail(
            f"the data set follows calendar {meta['calendar']}, not {wanted.calendar}; use another name"
        )


def _tell(
    told: Told | None, symbol: str, names: Sequence[str], done: Sequence[Fetched], share: float, rows: int
) -> None:
    if told is not None:
        told(Going(symbol, len(done), len(names), share, rows))


class _Work:
    """One symbol, from what is there to what is wanted."""

    def __init__(
        self, source: Importer, symbol: str, folder: Path, wanted: Wanted, tell: Callable[[float, int], None]
    ) -> None:
        self._source, self._symbol, self._wanted, self._tell = source, symbol, wanted, tell
        self._home = Home(folder, symbol, source, wanted.interval_ns, wanted.quality)
        self._stage = Stage(folder, symbol)
        self._notes: dict[str, None] = {}

    def failed(self, error: str) -> Fetched:
        """What was put away before it failed."""
        return self._said(error)

    def all(self) -> Fetched:
        """Everything that is missing. Raises FetchError, after what has come was put away."""
        self._home.open(self._wanted.calendar)
        self._taken_up()
        try:
            whole = self._stage.terms is not None and self._stage.terms.whole
            if not whole:
                self._lacking()
        except RestatedError as restated:
            if self._wanted.restated != "replace":
                raise
            self._notes[f"replaced: {restated.what}"] = None
            whole = True
        if whole:
            self._again()
        if not self._home.rows:
            raise FetchError(
                f"{self._source.name} has no bars of {self._symbol} in that time; check the symbol and the dates."
            )
        return self._said("")

    def _said(self, error: str) -> Fetched:
        home = self._home
        blank = [f"{home.without_prices} rows without prices left out"] if home.without_prices else []
        notes = (*self._notes, *blank, *home.notes)
        return Fetched(self._symbol, home.added, home.rows, home.actions_added, home.differing, notes, error)

    # -- stretches -------------------------------------------------------------------------------------------------------

    def _taken_up(self) -> None:
        """Put away what an earlier fetch has left; a whole history in the making is gone on with, where still wanted."""
        terms = self._stage.terms
        if terms is None:
            return
        fits = terms.source == self._source.name and terms.interval_ns == self._wanted.interval_ns
        if not fits or (terms.whole and self._wanted.restated != "replace"):
            self._stage.clear()
        elif not terms.whole:
            try:
                self._folded()
            except RestatedError:
                raise
            except DataError:
                self._stage.clear()  # what could not be put away then; the source may have mended it since

    def _span(self) -> due.Span:
        start, end = self._wanted.start, self._wanted.end
        spans = self._home.spans
        if start is None:
            start = spans[0][0] if spans else self._source.first(self._symbol, self._wanted.interval_ns)
        ended = due.ended(self._source.now(), self._wanted.interval_ns, self._source.settles, self._home.calendar)
        return start, ended if end is None else min(end, ended)

    def _lacking(self) -> None:
        """Every stretch that is missing, oldest first."""
        wanted = self._span()
        for first, stop in due.missing(wanted, self._home.spans):
            self._stretch(first, stop, wanted)

    def _stretch(self, first: int, stop: int, wanted: due.Span) -> None:
        since = self._home.back(first, OVERLAP)
        self._stage.begin(Terms(self._source.name, self._wanted.interval_ns, since))
        try:
            for page in self._pages(since, stop, wanted):
                # At once, so that a restated history is not fetched in vain.
                self._home.compare(page, keep=self._wanted.restated == "keep")
                self._stage.add(page)
                if self._stage.rows >= FOLDED:
                    until = self._stage.until
                    self._folded(open_end=False)
                    self._stage.begin(Terms(self._source.name, self._wanted.interval_ns, until))
        except RestatedError:
            self._stage.clear()
            raise
        except (FetchError, KeyboardInterrupt):
            self._folded()
            raise
        self._folded(open_end=self._wanted.end is None or stop < self._wanted.end)

    def _again(self) -> None:
        """The whole history, in place of the one that is there."""
        first, stop = self._span()
        if self._stage.terms is None or not self._stage.terms.whole:
            self._stage.begin(Terms(self._source.name, self._wanted.interval_ns, first, whole=True))
        for page in self._pages(self._stage.until, stop, (first, stop)):
            self._stage.add(page)
        self._folded(open_end=self._wanted.end is None or stop < self._wanted.end)

    def _pages(self, since: int, stop: int, wanted: due.Span) -> Iterator[Page]:
        rows = 0
        for page in self._source.pages(self._symbol, self._wanted.interval_ns, since, stop):
            self._notes |= dict.fromkeys(page.notes)
            yield page
            rows += len(page.rows)
            self._tell((page.until - wanted[0]) / max(1, wanted[1] - wanted[0]), rows)

    def _folded(self, *, open_end: bool = True) -> None:
        """Put the staged pages into the data set."""
        terms, pages = self._stage.terms, self._stage.pages
        if terms is not None and pages:
            try:
                self._home.put(
                    pages, terms.since, whole=terms.whole, keep=self._wanted.restated == "keep", open_end=open_end
                )
            except RestatedError:
                self._stage.clear()
                raise
        self._stage.clear()


def summary(done: Sequence[Fetched], folder: Path) -> Mapping[str, object]:
    """What a fetch did, ready for JSON."""
    return {
        "folder": str(folder),
        "ok": all(not one.error for one in done),
        "rows_added": sum(one.rows_added for one in done),
        "symbols": [msgspec.to_builtins(one) for one in done],
    }
