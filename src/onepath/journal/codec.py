"""How events become the JSON of a journal row, and come back.

Rules: a kind belongs to one type; decoding is strict. A change of a type's fields raises `SCHEMA` and adds one upcast
from the version before. Decimals travel as strings, so not a digit is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from onepath import events
from onepath.actions import CorporateAction
from onepath.errors import JournalError
from onepath.market import MarketEvent
from onepath.orders import Denied, Order
from onepath.ports import Row

SCHEMA = 2
KINDS: dict[str, Any] = {
    "session.started": events.SessionStarted,
    "session.ending": events.SessionEnding,
    "session.ended": events.SessionEnded,
    "strategy.ended": events.StrategyEnded,
    "order.submitted": Order,
    "order.denied": Denied,
    "order.cancel_requested": events.CancelRequested,
    "order.accepted": events.Accepted,
    "order.rejected": events.Rejected,
    "order.cancelled": events.Cancelled,
    "order.expired": events.Expired,
    "order.replace_requested": events.ReplaceRequested,
    "order.replace_denied": Denied,
    "order.replaced": events.Replaced,
    "order.replace_rejected": events.ReplaceRejected,
    "order.cancel_rejected": events.CancelRejected,
    "order.refused": events.Refused,
    "order.forced": events.Forced,
    "order.partly_filled": events.Fill,
    "order.filled": events.Fill,
    "position": events.PositionEvent,
    "cash": events.CashFlow,
    "margin_call": events.MarginCall,
    "corporate_action": CorporateAction,
    "trading_state": events.TradingStateChanged,
    "command": events.Command,
    "signal": events.Signal,
    "timer": events.Timer,
    "mark": events.Mark,
    "prices": events.Prices,
    "market": list[MarketEvent],
    "data.status": events.DataStatus,
    "time": events.TimePassed,
    "alert": events.Alert,
}
DECISIONS = (
    "order.submitted",
    "order.denied",
    "order.cancel_requested",
    "order.replace_requested",
    "order.replace_denied",
    "signal",
    "trading_state",
)
"""What a strategy and its risk checks decided: the kinds that a replay must reproduce."""
INPUTS = ("market", "data.status", "time")
"""What a feed brought, in the order in which it was delivered; recorded where it cannot be read again."""
REPORTS = (
    "order.accepted",
    "order.rejected",
    "order.cancelled",
    "order.expired",
    "order.partly_filled",
    "order.filled",
    "order.replaced",
    "order.replace_rejected",
    "order.cancel_rejected",
    "order.forced",
    "cash",
    "margin_call",
)
"""What a venue said, and a replay is told again."""
FILLS = ("order.partly_filled", "order.filled")

encode: Callable[[Any], bytes] = msgspec.json.Encoder(order=None).encode
_decoders: dict[str, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(type_) for kind, type_ in KINDS.items()}


def refused(event: events.Refused) -> Any:
    """The report of the venue that was refused, as it was said; None where what was refused is a strategy's wish."""
    kind = "order." + event.step.removesuffix("_partly_filled")
    return msgspec.convert(event.found, KINDS[kind]) if event.found else None


def decode(row: Row) -> Any:
    """The event of a journal row. Raises JournalError for a kind or body that this version does not know."""
    try:
        return _decoders[row.kind].decode(row.body)
    except KeyError:
        raise JournalError(f"journal row {row.seq} is of kind {row.kind!r}, which this version does not know") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # text that is no UTF-8 is a ValueError
        raise JournalError(f"journal row {row.seq} ({row.kind}) does not read: {error}") from None
