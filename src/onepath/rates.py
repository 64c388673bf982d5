"""What one currency is worth in another, by the last price of the session's own currency pairs.

Rules: an instrument with a `base` is a rate (EURUSD: base EUR, currency USD): directly, turned round, or over one currency
between, the first way whose prices are all known. A currency without a rate has none: nothing is ever taken for one.
A rate taken from one price is exact; what is turned round or multiplied is kept to eighteen digits, so that products with
money stay exact.
Limits: last prices, no bid and ask; over one currency between, not two; derivatives are no rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal

from onepath.accounts import DERIVATIVES
from onepath.errors import ConfigError, DataError
from onepath.instruments import ONE, Instrument
from onepath.market import MarketEvent, exact_mark

_NARROW = Context(prec=18, rounding=ROUND_HALF_EVEN)
_Step = tuple[str, bool]
"""a pair's symbol, and whether its price is turned round"""


class Rates:
    """Rates into the `home` currency."""

    __slots__ = ("_marks", "_pairs", "_ways", "home")

    def __init__(self, home: str, instruments: Iterable[Instrument], marks: Mapping[str, MarketEvent]) -> None:
        self.home = home
        self._marks = marks
        self._pairs = [
            (i.symbol, i.base, i.currency)
            for i in instruments
            if i.base and i.base != i.currency and i.multiplier == ONE and i.asset_class not in DERIVATIVES
        ]
        self._ways: dict[str, list[tuple[_Step, ...]]] = {}

    def of(self, currency: str) -> Decimal | None:
        """What one unit of `currency` is worth at home; None while nothing says so."""
        if currency == self.home:
            return ONE
        for way in self.ways(currency):
            rate = self._along(way)
            if rate is not None:
                return rate
        return None

    def need(self, currency: str) -> Decimal:
        """The same. Raises DataError where there is none."""
        rate = self.of(currency)
        if rate is not None:
            return rate
        pairs = sorted({symbol for way in self.ways(currency) for symbol, _ in way})
        why = f"{', '.join(pairs)} had no price yet" if pairs else "no instrument of the session is such a pair"
        raise DataError(
            f"the rate of {currency} in {self.home} is not known: {why}; add a pair whose data start earlier"
        )

    def ways(self, currency: str) -> list[tuple[_Step, ...]]:
        """The ways from `currency` home, shortest first, then in the order of the instruments."""
        found = self._ways.get(currency)
        if found is None:
            short: list[tuple[_Step, ...]] = [(step,) for step, end in self._steps(currency) if end == self.home]
            long: list[tuple[_Step, ...]] = [
                (first, second)
                for first, between in self._steps(currency)
                if between != self.home
                for second, end in self._steps(between)
                if end == self.home
            ]
            found = self._ways[currency] = sorted(short, key=lambda way: way[0][1]) + long
        return found

    def _steps(self, currency: str) -> list[tuple[_Step, str]]:
        """Pairs that lead out of a currency, and where to."""
        direct = [((symbol, False), quote) for symbol, base, quote in self._pairs if base == currency]
        return direct + [((symbol, True), base) for symbol, base, quote in self._pairs if quote == currency]

    def _along(self, way: tuple[_Step, ...]) -> Decimal | None:
        rate = ONE
        for symbol, turned in way:
            event = self._marks.get(symbol)
            price = None if event is None else exact_mark(event)
            if price is None or not (price.is_finite() and price > 0):
                return None
            if len(way) == 1 and not turned:
                return price
            rate = _NARROW.divide(rate, price) if turned else _NARROW.multiply(rate, price)
        return rate


def reachable(home: str, symbols: Iterable[str], instruments: Mapping[str, Instrument]) -> None:
    """Raise ConfigError where what `symbols` are priced in has no rate into `home` at all."""
    rates = Rates(home, instruments.values(), {})
    for symbol in symbols:
        currency = instruments[symbol].currency
        if currency != home and not rates.ways(currency):
            raise ConfigError(
                f"{symbol} is priced in {currency} and the account is kept in {home}, but no instrument of the session gives "
                f"the rate; add one with base {currency} and currency {home} (or the other way), or set the account's currency"
            )
