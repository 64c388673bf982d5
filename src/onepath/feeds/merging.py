"""Several symbols on one clock: chunks of each become batches in time order.

Rules: rows are ordered by `at`; rows of one instant keep the order of the symbols. An instant is never divided
between two batches. Of each symbol no more than two chunks are held: it is topped up to a whole one before rows are
taken, so that symbols with holes do not make for tiny batches.
Limits: within one symbol `at` must grow; whoever makes the chunks has checked that.
Cost: about 0.1 us a bar when all symbols have the same instants, 0.3 us when they have not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter, ne
from typing import Any

Chunk = Sequence[list[Any]]
"""start, at, open, high, low, close, volume: seven lists of one length"""

Merged = tuple[list[str], Chunk, list[bool], dict[str, Chunk]]
"""a name a row, the columns, whether a row is the last of its instant, each symbol's prices by themselves"""

_AT = 1
_LEAST_ROWS = 64


def chunk_rows(batch: int, symbols: int) -> int:
    """Rows to take of each symbol, so that all together make about a batch."""
    return batch if symbols <= 1 else max(min(_LEAST_ROWS, batch), batch // symbols)


def merged(chunks: Mapping[str, Iterator[Chunk]], rows: int) -> Iterator[Merged]:
    """The rows of all symbols, in time order; `rows` is what a chunk has of them."""
    waiting: dict[str, Chunk] = {}
    while True:
        waiting = _refilled(waiting, chunks, rows)
        if not waiting:
            return
        ready = _take(waiting, min(chunk[_AT][-1] for chunk in waiting.values()))
        yield _aligned(ready) if _same_instants(ready) else _ordered(ready)


def _refilled(waiting: Mapping[str, Chunk], chunks: Mapping[str, Iterator[Chunk]], rows: int) -> dict[str, Chunk]:
    """What waits, with another chunk for every symbol that has less than one and is not at its end, in their order."""
    full = {symbol: _topped_up(waiting.get(symbol), source, rows) for symbol, source in chunks.items()}
    return {symbol: chunk for symbol, chunk in full.items() if chunk is not None}


def _topped_up(chunk: Chunk | None, source: Iterator[Chunk], rows: int) -> Chunk | None:
    if chunk is not None and len(chunk[_AT]) >= rows:
        return chunk
    more = next(source, None)
    if chunk is None or more is None:
        return more or chunk
    return [old + new for old, new in zip(chunk, more, strict=True)]


def _take(waiting: dict[str, Chunk], horizon: int) -> dict[str, Chunk]:
    """Cut off the rows up to `horizon`, the first end of a chunk: what follows of any symbol is later."""
    ready = {}
    for symbol, chunk in list(waiting.items()):
        rows = bisect_right(chunk[_AT], horizon)
        if rows == len(chunk[_AT]):
            ready[symbol] = waiting.pop(symbol)
        elif rows:
            ready[symbol] = [column[:rows] for column in chunk]
            waiting[symbol] = [column[rows:] for column in chunk]
    return ready


def _same_instants(ready: Mapping[str, Chunk]) -> bool:
    instants = [chunk[_AT] for chunk in ready.values()]
    return all(other == instants[0] for other in instants[1:])


def _aligned(ready: Mapping[str, Chunk]) -> Merged:
    """All symbols at every instant: rows are dealt out in turn."""
    rows = len(next(iter(ready.values()))[_AT])
    names = list(ready) * rows
    columns = [list(chain.from_iterable(zip(*column, strict=True))) for column in zip(*ready.values(), strict=True)]
    last = [*repeat(False, len(ready) - 1), True] * rows
    return names, columns, last, _parts(ready)


def _ordered(ready: Mapping[str, Chunk]) -> Merged:
    """Symbols with instants of their own: a stable sort by `at` keeps the order of symbols within an instant."""
    at = list(chain.from_iterable(chunk[_AT] for chunk in ready.values()))
    pick = itemgetter(*sorted(range(len(at)), key=at.__getitem__))
    names = list(pick(list(chain.from_iterable(repeat(s, len(chunk[_AT])) for s, chunk in ready.items()))))
    columns = [list(pick(list(chain.from_iterable(column)))) for column in zip(*ready.values(), strict=True)]
    return names, columns, [*map(ne, columns[_AT], columns[_AT][1:]), True], _parts(ready)


def _parts(ready: Mapping[str, Chunk]) -> dict[str, Chunk]:
    return {symbol: chunk[2:] for symbol, chunk in ready.items()}
