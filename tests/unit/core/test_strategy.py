"""What a strategy author writes and calls: parameters, sizes, helpers, and the sentences for mistakes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest

from onepath import CancelIntent, Context, Instrument, OrderIntent, Params, Range, Strategy, TimeInForce, sma
from onepath.errors import OrderError, StrategyError
from onepath.orders import OrderType, Side
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import Bps

D = Decimal
MINUTE = 60_000_000_000


class Cross(Strategy):
    """Buys when the fast is above the slow.

    And more.
    """

    class Params(Params):
        fast: Annotated[int, Range(1, 200)] = 10
        slow: int = 30
        size: float = 1.0
        label: str = "x"

        def __post_init__(self) -> None:
            if self.fast >= self.slow:
                raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")


def test_parameters_have_defaults_and_types() -> None:
    """Without arguments the defaults; with some, those."""
    assert (Cross().params.fast, Cross(fast=5, slow=6).params.slow) == (10, 6)
    assert Cross.make({"size": 2}).params.size == 2.0


BAD_PARAMS = [
    ({"fats": 5}, "Cross has no parameter 'fats' (did you mean 'fast'?); it has fast, slow, size, label"),
    ({"zzz": 5}, "Cross has no parameter 'zzz'; it has fast, slow, size, label"),
    ({"fast": "5"}, "Cross: parameter fast is not valid: Expected `int`, got `str` (found '5')"),
    ({"fast": 0}, "Cross: parameter fast is not valid: Expected `int` >= 1 (found 0)"),
    ({"fast": 201}, "Cross: parameter fast is not valid: Expected `int` <= 200 (found 201)"),
    ({"size": None}, "Cross: parameter size is not valid: Expected `float`, got `null` (found None)"),
    ({"fast": 30}, "Cross: parameter set is not valid: fast (30) must be below slow (30)"),
]


@pytest.mark.parametrize(("params", "message"), BAD_PARAMS, ids=[str(p) for p, _ in BAD_PARAMS])
def test_bad_parameters(params: dict[str, Any], message: str) -> None:
    """One sentence: which strategy, which parameter, what was expected, what was found."""
    with pytest.raises(StrategyError) as caught:
        Cross(**params)
    assert str(caught.value) == message


def test_a_strategy_without_parameters() -> None:
    """Says so, instead of taking what it does not know."""
    with pytest.raises(StrategyError, match="Strategy has no parameter 'fast'; it has none"):
        Strategy(fast=1)


def test_parameters_do_not_change() -> None:
    """Parameters are values: a run cannot change what its manifest says."""
    with pytest.raises(AttributeError):
        Cross().params.fast = 3


def test_schema_and_description() -> None:
    """Bounds and defaults are in the JSON Schema; the first line of the docstring describes."""
    fast = Cross.schema()["properties"]["fast"]
    assert (fast["minimum"], fast["maximum"], fast["default"]) == (1, 200, 10)
    assert Cross.description() == "Buys when the fast is above the slow."


class Asks(Strategy):
    """Calls one helper at the close of the first bar and keeps what it returned or raised."""

    ask: Callable[[Context], Any]
    got: Any = None
    raised: Exception | None = None

    def generate_orders(self, context: Context) -> Any:
        if self.got is None and self.raised is None:
            try:
                self.got = self.ask(context)
            except StrategyError as error:
                self.raised = error
        return []


@pytest.fixture
def ask(run: Callable[..., Any]) -> Callable[..., Any]:
    """What a helper returns in a session with symbols ABC at 100 and XYZ without a price yet; raises what it raises."""

    def call(question: Callable[[Context], Any], **how: Any) -> Any:
        strategy = Asks()
        strategy.ask = question
        lot = Instrument(symbol="ABC", lot_size=D("0.01"), tick_size=D("0.05"))
        instruments = {"ABC": lot, "XYZ": Instrument(symbol="XYZ")}
        run(strategy, {"ABC": [100, 100], "XYZ": []}, instruments=instruments, **how)
        if strategy.raised is not None:
            raise strategy.raised
        return strategy.got

    return call


def only(intents: list[OrderIntent]) -> OrderIntent:
    (intent,) = intents
    return intent


@pytest.mark.parametrize("side", ["buy", "sell", "short", "cover"])
def test_each_helper_makes_its_side(ask: Callable[..., Any], side: str) -> None:
    """`buy`, `sell`, `short`, `cover`: a list of one market order, good till cancelled, not sent yet."""
    intent = only(ask(lambda c: getattr(c, side)("ABC", 5)))
    assert intent == OrderIntent(symbol="ABC", side=Side(side), quantity=D(5))


NUMBERS = [5, 5.0, "5", D(5), np.int64(5), np.float64(5), np.float32(5), np.int8(5)]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_numbers_of_every_kind(ask: Callable[..., Any], number: Any) -> None:
    """A quantity may be any number Python or NumPy knows."""
    assert only(ask(lambda c: c.buy("ABC", number))).quantity == 5


def test_a_float_is_what_it_reads(ask: Callable[..., Any]) -> None:
    """0.29 is 29 lots of a hundredth, though the float is a hair less; 32-bit floats likewise."""
    assert only(ask(lambda c: c.buy("ABC", 0.29))).quantity == D("0.29")
    assert only(ask(lambda c: c.buy("ABC", np.float32(0.29)))).quantity == D("0.29")


def test_quantities_are_cut_to_lots(ask: Callable[..., Any]) -> None:
    """5.019 in lots of 0.01 is 5.01, never 5.02."""
    assert only(ask(lambda c: c.buy("ABC", 5.019))).quantity == D("5.01")


def test_types_follow_from_prices(ask: Callable[..., Any]) -> None:
    """No price, limit, stop or both decide the type; other options are carried along."""
    kinds = ask(
        lambda c: [
            only(c.buy("ABC", 1, **how)).type for how in ({}, {"limit": 9}, {"stop": 9}, {"limit": 9, "stop": 8})
        ]
    )
    assert kinds == [OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT]
    intent = only(ask(lambda c: c.buy("ABC", 1, time_in_force="day", tag="why")))
    assert (intent.time_in_force, intent.tag, intent.signal_id) == (TimeInForce.DAY, "why", None)


def test_prices_are_rounded_in_the_orders_favour(ask: Callable[..., Any]) -> None:
    """Ticks of 0.05: a buy's limit goes down and its stop up, a sale's limit up and its stop down."""
    buy = only(ask(lambda c: c.buy("ABC", 1, limit=99.99, stop=99.96)))
    sell = only(ask(lambda c: c.sell("ABC", 1, limit=99.96, stop=99.99)))
    assert (buy.limit, buy.stop) == (D("99.95"), D("100.00"))
    assert (sell.limit, sell.stop) == (D("100.00"), D("99.95"))


def test_below_the_lot_is_denied(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Less than a lot is no mistake of the code (a price has risen): the order is denied, the strategy goes on."""
    made = run(
        does({1: lambda c: c.buy("X", 0.4), 2: lambda c: c.buy("X", notional=50), 3: lambda c: c.buy("X", 1)}),
        {"X": [100] * 5},
        instruments={"X": Instrument(symbol="X", lot_size=D(1))},
    )
    assert [(d.code, d.reason) for d in made.of("order.denied")] == [
        ("lot", "buy 0.4 X is below the lot of 1"),
        ("lot", "buy 0.5 X is below the lot of 1"),
    ]
    assert [o.quantity for o in made.of("order.submitted")] == [1]


def test_intents_and_lists_of_intents(ask: Callable[..., Any]) -> None:
    """`oco` and `children` take intents and what helpers return, in any mixture."""
    pair = ask(lambda c: c.oco(c.buy("ABC", 1, stop=110)[0], c.short("ABC", 1, stop=90)))
    assert [o.group for o in pair] == ["oco-1", "oco-1"]
    entry = only(ask(lambda c: c.buy("ABC", 1, children=[c.sell("ABC", 1, trail=2), *c.sell("ABC", 1, limit=120)])))
    assert [child.type for child in entry.children] == ["trailing_stop", "limit"]


def test_a_signal_by_its_id(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A signal or its id; an id that no signal has ends the strategy."""
    made = run(
        does({1: lambda c: c.buy("X", 1, signal=c.signal("X", "why").id), 2: lambda c: c.buy("X", 1, signal=9)}),
        {"X": [100] * 4},
    )
    assert [o.signal_id for o in made.of("order.submitted")] == [1]
    assert "names signal 9, which was not recorded" in made.of("strategy.ended")[0].error


def test_notional(ask: Callable[..., Any]) -> None:
    """333 worth at 100 is 3.33; 99.999 worth is cut to 0.99."""
    assert only(ask(lambda c: c.buy("ABC", notional=333))).quantity == D("3.33")
    assert only(ask(lambda c: c.buy("ABC", notional="99.999"))).quantity == D("0.99")


MISTAKES: list[tuple[str, Callable[[Context], Any], str]] = [
    ("zero", lambda c: c.buy("ABC", 0), "an order for ABC has quantity 0"),
    ("negative", lambda c: c.buy("ABC", -5), "an order for ABC has quantity -5"),
    ("NaN", lambda c: c.buy("ABC", float("nan")), "the quantity of ABC is nan; it must be a finite number"),
    ("infinite", lambda c: c.buy("ABC", float("inf")), "the quantity of ABC is inf; it must be a finite number"),
    ("NumPy NaN", lambda c: c.buy("ABC", np.float64("nan")), "it must be a finite number"),
    ("a word", lambda c: c.buy("ABC", "ten"), "the quantity of ABC is 'ten', which is not a number"),
    ("a list", lambda c: c.buy("ABC", [1]), "the quantity of ABC is [1], which is not a number"),
    ("a yes", lambda c: c.buy("ABC", True), "the quantity of ABC is True, which is not a number"),
    (
        "an unknown word",
        lambda c: c.buy("ABC", 1, limt=9),
        "buy ABC does not know 'limt' (did you mean 'limit'?); it takes limit, stop, trail,",
    ),
    (
        "a word as signal",
        lambda c: c.buy("ABC", 1, signal="dip"),
        "has signal 'dip'; give what context.signal(...) returned",
    ),
    (
        "an expiry without a zone",
        lambda c: c.buy("ABC", 1, limit=9, time_in_force="gtd", expires_at=dt.datetime(2030, 1, 1)),  # noqa: DTZ001
        "an order for ABC has expires_at 2030-01-01 00:00:00: it has no time zone; add tzinfo=datetime.UTC, or nanoseconds",
    ),
    (
        "an expiry without a time",
        lambda c: c.buy("ABC", 1, limit=9, time_in_force="gtd", expires_at="soon"),
        "an order for ABC has expires_at soon: give an aware datetime or nanoseconds",
    ),
    (
        "exits the wrong way round",
        lambda c: c.buy("ABC", 1, stop_loss=110, take_profit=90),
        "buy ABC has stop_loss 110 and take_profit 90; the stop loss lies below",
    ),
    (
        "a short's exits the wrong way round",
        lambda c: c.short("ABC", 1, stop_loss=90, take_profit=110),
        "short ABC has stop_loss 90 and take_profit 110; the stop loss lies above",
    ),
    ("a time in force", lambda c: c.buy("ABC", 1, time_in_force="gtcc"), "is not known (did you mean 'gtc'?)"),
    ("notional NaN", lambda c: c.buy("ABC", notional=float("nan")), "the notional of ABC is nan"),
    ("neither", lambda c: c.buy("ABC"), "buy ABC takes either a quantity or a notional"),
    ("both", lambda c: c.buy("ABC", 1, notional=1), "buy ABC takes either a quantity or a notional"),
    ("limit NaN", lambda c: c.buy("ABC", 1, limit=float("nan")), "the limit of ABC is nan"),
    ("stop infinite", lambda c: c.buy("ABC", 1, stop=float("inf")), "the stop of ABC is inf"),
    ("limit zero", lambda c: c.buy("ABC", 1, limit=0), "has limit price 0"),
    ("limit negative", lambda c: c.buy("ABC", 1, limit=-3), "has limit price -3"),
    (
        "unknown symbol",
        lambda c: c.buy("ABD", 1),
        "'ABD' is not in this session (did you mean 'ABC'?); it has ABC, XYZ",
    ),
    ("unknown to short", lambda c: c.short("ZZZ", 1), "'ZZZ' is not in this session"),
    ("unknown to close", lambda c: c.close("ABD"), "'ABD' is not in this session (did you mean 'ABC'?)"),
    ("unknown to cancel", lambda c: c.cancel_all("ABD"), "'ABD' is not in this session (did you mean 'ABC'?)"),
    ("unknown target", lambda c: c.target("ABD", weight=1), "'ABD' is not in this session (did you mean 'ABC'?)"),
    ("unknown history", lambda c: c.historical_data["ABC"], "no history is kept: ask for it in on_start"),
    ("no features", lambda c: c.features["ABC"], "no features of 'ABC': ask for them in on_start"),
    ("no price", lambda c: c.buy("XYZ", notional=5), "no price of XYZ is known yet: size it by quantity, or wait"),
    ("no price for a weight", lambda c: c.target("XYZ", weight=1), "no price of XYZ is known yet"),
    ("no target", lambda c: c.target("ABC"), "takes exactly one of weight, quantity, notional; it was given 0"),
    ("two targets", lambda c: c.target("ABC", weight=1, quantity=1), "it was given 2"),
    ("target NaN", lambda c: c.target("ABC", weight=float("nan")), "the target weight of ABC is nan"),
    ("target quantity NaN", lambda c: c.target("ABC", quantity=float("nan")), "the target quantity of ABC is nan"),
    ("target notional NaN", lambda c: c.target("ABC", notional=float("nan")), "the target notional of ABC is nan"),
    (
        "timer in the past",
        lambda c: c.set_timer("t", 5),
        "timer 't' is set for 5, which is not after now (60000000000)",
    ),
    ("timer now", lambda c: c.set_timer("t", c.now), "which is not after now"),
    ("timer without a zone", lambda c: c.set_timer("t", dt.datetime(2030, 1, 1)), "has no time zone"),  # noqa: DTZ001
    ("timer without a time", lambda c: c.set_timer("t", "noon"), "timer 't' is set for 'noon'"),
]


@pytest.mark.parametrize(("question", "message"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistakes_get_a_sentence(ask: Callable[..., Any], question: Callable[[Context], Any], message: str) -> None:
    """What can never be right raises where it is asked for, and says what was wrong."""
    with pytest.raises(StrategyError) as caught:
        ask(question)
    assert message in str(caught.value)


def test_the_order_error_is_a_strategy_error() -> None:
    """So that one `except` in a strategy's test catches both."""
    assert issubclass(OrderError, StrategyError)


def test_close(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Long: sell all; short: cover all; flat: nothing."""
    made = run(
        does(
            {
                1: lambda c: c.close("X") + c.buy("X", 5),
                2: lambda c: c.close("X"),
                3: lambda c: c.close("X") + c.short("X", 4),
                4: lambda c: c.close("X", tag="out"),
            }
        ),
        {"X": [100] * 6},
    )
    sent = [(o.side.value, o.quantity, o.tag) for o in made.of("order.submitted")]
    assert sent == [("buy", 5, ""), ("sell", 5, ""), ("short", 4, ""), ("cover", 4, "out")]


# held, what is asked, what is sent; price 100, equity 10,000, whole lots
TARGETS: list[tuple[int, dict[str, Any], str]] = [
    (0, {"weight": 1}, "buy 100"),
    (0, {"weight": 0.5}, "buy 50"),
    (0, {"weight": -0.5}, "short 50"),
    (0, {"weight": 0}, ""),
    (0, {"quantity": 7}, "buy 7"),
    (0, {"quantity": -7}, "short 7"),
    (0, {"notional": 750}, "buy 7"),
    (0, {"notional": -750}, "short 7"),
    (0, {"weight": 0.001}, ""),
    (50, {"weight": 1}, "buy 50"),
    (50, {"weight": 0.25}, "sell 25"),
    (50, {"weight": 0}, "sell 50"),
    (50, {"weight": -0.5}, "short 100"),
    (50, {"quantity": 50}, ""),
    (-50, {"weight": -0.25}, "cover 25"),
    (-50, {"weight": 0}, "cover 50"),
    (-50, {"weight": 0.5}, "buy 100"),
    (-50, {"weight": -1}, "short 50"),
    # the band is 2 % of 10,000 = 200: a change of one share (100) is left, of two (200) is not
    (50, {"quantity": 51}, ""),
    (50, {"quantity": 52}, "buy 2"),
    (50, {"quantity": 49}, ""),
    (50, {"quantity": 48}, "sell 2"),
    (50, {"quantity": 51, "band": 0}, "buy 1"),
    (50, {"quantity": 59, "band": 0.1}, ""),
    (50, {"quantity": 60, "band": 0.1}, "buy 10"),
    (1, {"quantity": 0}, "sell 1"),
    (1, {"quantity": -1}, "short 2"),
    (-1, {"quantity": 0}, "cover 1"),
]


@pytest.mark.parametrize(("held", "wanted", "sent"), TARGETS, ids=str)
def test_target(
    run: Callable[..., Any], does: Callable[..., Any], held: int, wanted: dict[str, Any], sent: str
) -> None:
    """A target sends the difference, with the side that says what it does; small changes are left alone."""
    first = {1: lambda c: c.target("X", quantity=held)} if held else {}
    made = run(
        does({**first, 2: lambda c: c.target("X", **wanted)}),
        {"X": [100] * 3},
        cash=10_000,
        instruments={"X": Instrument(symbol="X", lot_size=D(1))},
    )
    orders = made.of("order.submitted")[bool(held) :]
    assert " ".join(f"{o.side} {o.quantity}" for o in orders) == sent


def test_band_must_be_a_number(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A band that is no number is a sentence, not a failed comparison."""
    made = run(
        does({1: lambda c: c.buy("X", 5), 2: lambda c: c.target("X", quantity=6, band=float("nan"))}), {"X": [100] * 3}
    )
    assert "the band of X is nan; it must be a finite number" in made.outcome.errors[0]


def test_target_leaves_room_for_costs(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A weight of one with 100 bps of fee buys 10,000 / (100 x 1.01) = 99.0 shares, all of which are paid for."""
    made = run(
        does({1: lambda c: c.target("X", weight=1)}),
        {"X": [100] * 3},
        cash=10_000,
        market=Market(commission=Bps(D(100))),
        instruments={"X": Instrument(symbol="X", lot_size=D(1))},
    )
    assert [f.quantity for f in made.of("order.filled")] == [99]
    assert made.outcome.portfolios["main"].cash == D(10_000) - 9_900 - 99


def test_target_counts_orders_at_work(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Asking for the same target twice in one instant, or while the first rests, sends one order."""
    made = run(does({1: lambda c: c.buy("X", 10, limit=50), 2: lambda c: c.target("X", quantity=10)}), {"X": [100] * 4})
    assert [o.quantity for o in made.of("order.submitted")] == [10]


class Watches(Strategy):
    """Rests two orders, then looks at them and takes them back."""

    seen: ClassVar[list[Any]] = []

    def generate_orders(self, context: Context) -> Any:
        minute = context.now // MINUTE
        if minute == 1:
            return context.buy("A", 1, limit=5) + context.buy("B", 2, limit=5) + context.buy("A", 3, limit=4)
        if minute == 2:
            self.seen.append([(o.id, o.symbol, str(o.status), o.remaining) for o in context.open_orders])
            return context.cancel_all("A")
        if minute == 3:
            self.seen.append([o.id for o in context.open_orders])
            return context.cancel(context.open_orders[0])
        self.seen.append(context.cancel(7))
        return context.cancel_all()


def test_open_orders_and_taking_them_back(run: Callable[..., Any]) -> None:
    """Open orders are listed oldest first; all of a symbol, one, or all can be taken back."""
    Watches.seen.clear()
    made = run(Watches(), {"A": [10] * 4, "B": [10] * 4})
    listed = [(1, "A", "accepted", 1), (2, "B", "accepted", 2), (3, "A", "accepted", 3)]
    assert Watches.seen == [listed, [2], [CancelIntent(7)]]
    assert [(c.order_id, c.reason) for c in made.of("order.cancelled")] == [
        (1, "by request"),
        (3, "by request"),
        (2, "by request"),
    ]
    assert [c.order_id for c in made.of("order.cancel_requested")] == [1, 3, 2]


def test_signal_is_linked_to_its_order(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A signal is recorded with its reasons, and the order that carries it names its number."""

    def decide(context: Context) -> Any:
        signal = context.signal("X", "long", ["fast above slow"], fast=2.5, slow=np.float64(1.5))
        return context.buy("X", 1, signal=signal)

    made = run(does({1: decide, 2: decide}), {"X": [100] * 4})
    assert [(s.id, s.type, s.conditions, s.values) for s in made.of("signal")] == [
        (1, "long", ("fast above slow",), {"fast": 2.5, "slow": 1.5}),
        (2, "long", ("fast above slow",), {"fast": 2.5, "slow": 1.5}),
    ]
    assert [o.signal_id for o in made.of("order.submitted")] == [1, 2]


def test_signal_takes_plain_words_and_numbers_of_every_kind(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """NumPy's numbers and one condition as a word are recorded as what they mean, and the journal reads."""
    made = run(
        does({1: lambda c: [c.signal("X", "long", "cheap", a=np.int64(2), b=np.float32(0.5), c=D("1.5"), d=1)][:0]}),
        {"X": [100] * 2},
    )
    (signal,) = made.of("signal")
    assert (signal.conditions, signal.values) == (("cheap",), {"a": 2.0, "b": 0.5, "c": 1.5, "d": 1.0})


def test_signal_value_that_is_no_number(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Ends the strategy where it is given, not the journal where it is written."""
    made = run(does({1: lambda c: c.signal("X", "long", a=object())}), {"X": [100] * 2})
    assert "the signal's value a is <object" in made.outcome.errors[0]
    assert made.kinds()[-1] == "session.ended"


def test_signal_value_that_is_not_known_yet(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A feature that is NaN may be told in a signal, and the journal still reads."""
    made = run(does({1: lambda c: [c.signal("X", "long", a=float("nan"))][:0]}), {"X": [100] * 2})
    assert [s.values for s in made.of("signal")] == [{"a": None}]


def test_history(run: Callable[..., Any]) -> None:
    """The last bars that were asked for, oldest first, this one included; the most that was asked for counts."""

    class Remembers(Strategy):
        seen: ClassVar[list[Any]] = []

        def on_start(self, context: Context) -> None:
            context.historical_data.require(3)
            context.historical_data.require(2)

        def generate_orders(self, context: Context) -> Any:
            closes = context.historical_data.closes
            self.seen.append((closes("A", 3), closes("A", 1), closes("A", 0), len(context.historical_data["B"])))
            return []

    run(Remembers(), {"A": [1, 2, 3, 4], "B": [5, 5]})
    assert Remembers.seen == [
        ([1.0], [1.0], [], 1),
        ([1.0, 2.0], [2.0], [], 2),
        ([1.0, 2.0, 3.0], [3.0], [], 2),
        ([2.0, 3.0, 4.0], [4.0], [], 2),
    ]


def test_history_of_an_unknown_symbol(run: Callable[..., Any]) -> None:
    """A symbol that is not in the session is a mistake, not an empty past."""

    class Mistypes(Strategy):
        def on_start(self, context: Context) -> None:
            context.historical_data.require(3)

        def generate_orders(self, context: Context) -> Any:
            return [context.historical_data["ABD"]]

    made = run(Mistypes(), {"ABC": [1, 2, 3, 4]})
    assert "'ABD'" in made.outcome.errors[0]
    assert "did you mean 'ABC'?" in made.outcome.errors[0]


def test_features_of_an_unknown_symbol(run: Callable[..., Any]) -> None:
    """The message lists what there is."""

    class Mistypes(Strategy):
        def on_start(self, context: Context) -> None:
            context.features.require(mean=sma(2))

        def generate_orders(self, context: Context) -> Any:
            return [context.features["ABD"]]

    made = run(Mistypes(), {"ABC": [1, 2, 3, 4]})
    assert "no features of 'ABD': the session has ABC" in made.outcome.errors[0]


def test_features_by_name(run: Callable[..., Any]) -> None:
    """Not ready until warm; then the mean of the last two closes, of each symbol by itself."""

    class Reads(Strategy):
        seen: ClassVar[list[Any]] = []

        def on_start(self, context: Context) -> None:
            context.features.require(mean=sma(2))

        def generate_orders(self, context: Context) -> Any:
            row = context.features["A"], context.features["B"]
            self.seen.append([f.mean if f.ready else None for f in row])
            return []

    run(Reads(), {"A": [1, 2, 4], "B": [10, 20, 40]})
    assert Reads.seen == [[None, None], [1.5, 15.0], [3.0, 30.0]]


def test_portfolio_view(run: Callable[..., Any]) -> None:
    """Figures of a long and a short at known prices, with leverage two.

    10 A at 10 and 4 B short at 20 out of 1,000: cash 1,000 - 100 + 80 = 980. At 12 and 15: A 120, B -60.
    """

    class Looks(Strategy):
        seen: ClassVar[dict[str, Any]] = {}

        def generate_orders(self, context: Context) -> Any:
            p = context.portfolio
            if context.now == MINUTE:
                assert (p.price("A"), p.value("A"), p.quantity("A")) == (D(10), D(0), D(0))
                return context.buy("A", 10) + context.short("B", 4)
            self.seen = {
                "cash": p.cash,
                "value": (p.value("A"), p.value("B")),
                "equity": p.equity,
                "net": p.net_exposure,
                "gross": p.exposure,
                "power": p.buying_power,
                "unrealised": p.unrealised_pnl,
                "realised": p.realised_pnl,
                "capital": p.capital,
                "fees": p.fees,
                "held": {s: x.quantity for s, x in p.positions.items()},
            }
            return []

    strategy = Looks()
    from onepath import Limits

    run(strategy, {"A": [10, 10, 12], "B": [20, 20, 15]}, cash=1000, limits=Limits(max_leverage=D(2)))
    assert strategy.seen == {
        "cash": D(980),
        "value": (D(120), D(-60)),
        "equity": D(1040),  # 980 + 120 - 60
        "net": D(60),
        "gross": D(180),
        "power": D(1900),  # 2 x 1,040 - 180
        "unrealised": D(40),  # 10 x 2 + 4 x 5
        "realised": D(0),
        "capital": D(1000),
        "fees": D(0),
        "held": {"A": D(10), "B": D(-4)},
    }


def test_time_as_the_strategy_sees_it(ask: Callable[..., Any]) -> None:
    """Nanoseconds since the epoch, and the same as a datetime in UTC."""
    now, moment = ask(lambda c: (c.now, c.current_time))
    assert now == MINUTE
    assert moment == dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "when",
    [
        dt.datetime(1970, 1, 1, 0, 1, 30, tzinfo=dt.UTC),
        dt.datetime(1970, 1, 1, 1, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        90 * 1_000_000_000,
        np.int64(90 * 1_000_000_000),
    ],
    ids=["UTC", "another zone", "nanoseconds", "NumPy"],
)
def test_a_timer_may_be_set_in_every_form(run: Callable[..., Any], when: Any) -> None:
    """An aware datetime of any zone or nanoseconds mean one moment: a minute and a half after the epoch."""

    class Sets(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None:
            if context.now == MINUTE:
                context.set_timer("t", when)

    assert [t.at for t in run(Sets(), {"X": [1, 1, 1]}).of("timer")] == [90 * 1_000_000_000]


def test_a_strategy_that_overrides_nothing_does_nothing(ask: Callable[..., Any], run: Callable[..., Any]) -> None:
    """The base class is a strategy: asked directly it wants nothing, in a session it starts and ends."""
    assert ask(lambda c: len(Strategy().generate_orders(c))) == 0
    assert run(Strategy(), {"X": [1, 2]}, mark_every=MINUTE).of("order.submitted") == []


def test_what_else_the_context_holds(ask: Callable[..., Any]) -> None:
    """Name, symbols, limits, an empty notebook; prices known and not."""
    found = ask(lambda c: (c.name, c.symbols, c.risk_limits.max_leverage, c.metadata, c.price("ABC"), c.price("XYZ")))
    assert found == ("main", ("ABC", "XYZ"), 1, {}, D(100), None)
