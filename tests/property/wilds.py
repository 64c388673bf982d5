"""Wild sessions: every order type, bracket, group, replace and cancel, over bars, quotes, trades and books, with delays both
ways, faults, splits and dividends, several strategies, accounts with margin, costs of all kinds. And their journals read back.

Rules: everything follows from the drawn `Wild`, so that Hypothesis can shrink it and a failure repeats.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from onepath import Context, Instrument, Limits, OrderState, Strategy
from onepath.accounts import AccountTerms
from onepath.actions import CashDividend, CorporateAction, Split
from onepath.book import Book
from onepath.errors import OrderError
from onepath.events import TradingState
from onepath.feeds.limited import Limited
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.orders import OrderIntent, OrderType
from onepath.ports import Row
from onepath.risk import Breaker, Breakers, RiskPlan
from onepath.seat import Seated
from onepath.session import Plan, Session, simulated
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import Bps, Commission, MakerTaker, NoCommission
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Constant, Latency, NoLatency
from onepath.simulator.queues import Back, Front, Probability, Through
from onepath.simulator.slippage import FixedBps, NoSlippage

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
EPOCH = 1_577_836_800 * SECOND
CASH = Decimal(2_000)
NAMES = ("one", "two")
TICK = Decimal("0.25")
D = Decimal


class Wild(NamedTuple):
    """What a wild session is made from."""

    seed: int
    instants: int
    kinds: tuple[str, ...]
    """of each symbol: bars, quotes, trades, quotes+trades, book"""
    slip: int
    commission: str
    out_ms: int
    back_ms: int
    fault: str
    participation: str | None
    touch: bool
    queue: str
    leverage: str
    margin: str
    """none, maintenance or liquidates"""
    acts: str
    """none, split, reverse or dividend"""
    lively: float
    batch: int
    fails: int = 0
    """news of its orders upon which the first strategy raises; 0 for never"""
    breaker: str = ""
    """halts, reduces or nothing: what eight orders in three minutes bring"""


KINDS = st.sampled_from(["bars", "bars", "quotes", "trades", "quotes+trades", "book"])


def wilds(**fixed: Any) -> st.SearchStrategy[Wild]:
    """Sessions of all kinds; `fixed` gives strategies for fields that shall not be free."""
    free: dict[str, Any] = {
        "seed": st.integers(0, 2**32),
        "instants": st.integers(5, 40),
        "kinds": st.lists(KINDS, min_size=1, max_size=2).map(tuple),
        "slip": st.sampled_from([0, 30]),
        "commission": st.sampled_from(["none", "bps", "rebate", "base"]),
        "out_ms": st.sampled_from([0, 0, 700, 70_000]),
        "back_ms": st.sampled_from([0, 0, 300, 90_000]),
        "fault": st.sampled_from(["", "", "", "rejects", "outage", "delays"]),
        "participation": st.sampled_from([None, "0.5", "0.1"]),
        "touch": st.booleans(),
        "queue": st.sampled_from(["through", "front", "back", "probability"]),
        "leverage": st.sampled_from(["1", "3"]),
        "margin": st.sampled_from(["none", "none", "maintenance", "liquidates"]),
        "acts": st.sampled_from(["none", "none", "none", "split", "reverse", "dividend"]),
        "lively": st.sampled_from([0.15, 0.5]),
        "batch": st.sampled_from([1, 7]),
        "fails": st.sampled_from([0, 0, 0, 0, 2, 5]),
        "breaker": st.sampled_from(["", "", "", "halted", "reducing"]),
    }
    return st.builds(Wild, **{**free, **fixed})


# -- markets


def events(wild: Wild) -> list[tuple[list[MarketEvent], list[CorporateAction]]]:
    """Instant after instant: its events, and the actions before it. Prices are whole quarters."""
    chance = random.Random(wild.seed)  # noqa: S311 - it must repeat
    prices = {f"S{k}": chance.randint(60, 200) for k in range(len(wild.kinds))}
    books: dict[str, Book] = {}
    made: list[tuple[list[MarketEvent], list[CorporateAction]]] = []
    acts_at = chance.randrange(1, wild.instants) if wild.acts != "none" else 0
    at = EPOCH
    for i in range(wild.instants):
        step = MINUTE if "bars" in wild.kinds else chance.choice([1, SECOND, 40 * SECOND, MINUTE])
        start, at = at, at + step
        acting: list[CorporateAction] = []
        if i == acts_at and i:
            acting = [_action(wild.acts, "S0", start, prices)]
            books.pop("S0", None)
        now: list[MarketEvent] = []
        for symbol, kind in zip(prices, wild.kinds, strict=True):
            if i and i < wild.instants - 1 and not acting and chance.random() < 0.15:
                continue
            old = prices[symbol]
            new = prices[symbol] = max(4, old + chance.choice([-9, -2, -1, -1, 0, 0, 1, 1, 2, 9]))
            now += _shown(kind, symbol, start, at, old, new, chance, books)
        if now:
            made.append((now, acting))
    return made


def _action(what: str, symbol: str, at: int, prices: dict[str, int]) -> CorporateAction:
    price = prices[symbol] * TICK
    if what == "dividend":
        prices[symbol] = max(4, prices[symbol] - 2)
        return CashDividend(symbol, at, D("0.5"), price=price)
    ratio = D(2) if what == "split" else D("0.5")
    prices[symbol] = max(4, int(prices[symbol] / ratio))
    return Split(symbol, at, ratio, price=price)


def _shown(
    kind: str, symbol: str, start: int, at: int, old: int, new: int, chance: random.Random, books: dict[str, Book]
) -> Iterator[MarketEvent]:
    tick = float(TICK)
    if kind == "bars":
        opened = max(4, old + chance.choice([-4, -1, 0, 0, 1, 4]))
        high, low = max(opened, new) + chance.randint(0, 2), max(1, min(opened, new) - chance.randint(0, 2))
        volume = float(chance.choice([0, 10, 100, 1e6]))
        yield Bar(symbol, start, at, opened * tick, high * tick, low * tick, new * tick, volume)
    if "quotes" in kind:
        wide = chance.randint(1, 3)
        sizes = (float(chance.choice([0, 1, 5, 50])), float(chance.choice([0, 1, 5, 50])))
        yield Quote(symbol, at, new * tick, (new + wide) * tick, *sizes)
    if "trades" in kind and (kind == "trades" or chance.random() < 0.7):
        where = new if kind == "trades" else new + chance.randint(-1, 3)
        yield Trade(symbol, at, where * tick, float(chance.choice([1, 5, 50])), chance.choice([-1, 0, 1]))
    if kind == "book":
        book = books.get(symbol)
        if book is None:
            book = books[symbol] = Book(symbol, check="none")
        yield _book(book, at, new, chance)


def _book(book: Book, at: int, new: int, chance: random.Random) -> BookUpdate:
    """Levels below and from `new` on; what stood in between is taken out."""
    tick = float(TICK)
    snapshot = not book.ready
    bids = {(new - 1 - k) * tick: float(chance.choice([0, 1, 4, 20])) for k in range(3)}
    asks = {(new + k) * tick: float(chance.choice([0, 1, 4, 20])) for k in range(3)}
    bids[(new - 1) * tick] = bids[(new - 1) * tick] or 3.0
    asks[new * tick] = asks[new * tick] or 3.0
    if snapshot:
        bids, asks = {p: s for p, s in bids.items() if s}, {p: s for p, s in asks.items() if s}
    else:
        bids |= {p: 0.0 for p, _ in book.levels(1) if p >= new * tick}
        asks |= {p: 0.0 for p, _ in book.levels(-1) if p < new * tick}
    update = book.update(at, tuple(bids.items()), tuple(asks.items()), snapshot=snapshot)
    assert update is not None
    return update


class _Batch:
    def __init__(self, instants: Sequence[list[MarketEvent]], actions: Sequence[CorporateAction]) -> None:
        self._instants = instants
        self.news = actions
        self.size = sum(map(len, instants))

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        for instant in self._instants:
            for i, event in enumerate(instant):
                yield event, i == len(instant) - 1

    def columns(self, symbol: str) -> None:
        return None


class ListFeed:
    """A feed from a list."""

    def __init__(self, wild: Wild) -> None:
        self._made = events(wild)
        self._batch = wild.batch
        self.instruments: Mapping[str, Instrument] = {
            f"S{k}": Instrument(
                symbol=f"S{k}",
                tick_size=TICK,
                lot_size=D(1) if wild.commission != "base" else D("0.001"),
                multiplier=D(1) if k == 0 else D(2),
                base=f"C{k}" if wild.commission == "base" else "",
            )
            for k in range(len(wild.kinds))
        }
        self.kinds = {f"S{k}": set(kind.split("+")) for k, kind in enumerate(wild.kinds)}
        self.volumes = [symbol for symbol, kinds in self.kinds.items() if "bars" in kinds]
        self.total: int | None = sum(len(instant) for instant, _ in self._made)

    def batches(self) -> Iterator[_Batch]:
        waiting: list[list[MarketEvent]] = []
        acting: list[CorporateAction] = []
        for instant, actions in self._made:
            if waiting and (actions or len(waiting) == self._batch):
                yield _Batch(waiting, acting)
                waiting, acting = [], []
            waiting.append(instant)
            acting += actions
        yield _Batch(waiting, acting)

    def describe(self) -> dict[str, Any]:
        acting = [action.symbol for _, actions in self._made for action in actions]
        return {"first_at": EPOCH, "last_at": self._made[-1][0][-1].at, "events": self.total, "acting": acting}

    def fingerprint(self) -> str:
        return ""


# -- the trader


class Wilder(Strategy):
    """Asks for anything at any time, by a generator that it seeds itself."""

    class Params(Strategy.Params):
        seed: int = 0
        lively: float = 0.5
        fails: int = 0

    def on_start(self, context: Context) -> None:
        self._chance = random.Random(self.params.seed)  # noqa: S311 - it must repeat
        self.heard: list[tuple[int, int, str, str]] = []

    def on_order_update(self, order: OrderState, context: Context) -> None:
        self.heard.append((context.now, order.id, str(order.status), str(order.filled)))
        if len(self.heard) == self.params.fails:
            raise RuntimeError("as asked")

    def generate_orders(self, context: Context) -> list[Any]:
        chance, asked = self._chance, []
        if chance.random() < self.params.lively:
            for _ in range(chance.choice([1, 1, 2])):
                try:
                    asked += self._one(context, chance)
                except OrderError:
                    continue  # no price yet, less than a lot, or terms that no order takes
        open_orders = context.open_orders
        if open_orders and chance.random() < 0.3:
            asked += context.cancel(chance.choice(open_orders))
        if open_orders and chance.random() < 0.4:
            asked += self._changed(context, chance, chance.choice(open_orders))
        return asked

    def _changed(self, context: Context, chance: random.Random, state: OrderState) -> list[Any]:
        order = state.order
        terms: dict[str, Any] = {}
        for name in ("limit", "stop", "trail"):
            value = getattr(order, name)
            if value is not None and chance.random() < 0.7:
                terms[name] = max(TICK, value + TICK * chance.randint(-3, 3))
        if not terms or chance.random() < 0.4:
            terms["quantity"] = max(D(1), order.quantity + chance.randint(-4, 4))
        return list(context.replace(state, **terms))

    def _one(self, context: Context, chance: random.Random) -> Sequence[Any]:
        symbol = chance.choice(context.symbols)
        price = context.price(symbol)
        if price is None:
            return ()
        kind = chance.choice(["buy", "buy", "sell", "short", "cover", "close", "oco", "bracket", "target"])
        near = price + TICK * chance.randint(-4, 4)
        if kind == "close":
            return context.close(symbol)
        if kind == "target":
            return context.target(symbol, weight=round(chance.uniform(-0.8, 0.8), 2))
        size = chance.choice([chance.randint(1, 60), chance.randint(40, 200)])
        if kind == "oco":
            rest = max(1, size - chance.randint(0, 5))
            pair = context.buy(symbol, size, stop=price + TICK * 2), context.short(symbol, rest, stop=price - TICK * 2)
            return context.oco(*pair)
        how = self._how(context, chance, near)
        if kind == "bracket":
            away = TICK * chance.randint(1, 6)
            long = chance.random() < 0.5
            exits = {
                "stop_loss": price - away if long else price + away,
                "take_profit": price + away if long else price - away,
            }
            if chance.random() < 0.3:
                side = "sell" if long else "cover"
                child = OrderIntent(
                    symbol=symbol, side=side, quantity=D(size), type=OrderType.TRAILING_STOP, trail=away
                )
                exits = {"children": (child,)}
            return list(getattr(context, "buy" if long else "short")(symbol, size, **how, **exits))
        return list(getattr(context, kind)(symbol, size, **how, reduce_only=chance.random() < 0.1))

    def _how(self, context: Context, chance: random.Random, near: Decimal) -> dict[str, Any]:
        how: dict[str, Any] = {}
        kind = chance.choice(["market", "limit", "limit", "stop", "stop_limit", "trail", "percent"])
        if kind in ("limit", "stop_limit"):
            how["limit"] = near
        if kind in ("stop", "stop_limit"):
            how["stop"] = near + TICK * chance.randint(-2, 2)
        if kind == "trail":
            how["trail"] = TICK * chance.randint(1, 6)
        if kind == "percent":
            how["trail_percent"] = chance.choice([1, 3])
        plain = ["gtc", "gtc", "gtc", "day", "gtd", "ioc", "fok"]
        auctions = ["at_open", "at_close"] if kind in ("market", "limit") else []
        how["time_in_force"] = chance.choice(plain + auctions)
        if how["time_in_force"] == "gtd":
            how["expires_at"] = context.now + chance.choice([1, 30 * SECOND, 90 * SECOND, 5 * MINUTE])
        if kind == "limit" and how["time_in_force"] in ("gtc", "day", "gtd"):
            how["post_only"] = chance.random() < 0.3
        return how


# -- the session


def market(wild: Wild) -> Market:
    commission: Commission = {
        "none": NoCommission(),
        "bps": Bps(D("3.5"), minimum=D("0.5")),
        "rebate": MakerTaker(maker_bps=D("-1"), taker_bps=D(5)),
        "base": MakerTaker(maker_bps=D(10), taker_bps=D(10), in_base=True),
    }[wild.commission]
    latency: Latency = Constant(wild.out_ms, wild.back_ms) if wild.out_ms or wild.back_ms else NoLatency()
    faults = {
        "": None,
        "rejects": Faults(wild.seed, reject_rate=0.3),
        "outage": Faults(wild.seed, outages=((EPOCH + 3 * MINUTE, EPOCH + 6 * MINUTE),)),
        "delays": Faults(wild.seed, delay_rate=0.3, delay_ms=20_000),
    }[wild.fault]
    queue = {"through": Through(), "front": Front(), "back": Back(), "probability": Probability()}[wild.queue]
    share = None if wild.participation is None else D(wild.participation)
    slippage = FixedBps(D(wild.slip)) if wild.slip else NoSlippage()
    return Market(slippage, commission, latency, share, wild.touch, queue, faults)


def plan(wild: Wild) -> Plan:
    feed = ListFeed(wild)
    limits = Limits(max_leverage=D(wild.leverage))
    terms = AccountTerms()
    if wild.margin != "none":
        terms = AccountTerms(
            leverage=D(wild.leverage), maintenance_margin=D("0.25"), liquidates=wild.margin == "liquidates"
        )
    seats = [
        Seated(
            name,
            Wilder(seed=wild.seed + k, lively=wild.lively, fails=0 if k else wild.fails),
            CASH,
            limits,
            tuple(feed.instruments),
            terms,
        )
        for k, name in enumerate(NAMES)
    ]
    sources = [{"class": "Wilder", "source_sha256": ""} for _ in NAMES]
    made = Plan("backtest", wild.seed, feed, feed.describe(), seats, sources, market(wild), {}, 5 * MINUTE)
    if not wild.breaker:
        return made
    trips = Breaker(limit=D(8), window=180.0, action=TradingState(wild.breaker), scope="account")
    return made._replace(risk=RiskPlan(breakers=Breakers(order_rate=trips)))


class Tap:
    """The simulated venue, with a note of what the session sent and how long the journal was then."""

    def __init__(self, venue: Any, journal: MemoryJournal) -> None:
        self._venue = venue
        self._journal = journal
        self.sent: list[tuple[str, int, int]] = []
        self.working = venue.working
        for name in ("touches", "advance", "match", "act", "open_orders", "positions", "cash"):
            setattr(self, name, getattr(venue, name))

    @property
    def due(self) -> int:
        return int(self._venue.due)

    def _note(self, kind: str, order_id: int) -> None:
        self.sent.append((kind, order_id, len(self._journal._rows)))

    def submit(self, approved: Any, at: int) -> Any:
        self._note("order.submitted", approved.order.id)
        return self._venue.submit(approved, at)

    def replace(self, approved: Any, at: int) -> Any:
        self._note("order.replace_requested", approved.order.id)
        return self._venue.replace(approved, at)

    def cancel(self, order_id: int, at: int) -> Any:
        self._note("order.cancel_requested", order_id)
        return self._venue.cancel(order_id, at)


class Lived(NamedTuple):
    """A finished wild session."""

    wild: Wild
    plan: Plan
    session: Session
    journal: MemoryJournal
    tap: Tap

    def rows(self, *kinds: str) -> list[tuple[Row, Any]]:
        return [(row, decode(row)) for row in self.journal.rows(kinds)]


def lived(wild: Wild, watch: Any = None) -> Lived:
    """Run a wild session; `watch(session)` is called after every batch."""
    parts, journal = plan(wild), MemoryJournal("wild")
    session = Session(parts, journal)
    tap = Tap(simulated(parts, session.engine.marks), journal)
    session.venue = tap  # type: ignore[assignment]
    outcome = session.run(None if watch is None else lambda _: watch(session))
    assert len(outcome.errors) <= (1 if wild.fails else 0)
    return Lived(wild, parts, session, journal, tap)


def again(run: Lived, venue: Any = None) -> MemoryJournal:
    """The same session once more, from the start; or with another venue."""
    journal = MemoryJournal("wild")
    parts = plan(run.wild)
    total = run.rows("session.ended")[0][1].events
    Session(parts._replace(feed=Limited(parts.feed, total)), journal, venue).run()
    return journal
