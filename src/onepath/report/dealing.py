"""Execution as a person reads it: lines for a terminal, and the tear sheet's section with its two pictures.

Rules: what is unknown is a dash; every currency has its own lines; names and reasons are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from onepath.report import formulas as f
from onepath.report import wording as w
from onepath.report.activity import cell, scrolling, table, words
from onepath.report.expenses import Benchmark, Execution, Figures, Money
from onepath.report.page import figure, section, text

EDGES = (-50.0, -20.0, -10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""basis points between the columns of the distribution; zero belongs to the column above it"""
_HIGH = 118
LINES = 100
"""of a table by symbol, strategy or hour in the tear sheet"""


def _money(value: Decimal | None, currency: str) -> str:
    return w.UNDEFINED if value is None else w.money(float(value), currency)


def _bps(value: float | None) -> str:
    return w.UNDEFINED if value is None else w.basis_points(value / 10_000)


def _share(value: float | None) -> str:
    return w.percent(f.NAN if value is None else value, 1)


def _seconds(value: float | None) -> str:
    return w.UNDEFINED if value is None else w.span(value * w.SECOND) if value >= 1 else f"{value * 1000:.3g} ms"


def lines(figures: Figures) -> list[tuple[str, str]]:
    """Label and text of every figure that matters."""
    return [*counts(figures), *(line for money in figures.money.values() for line in costs(money))]


def counts(figures: Figures) -> list[tuple[str, str]]:
    """What became of the orders, and how soon."""
    first, last = figures.first_fill, figures.last_fill
    rows = [
        ("Orders sent", f"{figures.orders:,}"),
        ("Filled completely", f"{figures.filled:,} ({_share(figures.fill_rate)})"),
        ("Fill ratio of an order, mean", _share(figures.filled_share)),
        ("Partly filled", f"{figures.partly_filled:,}"),
        ("Filled in several executions", f"{figures.in_parts:,}"),
        (
            "Time to first fill: median, mean, p95",
            " / ".join(_seconds(x) for x in (first.median, first.mean, first.p95)),
        ),
        ("Time to complete: median, mean, p95", " / ".join(_seconds(x) for x in (last.median, last.mean, last.p95))),
        ("Cancelled, expired", f"{figures.cancelled:,}, {figures.expired:,}"),
        ("Replaced / requested", f"{figures.replaced:,} / {figures.replace_requests:,}"),
        ("Rejected by the venue", f"{figures.rejected:,}"),
    ]
    rows += [(f"  {reason}", f"{count:,}") for reason, count in figures.rejected_by.items()]
    rows.append(("Denied before the venue", f"{figures.denied:,}"))
    return rows + [(f"  {reason}", f"{count:,}") for reason, count in figures.denied_by.items()]


def costs(money: Money) -> list[tuple[str, str]]:
    """What one currency's orders cost."""
    currency, short = money.currency, money.shortfall
    name = f" ({currency})" if currency else ""
    rows = [
        (f"Value traded{name}", w.money(float(money.notional), currency)),
        ("Maker share", _share(money.maker_share)),
        *((f"Cost: {kind}", _money(amount, currency)) for kind, amount in money.costs.items()),
        ("Slippage against arrival", benchmark(money.arrival, currency)),
        ("Slippage against mid", benchmark(money.mid, currency)),
        ("Slippage against the next open", benchmark(money.next_open, currency)),
        ("Implementation shortfall", f"{_money(short.total, currency)}, {_bps(short.bps)}{_unknown(short.unknown)}"),
    ]
    parts = (
        ("delay", short.delay),
        ("trading", short.trading),
        ("fees", short.fees),
        ("opportunity (not filled)", short.opportunity),
    )
    return rows + [(f"  {part}", _money(amount, currency)) for part, amount in parts]


def benchmark(found: Benchmark, currency: str) -> str:
    """Money, basis points, and of how many orders the price is unknown."""
    if found.cost is None:
        return "unknown" if found.unknown else w.UNDEFINED
    return f"{_money(found.cost, currency)}, {_bps(found.bps)}{_unknown(found.unknown)}"


def _unknown(count: int) -> str:
    return f" ({count:,} unknown)" if count else ""


def row(name: str, figures: Figures) -> list[list[str]]:
    """A line a currency of a table of groups."""
    found: list[Money | None] = [*figures.money.values()] or [None]
    return [[name or w.UNDEFINED, *_row(figures, money)] for money in found]


HEADS = ("orders", "filled", "traded", "arrival", "shortfall", "fees", "cost")


def _row(figures: Figures, money: Money | None) -> list[str]:
    start = [f"{figures.orders:,}", _share(figures.fill_rate)]
    if money is None:
        return [*start, *[w.UNDEFINED] * 5]
    fees = money.costs.get("commission", Decimal(0)) + money.costs.get("rebates", Decimal(0))
    values = [w.money(float(value), money.currency) for value in (money.notional, fees, money.cost)]
    return [*start, values[0], _bps(money.arrival.bps), _bps(money.shortfall.bps), *values[1:]]


# -- the tear sheet


def execution(found: Execution) -> str:
    """The section: figures at the left; pictures, and tables by symbol, strategy and hour, at the right."""
    total = found.total
    if not total.orders:
        return ""
    tables = _list(counts(total)) + "".join(_list(costs(money)) for money in total.money.values())
    caption = (
        "Positive is a cost. Arrival is the last price when the order was decided. Implementation shortfall: profit on "
        "paper at arrival prices less profit in fact. Unknown: not recorded."
    )
    pictures = _spread(found) + "".join(_kinds(money) for money in total.money.values()) + _groups(found)
    return section("Execution", f'<div class="deal"><div>{tables}</div><div>{pictures}</div></div>', caption)


def _groups(found: Execution) -> str:
    """The same figures by symbol, strategy and hour, where there are several."""
    groups = {kind: found.by(kind) for kind in ("symbol", "strategy", "hour")}
    return "".join(_grouped(kind, inner) for kind, inner in groups.items() if len(inner) > 1)


def _grouped(kind: str, groups: Mapping[str, Figures]) -> str:
    heads = ("Orders", "Filled", "Arrival", "Shortfall", "Cost")
    shown = list(groups.items())[:LINES]
    rows = [line for name, figures in shown for line in _group(name, figures)]
    first = "Hour, UTC" if kind == "hour" else kind.capitalize()
    more = f'<p class="caption">The first {LINES} of {len(groups):,}.</p>' if len(groups) > LINES else ""
    return f"<h3>By {kind}</h3>{scrolling(table([(first, True), *((head, False) for head in heads)], rows))}{more}"


def _group(name: str, figures: Figures) -> list[list[str]]:
    """A line a currency."""
    start = [words(name or w.UNDEFINED), cell(f"{figures.orders:,}"), cell(_share(figures.fill_rate))]
    if not figures.money:
        return [[*start, *[cell(w.UNDEFINED)] * 3]]
    return [
        [*start, *(_bps_cell(bps) for bps in (money.arrival.bps, money.shortfall.bps)), _money_cell(money)]
        for money in figures.money.values()
    ]


def _bps_cell(value: float | None) -> str:
    return cell(_bps(value), sort=value)


def _money_cell(money: Money) -> str:
    return cell(w.money(float(money.cost), money.currency), sort=float(money.cost))


def _list(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<div><dt>{_label(name)}</dt><dd>{figure(value)}</dd></div>" for name, value in rows)
    return f'<dl class="pairs">{body}</dl>'


def _label(name: str) -> str:
    return f"&emsp;{text(name.strip())}" if name.startswith("  ") else text(name)


def _spread(found: Execution) -> str:
    """How many orders paid how much against arrival, a column a range of basis points."""
    heights = [0] * (len(EDGES) + 1)
    for order in found.orders:
        if order.bps is not None:
            heights[sum(1 for edge in EDGES if order.bps >= edge)] += 1
    title = "<h3>Slippage against arrival, orders by basis points</h3>"
    if not any(heights):
        return f'{title}<div class="nothing">No decision prices were recorded.</div>'
    step, top = 100 / len(heights), max(heights)
    columns = "".join(_column(i, count, count / top, step) for i, count in enumerate(heights))
    marks = "".join(_mark(edge, (i + 1) * step) for i, edge in enumerate(EDGES))
    label = f"Orders by slippage against arrival: {sum(heights):,} in {len(heights)} columns"
    return f'{title}<svg class="spread" role="img" aria-label="{text(label)}">{columns}{marks}</svg>'


def _column(number: int, count: int, share: float, step: float) -> str:
    high = share * _HIGH
    low, up = EDGES[number - 1] if number else None, EDGES[number] if number < len(EDGES) else None
    said = f"below {up:g}" if low is None else f"{low:g} and more" if up is None else f"{low:g} to {up:g}"
    style = "gain" if up is not None and up <= 0 else "paid"
    return (
        f'<rect class="{style}" x="{number * step + 0.6:.2f}%" width="{step - 1.2:.2f}%" y="{_HIGH + 14 - high:.1f}" '
        f'height="{high:.1f}"><title>{text(said)} bps: {count:,} orders</title></rect>'
    )


def _mark(edge: float, left: float) -> str:
    style = "zero" if edge == 0 else ""
    return (
        f'<line class="{style}" x1="{left:.2f}%" x2="{left:.2f}%" y1="{_HIGH + 14}" y2="{_HIGH + 18}"/>'
        f'<text x="{left:.2f}%" y="{_HIGH + 32}">{figure(f"{edge:g}")}</text>'
    )


def _kinds(money: Money) -> str:
    """What was paid, a bar a kind; what was earned (rebates, interest) points the same way in the other colour."""
    paid = [(kind, amount) for kind, amount in money.costs.items() if amount]
    if not paid:
        return ""
    top = max(abs(amount) for _, amount in paid)
    bars = "".join(_bar(kind, amount, float(abs(amount) / top), money.currency) for kind, amount in paid)
    name = f" ({text(money.currency)})" if money.currency else ""
    return f'<h3>Cost by kind{name}</h3><div class="kinds">{bars}</div>'


def _bar(kind: str, amount: Decimal, share: float, currency: str) -> str:
    style = "paid" if amount > 0 else "gain"
    rect = f'<rect class="{style}" width="{share * 100:.1f}%" height="100%" rx="3"/>'
    shape = f'<svg class="bar-of" aria-hidden="true">{rect}</svg>'
    return f"<span>{text(kind)}</span>{shape}<b>{figure(_money(amount, currency))}</b>"
