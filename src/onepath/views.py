"""What a strategy may keep an eye on: features, the last bars, order books. Asked for in `on_start`, else it costs nothing.

Rules: each shows what had arrived, nothing later; after a split all that is kept is in today's units.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace as replaced

from onepath.actions import CorporateAction, SymbolChange, ratio_of
from onepath.adjustments import UNSCALED, Scale
from onepath.book import Book
from onepath.errors import StrategyError
from onepath.market import Bar, BookUpdate, MarketEvent
from onepath.nearest import nearest


class Features(dict[str, Any]):
    """Feature values by symbol: `context.features["AAPL"].fast`; `.ready` once all are warm."""

    def __init__(self) -> None:
        super().__init__()
        self.required: dict[str, Any] = {}

    def require(self, **features: Any) -> None:
        """Ask for features by name, in `on_start`."""
        self.required.update(features)

    def __missing__(self, symbol: str) -> Any:
        raise StrategyError(
            f"no features of {symbol!r}: "
            + (
                "ask for them in on_start with context.features.require(...)"
                if not self
                else f"the session has {', '.join(self)}"
            )
        )


class History:
    """The last bars of each symbol, as many as `require` asked for."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        self.length = 0
        self._bars: dict[str, deque[Bar]] = {}
        self._raw: dict[str, dict[int, tuple[Bar, Scale]]] = {}
        """bars of before a split as they came, by their close, and how they are shown now"""

    def require(self, bars: int) -> None:
        """Keep the last `bars` bars of every symbol; call it in `on_start`."""
        self.length = max(self.length, bars)

    def __getitem__(self, symbol: str) -> Sequence[Bar]:
        """The bars kept of `symbol`, oldest first."""
        if not self.length:
            raise StrategyError("no history is kept: ask for it in on_start with context.historical_data.require(bars)")
        if symbol not in self.symbols:
            raise StrategyError(
                f"no history of {symbol!r}{nearest(symbol, self.symbols)}; it has {', '.join(self.symbols[:20])}"
            )
        return tuple(self._bars.get(symbol, ()))

    def closes(self, symbol: str, bars: int) -> list[float]:
        """The last `bars` closing prices, oldest first; fewer while there are not as many."""
        return [bar.close for bar in self[symbol][-bars:]] if bars > 0 else []

    def act(self, action: CorporateAction) -> None:
        """Restate the bars kept after a split, so that all of them are in today's units; a new name takes them over."""
        kept = self._bars.get(action.symbol)
        if not kept:
            return
        if isinstance(action, SymbolChange):
            self._bars.setdefault(action.into, deque((replaced(b, symbol=action.into) for b in kept), self.length))
        elif ratio_of(action) is not None:
            # Always from the bars as they came, so that several splits round no more than one.
            known = self._raw.get(action.symbol, {})
            raw = {bar.at: known.get(bar.at, (bar, UNSCALED)) for bar in kept}
            raw = {at: (bar, scale.after(action, dividends=False)) for at, (bar, scale) in raw.items()}
            self._raw[action.symbol] = raw
            self._bars[action.symbol] = deque((scale.bar(bar) for bar, scale in raw.values()), self.length)

    def update(self, event: MarketEvent, _context: object) -> None:
        """Take in one bar (called by the engine before the strategy sees it); quotes, trades and books are no bars."""
        if type(event) is not Bar:
            return
        kept = self._bars.get(event.symbol)
        if kept is None:
            kept = self._bars[event.symbol] = deque(maxlen=self.length)
        kept.append(event)


class Books(dict[str, Book]):
    """Order books by symbol, rebuilt message by message: `context.books["BTCUSDT"].levels(+1, 5)`."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted = False

    def require(self) -> None:
        """Keep the books of all symbols that bring one; call it in `on_start`."""
        self.wanted = True

    def hear(self, event: MarketEvent, _context: object) -> None:
        """Take in one message (called by the engine before the strategy sees it)."""
        if type(event) is BookUpdate:
            book = self.get(event.symbol)
            if book is None:
                book = self[event.symbol] = Book(event.symbol)
            book.apply(event)

    def __missing__(self, symbol: str) -> Book:
        hint = "ask for books in on_start with context.books.require()" if not self.wanted else "none has arrived yet"
        raise StrategyError(f"no order book of {symbol!r}: {hint}")
