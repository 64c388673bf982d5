"""What happens at the venue, whatever made it: the words between a source and the market.

Rules: prices and quantities in units (see `amounts`); a source yields (moment in nanoseconds, happening) in time order,
all of one instant together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol


class Listing(NamedTuple):
    """A symbol as the venue lists it; tick and lot in units."""

    symbol: str
    base: str
    quote: str
    tick: int
    lot: int


class Print(NamedTuple):
    """A trade; `bought`: the taker bought."""

    symbol: str
    price: int
    quantity: int
    bought: bool


class Quoted(NamedTuple):
    """The best bid and ask are these."""

    symbol: str
    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Levelled(NamedTuple):
    """Levels of the book are set, 0 takes out; a snapshot sets all of them."""

    symbol: str
    snapshot: bool
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


Happening = Print | Quoted | Levelled
Timed = tuple[int, Happening]


class Source(Protocol):
    """What the venue plays."""

    listings: Mapping[str, Listing]

    def play(self, now: int) -> Iterator[Timed]:
        """Everything from the beginning of history on; `now` is the moment the venue opens. May never end."""

    def describe(self) -> Mapping[str, object]:
        """For the status page."""
