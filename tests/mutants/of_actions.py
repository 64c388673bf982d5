"""Mutants of corporate actions: books, last prices, orders at work."""

from __future__ import annotations

from mutation import Mutant

_BOOKS, _ORDERS = "unit/core/test_adjustments.py", "unit/simulator/test_order_actions.py"

ACTIONS = (
    Mutant(
        "a split changes the cost",
        "adjustments.py",
        "units = _whole(held.quantity * ratio, held.cost, instrument, price)",
        "units = _whole(held.quantity * ratio, held.cost * ratio, instrument, price)",
        "a split leaves the cost of a position as it is",
        _BOOKS,
    ),
    Mutant(
        "a split goes the other way",
        "adjustments.py",
        "units = _whole(held.quantity * ratio, held.cost, instrument, price)",
        "units = _whole(held.quantity / ratio, held.cost, instrument, price)",
        "seven for one makes seven of one, a reverse split one of ten",
        _BOOKS,
    ),
    Mutant(
        "fractions vanish",
        "adjustments.py",
        "paid = units.fraction * (price or ZERO) * held.multiplier\n    change",
        "paid = ZERO\n    change",
        "fractions are paid for",
        _BOOKS,
    ),
    Mutant(
        "shorts receive dividends",
        "adjustments.py",
        "amount = held.quantity * action.amount * held.multiplier",
        "amount = abs(held.quantity) * action.amount * held.multiplier",
        "who is short pays the dividend",
        _BOOKS,
    ),
    Mutant(
        "a spin-off costs nothing",
        "adjustments.py",
        "Holding(held.symbol, held.quantity, held.cost - moved,",
        "Holding(held.symbol, held.quantity, held.cost,",
        "cost goes where the units go",
        _BOOKS,
    ),
    Mutant(
        "a merger's cash is all profit",
        "adjustments.py",
        "realised = cash - sold + paid - units.fraction_cost",
        "realised = cash + paid - units.fraction_cost",
        "the cost is shared between a merger's cash and its shares",
        _BOOKS,
    ),
    Mutant(
        "the last price is not split",
        "adjustments.py",
        "_mark(marks, last, action.symbol, price / float(ratio))",
        "_mark(marks, last, action.symbol, price)",
        "equity is the same just after a split",
        _BOOKS,
    ),
    Mutant(
        "a split leaves orders as they are",
        "simulator/actions.py",
        "    if isinstance(action, Split | StockDividend):\n        return _split(order, remaining, action, instrument, rules)\n",
        "    if isinstance(action, Split | StockDividend):\n        return None\n",
        "orders at work are restated by a split",
        _ORDERS,
    ),
    Mutant(
        "a split leaves stops as they are",
        "simulator/actions.py",
        "stop=None if order.stop is None else _on_grid(order.stop / ratio, instrument, up),",
        "stop=order.stop,",
        "a stop at work is divided by the ratio",
        _ORDERS,
    ),
    Mutant(
        "a split multiplies what was filled",
        "simulator/actions.py",
        "quantity=order.quantity - remaining + left,",
        "quantity=order.quantity * ratio,",
        "what an order has filled stays what it was",
        _ORDERS,
    ),
    Mutant(
        "a dividend reduces the wrong orders",
        "simulator/actions.py",
        "        or buys == stops\n",
        "        or buys != stops\n",
        "a dividend reduces buy limits and sell stops",
        _ORDERS,
    ),
    Mutant(
        "the venue pays a dividend to shorts",
        "simulator/actions.py",
        "return held * action.amount * instruments[action.symbol].multiplier",
        "return abs(held) * action.amount * instruments[action.symbol].multiplier",
        "at the venue, who is short pays the dividend",
        "unit/simulator/test_venue_accounts.py",
    ),
    Mutant(
        "the venue keeps odd lots",
        "simulator/actions.py",
        "after = before + units - odd",
        "after = before + units",
        "at the venue fractions are sold",
        "property/test_actions.py",
    ),
    Mutant(
        "a dividend goes to who buys at its date",
        "loop.py",
        "        _hear(engine, venue.act(action))\n        engine.act(action)\n",
        "        _hear(engine, venue.act(action))\n",
        "the books act on a corporate action before the first event of its date",
        "peers/test_corporate_actions.py",
    ),
)
