"""Scenario tables: text that a trader can read, played through the real loop, one line a case.

    name | hold | bars | orders | what happens | with

- `hold`: signed quantity owned before bar 1, traded at 100 in two quiet bars before it (not shown, not numbered).
- `bars`: `open/high/low/close`, or one price for all four; `*500` is a volume; `~17.5h` a gap in time before the next bar.
- `orders`: `1: buy 10 limit 99 day; 3: cancel #1` - what is sent at the close of that bar. Orders are numbered from 1.
- `what happens`: `2: +10 @ 101` - in that bar the (first) order bought 10 at 101; `#2 -5 @ 99` names another order.
  Others: `cancelled`, `expired`, `denied CODE`; `end: #1 open 5` is an order that can still trade 5 at the end.
  The list is whole: what is not in it did not happen.
- `with`: `cash 1000`, `slip 10` (bps), `volume_slip`, `fee 5` (bps), `tick 0.01`, `lot 1`, `part 0.1`, `touch`, `late 90` (s),
  `every 8h`, `from 20h` (bar 1 starts then, on a Monday, UTC), `calendar XNYS`, `lev 2`, `multiplier 10`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from onepath import Bps, CancelIntent, Context, FixedBps, Instrument, NormalLatency, Strategy, TimeInForce, VolumeBased
from onepath.seat import Seated
from onepath.events import Cancelled, Expired, Fill
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.orders import Denied
from onepath.risk import Limits
from onepath.session import Outcome, Plan, Session
from onepath.simulator.commission import NoCommission
from onepath.simulator.latency import NoLatency
from onepath.simulator.slippage import NoSlippage
from onepath.simulator.venue import Market

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
MONDAY = 1_704_672_000 * SECOND  # 2024-01-08 00:00 UTC
TABLES = Path(__file__).parent / "tables"
QUIET = 2
"""bars before bar 1"""


class Case(NamedTuple):
    """A line of a table."""

    name: str
    hold: int
    bars: str
    orders: str
    happens: list[str]
    settings: dict[str, str]


def parsed(line: str) -> Case:
    """A line, cut into its six columns."""
    cells = [cell.strip() for cell in line.split("|")]
    name, hold, bars, orders, happens = cells[:5]
    words = (word.strip().partition(" ") for word in (cells[5] if len(cells) > 5 else "").split(";") if word.strip())
    return Case(name, int(hold or 0), bars, orders, list(_terms(happens)), {key: value for key, _, value in words})


def _terms(cell: str) -> Iterator[str]:
    """Every event with its bar and its order written out."""
    when = ""
    for part in (part.strip() for part in cell.split(";") if part.strip()):
        head, colon, rest = part.partition(":")
        when, what = (head, rest.strip()) if colon else (when, part)
        yield f"{when}: {what}" if what.startswith("#") else f"{when}: #1 {what}"


class Script(Strategy):
    """Sends what a table says, at the close of the bar it says."""

    case: Case
    bar = -QUIET

    def generate_orders(self, context: Context) -> list[Any]:
        self.bar += 1
        hold = self.case.hold
        if self.bar == 1 - QUIET and hold:
            return list(context.buy("X", hold) if hold > 0 else context.short("X", -hold))
        return [
            intent
            for part in self.case.orders.split(";")
            for when, _, what in [part.strip().partition(":")]
            if when and int(when) == self.bar
            for intent in self._intents(what.split(), context)
        ]

    def _intents(self, words: list[str], context: Context) -> list[Any]:
        if words[0] == "cancel":
            return [CancelIntent(int(words[1][1:]) + bool(self.case.hold))]
        how: dict[str, Any] = {"time_in_force": TimeInForce.DAY} if words[-1] == "day" else {}
        how |= {key: words[words.index(key) + 1] for key in ("limit", "stop") if key in words}
        sent: list[Any] = getattr(context, words[0])("X", words[1], **how)
        return sent


def _number(cell: str) -> Decimal:
    return Decimal(cell.rstrip("h"))


def _feed(case: Case, instrument: Instrument) -> ColumnFeed:
    interval = int(_number(case.settings.get("every", "")[:-1] or "0") * HOUR) or 60 * SECOND
    clock = MONDAY + int(_number(case.settings.get("from", "0h")) * HOUR) - QUIET * interval
    quiet = "100*1000000000" if "*" in case.bars else "100"
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for token in [*[quiet] * QUIET, *case.bars.split()]:
        if token.startswith("~"):
            clock += int(_number(token[1:]) * HOUR)
            continue
        prices, _, volume = token.partition("*")
        four = prices.split("/") if "/" in prices else [prices] * 4
        row = [clock, clock + interval, *map(float, four), float(volume or 0)]
        for name, value in zip(COLUMNS, row, strict=True):
            columns[name].append(value)
        clock += interval
    return ColumnFeed(
        {"X": columns}, {"X": instrument}, interval_ns=interval, calendar=case.settings.get("calendar", "24/7")
    )


def _market(given: dict[str, str]) -> Market:
    return Market(
        slippage=FixedBps(Decimal(given["slip"]))
        if "slip" in given
        else VolumeBased()
        if "volume_slip" in given
        else NoSlippage(),
        commission=Bps(Decimal(given["fee"])) if "fee" in given else NoCommission(),
        latency=NormalLatency(float(given["late"]) * 1_000, 0.0, 0) if "late" in given else NoLatency(),
        participation=Decimal(given["part"]) if "part" in given else None,
        touch="touch" in given,
    )


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
    instrument = Instrument(
        symbol="X",
        calendar=given.get("calendar", "24/7"),
        tick_size=Decimal(given.get("tick", "0")),
        lot_size=Decimal(given.get("lot", "0.00000001")),
        multiplier=Decimal(given.get("multiplier", "1")),
    )
    feed = _feed(case, instrument)
    strategy = Script()
    strategy.case = case
    limits = Limits(max_leverage=Decimal(given.get("lev", "1")))
    seat = Seated("trader", strategy, Decimal(given.get("cash", "1000000")), limits, ("X",))
    plan = Plan(
        "backtest", 0, feed, feed.describe(), [seat], [{"class": "Script"}], _market(given), {}, feed.interval_ns
    )
    journal = MemoryJournal("known")
    session = Session(plan, journal)
    outcome = session.run()
    bars = {event.at: n for n, (event, _) in enumerate(_events(feed), start=1 - QUIET)}
    first = 2 if case.hold else 1
    happened, fills = [], []
    for row in journal.rows():
        event = decode(row)
        what = _told(event)
        number = _order_id(event) - first + 1
        if what and number > 0:
            happened.append(f"{bars[row.at]}: #{number} {what}")
            fills += [event] if isinstance(event, Fill) else []
    for order in session.venue.open_orders():
        state = session.engine._blotter.get(order.id)
        assert state is not None, "an order that the venue works is open in the blotter"
        happened.append(f"end: #{order.id - first + 1} open {_plain(state.remaining)}")
    return Played(case, outcome, journal, happened, fills)


def _events(feed: ColumnFeed) -> Iterator[Any]:
    for batch in feed.batches():
        yield from batch.events()


def _told(event: Any) -> str:
    if isinstance(event, Fill):
        return f"{'+' if event.quantity > 0 else '-'}{_plain(abs(event.quantity))} @ {_plain(event.price)}"
    if isinstance(event, Denied):
        return f"denied {event.code}"
    return "cancelled" if isinstance(event, Cancelled) else "expired" if isinstance(event, Expired) else ""


def _order_id(event: Any) -> int:
    return int(event.order.id if isinstance(event, Denied) else getattr(event, "order_id", 0))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def lines(table: str) -> list[Any]:
    """The cases of a table, named by their first column."""
    rows = [line.strip() for line in table.splitlines() if line.strip() and not line.strip().startswith("#")]
    return [pytest.param(row, id=re.sub(r"\W+", "-", row.partition("|")[0].strip())) for row in rows]


@pytest.fixture
def play() -> Callable[[str], Played]:
    """Plays a line of a table."""
    return played


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `line` runs for every line of its table: `test_market` for `tables/market.txt`."""
    if "line" in metafunc.fixturenames:
        name = metafunc.function.__name__.removeprefix("test_")
        metafunc.parametrize("line", lines((TABLES / f"{name}.txt").read_text()))
