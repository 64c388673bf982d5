"""Every pre-trade control at its boundary, at the level of strategy, symbol and account; the trading state and its breakers.

A case is one line: what is configured | what is held | what is at work | what is asked | the verdict. Price 100 (X) and 50 (Y),
bid 99.99, ask 100.01, cash 10,000, at Wednesday 15:00 UTC (10:00 in New York). Numbers by hand.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath.accounts import AccountTerms
from onepath.blotter import Blotter
from onepath.errors import CommandError, ConfigError
from onepath.events import Accepted, CancelRejected, CashFlow, Command, Fill, Rejected, TradingState
from onepath.instruments import Instrument
from onepath.ledger import Ledger
from onepath.market import Quote
from onepath.orders import Amended, Approved, Denied, Order, OrderState, OrderStatus, OrderType, Side, TimeInForce
from onepath.risk import Breaker, Breakers, Controls, Limits, RiskPlan, SharedLimits
from onepath.risk.pace import Recent, Window

D = Decimal
SECOND = 1_000_000_000
NOW = 1_704_898_800 * SECOND  # Wednesday, 10 January 2024, 15:00 UTC
SIDES = {str(side): side for side in Side}
INSTRUMENTS = {
    "X": Instrument(symbol="X", lot_size=D("0.1"), tick_size=D("0.01"), min_notional=D(50), calendar="XNYS"),
    "Y": Instrument(symbol="Y", lot_size=D("0.1"), tick_size=D("0.01"), calendar="XNYS"),
}


def order(words: str, number: int = 1, strategy: str = "s") -> Order:
    """`t Y sell 10 limit 99 reduce_only parent_id=1` as an order; strategy s and symbol X where none is named."""
    parts = words.split()
    if parts[0] in ("s", "t"):
        strategy = parts.pop(0)
    symbol = parts.pop(0) if parts[0] in INSTRUMENTS else "X"
    side, quantity, *rest = parts
    given: dict[str, Any] = {}
    words_left = iter(rest)
    for word in words_left:
        if word in ("limit", "stop", "trail", "trail_percent"):
            given[word] = D(next(words_left))
        elif word in ("at_open", "at_close"):
            given["time_in_force"] = TimeInForce(word)
        elif word == "reduce_only":
            given["reduce_only"] = True
        else:
            name, _, value = word.partition("=")
            given[name] = value if name == "group" else int(value)
    kind = "_".join(name for name in ("stop", "limit") if name in given) or "market"
    if "trail" in given or "trail_percent" in given:
        kind = "trailing_stop"
    plain: dict[str, Any] = {"time_in_force": TimeInForce.GTC, "type": OrderType(kind), "submitted_at": NOW} | given
    return Order(id=number, strategy=strategy, symbol=symbol, side=SIDES[side], quantity=D(quantity), **plain)


class World:
    """Two strategies with books, an order book of what is at work, and the controls over them."""

    def __init__(self, *, plan: RiskPlan | None = None, price: float = 100.0, at: int = NOW, **limits: Any) -> None:
        self.marks: dict[str, Any] = {
            "X": Quote("X", at, price - 0.01, price + 0.01, 1.0, 1.0),
            "Y": Quote("Y", at, 49.99, 50.01, 1.0, 1.0),
        }
        self.blotter = Blotter()
        lives = count(1)
        self.ledgers = {name: Ledger(name, D(10_000), INSTRUMENTS, lives) for name in ("s", "t")}
        own = Limits(**{"max_leverage": D(100)} | limits)
        seats = [(name, own, ledger) for name, ledger in self.ledgers.items()]
        self.controls = Controls(INSTRUMENTS, seats, marks=self.marks, blotter=self.blotter, plan=plan)
        self.ids = count(1)

    def hold(self, quantity: str, symbol: str = "X", strategy: str = "s") -> None:
        price = D(str(self.marks[symbol].mark))
        self.ledgers[strategy].apply(
            Fill(
                id=next(self.ids),
                order_id=0,
                strategy=strategy,
                symbol=symbol,
                quantity=D(quantity),
                price=price,
                fee=D(0),
                slippage=D(0),
                executed_at=NOW,
                remaining=D(0),
            )
        )

    def rest(self, words: str) -> OrderState:
        """An order that is at work already, and passed before."""
        made = order(words, next(self.ids))
        return self.blotter.keep(OrderState(made, OrderStatus.ACCEPTED, D(0)))

    def ask(self, words: str, at: int = NOW) -> str:
        """`approved` (and it is at work then), or the code of the denial."""
        made = order(words, next(self.ids))
        found = self.controls.check(made, at)
        if isinstance(found, Approved):
            self.blotter.add(made)
            return "approved"
        assert isinstance(found, Denied)
        assert found.reason
        return found.code


def limits_of(text: str) -> dict[str, Any]:
    """`max_order_value=500 symbols=X,Y` as limits."""
    found: dict[str, Any] = {}
    for pair in text.split():
        name, _, value = pair.partition("=")
        if name in ("symbols", "restricted"):
            found[name] = tuple(value.split(","))
        elif value in ("on", "off"):
            found[name] = value == "on"
        elif name in ("max_orders", "max_messages", "cancel_reserve"):
            found[name] = int(value)
        else:
            found[name] = float(value) if name in ("rate_window", "duplicate_window", "max_reference_age") else D(value)
    return found


OWN = """
# permission
restricted=X                       |         |                    | buy 1              | restricted
restricted=X                       |         |                    | Y buy 1            | approved
symbols=Y                          |         |                    | buy 1              | not_allowed
symbols=Y                          |         |                    | Y buy 1            | approved
# tick, lot, least value of 50: half a unit
                                   |         |                    | buy 0.5            | approved
                                   |         |                    | buy 0.4            | min_notional
                                   |         |                    | buy 0.55           | lot
                                   |         |                    | buy 1 limit 99.99  | approved
                                   |         |                    | buy 1 limit 99.995 | tick
                                   |         |                    | sell 1 trail 0.005 | tick
                                   | 0.4     |                    | sell 0.4           | min_notional
                                   | 0.4     |                    | sell 0.4 reduce_only | approved
# price collar of 5 %: 95 to 105
price_collar=0.05                  |         |                    | buy 1 limit 105    | approved
price_collar=0.05                  |         |                    | buy 1 limit 105.01 | price_collar
price_collar=0.05                  |         |                    | buy 1 limit 95     | approved
price_collar=0.05                  |         |                    | buy 1 limit 94.99  | price_collar
price_collar=0.05                  |         |                    | buy 1 stop 105     | approved
price_collar=0.05                  |         |                    | buy 1 stop 105.01  | price_collar
price_collar=0.05                  | 1       |                    | sell 1 stop 94.99  | price_collar
price_collar=0.05                  |         |                    | buy 1              | approved
# a market order at the far side, 0.01 from 100
price_collar=0.0001                |         |                    | buy 1              | approved
price_collar=0.00009               |         |                    | buy 1              | price_collar
price_collar=0.00009               | 1       |                    | sell 1             | price_collar
price_collar=0.05                  | 1       |                    | sell 1 trail 5     | approved
price_collar=0.05                  | 1       |                    | sell 1 trail 5.01  | price_collar
price_collar=0.05                  | 1       |                    | sell 1 trail_percent 5 | approved
price_collar=0.05                  | 1       |                    | sell 1 trail_percent 6 | price_collar
# quantity and value of an order; a market order counts at the far side of the quote, 100.01
max_order_quantity=5               |         |                    | buy 5              | approved
max_order_quantity=5               |         |                    | buy 5.1            | order_quantity
max_order_quantity=5               | 9       |                    | sell 5.1           | order_quantity
max_order_value=500                |         |                    | buy 5 limit 100    | approved
max_order_value=500                |         |                    | buy 5 limit 100.01 | order_value
max_order_value=500                |         |                    | buy 5              | order_value
max_order_value=500.05             |         |                    | buy 5              | approved
max_order_value=500                |         |                    | short 5 limit 90   | approved
max_order_value=500                |         |                    | short 5.1 limit 90 | order_value
# position in units, what rests on the same side counted
max_position=10                    |         |                    | buy 10             | approved
max_position=10                    |         |                    | buy 10.1           | position
max_position=10                    |         |                    | short 10.1         | position
max_position=10                    | 6       |                    | buy 4              | approved
max_position=10                    | 6       |                    | buy 4.1            | position
max_position=10                    | 6       | buy 3 limit 99     | buy 1              | approved
max_position=10                    | 6       | buy 3 limit 99     | buy 1.1            | position
max_position=10                    | 6       | buy 3              | buy 1.1            | position
max_position=10                    | 6       |                    | short 16           | approved
max_position=10                    | 6       |                    | short 16.1         | position
max_position=10                    | 12      |                    | sell 1             | approved
# shares of equity of 10,000
max_position_size=0.1              |         |                    | buy 10             | approved
max_position_size=0.1              |         |                    | buy 10.1           | position_size
max_leverage=1                     |         |                    | buy 100            | approved
max_leverage=1                     |         |                    | buy 100.1          | buying_power
max_leverage=1                     |         | Y buy 100 limit 50 | buy 50             | approved
max_leverage=1                     |         | Y buy 100 limit 50 | buy 50.1           | buying_power
# net: longs less shorts; a short of 50 Y x 50 = 2,500 frees as much of the net, not of the gross
max_net_leverage=0.5               |         |                    | buy 50             | approved
max_net_leverage=0.5               |         |                    | buy 50.1           | net_leverage
max_net_leverage=0.5               | Y -50   |                    | buy 75             | approved
max_net_leverage=0.5               | Y -50   |                    | buy 75.1           | net_leverage
max_net_leverage=0.5               |         | buy 20 limit 100   | buy 30             | approved
max_net_leverage=0.5               |         | buy 20 limit 100   | buy 30.1           | net_leverage
max_net_leverage=0.5               |         |                    | short 50.1         | net_leverage
# concentration: share of the larger of gross and equity
max_concentration=0.2              |         |                    | buy 20             | approved
max_concentration=0.2              |         |                    | buy 20.1           | concentration
max_concentration=0.5              | Y 300   |                    | buy 150            | approved
max_concentration=0.5              | Y 300   |                    | buy 150.1          | concentration
# reduce-only
                                   | 5       |                    | short 5 reduce_only | approved
                                   | 5       |                    | short 5.1 reduce_only | reduce_only
                                   | 5       |                    | buy 1 reduce_only  | reduce_only
                                   |         |                    | buy 1 reduce_only  | reduce_only
                                   | -5      |                    | buy 5 reduce_only  | approved
                                   |         | buy 5 limit 99     | short 5 reduce_only | approved
# self-match: the other side at rest, at a price that would trade
prevent_self_match=on              | 9       | sell 1 limit 101   | buy 1 limit 100.99 | approved
prevent_self_match=on              | 9       | sell 1 limit 101   | buy 1 limit 101    | self_match
prevent_self_match=on              | 9       | sell 1 limit 100.02 | buy 1             | approved
prevent_self_match=on              | 9       | sell 1 limit 100.01 | buy 1             | self_match
prevent_self_match=on              | 9       | buy 1 limit 99.99  | sell 1             | self_match
prevent_self_match=on              | 9       | buy 1 limit 99.98  | sell 1             | approved
prevent_self_match=on              | 9       | Y buy 1 limit 99.99 | sell 1            | approved
prevent_self_match=on              | 9       | t sell 1 limit 99  | buy 1              | approved
prevent_self_match=off             | 9       | sell 1 limit 101   | buy 1 limit 101    | approved
prevent_self_match=on              | 9       | sell 1 limit 101   | buy 1 stop 102     | approved
# what only buys back is not limited: 20 short, and every limit is far below that
max_position=1                     | -20     |                    | buy 20             | approved
max_position=1                     | -20     |                    | buy 21.1           | position
max_position_size=0.01             | -20     |                    | buy 20             | approved
max_position_size=0.01             | -20     |                    | buy 21.1           | position_size
max_concentration=0.01             | -20     |                    | buy 20             | approved
max_concentration=0.01             | -20     |                    | buy 21.1           | concentration
max_net_leverage=0.01              | -20     |                    | buy 20             | approved
max_net_leverage=0.01              | -20     |                    | buy 21.1           | net_leverage
# a group counts once, at its largest
max_position=10                    |         | buy 6 limit 99 group=g | buy 6 limit 98 group=g | approved
max_position=10                    |         | buy 6 limit 99 group=g | buy 6 limit 98 | position
"""


def cases(table: str) -> list[Any]:
    rows = [line for line in table.strip().splitlines() if not line.startswith("#")]
    cut = [[cell.strip() for cell in row.split("|")] for row in rows]
    return [pytest.param(*row, id=" | ".join(filter(None, row))) for row in cut]


def prepared(world: World, held: str, working: str) -> World:
    if held:
        *symbol, quantity = held.split()
        world.hold(quantity, *symbol)
    if working:
        world.rest(working)
        world.controls._alternatives = True
    return world


@pytest.mark.parametrize(("limits", "held", "working", "asked", "verdict"), cases(OWN))
def test_boundary(limits: str, held: str, working: str, asked: str, verdict: str) -> None:
    """The verdict of a strategy's own limits."""
    assert prepared(World(**limits_of(limits)), held, working).ask(asked) == verdict


TOGETHER = """
# all strategies together, by side: what t holds counts against s
max_position=10                    | t 6     |                    | buy 4              | approved
max_position=10                    | t 6     |                    | buy 4.1            | position
max_position=10                    | t -6    |                    | buy 10             | approved
max_position=10                    | t -6    |                    | buy 10.1           | position
max_position=10                    |         | t buy 6 limit 99   | buy 4              | approved
max_position=10                    |         | t buy 6 limit 99   | buy 4.1            | position
max_position=10                    |         | t buy 6            | buy 4.1            | position
max_position=10                    | t 12    |                    | t sell 1           | approved
# equity of both 20,000
max_leverage=1                     | t 150   |                    | buy 50             | approved
max_leverage=1                     | t 150   |                    | buy 50.1           | buying_power
max_leverage=1                     |         | t Y buy 100 limit 50 | buy 150          | approved
max_leverage=1                     |         | t Y buy 100 limit 50 | buy 150.1        | buying_power
max_position_size=0.1              | t 15    |                    | buy 5              | approved
max_position_size=0.1              | t 15    |                    | buy 5.1            | position_size
max_net_leverage=0.5               | t 50    |                    | buy 50             | approved
max_net_leverage=0.5               | t 50    |                    | buy 50.1           | net_leverage
max_concentration=0.2              | t 30    |                    | buy 10             | approved
max_concentration=0.2              | t 30    |                    | buy 10.1           | concentration
prevent_self_match=on              |         | t short 1 limit 101 | buy 1 limit 101   | self_match
max_order_value=500                |         |                    | buy 5 limit 100.01 | order_value
restricted=X                       |         |                    | buy 1              | restricted
price_collar=0.05                  |         |                    | buy 1 limit 105.01 | price_collar
max_orders=1                       |         |                    | buy 1              | approved
"""


@pytest.mark.parametrize("level", ["account", "symbol"])
@pytest.mark.parametrize(("limits", "held", "working", "asked", "verdict"), cases(TOGETHER))
def test_boundary_together(level: str, limits: str, held: str, working: str, asked: str, verdict: str) -> None:
    """The same verdict from the account's limits and from the symbol's."""
    shared = SharedLimits(**limits_of(limits))
    world = World(plan=RiskPlan(account=shared) if level == "account" else RiskPlan(symbols={"X": shared}))
    if held:
        strategy, quantity = held.split()
        world.hold(quantity, "X", strategy)
    if working:
        world.rest(working)
    assert world.ask(asked) == verdict


@pytest.mark.parametrize(("account", "symbol", "most"), [("10", "6", "6"), ("6", "10", "6")])
def test_the_stricter_of_two_levels_binds(account: str, symbol: str, most: str) -> None:
    """The account may hold 10 X and the symbol 6, or the other way round: 6 pass, 6.1 do not."""
    plan = RiskPlan(account=SharedLimits(max_position=D(account)), symbols={"X": SharedLimits(max_position=D(symbol))})
    assert World(plan=plan).ask(f"buy {most}") == "approved"
    assert World(plan=plan).ask(f"buy {most}.1") == "position"


def test_another_symbols_limits_do_not_bind() -> None:
    """Limits of Y say nothing of X."""
    plan = RiskPlan(symbols={"Y": SharedLimits(max_order_quantity=D(1))})
    assert World(plan=plan).ask("buy 5") == "approved"
    assert World(plan=plan).ask("Y buy 1.1") == "order_quantity"


@pytest.mark.parametrize(
    ("price", "code"),
    [
        (float("nan"), "bad_price"),
        (0.0, "bad_price"),
        (-1.0, "bad_price"),
        (float("inf"), "bad_price"),
        (100.0, "approved"),
    ],
)
def test_a_reference_that_is_no_price_denies(price: float, code: str) -> None:
    """Not a number, zero, less than zero, infinite: denied, with or without a collar."""
    bare: dict[str, Any] = {}
    for limits in (bare, {"price_collar": D("0.05")}):
        assert World(price=price, **limits).ask("buy 1") == code


@pytest.mark.parametrize(("age", "code"), [(5 * SECOND, "approved"), (5 * SECOND + 1, "stale")])
def test_a_stale_reference_denies(age: int, code: str) -> None:
    """Five seconds old is young enough, a nanosecond more is not."""
    assert World(max_reference_age=5).ask("buy 1", at=NOW + age) == code


def test_a_missing_reference_denies() -> None:
    """No event of the symbol yet."""
    world = World()
    del world.marks["X"]
    assert world.ask("buy 1") == "no_price"


@pytest.mark.parametrize(
    ("words", "hour", "code"),
    [
        ("buy 1", 14, "market_closed"),  # 09:29:59 and 09:30 in New York
        ("buy 1 at_open", 14, "approved"),
        ("buy 1", 15, "approved"),
        ("buy 1", 21, "market_closed"),  # 16:00
    ],
)
def test_market_hours(words: str, hour: int, code: str) -> None:
    """Open is 14:30 to 21:00 UTC in January; an order for the opening may be sent before."""
    day = NOW - 15 * 3600 * SECOND
    assert World(market_hours=True).ask(words, at=day + hour * 3600 * SECOND) == code


def test_order_rate() -> None:
    """Two a second: the third waits until the first is a second old, and a denied one does not count."""
    world = World(max_orders=2)
    assert [world.ask(f"buy {n}", at=NOW + n) for n in (1, 2, 3, 4)] == ["approved"] * 2 + ["order_rate"] * 2
    assert world.ask("buy 5", at=NOW + SECOND) == "order_rate"
    assert world.ask("buy 5", at=NOW + SECOND + 1) == "approved"
    assert world.ask("buy 6", at=NOW + SECOND + 1) == "order_rate"


def test_message_rate_keeps_a_reserve_for_cancels() -> None:
    """Ten messages, three of them for cancels: seven orders go, at twice the peak cancels still go, ten in all."""
    world = World(max_messages=10, cancel_reserve=3)
    codes = [world.ask(f"buy {n}") for n in range(1, 21)]
    assert codes == ["approved"] * 7 + ["message_rate"] * 13
    assert [world.controls.may_cancel("s", NOW) is None for _ in range(5)] == [True] * 3 + [False] * 2
    refused = world.controls.may_cancel("s", NOW)
    assert refused is not None
    assert refused.code == "message_rate"
    assert world.controls.may_cancel("s", NOW, forced=True) is None, "a halt's cancels go in any case"
    assert world.controls.may_cancel("t", NOW) is None, "another strategy has windows of its own"


@pytest.mark.parametrize(("most", "reserve"), [(100, 20), (10, 2), (5, 1), (2, 1), (1, 0)])
def test_a_reserve_is_kept_without_being_asked_for(most: int, reserve: int) -> None:
    """A fifth, at least one of two."""
    assert Limits(max_messages=most).reserve == reserve


@pytest.mark.parametrize(
    ("second", "after", "code"),
    [
        ("buy 1", 0, "duplicate"),
        ("buy 1", 2 * SECOND - 1, "duplicate"),
        ("buy 1", 2 * SECOND, "approved"),
        ("buy 1.1", 0, "approved"),
        ("Y buy 1", 0, "approved"),
        ("short 1", 0, "approved"),
        ("buy 1 limit 100", 0, "approved"),
        ("t buy 1", 0, "approved"),
    ],
)
def test_duplicates(second: str, after: int, code: str) -> None:
    """The same symbol, side, quantity and price within two seconds is a duplicate; any difference is none."""
    world = World(duplicate_window=2)
    assert world.ask("buy 1") == "approved"
    assert world.ask(second, at=NOW + after) == code


def test_a_brackets_exits_pass_before_there_is_a_position() -> None:
    """Exits of what the parent will bring pass beside each other; one larger than the parent does not."""
    for exits in (("sell 5 limit 110", "sell 5 stop 90"), ("short 5 limit 110", "short 5 stop 90")):
        world = World(max_leverage=D(1), allow_short=False)
        assert world.ask("buy 5 limit 99") == "approved"
        assert [world.ask(f"{words} parent_id=1") for words in exits] == ["approved"] * 2
        assert world.ask("sell 5.1 stop 90 parent_id=1") == "parent"
    assert world.ask("sell 5 stop 90 parent_id=77") == "parent"


def test_children_on_their_parents_side_are_no_more_than_it_together() -> None:
    """Of a parent of 10: 6 and 4 pass, 6 and 4.1 do not."""
    world = World()
    assert [world.ask(w) for w in ("buy 10", "buy 6 parent_id=1", "buy 4.1 parent_id=1", "buy 4 parent_id=1")] == [
        "approved",
        "approved",
        "parent",
        "approved",
    ]


@pytest.mark.parametrize(
    ("old", "new", "limits", "code"),
    [
        ("buy 10 limit 100", "buy 10 limit 99", "max_position=5", "approved"),  # passed before; it does not grow
        ("buy 10 limit 100", "buy 9 limit 100", "max_position=5", "approved"),
        ("buy 10 limit 100", "buy 10.1 limit 100", "max_position=10", "position"),
        ("buy 10 limit 99", "buy 10 limit 100", "max_leverage=0.1", "approved"),  # itself is not counted twice
        ("buy 10 limit 99", "buy 10 limit 100.01", "max_leverage=0.1", "buying_power"),
        ("buy 10 limit 99", "buy 10 limit 105.01", "price_collar=0.05", "price_collar"),
        ("buy 10 limit 99", "buy 10 limit 94.99", "price_collar=0.05", "price_collar"),
        ("buy 10 limit 99", "buy 10 limit 99.995", "", "tick"),
        ("buy 1 limit 99", "buy 1 limit 99", "duplicate_window=9", "approved"),
        ("buy 10 limit 100", "buy 9 limit 100", "max_order_value=500", "approved"),
        ("buy 10 limit 99", "buy 10 limit 100", "max_order_value=999", "order_value"),
    ],
)
def test_new_terms_are_limited_where_they_grow(old: str, new: str, limits: str, code: str) -> None:
    """A replace is judged without the order it replaces; what does not grow is not limited, but its price is."""
    world = World(**limits_of(limits))
    state = world.rest(old)
    found = world.controls.recheck(order(new, state.id), state, NOW)
    assert (found.code if isinstance(found, Denied) else "approved") == code
    assert isinstance(found, Amended | Denied)


def test_new_prices_are_held_against_the_last_price_not_the_one_of_the_decision() -> None:
    """Decided at 80, now 100, a collar of 5 %: 96 is within it, 83 (which was within 5 % of 80) is not."""
    world = World(price_collar=D("0.05"))
    state = world.rest("buy 10 limit 79")
    old = msgspec.structs.replace(state.order, reference=D(80))
    state = world.blotter.keep(OrderState(old, OrderStatus.ACCEPTED, D(0)))
    near, far = (msgspec.structs.replace(old, limit=D(price)) for price in (96, 83))
    assert isinstance(world.controls.recheck(near, state, NOW), Amended)
    found = world.controls.recheck(far, state, NOW)
    assert isinstance(found, Denied)
    assert found.code == "price_collar"


# -- the trading state


def halted(**breakers: Breaker) -> World:
    return World(plan=RiskPlan(breakers=Breakers(**breakers)))


REDUCING, HALTED, ACTIVE = TradingState.REDUCING, TradingState.HALTED, TradingState.ACTIVE


def test_states_by_command() -> None:
    """Reducing lets through what reduces, halted nothing; a strategy's state is the stricter of its own and the session's."""
    world = World()
    world.hold("5")
    world.controls.command(Command(state=REDUCING, scope="s"), NOW)
    assert [world.ask(w) for w in ("buy 1", "sell 1", "short 5", "short 4", "t buy 1")] == [
        "reducing",
        "approved",
        "reducing",
        "approved",
        "approved",
    ]
    world.controls.command(Command(state=HALTED), NOW)
    assert [world.ask(w) for w in ("sell 1", "t buy 1")] == ["halted", "halted"]
    assert world.controls.may_cancel("s", NOW) is None
    world.controls.command(Command(state=ACTIVE, by="ann"), NOW)
    assert (world.controls.state("s"), world.controls.state("t")) == (REDUCING, ACTIVE)


def test_only_a_named_person_sets_active() -> None:
    """Without a name, or for a strategy that is none, the command is refused and nothing changes."""
    world = World()
    world.controls.command(Command(state=HALTED, scope="s"), NOW)
    for by in ("", "  "):
        with pytest.raises(CommandError, match="name of a person"):
            world.controls.command(Command(state=ACTIVE, scope="s", by=by), NOW)
    with pytest.raises(CommandError, match="no strategy"):
        world.controls.command(Command(state=HALTED, scope="q"), NOW)
    assert world.controls.state("s") is HALTED


def test_drawdown() -> None:
    """From a peak of 12,000, a fifth is 2,400: at 9,600 it trips, at 9,601 it does not; for the strategy alone."""
    world = halted(drawdown=Breaker(limit=D("0.2"), action=HALTED))
    for equity in (10_000, 12_000, 9_601):
        assert world.controls.judge(NOW, "s", equity) == ()
    (change,) = world.controls.judge(NOW, "s", 9_600)
    assert (change.scope, change.state, change.breaker) == ("s", HALTED, "drawdown")
    assert (world.ask("buy 1"), world.ask("t buy 1")) == ("halted", "approved")


def test_daily_loss() -> None:
    """5 % of yesterday's last equity: 10,500 on Tuesday makes 525 on Wednesday, in money 500 already at 10,000."""
    tuesday = NOW - 24 * 3600 * SECOND
    for breakers, passes, trips in (
        ({"daily_loss": Breaker(limit=D("0.05"))}, 9_976, 9_975),
        ({"daily_loss_value": Breaker(limit=D(500))}, 10_001, 10_000),
    ):
        world = halted(**breakers)
        for at, equity in ((tuesday, 9_900), (tuesday + 1, 10_500), (NOW, passes)):
            assert world.controls.judge(at, "s", equity) == ()
        assert [c.breaker for c in world.controls.judge(NOW + 1, "s", trips)] == list(breakers)


def test_money_taken_out_is_no_loss() -> None:
    """Of 10,000 a half is taken out: 5,000 are left and nothing is lost; a tenth of 5,000 is 500, for drawdown and day alike.
    Interest paid is a loss."""
    for name in ("drawdown", "daily_loss"):
        world = halted(**{name: Breaker(limit=D("0.1"))})
        assert world.controls.judge(NOW, "s", 10_000) == ()
        world.controls.paid(CashFlow(strategy="s", kind="withdrawal", currency="USD", amount=D(-5_000)))
        world.controls.paid(CashFlow(strategy="s", kind="interest", currency="USD", amount=D(-1)))
        assert world.controls.judge(NOW + 1, "s", 4_501) == ()
        assert [c.breaker for c in world.controls.judge(NOW + 2, "s", 4_500)] == [name]


def test_the_accounts_losses_are_those_of_all() -> None:
    """Together 20,000: a tenth is 2,000. One strategy's 2,000 while the other gains 1 do not trip it; then both stop."""
    world = halted(drawdown=Breaker(limit=D("0.1"), scope="account"))
    assert world.controls.judge(NOW, "s", 8_000) == ()
    assert world.controls.judge(NOW, "t", 10_001) == ()
    assert world.controls.judge(NOW + 1, "s", 7_999) == ()
    (change,) = world.controls.judge(NOW + 1, "t", 10_001)
    assert change.scope == ""
    assert (world.ask("buy 1"), world.ask("t buy 1")) == ("halted", "halted")


def test_reject_rate() -> None:
    """Half of the last four: two rejections among the first three answers do not count yet, the fourth answer does."""
    world = halted(reject_rate=Breaker(limit=D("0.5"), orders=4))
    said: list[Any] = [Accepted(1, "s", "X"), Rejected(2, "s", "X", "no"), Accepted(3, "s", "X")]
    assert [world.controls.hear(report, NOW) for report in said] == [(), (), ()]
    (change,) = world.controls.hear(Rejected(4, "s", "X", "no"), NOW)
    assert (change.breaker, change.scope) == ("reject_rate", "s")


def test_a_fill_is_an_answer_too() -> None:
    """Market orders are filled without being accepted first. Three of four filled, one in two parts, one rejected: a quarter
    of the last four; with the next rejection two of the last four, which is half."""
    world = halted(reject_rate=Breaker(limit=D("0.5"), orders=4))

    def fill(order: int, rest: int = 0) -> Fill:
        return Fill(
            id=order, order_id=order, strategy="s", symbol="X", quantity=D(1), price=D(1), fee=D(0), slippage=D(0),
            executed_at=0, remaining=D(rest),
        )  # fmt: skip

    said: list[Any] = [Rejected(1, "s", "X", "no"), fill(2), Accepted(3, "s", "X"), fill(3), fill(4, rest=1), fill(4)]
    assert [world.controls.hear(report, NOW) for report in said] == [()] * 6
    assert world.controls.hear(fill(5), NOW) == (), "none of the last four"
    assert world.controls.hear(Rejected(6, "s", "X", "no"), NOW) == (), "one of the last four"
    (change,) = world.controls.hear(Rejected(7, "s", "X", "no"), NOW)
    assert change.reason == "2 of the last 4 orders rejected reach 0.5"


def test_errors_executions_and_orders_in_a_window() -> None:
    """Three within a minute trip; spread over more they do not."""
    fill = Fill(
        id=1, order_id=1, strategy="s", symbol="X", quantity=D(1), price=D(1), fee=D(0), slippage=D(0), executed_at=0,
        remaining=D(0),
    )  # fmt: skip
    late = CancelRejected(1, "s", "X", D(0), "late")
    reports: tuple[tuple[str, Any], ...] = ("executions", fill), ("error_rate", late)
    for name, report in reports:
        world = halted(**{name: Breaker(limit=D(3), window=60.0, action=REDUCING)})
        for at in (0, 30, 60):
            assert world.controls.hear(report, NOW + at * SECOND) == ()
        (change,) = world.controls.hear(report, NOW + 61 * SECOND)
        assert (change.breaker, change.state) == (name, REDUCING)
        assert world.ask("buy 1") == "reducing"
    world = halted(order_rate=Breaker(limit=D(3)))
    assert [world.ask(f"buy {n}") for n in (1, 2, 3, 4)] == ["approved"] * 3 + ["halted"]
    assert [c.breaker for c in world.controls.take()] == ["order_rate"]
    assert not world.controls.pending


def test_stale_data() -> None:
    """Five seconds without an event of a symbol that is held, while its market is open; what is not held does not count."""
    world = halted(stale_data=Breaker(limit=D(5)))
    assert world.controls.judge(NOW + 60 * SECOND, "s", 10_000) == ()
    world.hold("1")
    assert world.controls.judge(NOW + 5 * SECOND - 1, "s", 10_000) == ()
    (change,) = world.controls.judge(NOW + 5 * SECOND, "s", 10_000)
    assert change.breaker == "stale_data"
    night = halted(stale_data=Breaker(limit=D(5)))
    night.hold("1")
    assert night.controls.judge(NOW + 8 * 3600 * SECOND, "s", 10_000) == (), "closed"


def test_a_cash_account_buys_with_settled_money() -> None:
    """Ten are bought and sold at 100: of 10,000, with the sale's 1,000 unsettled, 9,000 may be spent: 90 units, less what
    a purchase at work takes."""
    for working, most in (("", "90"), ("Y buy 20 limit 50", "80")):
        world = World()
        terms = AccountTerms(type="cash", settlement_days=1)
        ledger = world.ledgers["s"] = Ledger("s", D(10_000), INSTRUMENTS, count(1), terms)
        world.controls = Controls(INSTRUMENTS, [("s", Limits(), ledger)], marks=world.marks, blotter=world.blotter)
        world.hold("10")
        world.hold("-10")
        if working:
            world.rest(working)
        assert world.ask(f"buy {most}.1") == "cash"
        assert world.ask(f"buy {most}") == "approved"
        assert world.ask("short 1") == "short"


def test_a_cash_account_may_always_pay_less() -> None:
    """It asks for less of what it has at work: no money is needed, though all that is settled is spent."""
    world = World()
    ledger = world.ledgers["s"] = Ledger("s", D(900), INSTRUMENTS, count(1), AccountTerms(type="cash"))
    world.controls = Controls(INSTRUMENTS, [("s", Limits(), ledger)], marks=world.marks, blotter=world.blotter)
    state = world.rest("buy 10 limit 100")
    less, more = (order(words, state.id) for words in ("buy 9.5 limit 100", "buy 10.1 limit 100"))
    assert isinstance(world.controls.recheck(less, state, NOW), Amended)
    found = world.controls.recheck(more, state, NOW)
    assert isinstance(found, Denied)
    assert found.code == "cash"


GROUPS = [
    # a group counts as what opens: the short of 20 against 10 held leaves 10 short, 1,000 in all beside the 1,000 held
    (("sell 20 limit 110 group=g", "short 20 stop 90 group=g"), "Y buy 160", "Y buy 160.1"),
    (("short 20 stop 90 group=g", "sell 20 limit 110 group=g"), "Y buy 160", "Y buy 160.1"),
    # and as what rests, not as what trades at once and frees: 10 held and 1,000 at work, again
    (("buy 10 group=g", "buy 10 limit 100 group=g"), "Y buy 160", "Y buy 160.1"),
    (("buy 10 limit 100 group=g", "buy 10 group=g"), "Y buy 160", "Y buy 160.1"),
]


@pytest.mark.parametrize(("group", "passes", "denied"), GROUPS)
def test_of_a_group_counts_what_needs_most(group: tuple[str, str], passes: str, denied: str) -> None:
    """10 X are held (1,000 of equity 10,000), leverage is 1: 8,000 is left for Y, whichever of the two was sent first."""
    for asked, code in ((passes, "approved"), (denied, "buying_power")):
        world = World(max_leverage=D(1))
        world.hold("10")
        for words in group:
            world.rest(words)
        world.controls._alternatives = True
        assert world.ask(asked) == code


def test_alternatives_in_another_symbol_count_beside_each_other() -> None:
    """What fills of 100 X is taken off 200 Y: 100 Y are left, and both may be had. Together that is more than 10,000. Of two for
    100 each, no more than 100 units are had in all, so either needs its own 10,000 or 5,000 alone."""
    world = World(max_leverage=D(1))
    assert world.ask("buy 100 limit 100 group=g") == "approved"
    assert world.ask("Y buy 200 limit 50 group=g") == "buying_power"
    assert world.ask("Y buy 100 limit 50 group=g") == "approved"
    away = World(max_leverage=D(1))
    assert away.ask("buy 100 limit 100 group=g") == "approved"
    assert away.ask("short 90 limit 110 group=g") == "approved"


def test_a_group_of_another_strategy_counts_once_too() -> None:
    """The account may hold 10 X: two alternatives of t for 6 leave 4 to s, not none."""
    world = World(plan=RiskPlan(account=SharedLimits(max_position=D(10))))
    assert world.ask("t buy 6 limit 99 group=g") == "approved"
    assert world.ask("t buy 6 limit 98 group=g") == "approved"
    assert world.ask("buy 4.1 limit 97") == "position"
    assert world.ask("buy 4 limit 97") == "approved"


def test_money_abroad_buys_at_its_rate() -> None:
    """1,000 dollars and 100 euros at 1.10 are 1,110 dollars: eleven at 100 may be bought, 11.1 at a time, 11.2 may not."""
    known = INSTRUMENTS | {"EURUSD": Instrument(symbol="EURUSD", base="EUR", currency="USD")}
    marks: dict[str, Any] = {
        "X": Quote("X", NOW, 100.0, 100.0, 1.0, 1.0),
        "EURUSD": Quote("EURUSD", NOW, 1.1, 1.1, 1.0, 1.0),
    }
    ledger = Ledger("s", D(1_000), known, count(1), AccountTerms(currency="USD"))
    ledger.flow(CashFlow(strategy="s", kind="deposit", amount=D(100), currency="EUR"))
    ledger.flow(CashFlow(strategy="s", kind="deposit", amount=D(5), currency="CHF"))
    ledger.flow(CashFlow(strategy="s", kind="withdrawal", amount=D(-5), currency="CHF"))
    controls = Controls(known, [("s", Limits(), ledger)], marks=marks, blotter=Blotter())
    assert isinstance(controls.check(order("buy 11.1"), NOW), Approved)
    found = controls.check(order("buy 11.2", 2), NOW)
    assert isinstance(found, Denied)
    assert found.code == "buying_power"


def test_books_that_cannot_be_added_up() -> None:
    """Limits of the account over books in dollars and in euros would add the one to the other: refused at the start."""
    ledgers = [
        Ledger(name, D(1), INSTRUMENTS, count(1), AccountTerms(currency=c)) for name, c in (("s", "USD"), ("t", "EUR"))
    ]
    seats = [(ledger.strategy, Limits(), ledger) for ledger in ledgers]
    with pytest.raises(ConfigError, match="need books of one currency; they are kept: s in USD, t in EUR"):
        Controls(
            INSTRUMENTS, seats, marks={}, blotter=Blotter(), plan=RiskPlan(account=SharedLimits(max_position=D(1)))
        )


def test_a_deposit_without_a_rate_is_no_guess() -> None:
    """A deposit in a currency of which no rate is known moves neither the peak nor the day's beginning: 8 of 10 thousand
    left is a loss of a fifth, as before it."""
    world = halted(drawdown=Breaker(limit=D("0.2")))
    flow = CashFlow(strategy="s", kind="deposit", amount=D(5_000), currency="CHF")
    world.controls.paid(flow)
    (change,) = world.controls.judge(NOW, "s", 8_000)
    assert change.breaker == "drawdown"


def test_a_person_who_takes_over_starts_the_counts_anew() -> None:
    """Two orders of two tripped it; set active by Ada, one order passes, and the second of the new count trips it again.
    Another strategy's count is left alone."""
    world = halted(order_rate=Breaker(limit=D(2)))
    assert [world.ask(w) for w in ("t buy 1", "buy 1", "buy 2", "buy 3")] == ["approved"] * 3 + ["halted"]
    world.controls.take()
    world.controls.command(Command(scope="s", state=ACTIVE, by="Ada", reason="seen"), NOW)
    assert [world.ask(w) for w in ("buy 4", "buy 5", "buy 6")] == ["approved", "approved", "halted"]
    assert [world.ask(w) for w in ("t buy 2", "t buy 3")] == ["approved", "halted"]


def test_an_equity_that_is_no_number_moves_nothing() -> None:
    """NaN is neither a loss nor a peak; the next number is judged against what was before."""
    world = halted(drawdown=Breaker(limit=D("0.2")))
    assert world.controls.judge(NOW, "s", float("nan")) == ()
    assert world.controls.judge(NOW, "s", 8_001) == ()
    assert len(world.controls.judge(NOW, "s", 8_000)) == 1


@pytest.mark.parametrize(
    "bad", [{"limit": 0}, {"limit": D("inf")}, {"limit": 1, "window": 0}, {"limit": 1, "orders": 0}]
)
def test_a_breaker_that_could_not_trip(bad: dict[str, Any]) -> None:
    """Zero, without end, or over no time at all: refused where it is made."""
    with pytest.raises(ConfigError, match="all must be positive"):
        Breaker(**bad)


def test_limits_without_a_message_rate_keep_nothing_back() -> None:
    """No most, no reserve."""
    assert Limits().reserve == 0


def test_values_of_other_currencies_are_converted() -> None:
    """Z is priced in euros, a euro is 1.10 dollars: of 1,100 dollars ten at 100 euros can be bought; without a rate none."""
    abroad = {
        "Z": Instrument(symbol="Z", currency="EUR", lot_size=D("0.1")),
        "EURUSD": Instrument(symbol="EURUSD", base="EUR", currency="USD"),
    }
    marks: dict[str, Any] = {
        "Z": Quote("Z", NOW, 100.0, 100.0, 1.0, 1.0),
        "EURUSD": Quote("EURUSD", NOW, 1.1, 1.1, 1.0, 1.0),
    }
    ledger = Ledger("s", D(1_100), abroad, count(1), AccountTerms(currency="USD"))
    controls = Controls(abroad, [("s", Limits(), ledger)], marks=marks, blotter=Blotter())
    asked = msgspec.structs.replace(order("buy 10"), symbol="Z")
    assert isinstance(controls.check(asked, NOW), Approved)
    more = controls.check(msgspec.structs.replace(asked, quantity=D("10.1")), NOW)
    assert isinstance(more, Denied)
    assert more.code == "buying_power"
    del marks["EURUSD"]
    unknown = controls.check(asked, NOW)
    assert isinstance(unknown, Denied)
    assert unknown.code == "no_rate"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("judge"), st.integers(1, 40_000)),
            st.tuples(st.just("reject"), st.just(0)),
            st.tuples(st.just("command"), st.sampled_from([REDUCING, HALTED])),
            st.tuples(st.just("order"), st.integers(1, 30)),
        ),
        max_size=30,
    )
)
def test_latched_stays_latched(steps: list[tuple[str, Any]]) -> None:
    """Whatever happens, once a breaker has halted trading nothing but a command of a named person lets an order pass."""
    world = halted(drawdown=Breaker(limit=D("0.2")), reject_rate=Breaker(limit=D("0.5"), orders=2))
    world.controls.judge(NOW, "s", 1)
    assert world.controls.state("s") is HALTED
    for at, (kind, value) in enumerate(steps, NOW + 1):
        if kind == "judge":
            world.controls.judge(at, "s", value)
        elif kind == "reject":
            world.controls.hear(Rejected(1, "s", "X", "no"), at)
        elif kind == "command":
            world.controls.command(Command(state=value), at)
        else:
            assert world.ask(f"buy {value}", at=at) == "halted"
        assert world.controls.state("s") is HALTED
    for scope in ("", "s"):
        world.controls.command(Command(state=ACTIVE, scope=scope, by="ann"), NOW + 99)
    assert world.ask("buy 1", at=NOW + 99) == "approved"
    last = [1, *(value for kind, value in steps if kind == "judge")][-1]
    assert world.controls.judge(NOW + 99, "s", last) == (), "the peak begins anew"


ORDERS = st.tuples(
    st.sampled_from(["s", "t"]),
    st.sampled_from(["X", "Y"]),
    st.sampled_from(["buy", "sell", "short", "cover"]),
    st.integers(1, 300),
    st.one_of(st.none(), st.decimals("30", "130", places=2)),
    st.booleans(),
)


@given(st.lists(ORDERS, max_size=25), st.sampled_from(["1", "0.5", "2"]))
def test_no_order_passes_a_limit(asked: list[tuple[Any, ...]], leverage: str) -> None:
    """Whatever two strategies ask for, filled or resting: approved prices lie in the collar, and after every approval the
    positions that could come of it, each side alone, stay within the account's units; gross stays within its leverage."""
    shared = SharedLimits(max_leverage=D(leverage), max_position=D(150), price_collar=D("0.1"))
    world = World(plan=RiskPlan(account=shared))
    for strategy, symbol, side, quantity, limit, fills in asked:
        words = f"{strategy} {symbol} {side} {quantity}" + ("" if limit is None else f" limit {limit}")
        if world.ask(words) != "approved":
            continue
        mark = D(str(world.marks[symbol].mark))
        assert limit is None or abs(limit - mark) <= mark / 10
        if fills:  # market orders trade in the order they were sent
            for state in sorted((o for n in world.ledgers for o in world.blotter.open_orders(n)), key=lambda o: o.id):
                if state.order.type is OrderType.MARKET:
                    fill_all(world, state)
        for side_sign in (1, -1):
            for name in ("X", "Y"):
                assert reach(world, name, side_sign) <= 150
        assert gross(world) <= D(leverage) * 20_000


def fill_all(world: World, state: OrderState) -> None:
    """Trade an order at the last price, as far as its side may."""
    held = world.ledgers[state.order.strategy].quantity(state.symbol)
    quantity = state.remaining
    if state.side is Side.SELL:
        quantity = min(quantity, max(held, D(0)))
    elif state.side is Side.COVER:
        quantity = min(quantity, max(-held, D(0)))
    world.blotter.withdraw(state.id)
    if quantity:
        world.hold(str(quantity * state.side.sign), state.symbol, state.order.strategy)


def reach(world: World, symbol: str, sign: int) -> Decimal:
    """The most that all strategies could hold on one side once market orders have traded, if then everything at rest on that
    side did."""
    total = D(0)
    for name, ledger in world.ledgers.items():
        held = ledger.quantity(symbol)
        mine = [state for state in world.blotter.open_orders(name) if state.symbol == symbol]
        for state in sorted(mine, key=lambda state: state.order.type is not OrderType.MARKET):
            rest = state.remaining
            if state.side is Side.SELL:
                rest = min(rest, max(held, D(0)))
            elif state.side is Side.COVER:
                rest = min(rest, max(-held, D(0)))
            if state.order.type is OrderType.MARKET or (
                state.side.sign == sign and state.side in (Side.BUY, Side.SHORT)
            ):
                held += rest * state.side.sign
        total += max(D(0), held * sign)
    return total


def gross(world: World) -> Decimal:
    return sum(
        (
            abs(p.quantity) * D(str(world.marks[s].mark))
            for ledger in world.ledgers.values()
            for s, p in ledger.positions.items()
        ),
        D(0),
    )


def test_limits_that_make_no_sense_say_so() -> None:
    """Zero, negative, not a number, a reserve as large as the whole: one sentence each."""
    for bad in ({"max_position": 0}, {"price_collar": -1}, {"max_order_value": float("nan")}, {"max_orders": 0}):
        with pytest.raises(ConfigError, match=r"must be a (positive )?number"):
            Limits(**bad)
    with pytest.raises(ConfigError, match="cancel_reserve"):
        Limits(max_messages=5, cancel_reserve=5)
    with pytest.raises(ConfigError, match="the session does not have"):
        World(plan=RiskPlan(symbols={"x": SharedLimits()}))


def test_limits_survive_a_manifest() -> None:
    """What is recorded of limits makes the same limits again."""
    limits = Limits(price_collar=D("0.05"), symbols=("X",), max_messages=10, duplicate_window=1.5)
    assert msgspec.convert(msgspec.to_builtins(limits), Limits) == limits
    plan = RiskPlan(account=SharedLimits(), breakers=Breakers(drawdown=Breaker(limit=D("0.2"))))
    assert msgspec.convert(msgspec.to_builtins(plan), RiskPlan) == plan


# -- windows


def test_a_window_that_is_empty_forgets_nothing() -> None:
    """What was taken back before it was noted leaves the count at zero, not below; what was noted counts again."""
    window = Window(60.0)
    window.drop()
    window.note(NOW)
    assert (window.count(NOW), window.count(NOW + 60 * SECOND)) == (1, 0)


def test_what_was_seen_again_is_as_old_as_the_last_time() -> None:
    """Seen at 0 and, after that was forgotten, at 40: at 70 seconds it is 30 old, though the first note has left the window."""
    recent = Recent(60.0)
    recent.note("a", 0)
    recent.drop("a")
    recent.note("a", 40 * SECOND)
    assert recent.age("a", 70 * SECOND) == 30 * SECOND
    assert recent.age("a", 100 * SECOND) is None


def test_a_scope_without_a_count_has_nothing_to_take_back() -> None:
    """The first bracket of a session is denied at its second order by another control: its entry was counted once and is
    taken back; a strategy that never sent has no count, and no harm is done."""
    world = halted(order_rate=Breaker(limit=D(2)))
    world.controls.withdraw(order("buy 1", 1))
    assert [world.ask(w) for w in ("buy 1", "buy 2", "buy 3")] == ["approved", "approved", "halted"]


def test_another_parent_has_slices_of_its_own() -> None:
    """A parent of 10 with a slice of 10, then another with a slice of 10: both pass; an eleventh unit does not."""
    world = World()
    asked = (
        "buy 10",
        "buy 10 limit 99 parent_id=1",
        "buy 10 limit 98",
        "buy 10 limit 97 parent_id=3",
        "buy 1 limit 97 parent_id=3",
    )
    assert [world.ask(words) for words in asked] == ["approved"] * 4 + ["parent"]


@pytest.mark.parametrize(("least", "code"), [(D(500), "approved"), (D("500.1"), "min_notional")])
def test_the_least_value_of_a_contract_counts_its_multiplier(least: Decimal, code: str) -> None:
    """One contract of 5 units at 100 is worth 500."""
    known = {"X": Instrument(symbol="X", min_notional=least, multiplier=D(5))}
    ledger = Ledger("s", D(10_000), known, count(1))
    marks: dict[str, Any] = {"X": Quote("X", NOW, 100.0, 100.0, 1.0, 1.0)}
    found = Controls(known, [("s", Limits(), ledger)], marks=marks, blotter=Blotter()).check(order("buy 1"), NOW)
    assert (found.code if isinstance(found, Denied) else "approved") == code


def test_a_cash_account_is_not_charged_for_sales_at_work() -> None:
    """All of 9,000 settled dollars may be spent, though ten are for sale; a purchase at work of 1,000 leaves 8,000."""
    for working, most in (("sell 10 limit 110", "90"), ("buy 10 limit 100", "80")):
        world = World()
        ledger = world.ledgers["s"] = Ledger("s", D(10_000), INSTRUMENTS, count(1), AccountTerms(type="cash"))
        world.controls = Controls(INSTRUMENTS, [("s", Limits(), ledger)], marks=world.marks, blotter=world.blotter)
        world.hold("10")
        world.rest(working)
        assert world.ask(f"buy {most}.1 limit 100") == "cash"
        assert world.ask(f"buy {most} limit 100") == "approved"
