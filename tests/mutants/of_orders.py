"""Mutants of the order's life: blotter, desk, engine."""

from __future__ import annotations

from mutation import Mutant

_BLOTTER, _ORDERS, _SLOW = "unit/core/test_blotter.py", "unit/core/test_orders.py", "unit/core/test_slow_venue.py"
_DESK = "unit/core/test_desk.py"

ORDERS = (
    Mutant(
        "an illegal step is taken",
        "blotter.py",
        "status = TRANSITIONS.get((state.status, step)) or advance(state.status, step)",
        "status = TRANSITIONS.get((state.status, step)) or state.status",
        "an order moves only as the table says",
        _BLOTTER,
    ),
    Mutant(
        "the table has a row too many",
        "orders.py",
        "    (_S.PENDING, _T.DENY): _S.DENIED,\n",
        "    (_S.PENDING, _T.DENY): _S.DENIED,\n    (_S.FILLED, _T.FILL): _S.FILLED,\n",
        "ended is ended",
        _ORDERS,
    ),
    Mutant(
        "an order fills beyond its quantity",
        "blotter.py",
        "if filled > order.quantity or order.quantity - filled != report.remaining:",
        "if filled < 0:",
        "fills never add up to more than was ordered",
        _BLOTTER,
    ),
    Mutant(
        "a late fill is booked",
        "engine.py",
        "            self._refuse(report, error, cause)  # type: ignore[arg-type]\n            return\n",
        "            seat.ledger.apply(report)  # type: ignore[arg-type]\n            return\n",
        "a fill of an order that has ended is refused, and told",
        _DESK,
    ),
    Mutant(
        "a refused step is not journaled",
        "engine.py",
        '        self._record(self.moment.at, "order.refused", report.strategy, refused, cause)\n',
        "",
        "what the table refuses is in the journal",
        _DESK,
    ),
    Mutant(
        "a refused cancel ends the order",
        "orders.py",
        "    (_S.CANCEL_PENDING, _T.REFUSE_CANCEL): _S.ACCEPTED,\n",
        "    (_S.CANCEL_PENDING, _T.REFUSE_CANCEL): _S.CANCELLED,\n",
        "an order whose cancel was refused is at work",
        _ORDERS,
    ),
    Mutant(
        "an ended order stays in the book",
        "blotter.py",
        "        if state.status in TERMINAL:\n",
        "        if state.status in TERMINAL and not state.filled:\n",
        "an ended order leaves the book",
        _BLOTTER,
    ),
    Mutant(
        "a bracket goes without its stop loss",
        "desk.py",
        "                self._deny_all(seat, verdict, family, len(verdicts))\n                return\n",
        "                continue\n",
        "a bracket goes out whole or not at all",
        _DESK,
    ),
    Mutant(
        "a denied order is sent",
        "desk.py",
        "            if isinstance(verdict, Denied):\n                self._deny_all",
        "            if not isinstance(verdict, Denied | Approved):\n                self._deny_all",
        "only what was approved reaches a venue",
        _DESK,
    ),
    Mutant(
        "a decision leaves before it is journaled",
        "desk.py",
        '                self.decided = self._record(self._moment.at, "order.submitted", order.strategy, order, None)\n'
        "                self._gate.decided(order)\n                yield verdict\n",
        "                self._gate.decided(order)\n                yield verdict\n"
        '                self.decided = self._record(self._moment.at, "order.submitted", order.strategy, order, None)\n',
        "an order is in the journal before it leaves",
        "unit/core/test_engine.py unit/core/test_failures.py",
    ),
    Mutant(
        "a halt leaves orders at work",
        "engine.py",
        "if halted or _may_open(state)]",
        "if not halted and _may_open(state)]",
        "a halt asks back what is at work",
        _DESK,
    ),
    Mutant(
        "the gate is passed by",
        "loop.py",
        "        else:\n            gate.release(decision)\n",
        "        else:\n",
        "every order passes the gate",
        _DESK,
    ),
)
