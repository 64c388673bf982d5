"""A rule file at work: the strategy that does what the sheet says, a bar and a symbol at a time.

Rules: after each bar of a symbol, once all its features are warm, in this order: `emergency_exit`, `close`, `cancel`,
`entry`; the first three only where there is something to end. An exit that is on its way is not sent again. Every order
names the signal with the conditions that were met and the values in them; its tag is entry, rebalance, stop_loss,
take_profit, close or emergency_exit. Each symbol is on its own, but for `max_positions`. What has to survive a crash is
data: rows of the last bars, and a few counts a symbol; the functions made of the conditions are made again at each start.
Limits: decisions are made on bars. After a split the prices of past bars are in today's units; past values of features, positions
and orders are unknown then, and so is what looks back on them.
Cost: see docs/rules.md.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from onepath.actions import CorporateAction, SymbolChange, ratio_of
from onepath.context import Context, Intent
from onepath.errors import StrategyError
from onepath.events import Signal
from onepath.instruments import ZERO
from onepath.market import Bar
from onepath.orders import OrderIntent, OrderState, OrderStatus, OrderType, Side
from onepath.rules.asked import Asked
from onepath.rules.reckoning import Compiler, Judged, Reckoned, Shown, Unfit, names
from onepath.rules.sheet import TEXT, Guard, Rule, Sheet
from onepath.rules.sheet import Side as Plan
from onepath.rules.words import BAR_FIELDS, FACTS, Count, Node
from onepath.strategy import Strategy

Row = list[float]
_NAN = math.nan
_EXITS = frozenset({"close", "emergency_exit"})
_GONE = OrderStatus.CANCEL_PENDING
_OVER = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
_MOST_WEIGHT = 1.0
"""of equity that risk may put into one symbol, where nothing else is said"""


class Standing:
    """What is known of a symbol between two bars."""

    def __init__(self, width: int, reach: int) -> None:
        self.rows: deque[Row] = deque([[_NAN] * width] * (reach + 1), reach + 1)
        """of the last bars, the present one first"""
        self.fresh = False
        """a bar has come that nothing was decided on yet"""
        self.bar = 0
        """bars so far"""
        self.life = 0
        """the position's number; 0: flat"""
        self.opened = 0
        """the bar before the one it was opened in"""
        self.quiet = 0
        """no entry before this bar"""
        self.entered = 0
        """the bar after which the last entry was sent: signals of before are used up"""
        self.asked = 0
        """the bar after which the entry at work was sent"""
        self.traded = False
        """an entry has filled since the last bar: the position may have come and gone"""
        self.leaving = ""
        """close or emergency_exit, from when it was decided until nothing is left to be ended"""
        self.leaves = 0
        """the side of it: 1 long, -1 short"""


class OfRules(type):
    """The class of such classes: another process makes one again from its text."""


class RuleStrategy(Strategy, metaclass=OfRules):
    """What every rule file becomes; `onepath.rules.load` makes a class of it."""

    listens = ("bars",)
    sheet: ClassVar[Sheet]
    source_text: ClassVar[str] = ""
    """the file's text, for the manifest"""
    source_path: ClassVar[str] = ""
    """what the file is called, for the manifest"""
    home: ClassVar[Path] = Path()
    """where files of features are looked for"""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        given = {name: getattr(self.params, name) for name in self.params.__struct_fields__}
        self._features = Asked(self.sheet.features, self.home).made(given)
        self._program()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process makes it again: of the class, which it makes of the text, and the parameters."""
        return type(self).make, ({name: getattr(self.params, name) for name in self.params.__struct_fields__},)

    @classmethod
    def description(cls) -> str:
        """What the file says of itself."""
        return cls.sheet.description

    def _program(self) -> Program:
        """The conditions as functions. Raises StrategyError where a parameter does not fit."""
        given = {name: getattr(self.params, name) for name in self.params.__struct_fields__}
        try:
            return Program(self.sheet, given)
        except Unfit as unfit:
            raise StrategyError(f"{self.sheet.path}: {unfit}") from None

    def on_start(self, context: Context) -> None:
        context.features.require(**self._features)
        self._now = self._program()
        self._standing = {symbol: self._new() for symbol in context.symbols}

    def _new(self) -> Standing:
        return Standing(len(self._now.places), self._now.reach)

    def on_market_event(self, event: Bar, context: Context) -> None:
        standing = self._standing[event.symbol]
        standing.bar += 1
        standing.fresh = True
        standing.rows.appendleft(self._now.row(event, context.features.get(event.symbol)))

    def on_order_update(self, order: OrderState, context: Context) -> None:
        if order.order.tag == "entry" and order.filled and order.status not in _OVER:
            self._standing[order.symbol].traded = True

    def on_corporate_action(self, action: CorporateAction, context: Context) -> None:
        standing = self._standing[action.symbol]
        if isinstance(action, SymbolChange):
            if action.into in self._standing and not self._standing[action.into].bar:
                self._standing[action.into] = standing
                self._standing[action.symbol] = self._new()
        elif (ratio := ratio_of(action)) is not None:
            restated = [self._now.restated(row, float(ratio)) for row in standing.rows]
            standing.rows.extend(restated)

    def generate_orders(self, context: Context) -> list[Intent]:
        orders: list[Intent] = []
        working: dict[str, list[OrderState]] = {}
        for state in context.open_orders:
            working.setdefault(state.symbol, []).append(state)
        turn = Turn(self._now, self._standing, context, working)
        for symbol in context.symbols:
            standing = self._standing[symbol]
            if standing.fresh:
                standing.fresh = False
                orders += turn.of(symbol, standing)
        # What is taken back and sold comes first: it pays for what is bought.
        return sorted(orders, key=lambda order: order.side.sign if isinstance(order, OrderIntent) else -2)


class Judge(NamedTuple):
    """A rule as functions: the whole, and its parts with what a record shows of them."""

    key: str
    holds: Judged
    parts: tuple[tuple[str, Judged, tuple[Shown, ...]], ...]
    lasts: int
    cooldown: int | None


class Book(NamedTuple):
    """One side as functions."""

    plan: Plan
    sign: int
    rules: Mapping[str, Judge]
    numbers: Mapping[str, Reckoned]
    """size, max_weight, rebalance, price, stop_loss, take_profit: those that there are"""


class Program:
    """All that a sheet says, as functions over rows: made of the sheet and the parameters, and of nothing else."""

    def __init__(self, sheet: Sheet, params: Mapping[str, Any]) -> None:
        """Raises Unfit where a parameter's value is no count."""
        self.sheet = sheet
        self.params = {p.name: params[p.name] for p in sheet.params if p.type != TEXT}
        used = list(dict.fromkeys(name for node in sheet.nodes for name in names(node)))
        features = {wanted.name for wanted in sheet.features}
        self.fields = [name for name in BAR_FIELDS if name in used]
        self.features = [name for name in used if name in features]
        self.facts = [name for name in FACTS if name in used]
        self.places = {name: place for place, name in enumerate((*self.fields, *self.features, *self.facts))}
        """where each name stands in a row"""
        compiler = Compiler(self.places, self.params)
        self.cooldown = compiler.count(sheet.cooldown)
        self.max_positions = None if sheet.max_positions is None else compiler.count(sheet.max_positions)
        self.reach = max((_reach(compiler, side) for side in sheet.sides), default=0)
        """bars before the present one that have to be kept"""
        self.books = [_book(compiler, side) for side in sheet.sides]
        self._of_bar, self._of_view = _getter(self.fields), _getter(self.features)
        self._first_fact = len(self.fields) + len(self.features)
        self._reckons = [_FACTS[name] for name in self.facts]
        self._cold = [_NAN] * len(self.features)

    def row(self, bar: Bar, view: Any) -> Row:
        """The row of a bar, its facts still to come."""
        seen = self._cold if view is None else self._of_view(view)
        return [*self._of_bar(bar), *seen, *([_NAN] * len(self.facts))]

    def complete(self, row: Row, facts: Facts) -> None:
        """Put in what is known when a decision is due: features that look across symbols, and facts."""
        view = facts.context.features.get(facts.symbol)
        if view is not None and self.features:
            row[len(self.fields) : self._first_fact] = self._of_view(view)
        for place, reckon in enumerate(self._reckons, self._first_fact):
            row[place] = reckon(facts)

    def restated(self, row: Row, ratio: float) -> Row:
        """A row of before a split: prices in today's units; of what else there is nobody knows."""
        fields = [row[i] * ratio if name == "volume" else row[i] / ratio for i, name in enumerate(self.fields)]
        return [*fields, *([_NAN] * (len(row) - len(fields)))]


def _getter(fields: list[str]) -> Callable[[Any], tuple[float, ...]]:
    if not fields:
        return lambda _: ()
    if len(fields) == 1:
        one = attrgetter(fields[0])
        return lambda item: (one(item),)
    return attrgetter(*fields)


def _reach(compiler: Compiler, side: Plan) -> int:
    deepest = max(map(compiler.reach, side.nodes))
    if side.signal is None:
        return deepest
    return max(deepest, compiler.reach(side.signal.node) + compiler.count(side.signal.lasts))


def _book(compiler: Compiler, side: Plan) -> Book:
    guards: dict[str, Guard | None] = {"stop_loss": side.stop_loss, "take_profit": side.take_profit}
    nodes: dict[str, Node | None] = {
        **{"size": side.size.amount, "max_weight": side.size.most, "rebalance": side.size.rebalance},
        "price": side.order.price,
        **{key: None if guard is None else guard.amount for key, guard in guards.items()},
    }
    return Book(
        side,
        1 if side.name == "long" else -1,
        {rule.key: _judge(compiler, rule) for rule in side.rules},
        {key: compiler.number(node) for key, node in nodes.items() if node is not None},
    )


def _judge(compiler: Compiler, rule: Rule) -> Judge:
    parts = [(text, compiler.truth(node), tuple(compiler.shown(node))) for text, node in rule.parts]
    cooldown: Count | None = rule.cooldown
    lasts = compiler.count(rule.lasts)
    if not lasts or cooldown == 0:
        raise Unfit(f"{rule.key} is to count 0 bars; expected 1 or more")
    return Judge(
        rule.key,
        compiler.truth(rule.node),
        tuple(parts),
        lasts,
        None if cooldown is None else compiler.count(cooldown),
    )


class Facts(NamedTuple):
    """Where the facts of a moment come from."""

    symbol: str
    context: Context
    standing: Standing
    symbols: int
    waiting: bool
    """an entry order is at work"""


def _average(facts: Facts) -> float:
    position = facts.context.portfolio.positions.get(facts.symbol)
    return _NAN if position is None else float(position.average_price)


def _profit(facts: Facts) -> float:
    position = facts.context.portfolio.positions.get(facts.symbol)
    price = facts.context.price(facts.symbol)
    return 0.0 if position is None or price is None else float(position.value(price) - position.cost)


def _profit_percent(facts: Facts) -> float:
    position = facts.context.portfolio.positions.get(facts.symbol)
    if position is None or not position.cost:
        return 0.0
    return 100.0 * _profit(facts) / abs(float(position.cost))


def _held_bars(facts: Facts) -> float:
    standing = facts.standing
    return float(standing.bar - standing.opened) if standing.life else 0.0


def _waited(facts: Facts) -> float:
    return float(facts.standing.bar - facts.standing.asked) if facts.waiting else 0.0


_FACTS: dict[str, Callable[[Facts], float]] = {
    "position.quantity": lambda facts: float(facts.context.portfolio.quantity(facts.symbol)),
    "position.average_price": _average,
    "position.profit": _profit,
    "position.profit_percent": _profit_percent,
    "position.bars": _held_bars,
    "order.bars": _waited,
    "equity": lambda facts: float(facts.context.portfolio.equity),
    "cash": lambda facts: float(facts.context.portfolio.cash),
    "symbols": lambda facts: float(facts.symbols),
}


class Turn:
    """The decisions of one moment."""

    def __init__(
        self,
        program: Program,
        standing: Mapping[str, Standing],
        context: Context,
        working: Mapping[str, list[OrderState]],
    ) -> None:
        self._program = program
        self._standing = standing
        self._context = context
        self._working = working
        self._room = math.inf
        if program.max_positions is not None:
            held = {symbol for symbol in context.symbols if context.portfolio.quantity(symbol)}
            self._room = program.max_positions - len(held | {s for s, orders in working.items() if _entries(orders)})

    def of(self, symbol: str, standing: Standing) -> list[Intent]:
        """What is to be done about one symbol after its bar."""
        context, program = self._context, self._program
        orders = self._working.get(symbol, [])
        held = context.portfolio.quantity(symbol)
        self._note_position(symbol, standing, bool(held))
        entries = _entries(orders)
        facts = Facts(symbol, context, standing, len(context.symbols), bool(entries))
        program.complete(standing.rows[0], facts)
        view = context.features.get(symbol)
        if program.sheet.features and (view is None or not view.ready):
            return []
        exiting = any(o.order.tag in _EXITS for o in orders)
        if held * standing.leaves <= 0 and not any(o.side.sign == standing.leaves for o in entries):
            standing.leaving = ""
        found: list[Intent] = []
        closed: Book | None = None
        for book in program.books:
            if exiting or not (held * book.sign > 0 or any(o.side.sign == book.sign for o in entries)):
                continue
            ended, found = self._ended(book, symbol, standing, orders, held)
            if ended:
                closed = book
        if exiting or (closed is None and entries):
            return found
        return [*found, *self._entered(symbol, standing, held, closed)]

    def _note_position(self, symbol: str, standing: Standing, held: bool) -> None:
        """Whether the position is a new one, or has ended; then new entries wait."""
        life = self._context.portfolio.positions[symbol].id if held else 0
        came, standing.traded = standing.traded, False
        if life == standing.life and (life or not came):
            return
        if not life:
            standing.quiet = max(standing.quiet, standing.bar + self._program.cooldown)
        standing.opened = standing.bar - 1
        standing.life = life

    # -- what ends

    def _ended(
        self, book: Book, symbol: str, standing: Standing, orders: list[OrderState], held: Decimal
    ) -> tuple[bool, list[Intent]]:
        """Whether the position is ended, and what that takes; else entries that are taken back."""
        ours = held if held * book.sign > 0 else ZERO
        for key in ("emergency_exit", "close"):
            judge = book.rules.get(key)
            if judge is None or not (ours or key == "emergency_exit"):
                continue
            again = standing.leaving == key and standing.leaves == book.sign
            if not again and not judge.holds(standing.rows, 0):
                continue
            signal = self._signal(book, judge, symbol, standing)
            standing.leaving, standing.leaves = key, book.sign
            if key == "emergency_exit":
                quiet = self._program.cooldown if judge.cooldown is None else judge.cooldown
                standing.quiet = max(standing.quiet, standing.bar + max(quiet, 1))
            out = self._context.close(symbol, signal=signal, tag=key) if ours else []
            return True, [*self._back(orders), *out]
        judge = book.rules.get("cancel")
        waiting = [o for o in _entries(orders) if o.side.sign == book.sign and o.status is not _GONE]
        if judge is not None and waiting and judge.holds(standing.rows, 0):
            self._signal(book, judge, symbol, standing)
            return False, self._back(waiting)
        return False, []

    def _back(self, orders: list[OrderState]) -> list[Intent]:
        return [cancel for order in orders if order.status is not _GONE for cancel in self._context.cancel(order)]

    # -- what begins

    def _entered(self, symbol: str, standing: Standing, held: Decimal, closed: Book | None) -> Iterator[Intent]:
        """An entry, where one is due: flat, or held and to be set right, or the other side of what is closed now."""
        for book in self._program.books:
            if closed is not None:
                free = closed is not book and standing.bar >= standing.quiet and not self._program.cooldown
            else:
                free = not held and standing.bar >= standing.quiet and self._room > 0
            resized = closed is None and held * book.sign > 0 and "rebalance" in book.numbers
            if not (free or resized):
                continue
            why = self._due(book, symbol, standing)
            if why is None:
                continue
            if resized:
                yield from self._resized(book, symbol, standing, why)
                return
            order = self._opening(book, symbol, standing, why)
            if order:
                self._room -= closed is None
                standing.entered = standing.asked = standing.bar
                yield from order
                return

    def _due(self, book: Book, symbol: str, standing: Standing) -> tuple[list[str], dict[str, float]] | None:
        """The conditions that are met for an entry, and the values in them; None where it is not due."""
        entry, signal = book.rules.get("entry"), book.rules.get("signal")
        conditions: list[str] = []
        values: dict[str, float] = {}
        if signal is not None:
            newest = min(signal.lasts, standing.bar - standing.entered)
            ago = next((k for k in range(newest) if signal.holds(standing.rows, k)), None)
            if ago is None:
                return None
            conditions, values = self._met(signal, standing, ago)
            if ago:
                when = f" ({ago} bar{'' if ago == 1 else 's'} ago)"
                conditions = [text + when for text in conditions]
        if entry is not None:
            if not entry.holds(standing.rows, 0):
                return None
            texts, seen = self._met(entry, standing, 0)
            conditions, values = conditions + texts, values | seen
        return conditions, values

    def _resized(
        self, book: Book, symbol: str, standing: Standing, why: tuple[list[str], dict[str, float]]
    ) -> list[OrderIntent]:
        """What sets the weight right again, where it is off by more than is let be."""
        weight, band = (book.numbers[key](standing.rows, 0) for key in ("size", "rebalance"))
        if not (math.isfinite(weight) and math.isfinite(band)):
            return []
        wanted = self._context.target(symbol, weight=weight * book.sign, band=band)
        if not wanted:
            return []
        signal = self._context.signal(symbol, f"{book.plan.name} rebalance", why[0], **why[1])
        return self._context.target(symbol, weight=weight * book.sign, band=band, signal=signal, tag="rebalance")

    def _opening(
        self, book: Book, symbol: str, standing: Standing, why: tuple[list[str], dict[str, float]]
    ) -> list[OrderIntent]:
        """The order that opens, with its exits; nothing where its size or prices come to nothing, which is recorded."""
        context = self._context
        ticket = Ticket(book, context, symbol, standing.rows)
        if ticket.lacks:
            context.signal(symbol, f"{book.plan.name} entry left out", [*why[0], ticket.lacks], **why[1])
            return []
        signal = context.signal(symbol, f"{book.plan.name} entry", why[0], **why[1])
        return ticket.order(signal)

    # -- what is recorded

    def _signal(self, book: Book, judge: Judge, symbol: str, standing: Standing) -> Signal:
        conditions, values = self._met(judge, standing, 0)
        return self._context.signal(symbol, f"{book.plan.name} {judge.key}", conditions, **values)

    def _met(self, judge: Judge, standing: Standing, ago: int) -> tuple[list[str], dict[str, float]]:
        """The parts of a rule that hold, and the values in them."""
        rows = standing.rows
        met = [(text, shown) for text, holds, shown in judge.parts if holds(rows, ago)]
        return [text for text, _ in met], dict(item.of(rows, ago) for _, shown in met for item in shown)


class Ticket:
    """One entry: its size, its price and its exits; `lacks` says why there is none."""

    def __init__(self, book: Book, context: Context, symbol: str, rows: deque[Row]) -> None:
        self.lacks = ""
        self._book = book
        self._context = context
        self._symbol = symbol
        self._given = {key: reckon(rows, 0) for key, reckon in book.numbers.items()}
        self._price = self._given.get("price", float(context.price(symbol) or 0))
        self._least = float(context.instruments[symbol].tick_size)
        wrong = [key for key, value in self._given.items() if not math.isfinite(value)]
        if wrong or not (0 < self._price < math.inf and self._price >= self._least):
            self.lacks = f"its {(wrong or ['price'])[0]} is no number now"
            return
        stop, profit = (self._away(key) for key in ("stop_loss", "take_profit"))
        self._size = ZERO if self.lacks else self._sized(stop)
        if not self.lacks and not self._size:
            self.lacks = "its size is less than can be traded"
        if self.lacks:
            return
        if stop is None or profit is None:  # what is money for the whole position needs its size first
            stop, profit = (self._away(key, self._size) for key in ("stop_loss", "take_profit"))
        self._stop, self._profit = stop or 0.0, profit or 0.0
        if self._book.plan.stop_loss is None or not self._book.plan.stop_loss.trailing:
            self._fits("stop_loss", -self._stop)
        self._fits("take_profit", self._profit)

    def _away(self, key: str, size: Decimal | None = None) -> float | None:
        """How far a guard is from the price; None where the size must be known first, 0 where there is no guard."""
        guard: Guard | None = getattr(self._book.plan, key)
        if guard is None:
            return 0.0
        amount = self._given[key]
        if guard.kind == "percent":
            away = self._price * amount / 100
        elif guard.kind == "distance":
            away = amount
        elif guard.kind == "price":
            away = (amount - self._price) * self._book.sign * (-1 if key == "stop_loss" else 1)
        elif size is None:
            return None
        else:
            away = amount / (float(size) * self._unit)
        if guard.trailing and guard.kind == "percent" and amount >= 100:
            self.lacks = self.lacks or "its stop_loss trails by all of the price"
        if away <= 0:
            where = "below" if (key == "stop_loss") == (self._book.sign > 0) else "above"
            self.lacks = self.lacks or f"its {key} is not {where} the price"
        return away

    @property
    def _unit(self) -> float:
        return float(self._context.instruments[self._symbol].multiplier)

    def _fits(self, key: str, away: float) -> None:
        """Whether a guard's price is one."""
        price = self._price + away * self._book.sign
        if price <= 0 or price < self._least:
            self.lacks = self.lacks or f"its {key} is below zero"

    def _sized(self, stop: float | None) -> Decimal:
        kind, amount = self._book.plan.size.kind, self._given["size"]
        context, symbol = self._context, self._symbol
        if amount <= 0:
            self.lacks = f"its {kind} is not above zero"
            return ZERO
        if kind == "quantity":
            return context.instruments[symbol].round_quantity(Decimal(repr(amount)))
        if kind == "risk":
            equity = float(context.portfolio.equity)
            most = self._given.get("max_weight", _MOST_WEIGHT) * equity / (self._price * self._unit)
            units = min(amount * equity / ((stop or math.inf) * self._unit), most)
            return context.instruments[symbol].round_quantity(Decimal(repr(units))) if units > 0 else ZERO
        weight, notional = (amount, None) if kind == "weight" else (None, amount)
        return max(ZERO, context._wanted(symbol, weight, None, notional))

    def order(self, signal: Signal) -> list[OrderIntent]:
        """The order, and with it what guards the position."""
        plan, sign, context = self._book.plan, self._book.sign, self._context
        how: dict[str, Any] = {"time_in_force": plan.order.time_in_force, "signal": signal, "tag": "entry"}
        if plan.order.price is not None:
            how[plan.order.type] = self._price
        if plan.take_profit is not None:
            how["take_profit"] = self._price + self._profit * sign
        if plan.stop_loss is not None and plan.stop_loss.trailing:
            how["children"] = self._trailing(plan.stop_loss)
        elif plan.stop_loss is not None:
            how["stop_loss"] = self._price - self._stop * sign
        return (context.buy if sign > 0 else context.short)(self._symbol, self._size, **how)

    def _trailing(self, guard: Guard) -> list[OrderIntent]:
        side = Side.SELL if self._book.sign > 0 else Side.COVER
        amount, in_percent = Decimal(repr(self._given["stop_loss"])), guard.kind == "percent"
        stop = OrderIntent(
            symbol=self._symbol,
            side=side,
            quantity=self._size,
            type=OrderType.TRAILING_STOP,
            trail=None if in_percent else amount,
            trail_percent=amount if in_percent else None,
            tag="stop_loss",
        )
        return [stop]


def _entries(orders: list[OrderState]) -> list[OrderState]:
    """The entry orders among some."""
    return [order for order in orders if order.order.tag == "entry"]
