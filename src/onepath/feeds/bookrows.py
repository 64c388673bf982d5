"""Order book messages from rows: one row a level, the rows of a message one after another.

Rules: rows are of one message while time, update ids and the snapshot mark stay the same. Every message goes through a
`Book`, so that each event's best prices are right, and a gap, a crossed book or a wrong level is a DataError that names
the row. A stretch that begins inside a file begins with a snapshot of the book as it then is.
Cost: about 15 us a message of 68 changes, nearly all of it the book's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from onepath.book import Book
from onepath.errors import DataError
from onepath.market import BookUpdate, Levels

Chunk = list[list[Any]]


def message_starts(columns: Sequence[Any]) -> Any:
    """At which rows a message begins; `columns` are at, first_id, last_id, snapshot and whatever follows."""
    new = np.zeros(max(0, len(columns[0]) - 1), dtype=bool)
    for column in columns[:4]:
        new |= column[1:] != column[:-1]
    return np.concatenate(([0], np.flatnonzero(new) + 1)) if len(columns[0]) else np.zeros(0, dtype=np.int64)


def messages(symbol: str, pieces: Iterator[Sequence[Any]], begin: int | None, where: str, row: int) -> Iterator[Chunk]:
    """`at` and events, a piece of rows at a time; what is before `begin` builds the book and is not handed out."""
    book, started = Book(symbol), begin is None
    for columns, first in _whole_messages(pieces, row):
        at, events = [], []
        for update in _updates(book, columns, where, first):
            if not started and begin is not None and update.at < begin:
                continue
            at.append(update.at)
            events.append(update if started else _as_snapshot(book, update))
            started = True
        if at:
            yield [at, events]


def _whole_messages(pieces: Iterator[Sequence[Any]], row: int) -> Iterator[tuple[list[Any], int]]:
    """The pieces cut between messages, each with the number of its first row."""
    rest: list[Any] = []
    for piece in pieces:
        columns = [np.concatenate(pair) for pair in zip(rest, piece, strict=True)] if rest else list(piece)
        cut = int(message_starts(columns)[-1])
        if cut:
            yield [column[:cut] for column in columns], row
        row += cut
        rest = [column[cut:] for column in columns]
    if rest:
        yield rest, row


def _updates(book: Book, columns: Sequence[Any], where: str, row: int) -> Iterator[BookUpdate]:
    starts = message_starts(columns)
    edges = [*starts.tolist(), len(columns[0])]
    heads = zip(*(column[starts].tolist() for column in columns[:4]), strict=True)
    side, price, size = (column.tolist() for column in columns[4:])
    for i, (at, first_id, last_id, snapshot) in enumerate(heads):
        here = slice(edges[i], edges[i + 1])
        levels = list(zip(side[here], price[here], size[here], strict=True))
        bids: Levels = tuple((p, s) for sign, p, s in levels if sign > 0)
        asks: Levels = tuple((p, s) for sign, p, s in levels if sign <= 0)
        try:
            update = book.update(at, bids, asks, first_id=first_id, last_id=last_id, snapshot=bool(snapshot))
        except DataError as error:
            raise DataError(f"{where}, row {row + edges[i] + 1}: {error}") from None
        if update is not None:
            yield update


def _as_snapshot(book: Book, update: BookUpdate) -> BookUpdate:
    """The first event of a stretch: the whole book after it."""
    return msgspec.structs.replace(update, bids=book.levels(1), asks=book.levels(-1), snapshot=True)
