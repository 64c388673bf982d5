"""Pages that have come and are not yet in the data set: one file a symbol, a line a page, each line whole or not at all.

Rules: the first line says what the pages are of; pages of anything else are not taken up. A page is on the disk when `add`
returns; a line cut short by a kill is left out when the file is read, and cut off before the next is written. One process at
a time works on a data set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec

from onepath.data.fetch.port import Page
from onepath.errors import DataError

STAGES = ".fetch"


class Terms(msgspec.Struct, frozen=True):
    """What staged pages are: of which source and bars, from which stamp on; `whole`: the symbol again, from its start."""

    source: str
    interval_ns: int
    since: int
    whole: bool = False


class Stage:
    """The staged pages of one symbol."""

    def __init__(self, folder: Path, symbol: str) -> None:
        self._path = folder / STAGES / f"{quote(symbol, safe='')}.pages"
        self.terms: Terms | None = None
        self.pages: list[Page] = []
        self._size = 0
        self._read()

    @property
    def until(self) -> int:
        """From where it goes on."""
        return self.pages[-1].until if self.pages else 0 if self.terms is None else self.terms.since

    @property
    def rows(self) -> int:
        """Rows staged."""
        return sum(len(page.rows) for page in self.pages)

    def begin(self, terms: Terms) -> None:
        """Nothing staged, but what is to come."""
        self.clear()
        self.terms = terms
        self._append(msgspec.json.encode(terms))

    def add(self, page: Page) -> None:
        """Keep a page."""
        self._append(msgspec.json.encode(page))
        self.pages.append(page)

    def clear(self) -> None:
        """Nothing is staged any more."""
        self._path.unlink(missing_ok=True)
        self.terms, self.pages, self._size = None, [], 0

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.truncate(self._size)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._size += len(line) + 1

    def _read(self) -> None:
        try:
            whole = self._path.read_bytes()
        except FileNotFoundError:
            return
        lines = whole.split(b"\n")[:-1]
        try:
            self.terms = msgspec.json.decode(lines[0], type=Terms)
            self._size = len(lines[0]) + 1
            for line in lines[1:]:
                self.pages.append(msgspec.json.decode(line, type=Page))
                self._size += len(line) + 1
        except (IndexError, msgspec.DecodeError):
            if self.terms is None:
                self.clear()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The only process that fetches into this data set. Raises DataError where another does."""
    import fcntl

    stages = folder / STAGES
    stages.mkdir(parents=True, exist_ok=True)
    with (stages / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{folder} is being fetched into by another process; wait until it has ended.") from None
        try:
            yield
        finally:
            _swept(folder, stages)


def _swept(folder: Path, stages: Path) -> None:
    """Leave no folder behind where nothing has come."""
    if {path.name for path in stages.iterdir()} <= {"lock"} and {path.name for path in folder.iterdir()} == {STAGES}:
        (stages / "lock").unlink(missing_ok=True)
        stages.rmdir()
        folder.rmdir()
