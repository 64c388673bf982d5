"""Why a decision was made, from a journal and what the feed brought: what it followed, the signal, the order, the fills before.

Rules: a chain is told from the end: the decision, then what came before it, all of the same session. A side that decided nothing
shows where it stood at that moment. Bodies are those of the journal.
Limits: of the instant's market events those of the decision's symbol, else the last there were. Cost: one pass over the journal
and, where market data are not in it, one over the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from onepath.events import DataStatus
from onepath.journal.codec import DECISIONS, FILLS, REPORTS
from onepath.market import MarketEvent
from onepath.ports import Batch, News, Row
from onepath.replay import Parted, Rows

FILLS_SHOWN = 3
_MADE = ("timer", "data.status", "command", "corporate_action", "order.refused", "strategy.ended")
_HEARD = (*REPORTS, *_MADE)
_READ = tuple(dict.fromkeys((*_HEARD, *DECISIONS, "order.forced", "position")))
_NAMES = {
    **{"Bar": "bar", "Quote": "quote", "Trade": "trade", "BookUpdate": "book"},
    **{"DataStatus": "data.status", "TimePassed": "time"},
}
_LEFT_OUT = frozenset({"strategy", "venue_at"})


class Link(NamedTuple):
    """One thing that happened: what it is of a chain (`part`, see PARTS), when it was, and its words."""

    part: str
    at: int
    kind: str
    body: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row, part: str = "row") -> Link:
        """A row of a journal."""
        return cls(part, row.at, row.kind, msgspec.json.decode(row.body))

    def __str__(self) -> str:
        said = ", ".join(f"{name} {_said(value, name)}" for name, value in self.body.items() if _tells(name, value))
        return f"{stamp(self.at)}  {self.kind}  {said}"


class Chain(NamedTuple):
    """Both sides of the first decision that is not the same."""

    number: int
    recorded: tuple[Link, ...]
    replayed: tuple[Link, ...]
    names: tuple[str, str] = ("recorded", "replayed")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        sides = zip(self.names, (self.recorded, self.replayed), strict=True)
        return {"decision": self.number, **{name: [link._asdict() for link in links] for name, links in sides}}


PARTS = ("data", "heard", "signal", "order", "fill", "position", "decision", "later")
"""in the order in which they came to be; `later` is what a side decided next, that decided nothing at this moment"""


def chain(
    parted: Parted,
    recorded: Rows,
    replayed: Rows,
    seen: Iterable[Batch],
    also: Iterable[Batch] = (),
    *,
    within: int = 0,
) -> Chain:
    """The chains of both sides. `seen` is what the feed brought: to both, or to the second what is in `also`. Decisions no more
    than `within` nanoseconds apart are of one moment."""
    first = _about(parted.first)
    moments = [_about(row) if row is not None and row.at - first.at <= within else first for row in parted[1:]]
    market = _market(seen, moments[0])
    other = _market(also, moments[1]) or market
    return Chain(
        parted.number,
        (*market, *_links(recorded, parted.recorded, moments[0])),
        (*other, *_links(replayed, parted.replayed, moments[1])),
    )


class _About(NamedTuple):
    """What a chain is about: the moment, whose decision, in what."""

    at: int
    strategy: str | None
    symbol: str


def _about(row: Row) -> _About:
    return _About(row.at, row.strategy, str(_order(msgspec.json.decode(row.body)).get("symbol", "")))


def _order(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The order inside what was denied; else the body itself."""
    inner = body.get("order")
    return inner if isinstance(inner, dict) else body


def _market(seen: Iterable[Batch], about: _About) -> tuple[Link, ...]:
    """The market events of the instant, or the last before it."""
    last: list[MarketEvent] = []
    found: list[Link] = []
    for batch in seen:
        statuses = [item for item in batch.news if isinstance(item, DataStatus) and item.at == about.at]
        found += [link_of(status) for status in statuses]
        for event, _ in batch.events():
            if event.at > about.at:
                return (*_of(last, about), *found)
            if not last or event.at > last[0].at:
                last = []
            last.append(event)
    return (*_of(last, about), *found)


def _of(events: list[MarketEvent], about: _About) -> list[Link]:
    ours = [event for event in events if event.symbol == about.symbol] or events[-1:]
    return [link_of(event) for event in ours]


def link_of(item: MarketEvent | News) -> Link:
    """Something that a feed brought."""
    body = {name: getattr(item, name) for name in item.__struct_fields__ if name not in ("at", "start")}
    kind = _NAMES.get(type(item).__name__, "corporate_action")
    return Link("data", item.at, kind, body)


class _Side:
    """One journal up to a decision."""

    def __init__(self, about: _About) -> None:
        self.about = about
        self.heard: list[Link] = []
        self.fills: deque[Link] = deque(maxlen=FILLS_SHOWN)
        self.position: Link | None = None
        self.signals: dict[Any, Link] = {}
        self.orders: dict[Any, list[Link]] = {}

    def take(self, row: Row) -> None:
        body = msgspec.json.decode(row.body)
        about = self.about
        if row.kind in _HEARD and row.at == about.at and row.strategy in (None, about.strategy):
            self.heard.append(Link("heard", row.at, row.kind, body))
        if row.strategy != about.strategy:
            return
        ours = _order(body).get("symbol") == about.symbol
        if row.kind in FILLS and ours:
            self.fills.append(Link("fill", row.at, row.kind, body))
        elif row.kind == "position" and ours:
            self.position = Link("position", row.at, row.kind, body)
        elif row.kind == "signal":
            self.signals[body["id"]] = Link("signal", row.at, row.kind, body)
        if row.kind.startswith("order."):
            number = _order(body).get("order_id", _order(body).get("id"))
            self.orders.setdefault(number, []).append(Link("order", row.at, row.kind, body))

    def told(self, row: Row | None) -> tuple[Link, ...]:
        """The chain of `row`, the decision, or of where nothing was decided."""
        links = list(self.heard)
        now = row is not None and row.at == self.about.at
        decision = [] if row is None else [Link.of(row, "decision" if now else "later")]
        if now:
            links += self._signal(decision[0].body)
            links += self.orders.get(decision[0].body.get("order_id"), [])
        links += self.fills
        links += [] if self.position is None else [self.position]
        return (*links, *decision)

    def _signal(self, body: Mapping[str, Any]) -> list[Link]:
        """Why it was wanted: the signal that the order, or its parent, names."""
        asked = _order(body)
        parent = self.orders.get(asked.get("parent_id"), [])
        number = asked.get("signal_id") or next((link.body.get("signal_id") for link in parent), None)
        return [self.signals[number]] if number in self.signals else []


def _links(rows: Rows, row: Row | None, about: _About) -> tuple[Link, ...]:
    side = _Side(about)
    for found in rows.rows(_READ):
        if found.at > about.at or (row is not None and found.seq >= row.seq):
            break
        side.take(found)
    return side.told(row)


def stamp(at: int) -> str:
    """2024-01-02 14:30:00.25, in UTC."""
    second, rest = divmod(at, 1_000_000_000)
    exact = f".{rest:09}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}{exact}"


def _tells(name: str, value: Any) -> bool:
    return name not in _LEFT_OUT and value not in (None, "", 0, [], {})


def _said(value: Any, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and (name == "at" or name.endswith("_at")):
        return stamp(value)
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_said(one, key)}" for key, one in value.items() if _tells(key, one)) + ")"
    if isinstance(value, list | tuple):
        return " ".join(_said(one, "") for one in value)
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
