"""Which columns of a table are quotes, trades or an order book, under the names that venues and vendors give them.

Rules: names are compared without case and surrounding blanks. The kind follows from the columns: a book has sides,
prices and update ids or a snapshot mark; quotes have bid and ask; trades a price without open and close; all else is
bars. Where several columns could be the time, the user says which: receipt and event time differ, and it decides what
a strategy could know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from onepath.data.places import Place
from onepath.data.tables import TIMES, find, need, plain
from onepath.errors import ConfigError
from onepath.market import KINDS

CROSSED = ("refuse", "drop")
SIDES = ("both", "one")

NAMES: Mapping[str, tuple[str, ...]] = {
    "bid": ("bid", "bid_price", "bidprice", "best_bid", "best_bid_price"),
    "ask": ("ask", "ask_price", "askprice", "best_ask", "best_ask_price", "offer"),
    "bid_size": ("bid_size", "bidsize", "bid_qty", "bid_quantity", "bid_amount", "bid_volume", "best_bid_qty"),
    "ask_size": ("ask_size", "asksize", "ask_qty", "ask_quantity", "ask_amount", "ask_volume", "best_ask_qty"),
    "price": ("price", "trade_price"),
    "size": ("size", "qty", "quantity", "amount", "volume"),
    "aggressor": ("aggressor", "aggressor_side", "taker_side", "side"),
    "maker": ("buyer_is_maker", "is_buyer_maker", "isbuyermaker"),
    "side": ("side",),
    "first_id": ("first_id", "first_update_id"),
    "last_id": ("last_id", "last_update_id"),
    "previous": ("prev_last_update_id", "previous_id"),
    "snapshot": ("snapshot", "is_snapshot"),
}

NEEDED: Mapping[str, tuple[str, ...]] = {
    "quotes": ("bid", "ask"),
    "trades": ("price", "size"),
    "book": ("side", "price", "size"),
}

TICK_TIMES = ("at", *TIMES, "local_ts_ns", "event_ms", "transaction_ms", "trade_ms", "ts_event", "ts_recv")
_TICK_TIMES = (*TICK_TIMES, "event_time", "trade_time", "transaction_time", "local_timestamp", "received")


@dataclass(frozen=True)
class TickOptions:
    """What the user said about ticks; None and the defaults where nothing was said."""

    kind: str | None = None
    crossed: str | None = None
    sides: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        for what, value, known in (
            ("kind", self.kind, tuple(KINDS)),
            ("crossed", self.crossed, CROSSED),
            ("sides", self.sides, SIDES),
        ):
            if value is not None and value not in known:
                near = get_close_matches(str(value), known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise ConfigError(f"{what} is {value!r}; {hint}Expected one of {', '.join(known)}.")

    @property
    def said(self) -> bool:
        """Whether anything was."""
        return any((self.kind, self.crossed, self.sides, self.time))


def kind_of(names: Sequence[str]) -> str:
    """What a table with these columns holds."""
    known = {plain(name) for name in names}
    if known & {"open", "high", "low", "close"}:
        return "bars"
    if _has(known, "side") and _has(known, "price") and (_has(known, "last_id") or _has(known, "snapshot")):
        return "book"
    if _has(known, "bid") and _has(known, "ask"):
        return "quotes"
    return "trades" if _has(known, "price") and _has(known, "size") else "bars"


def columns_of(kind: str, names: Sequence[str], place: Place) -> dict[str, str | None]:
    """The column of each field of a kind; None for one that may be left out and is."""
    found: dict[str, str | None] = {field: need(names, NAMES[field], place, field) for field in NEEDED[kind]}
    optional = {
        "quotes": ("bid_size", "ask_size"),
        "trades": ("maker", "aggressor"),
        "book": ("first_id", "last_id", "previous", "snapshot"),
    }[kind]
    return found | {field: find(names, NAMES[field], place, field) for field in optional}


def time_column(names: Sequence[str], wanted: str | None, place: Place) -> str:
    """The column of times: the one asked for, else the only one there is."""
    if wanted is not None:
        return need(names, (plain(wanted),), place, f"time {wanted!r}")
    there = [name for name in names if plain(name) in _TICK_TIMES]
    if len(there) > 1:
        place.fail(
            f"columns {', '.join(there)} all hold times; say which one events are known at, as time={there[0]!r}"
        )
    return there[0] if there else need(names, TIMES, place, "time")


def _has(known: Collection[str], field: str) -> bool:
    return any(name in known for name in NAMES[field])
