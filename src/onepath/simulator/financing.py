"""What an account is charged and paid by the clock: interest, the cost of borrowed shares, funding of perpetuals.

Rules:
- Interest, once a day at 00:00 UTC, weekends too, on what is there then: balance x rate / day count, by currency; negative cash
  pays the margin rate, positive cash earns the credit rate. The day count is the year of the rate: 360 (money market; USD and
  EUR at Interactive Brokers) or 365 (GBP and others; Alpaca).
- Borrow, at the same time: value of each short at the last price x borrow rate / day count. Derivatives are not borrowed.
- Funding, at its hours: quantity x price x multiplier x rate. Positive: longs pay shorts (Binance, Bybit, OKX). The price is the
  last of the symbol, where exchanges take their mark price. Rates as they were (`funding`) stand for the constant one.
- The value of a perpetual or future is not borrowed: it is put back before interest on cash is worked out.
Amounts are rounded at the twelfth decimal, half to even.
Limits: simple interest on the day's balance, no tiers, posted daily (brokers post monthly); unsettled money counts. With bars,
what trades within a bar is booked when the bar ends, so a day's interest is on what was held when the day's first bar began.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal

from onepath.accounts import DAY, DERIVATIVES, AccountTerms, Funding
from onepath.instruments import Instrument
from onepath.ports import NEVER

_GRAIN = Decimal("1e-12")
_HOUR = DAY // 24


def grained(amount: Decimal) -> Decimal:
    """`amount` at the twelfth decimal."""
    return amount.quantize(_GRAIN)


class Financing:
    """When an account is charged, and how much."""

    __slots__ = ("_constant", "_every", "_tables", "_terms", "daily", "funded")

    def __init__(self, terms: AccountTerms, instruments: Mapping[str, Instrument]) -> None:
        self._terms = terms
        self._every = terms.funding_hours * _HOUR
        self._tables: dict[str, Funding] = {s: rates for s, rates in terms.funding.items() if s in instruments}
        perpetuals = [s for s, i in instruments.items() if i.asset_class == "perpetual" and s not in self._tables]
        self._constant = frozenset(perpetuals if terms.funding_rate else ())
        self.daily = bool(terms.borrow_rate or terms.margin_rate or terms.credit_rate)
        """whether anything is charged by the day"""
        self.funded = self._constant | self._tables.keys()
        """the symbols that are funded"""

    def next_funding(self, symbol: str, after: int) -> int:
        """The next moment a position in `symbol` is funded."""
        if symbol in self._constant:
            return (after // self._every + 1) * self._every
        table = self._tables[symbol]
        index = bisect_right(table, after, key=lambda entry: entry[0])
        return table[index][0] if index < len(table) else NEVER

    def funding(self, symbol: str, at: int, value: Decimal) -> Decimal:
        """What a position worth `value` (negative: short) receives at a moment of funding."""
        if symbol in self._constant:
            return grained(-value * self._terms.funding_rate)
        table = self._tables[symbol]
        return grained(-value * table[bisect_right(table, at, key=lambda entry: entry[0]) - 1][1])

    def interest(self, balance: Decimal) -> Decimal:
        """A day's interest on a balance of one currency: negative where money is owed."""
        rate = self._terms.margin_rate if balance < 0 else self._terms.credit_rate
        return grained(balance * rate / self._terms.day_count)

    def borrow(self, value: Decimal) -> Decimal:
        """A day's cost of a short worth `value` (negative)."""
        return grained(value * self._terms.borrow_rate / self._terms.day_count)


def midnight(after: int) -> int:
    """The first 00:00 UTC after a moment."""
    return (after // DAY + 1) * DAY


def derivative(instrument: Instrument) -> bool:
    """Whether nobody pays or borrows its value."""
    return instrument.asset_class in DERIVATIVES
