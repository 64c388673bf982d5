"""A book round a quote, where the data has none: the quote on top, behind it levels on a grid.

Rules: the size of a level behind the best is a function of price and seed alone, so that a level that stays is not
touched, and the same data make the same book. The book is never crossed or locked: an ask at or below the bid is moved up.
Cost: a new size 1 us, a new price 1 to 20 us.
"""

from __future__ import annotations

from onepath.localvenue.depth import Depth, Levels, Side

BEHIND = 24
"""levels behind the best on each side"""


class Surround:
    """Keeps a Depth round the quotes of one symbol."""

    def __init__(self, depth: Depth, tick: int, lot: int, seed: int) -> None:
        self._depth = depth
        self._tick, self._lot, self._seed = tick, lot, seed
        self._gap = self._usual = 0
        self._cells = [None, None]  # type: list[int | None]

    def quote(self, bid: int, bid_size: int, ask: int, ask_size: int) -> tuple[Levels, Levels] | None:
        """The changes that make this the top of the book."""
        if not self._gap:
            self._gap = max(self._tick, bid // 5_000 // self._tick * self._tick)
            self._usual = max(1, (bid_size + ask_size) // 2 // self._lot)
        ask = max(ask, bid + self._tick)
        bids = self._side(0, self._depth.bids, bid, max(bid_size, self._lot))
        asks = self._side(1, self._depth.asks, ask, max(ask_size, self._lot))
        return self._depth.change(bids, asks)

    def _side(self, which: int, side: Side, best: int, size: int) -> Levels:
        cell = (best - 1) // self._gap if which == 0 else -(-(best + 1) // self._gap)
        if cell == self._cells[which]:
            old = side.prices[-1] if which == 0 else side.prices[0]
            return [(best, size)] if old == best else [(old, 0), (best, size)]
        self._cells[which] = cell
        step = -1 if which == 0 else 1
        wanted = {best: size}
        for price in range(cell * self._gap, (cell + step * BEHIND) * self._gap, step * self._gap):
            if price > 0:
                wanted[price] = self._size(price)
        gone = [(price, 0) for price in side.prices if price not in wanted]
        return gone + list(wanted.items())

    def _size(self, price: int) -> int:
        mixed = (price // self._tick * 2_654_435_761 + self._seed * 40_503) & 0xFFFFFFFF
        return self._lot * max(1, self._usual * (1 + (mixed >> 8) % 97) // 24)
