"""What a currency is worth in another to the venue, by the last prices of the pairs it trades.

Rules: as in the core's `rates`, worked out anew so that a difference shows: a pair as it is, turned round, or two pairs over one
currency between. Only what an account may carry hangs on it, never an amount that is booked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal

from onepath.accounts import DERIVATIVES
from onepath.instruments import ONE, Instrument

_NARROW = Context(prec=18)
Price = Callable[[str], Decimal | None]


class Conversion:
    """Prices of currencies in one home currency."""

    __slots__ = ("_home", "_pairs")

    def __init__(self, home: str, instruments: Mapping[str, Instrument]) -> None:
        self._home = home
        self._pairs: dict[tuple[str, str], str] = {}
        for symbol, found in instruments.items():
            if found.base and found.multiplier == ONE and found.asset_class not in DERIVATIVES:
                self._pairs.setdefault((found.base, found.currency), symbol)

    def home(self, currency: str, price: Price) -> Decimal | None:
        """Home units for one of `currency`; None where no pairs with known prices lead home."""
        return self.rate(currency, self._home, price)

    def rate(self, of: str, into: str, price: Price) -> Decimal | None:
        """Units of `into` for one unit `of` a currency."""
        if of == into:
            return ONE
        at_once = self._direct(of, into, price)
        if at_once is not None:
            return at_once
        for between in dict.fromkeys(name for pair in self._pairs for name in pair):
            first = self._direct(of, between, price)
            second = self._direct(between, into, price)
            if first is not None and second is not None:
                return _NARROW.multiply(first, second)
        return None

    def _direct(self, of: str, into: str, price: Price) -> Decimal | None:
        symbol = self._pairs.get((of, into))
        found = None if symbol is None else price(symbol)
        if found is not None:
            return found
        symbol = self._pairs.get((into, of))
        found = None if symbol is None else price(symbol)
        return None if not found else _NARROW.divide(ONE, found)
