"""Mutants of the proof and of the comparison: replay, features as a stream and over history, shares of a difference."""

from __future__ import annotations

from mutation import Mutant

_RERUN, _PARITY = "unit/session/test_rerun.py", "unit/features/test_parity.py"
_SHARES, _CLI = "unit/versus/test_shares.py", "unit/cli/test_replaying.py"

PROVING = (
    Mutant(
        "a session that broke off may lack any decision",
        "replay.py",
        "for row in recorded.rows(own)), default=0) <= at",
        "for row in recorded.rows(own)), default=0) <= at or True",
        "a decision that is missing before the record's last row is a difference",
        _RERUN,
    ),
    Mutant(
        "a decision's time is not compared",
        "replay.py",
        "    return row.at, row.kind, row.strategy, row.body\n",
        "    return 0, row.kind, row.strategy, b''\n",
        "decisions are compared byte for byte",
        _RERUN,
    ),
    Mutant(
        "features that are nearly the same are the same",
        "features/parity.py",
        "    if a == b:\n        return math.copysign(1.0, a) == math.copysign(1.0, b)\n",
        "    if abs(a - b) < 1e-9:\n        return True\n",
        "features are compared to the last bit",
        _PARITY,
    ),
    Mutant(
        "a fingerprint of nothing",
        "recording.py",
        "            self._seen.update(row.body)\n",
        "",
        "the fingerprint is of what was read",
        _RERUN,
    ),
    Mutant(
        "a second reading adds to the first one's fingerprint",
        "recording.py",
        "    def batches(self) -> Iterator[Batch]:\n        self._seen = hashlib.sha256()\n",
        "    def batches(self) -> Iterator[Batch]:\n",
        "a fingerprint is of one pass",
        _RERUN,
    ),
    Mutant(
        "a mixed batch has columns",
        "recording.py",
        'row.kind == "market" and all(type(event) is Bar for event in found)',
        'row.kind == "market" and any(type(event) is Bar for event in found)',
        "columns are of bars alone",
        _RERUN,
    ),
    Mutant(
        "an instant that was cut in two is one again",
        "recording.py",
        " and found[0].at > stretch[-1].at):",
        "):",
        "what is read back are the instants that there were",
        _RERUN,
    ),
    Mutant(
        "a chain tells what came after",
        "chains.py",
        "if found.at > about.at or (row is not None and found.seq >= row.seq):",
        "if False:",
        "a chain holds what came before the decision",
        _RERUN,
    ),
)

SHARING = (
    Mutant(
        "a session's own price stands for the other's",
        "versus/shares.py",
        'made.add("data", one.worth(symbol, kept) - two.worth(symbol, kept))',
        'made.add("fill", one.worth(symbol, kept) - two.worth(symbol, kept))',
        "another last price is data",
        _SHARES,
    ),
    Mutant(
        "a late decision is latency",
        "versus/shares.py",
        '    if a.decided_at != b.decided_at:\n        return "clock"\n',
        "",
        "the same decision at another time is clock",
        _SHARES,
    ),
    Mutant(
        "what the venue took later is fill",
        "versus/shares.py",
        '    if a.taken_at != b.taken_at:\n        return "latency"\n',
        "",
        "when the venue had the order is latency",
        _SHARES,
    ),
    Mutant(
        "parameters go before code",
        "versus/shares.py",
        'begins.append((0, "code"))',
        'begins.append((0, "parameters"))',
        "where code differs too, code has it",
        _SHARES,
    ),
    Mutant(
        "orders of the second session count for the first",
        "versus/shares.py",
        "((one, 1, alone[0]), (two, -1, alone[1]))",
        "((one, 1, alone[0]), (two, 1, alone[1]))",
        "what only the second made is taken off",
        _SHARES,
    ),
    Mutant(
        "the remainder is left out",
        "versus/shares.py",
        '    made.add("remainder", one.profit - two.profit - explained)\n',
        "",
        "shares add up to the difference",
        _SHARES,
    ),
    Mutant(
        "slippage is nobody's",
        "versus/shares.py",
        "two.fee(y) - one.fee(x) + y.slippage - x.slippage)",
        "two.fee(y) - one.fee(x))",
        "slippage is fill",
        _SHARES,
    ),
    Mutant(
        "a fee in the coin is money",
        "versus/reading.py",
        "        return ZERO if fill.fee_currency else fill.fee\n",
        "        return fill.fee\n",
        "a fee in the coin is taken from what was bought",
        _SHARES,
    ),
)

REPLAY = (*PROVING, *SHARING)
