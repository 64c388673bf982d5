"""A comparison in words and tables, for the terminal and the page, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from onepath.chains import stamp
from onepath.ledger import EXACT
from onepath.report.wording import plural

if TYPE_CHECKING:
    from onepath.versus import Versus
    from onepath.versus.settings import Setting

SHOWN = 3
"""settings that a line tells"""
COUNTS = 6
"""counts of events that a line tells"""


def heading(found: Versus) -> list[tuple[str, str, str]]:
    """Both sessions: what they did, and what came of it."""
    a, b = found.one, found.two
    rows = [
        ("Mode", a.started.mode, b.started.mode),
        ("Decisions", f"{found.decisions[0][0]:,}", f"{found.decisions[1][0]:,}"),
        ("Orders", f"{len(a.orders):,}", f"{len(b.orders):,}"),
        ("Orders of both", f"{found.matched:,}", f"{found.matched:,}"),
        ("Orders of one alone", f"{found.alone[0]:,}", f"{found.alone[1]:,}"),
        ("Fills", *(f"{sum(len(sent.fills) for sent in told.orders.values()):,}" for told in (a, b))),
        ("Profit", *map(money, found.profits)),
    ]
    return [(label, one, two) for label, one, two in rows]


def reasons(found: Versus) -> list[tuple[str, str, str, str]]:
    """Each cause with its share and what was found of it, then the sum."""
    total = found.difference
    told = explanations(found)
    rows = [
        (share.cause, _signed(share.amount), _of(share.amount, total), told.get(share.cause, ""))
        for share in found.shares
        if share.number or told.get(share.cause)
    ]
    return [*rows, ("sum", _signed(total), _of(total, total), "")]


def explanations(found: Versus) -> dict[str, str]:
    """What was found of each cause, in words."""
    return {
        "data": _data(found),
        "clock": _clock(found),
        "parameters": _settings([setting for setting in found.settings if not setting.code]),
        "code": _settings([setting for setting in found.settings if setting.code]),
        **{
            cause: f"{share.number:,} fills and orders"
            for share in found.shares
            if (cause := share.cause) in ("latency", "fill") and share.number
        },
    }


def _data(found: Versus) -> str:
    inputs = found.inputs
    if not inputs.differences:
        return ""
    found_of = list(inputs.counts.items())
    more = f" and {len(found_of) - COUNTS} other kinds" if len(found_of) > COUNTS else ""
    counts = ", ".join(f"{number:,} {what}" for what, number in found_of[:COUNTS]) + more
    first, last = inputs.differences[0].at, inputs.differences[-1].at
    when = f"at {stamp(first)}" if first == last else f"from {stamp(first)} to {stamp(last)}"
    return f"{counts} {when}"


def _clock(found: Versus) -> str:
    inputs = found.inputs
    if inputs.first_shift is None:
        return ""
    return (
        f"{plural(inputs.shifted, 'event')} heard at other times, first at {stamp(inputs.first_shift)}, "
        f"by {inputs.most_shift / 1e6:,.3f} ms at most, {inputs.mean_shift / 1e6:+,.3f} ms in the mean"
    )


def _settings(differing: list[Setting]) -> str:
    said = [f"{setting.path} {_short(setting.one)} and {_short(setting.two)}" for setting in differing[:SHOWN]]
    more = len(differing) - SHOWN
    return "; ".join(said) + (f"; {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def money(value: Decimal) -> str:
    """With cents, and more digits where there are more that count."""
    return (
        f"{value:,.2f}"
        if value == round(value, 2)
        else f"{value.normalize(EXACT):,f}"
        if _few(value)
        else f"{value:,.2f}"
    )


def _exact(value: Decimal) -> str:
    return f"{value.normalize(EXACT):f}"


def _few(value: Decimal) -> bool:
    exponent = value.normalize(EXACT).as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -8


def _signed(value: Decimal) -> str:
    return f"+{money(value)}" if value > 0 else money(value)


def _of(part: Decimal, total: Decimal) -> str:
    return f"{100 * part / total + 0:,.1f} %" if total else "-"


def as_json(found: Versus) -> dict[str, Any]:
    """Plain values; money as text, exact."""
    inputs = found.inputs
    sessions = {
        told.session_id: {
            "mode": told.started.mode,
            "decisions": decided[0],
            "hash": decided[1],
            "orders": len(told.orders),
            "fills": sum(len(sent.fills) for sent in told.orders.values()),
            "profit": _exact(profit),
        }
        for told, decided, profit in zip((found.one, found.two), found.decisions, found.profits, strict=True)
    }
    return {
        "identical": found.identical,
        "sessions": sessions,
        "orders_of_both": found.matched,
        "orders_of_one": list(found.alone),
        "difference": _exact(found.difference),
        "shares": {share.cause: _exact(share.amount) for share in found.shares},
        "data": {"compared": inputs.compared, "counts": inputs.counts, "first": found.first_shown},
        "clock": {"events": inputs.shifted, "first": inputs.first_shift, "most_ns": inputs.most_shift},
        "settings": [setting._asdict() for setting in found.settings],
        "chain": None if found.chain is None else found.chain.as_json(),
        "notes": list(found.notes),
    }


def lines(found: Versus) -> Iterator[tuple[str, str]]:
    """The first events that are not the same, for the page."""
    for difference in found.inputs.differences[:20]:
        fields = ", ".join(f"{name} {a} and {b}" for name, (a, b) in difference.fields.items())
        yield stamp(difference.at), f"{difference.what} {difference.symbol} {difference.kind} {fields}".rstrip()
