"""Scenario tables: text that a trader can read, played through the real loop and the real venue, one line a case.

    name | hold | market | orders | what happens | with     # arithmetic

- `hold`: signed quantity owned before event 1, traded at 100 before it (not shown, not numbered; a book: at 99 and 101).
- `market`: what the market shows, numbered from 1; bars last a minute, ticks are a second apart (`every` says otherwise):
  `open/high/low/close` or one price for all four, `*500` its volume; a quote `99*5x101*7`: 5 bid at 99, 7 offered at 101
  (`99x101`: sizes unknown); a trade `t100*5`, `t100*5b` where the buyer came to the seller, `t100*5s` the seller to the buyer;
  a whole book `[99*5,98*8x101*7,102*3]`, a change of it `{x101*2,103*4}` (size 0: gone).
  `=`: at the moment of the one before it. `~17.5h`, `~10s`: time before the next.
- `orders`: `1: buy 10 limit 99 day; 3: cancel #1` - what is sent when that event is known; `1.5:` half an interval later.
  Orders are numbered from 1, children after their parent: `buy 10 [sell 10 stop 95, sell 10 limit 105]`.
  Words: `limit 99`, `stop 95`, `trail 2`, `trail 2%`, `day`, `gtd 3.5`, `ioc`, `fok`, `open`, `close` (auctions), `post`
  (only), `reduce` (only), `group a` (one cancels other). `replace #1 limit 98 quantity 5`.
- `what happens`: `2: +10 @ 101` - with that event the (first) order bought 10 at 101; `2+0.5s` half a second after it;
  `#2 -5 @ 99` names another order. Others: `cancelled`, `expired`, `rejected`, `denied CODE`, `now 5 limit 98` (its terms),
  `cancel refused`, `replace refused`, `not sent` (nothing is left to ask for); `end: #1 open 5` can still trade 5 at the end.
  The list is whole: what is not in it did not happen. Times are when the strategy hears of it.
- `with`: `cash 1000`, `slip 10` (bps), `volume_slip`, `fee 5` (bps), `tick 0.01`, `lot 1`, `part 0.1`, `touch`, `late 90` (s)
  the way out, `back 2` (s) the way home, `queue front`, `queue probability 2`, `refuse 1` (share), `outage 2-3.5`, `delayed 2`
  (s, every report), `every 8h`, `from 20h` (on a Monday, UTC; event n is n intervals later), `calendar XNYS`,
  `lev 2`, `multiplier 10`.
  `show maker`: fills say maker or taker; `made`: when they were made, if that is not when they are heard; `reasons`: in brackets
  after an end; `accepted`. A line `always: ...` gives settings to all lines of its table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from onepath import Bps, CancelIntent, Context, FixedBps, Instrument, OrderIntent, Side, Strategy, VolumeBased
from onepath.book import Book
from onepath.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    Expired,
    Fill,
    Refused,
    Rejected,
    Replaced,
    ReplaceRejected,
)
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.orders import Denied, ReplaceIntent
from onepath.ports import Batch
from onepath.risk import Limits
from onepath.seat import Seated
from onepath.session import Outcome, Plan, Session
from onepath.simulator import queues
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import NoCommission
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Constant, NoLatency
from onepath.simulator.slippage import NoSlippage

SECOND = 1_000_000_000
UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}
MONDAY = 1_704_672_000 * SECOND  # 2024-01-08 00:00 UTC
TABLES = Path(__file__).parent / "tables"
QUIET = 2
"""events before event 1"""
MUCH = 1e9
_WHEN = re.compile(r"(end|[\d.]+(?:\+[\d.]+s)?): *(.*)")


class Case(NamedTuple):
    """A line of a table."""

    name: str
    hold: int
    market: str
    orders: str
    happens: list[str]
    settings: dict[str, str]

    @property
    def shown(self) -> str:
        return self.settings.get("show", "")


def parsed(line: str) -> Case:
    """A line, cut into its six columns."""
    line = re.split(r"\s#\s", line)[0]
    cells = [cell.strip() for cell in line.split("|")]
    name, hold, market, orders, happens = cells[:5]
    words = [word.strip().partition(" ") for cell in cells[5:] for word in cell.split(";") if word.strip()]
    settings = {key: value for key, _, value in reversed(words)}  # its own before those of `always`
    return Case(name, int(hold or 0), market, orders, list(_terms(happens)), settings)


def _terms(cell: str) -> Iterator[str]:
    """Every event with its time and its order written out."""
    when = ""
    for part in (part.strip() for part in cell.split(";") if part.strip()):
        found = _WHEN.fullmatch(part)
        when, what = (found[1], found[2]) if found else (when, part)
        yield f"{when}: {what}" if what.startswith("#") else f"{when}: #1 {what}"


# -- the market


class Tape:
    """The events of a line, and their times."""

    def __init__(self, case: Case) -> None:
        given = case.settings
        tokens = case.market.split()
        self.ticks = any(token[0] in "t[{=" or "x" in token for token in tokens if token[0] != "~")
        self.interval = _span(given.get("every", "1s" if self.ticks else "1m"))
        self.origin = MONDAY + _span(given.get("from", "0h"))
        self.events: list[MarketEvent] = []
        self.numbers: dict[int, int] = {}
        self._book = Book("X")
        self._quiet(tokens, wanted=bool(case.hold) or not self.ticks)
        clock = self.origin
        for token in tokens:
            if token.startswith("~"):
                clock += _span(token[1:])
                continue
            if token[0] != "=":
                clock += self.interval
                self.numbers[clock] = len(self.numbers) + 1
            self.events.append(self._event(token.lstrip("="), clock))
        self.times = {number: at for at, number in self.numbers.items()}

    def _quiet(self, tokens: list[str], *, wanted: bool) -> None:
        """What comes before event 1, for those who have to get hold of something."""
        if not wanted:
            return
        first = next(
            token for token in tokens if token[0] != "~" and (not self.ticks or token[0] != "t" or _only_trades(tokens))
        )
        quiet = (
            "[99*1e9x101*1e9]"
            if first[0] == "["
            else "t100*1e9"
            if first[0] == "t"
            else "100x100"
            if "x" in first
            else "100"
        )
        back = self.interval if not self.ticks else 3_600 * SECOND
        for n in range(QUIET):
            token = quiet + "*1e9" if "*" in "".join(tokens) and quiet == "100" else quiet
            self.events.append(self._event(token, self.origin - (QUIET - 1 - n) * back))

    def _event(self, token: str, at: int) -> MarketEvent:
        if token[0] in "[{":
            bids, asks = (_levels(side) for side in token[1:-1].split("x"))
            update = self._book.update(at, bids, asks, snapshot=token[0] == "[")
            assert update is not None, "no update is old here"
            return update
        if token[0] == "t":
            aggressor = {"b": 1, "s": -1}.get(token[-1], 0)
            price, _, size = token[1:].rstrip("bs").partition("*")
            return Trade("X", at, float(price), float(size), aggressor)
        if "x" in token:
            (bid, bid_size), (ask, ask_size) = (_sized(side) for side in token.split("x"))
            return Quote("X", at, bid, ask, bid_size, ask_size)
        prices, _, volume = token.partition("*")
        four = prices.split("/") if "/" in prices else [prices] * 4
        return Bar("X", at - self.interval, at, *map(float, four), float(volume or 0))

    @property
    def kinds(self) -> set[str]:
        names = {Bar: "bars", Quote: "quotes", Trade: "trades", BookUpdate: "book"}
        return {names[type(event)] for event in self.events}

    def moment(self, when: str) -> int:
        """The nanosecond of `2` (event 2) or `2.5` (half an interval after it)."""
        number, _, part = when.partition(".")
        known = min(int(number), len(self.times))
        at = self.times[known] if known else self.origin
        return at + int((int(number) - known + Decimal(f"0.{part or 0}")) * self.interval)

    def told(self, at: int) -> str:
        """What the tables call a nanosecond."""
        if at in self.numbers:
            return str(self.numbers[at])
        before = max((t for t in self.numbers if t <= at), default=self.origin)
        return f"{self.numbers.get(before, 0)}+{_plain(Decimal(at - before) / SECOND)}s"


def _only_trades(tokens: list[str]) -> bool:
    return all(token[0] in "t~" for token in tokens)


def _levels(side: str) -> list[tuple[float, float]]:
    return [_sized(level) for level in side.split(",") if level]


def _sized(level: str) -> tuple[float, float]:
    price, _, size = level.partition("*")
    return float(price or 0), float(size or 0)


def _span(text: str) -> int:
    return int(Decimal(text[:-1]) * UNITS[text[-1]])


class TapeFeed:
    """A feed of the events of a line."""

    def __init__(self, tape: Tape, instrument: Instrument) -> None:
        self.tape = tape
        self.instruments = {"X": instrument}
        self.total: int | None = len(tape.events)
        self.volumes: tuple[str, ...] = ()
        self.kinds = {"X": tape.kinds}
        self.interval_ns = tape.interval

    def describe(self) -> Mapping[str, Any]:
        return {
            "source": "a table",
            "symbols": ["X"],
            "interval_ns": self.interval_ns,
            "first_at": self.tape.events[0].at,
        }

    def batches(self) -> Iterator[Batch]:
        yield TapeBatch(self.tape.events)

    def fingerprint(self) -> str:
        return "a table"


class TapeBatch:
    """All of them at once."""

    news = ()

    def __init__(self, events: list[MarketEvent]) -> None:
        self.size = len(events)
        self._events = events

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        later = [*self._events[1:], None]
        return ((e, n is None or n.at > e.at) for e, n in zip(self._events, later, strict=True))

    def columns(self, _symbol: str) -> None:
        return None


def _feed(tape: Tape, instrument: Instrument, calendar: str) -> Any:
    if tape.ticks:
        return TapeFeed(tape, instrument)
    columns = {name: [getattr(event, name) for event in tape.events] for name in COLUMNS}
    return ColumnFeed({"X": columns}, {"X": instrument}, interval_ns=tape.interval, calendar=calendar)


# -- the orders


class Script(Strategy):
    """Sends what a table says, when the table says it."""

    case: Case
    tape: Tape

    def on_start(self, context: Context) -> None:
        hold = self.case.hold
        self.plan: dict[int, list[str]] = {}
        if hold:
            self.plan[self.tape.events[0].at] = [f"{'buy' if hold > 0 else 'short'} {abs(hold)}"]
        for part in self.case.orders.split(";"):
            when, _, what = part.strip().partition(":")
            if when:
                self.plan.setdefault(self.tape.moment(when), []).append(what.strip())
        for at in self.plan:
            if at not in self.tape.numbers and at > self.tape.origin:
                context.set_timer("order", at)

    def on_timer(self, timer: Any, context: Context) -> None:
        """Only so that it may decide."""

    def generate_orders(self, context: Context) -> list[Any]:
        return [self._intent(what) for what in self.plan.pop(context.now, [])]

    def _intent(self, what: str) -> Any:
        words = what.split()
        if words[0] in ("cancel", "replace"):
            order_id = int(words[1][1:]) + bool(self.case.hold)
            if words[0] == "cancel":
                return CancelIntent(order_id)
            new = dict(zip(words[2::2], map(_number, words[3::2]), strict=True))
            return ReplaceIntent(order_id=order_id, **new)
        terms, _, children = what.partition("[")
        family = tuple(self._intent(child.strip()) for child in children.rstrip("] ").split(",") if child.strip())
        return OrderIntent(symbol="X", children=family, **self._terms(terms.split()))

    def _terms(self, words: list[str]) -> dict[str, Any]:
        how: dict[str, Any] = {"side": Side(words[0]), "quantity": Decimal(words[1])}
        rest = iter(words[2:])
        for word in rest:
            if word in ("limit", "stop"):
                how[word] = _number(next(rest))
            elif word == "trail":
                distance = next(rest)
                how["trail_percent" if distance.endswith("%") else "trail"] = _number(distance.rstrip("%"))
            elif word == "gtd":
                how |= {"time_in_force": word, "expires_at": self.tape.moment(next(rest))}
            elif word == "group":
                how[word] = next(rest)
            elif word in ("post", "reduce"):
                how[f"{word}_only"] = True
            else:
                how["time_in_force"] = {"open": "at_open", "close": "at_close"}.get(word, word)
        stop, limit = "stop" in how, "limit" in how
        kind = "stop_limit" if stop and limit else "stop" if stop else "limit" if limit else "market"
        return how | {"type": "trailing_stop" if "trail" in how or "trail_percent" in how else kind}


def _number(cell: str) -> Decimal:
    return Decimal(cell)


# -- the venue


def _market(given: dict[str, str], tape: Tape) -> Market:
    return Market(
        slippage=FixedBps(Decimal(given["slip"]))
        if "slip" in given
        else VolumeBased()
        if "volume_slip" in given
        else NoSlippage(),
        commission=Bps(Decimal(given["fee"])) if "fee" in given else NoCommission(),
        latency=Constant(float(given.get("late", 0)) * 1_000, float(given.get("back", 0)) * 1_000)
        if "late" in given or "back" in given
        else NoLatency(),
        participation=Decimal(given["part"]) if "part" in given else None,
        touch="touch" in given,
        queue=_queue(*given.get("queue", "through").split()),
        faults=_faults(given, tape),
    )


def _queue(name: str, *power: str) -> queues.QueueModel:
    models: dict[str, Callable[..., queues.QueueModel]] = {
        "through": queues.Through,
        "front": queues.Front,
        "back": queues.Back,
        "probability": queues.Probability,
    }
    return models[name](*map(float, power))


def _faults(given: dict[str, str], tape: Tape) -> Faults | None:
    if not given.keys() & {"refuse", "outage", "delayed"}:
        return None
    spans = [span.split("-") for span in given.get("outage", "").split() if span]
    return Faults(
        0,
        reject_rate=float(given.get("refuse", 0)),
        outages=[(tape.moment(start), tape.moment(end)) for start, end in spans],
        delay_rate=float("delayed" in given),
        delay_ms=float(given.get("delayed", 0)) * 1_000,
    )


# -- what happened


class Played(NamedTuple):
    """What became of a line."""

    case: Case
    outcome: Outcome
    journal: MemoryJournal
    happened: list[str]
    fills: list[Fill]


def played(line: str) -> Played:
    """Run a line through a whole session."""
    case = parsed(line)
    given = case.settings
    calendar = given.get("calendar", "24/7")
    instrument = Instrument(
        symbol="X",
        calendar=calendar,
        tick_size=Decimal(given.get("tick", "0")),
        lot_size=Decimal(given.get("lot", "0.00000001")),
        multiplier=Decimal(given.get("multiplier", "1")),
    )
    tape = Tape(case)
    feed = _feed(tape, instrument, calendar)
    strategy = Script()
    strategy.case, strategy.tape = case, tape
    limits = Limits(max_leverage=Decimal(given.get("lev", "1")))
    seat = Seated("trader", strategy, Decimal(given.get("cash", "1000000")), limits, ("X",))
    market = _market(given, tape)
    plan = Plan("backtest", 0, feed, feed.describe(), [seat], [{"class": "Script"}], market, {}, feed.interval_ns)
    journal = MemoryJournal("known")
    session = Session(plan, journal)
    outcome = session.run()
    assert outcome.errors == (), outcome.errors
    first = 2 if case.hold else 1
    happened, fills = [], []
    for row in journal.rows():
        event = decode(row)
        what = _told(event, case.shown, row.at, tape)
        number = _order_id(event) - first + 1
        if what and number > 0:
            happened.append(f"{tape.told(row.at)}: #{number} {what}")
            fills += [event] if isinstance(event, Fill) else []
    for order in session.venue.open_orders():
        state = session.engine._blotter.get(order.id)
        assert state is not None, "an order that the venue works is open in the blotter"
        happened.append(f"end: #{order.id - first + 1} open {_plain(state.remaining)}")
    return Played(case, outcome, journal, happened, fills)


def _told(event: Any, shown: str, at: int, tape: Tape) -> str:
    if isinstance(event, Fill):
        maker = "" if "maker" not in shown else " maker" if event.maker else " taker"
        late = event.executed_at != at and "made" in shown
        made = f" made {tape.told(event.executed_at)}" if late else ""
        return f"{'+' if event.quantity > 0 else '-'}{_plain(abs(event.quantity))} @ {_plain(event.price)}{maker}{made}"
    if isinstance(event, Denied):
        return f"denied {event.code}"
    if isinstance(event, Accepted):
        return "accepted" if "accepted" in shown else ""
    reason = getattr(event, "reason", "")
    why = f" ({reason})" if reason and "reasons" in shown else ""
    if isinstance(event, Replaced):
        names = ("stop", "limit", "trail", "trail_percent")
        prices = [f" {name} {_plain(price)}" for name in names if (price := getattr(event, name)) is not None]
        return f"now {_plain(event.quantity)}{''.join(prices)}{why}"
    name = _SAID.get(type(event), "")
    return name and name + why


_SAID: dict[type, str] = {
    Cancelled: "cancelled",
    Expired: "expired",
    Rejected: "rejected",
    CancelRejected: "cancel refused",
    ReplaceRejected: "replace refused",
    Refused: "not sent",
}


def _order_id(event: Any) -> int:
    return int(event.order.id if isinstance(event, Denied) else getattr(event, "order_id", 0))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def lines(table: str) -> list[tuple[str, str]]:
    """The names and the cases of a table; what a line `always:` says is added to each."""
    rows = [line.strip() for line in table.splitlines() if line.strip() and not line.strip().startswith("#")]
    always = "; ".join(row.partition(":")[2] for row in rows if row.startswith("always:"))
    rows = [row for row in rows if not row.startswith("always:")]
    return [(re.sub(r"\W+", "-", row.partition("|")[0].strip()), _with(row, always)) for row in rows]


def _with(row: str, always: str) -> str:
    if not always:
        return row
    row = re.split(r"\s#\s", row)[0].rstrip()
    return f"{row}; {always}" if row.count("|") > 4 else f"{row} | {always}"
