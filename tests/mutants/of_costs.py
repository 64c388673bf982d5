"""Mutants of fees and slippage."""

from __future__ import annotations

from mutation import Mutant

_COSTS, _LEDGER, _FILLS = "known/test_costs.py", "known/test_ledger.py", "known/test_fills.py"

COSTS = (
    Mutant(
        "maker and taker are swapped",
        "simulator/commission.py",
        "(self.maker_bps if c.maker else self.taker_bps)",
        "(self.taker_bps if c.maker else self.maker_bps)",
        "who waits in the book pays the maker's rate",
        _COSTS,
    ),
    Mutant(
        "the minimum is of a fill",
        "simulator/commission.py",
        "        owed = max(self.minimum, (c.worth + c.value) * self.bps / BPS)\n"
        "        return _rounded(owed, self.increment) - c.charged",
        "        owed = max(self.minimum, c.value * self.bps / BPS)\n        return _rounded(owed, self.increment)",
        "an order pays its minimum once, however many fills it has",
        f"{_LEDGER} {_COSTS}",
    ),
    Mutant(
        "the least fee a share is forgotten",
        "simulator/commission.py",
        "owed = max(self.minimum, (c.traded + c.quantity) * self.per_share)",
        "owed = (c.traded + c.quantity) * self.per_share",
        "an order per share costs its minimum",
        f"{_LEDGER} {_COSTS}",
    ),
    Mutant(
        "the most of a fee is forgotten",
        "simulator/commission.py",
        "return owed if maximum_share is None else min(owed, value * maximum_share)",
        "return owed",
        "a fee is at most its share of the order's value",
        _COSTS,
    ),
    Mutant(
        "every fill pays the order's fee",
        "simulator/commission.py",
        "return ZERO if c.traded else self.amount",
        "return self.amount",
        "a fee per order is paid with its first fill",
        f"{_LEDGER} {_COSTS}",
    ),
    Mutant(
        "a tier's border is one off",
        "simulator/commission.py",
        "part = min(end, top) - max(start, tier.above)",
        "part = min(end, top + 1) - max(start, tier.above)",
        "each part of a fill costs the rate of its own tier",
        _COSTS,
    ),
    Mutant(
        "volume is never counted",
        "simulator/commission.py",
        "        self._volume += amount",
        "        self._volume += ZERO",
        "rates fall with the month's volume",
        _COSTS,
    ),
    Mutant(
        "the month's volume is kept for ever",
        "simulator/commission.py",
        "return self._volume if self._starts <= at < self._ends else ZERO",
        "return self._volume",
        "volume tiers count the calendar month",
        _COSTS,
    ),
    Mutant(
        "the cap of the FINRA fee is dropped",
        "simulator/schedules.py",
        "return owed if self.taf_maximum is None else min(owed, self.taf_maximum)",
        "return owed",
        "the FINRA fee is at most 8.30 an order",
        _COSTS,
    ),
    Mutant(
        "buys pay the SEC",
        "simulator/schedules.py",
        "        if not c.sells:\n",
        "        if c.sells:\n",
        "the SEC fee is of sales",
        _COSTS,
    ),
    Mutant(
        "a VIP level counts a day too many",
        "simulator/schedules.py",
        "if day - 30 <= d < day)",
        "if day - 31 <= d < day)",
        "a level follows the thirty days before",
        _COSTS,
    ),
    Mutant(
        "half a spread is a whole one",
        "simulator/slippage.py",
        "return min(self.spread_bps / (2 * BPS), _MOST)",
        "return min(self.spread_bps / BPS, _MOST)",
        "a taker pays half of the spread",
        _COSTS,
    ),
    Mutant(
        "the spread of a quote is paid twice",
        "simulator/slippage.py",
        "return ZERO if seen.spread > 0 else self.typical",
        "return self.typical",
        "where the market shows its spread nothing is added",
        _COSTS,
    ),
    Mutant(
        "impact without the root",
        "simulator/slippage.py",
        "volatility * math.sqrt(taken)",
        "volatility * taken",
        "impact grows with the root of the share of volume",
        _COSTS,
    ),
)
