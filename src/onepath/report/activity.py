"""Sections about what was done: prices with entries and exits, round trips, costs, orders, strategies.

Rules: what does not fit is counted in the caption, never dropped in silence. Symbols and names are escaped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from onepath.report import formulas as f
from onepath.report import wording as w
from onepath.report.analysis import Analysis
from onepath.report.charts import Chart, Marker, Series, draw
from onepath.report.curves import wide
from onepath.report.headline import tone
from onepath.report.metrics import Stat
from onepath.report.page import figure, section, text
from onepath.report.record import fee_of, held
from onepath.report.trades import OpenLot, RoundTrip

TRIPS = 500
"""rows of the trade table"""
SYMBOLS = 40
"""symbols that get a price chart, and rows of the cost table"""
MARKERS = 1_200
"""entries and exits on all price charts together"""
PRICE_POINTS = 14_000
"""points of all price charts together"""
LOG = 5
"""a price that grew more than so many times is drawn on a logarithmic scale"""

Row = Sequence[str]


def table(heads: Iterable[tuple[str, bool]], rows: Iterable[Row], style: str = "sorts", foot: str = "") -> str:
    """A table in a box of its own; a head says whether its column is text. Cells come as finished `<td>`."""
    head = "".join(f'<th scope="col"{" class=text" if is_text else ""}>{name}</th>' for name, is_text in heads)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table class="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>'


def scrolling(shown: str) -> str:
    """A table that scrolls inside its own box, with the keyboard too."""
    return f'<div class="scroll long" tabindex="0">{shown}</div>'


def cell(value: str, style: str = "", sort: float | None = None) -> str:
    """A number; `sort` where its text does not sort by itself."""
    order = f' data-v="{sort:.10g}"' if sort is not None else ""
    return f"<td{f' class={style}' if style else ''}{order}>{figure(value)}</td>"


def words(value: object) -> str:
    """A text."""
    return f'<td class="text">{text(value)}</td>'


# -- prices


def prices(analysis: Analysis) -> str:
    """One chart a symbol, with its entries and exits."""
    record = analysis.record
    marks = markers(analysis)
    traded = sorted(record.symbols, key=lambda symbol: -len(marks.get(symbol, ())))
    shown = [symbol for symbol in record.symbols if symbol in set(traded[:SYMBOLS])]
    if not shown or not len(record.prices_at):
        return section("Price, entries and exits", '<div class="nothing">No prices were recorded.</div>')
    each = max(20, MARKERS // len(shown))
    panels = "".join(_panel(analysis, i, s, _spread(marks.get(s, []), each), i > 0) for i, s in enumerate(shown))
    caption = "Last price at each valuation; triangles point the way of the order. "
    caption += f"On a logarithmic scale where the highest is more than {LOG} times the lowest."
    caption += _left_out(record.symbols, shown)
    caption += f" At most {each} marks a symbol are drawn." if any(len(marks.get(s, ())) > each for s in shown) else ""
    return section("Price, entries and exits", _shapes() + panels, caption, _chooser(shown))


def _left_out(symbols: Sequence[str], shown: Sequence[str]) -> str:
    return f" The {len(shown)} most traded of {len(symbols):,} symbols." if len(shown) < len(symbols) else ""


def _chooser(symbols: Sequence[str]) -> str:
    if len(symbols) < 2:
        return ""
    options = "".join(f'<option value="{i}">{text(symbol)}</option>' for i, symbol in enumerate(symbols))
    return f'<select data-shows="price" aria-label="Symbol">{options}</select>'


def _shapes() -> str:
    named = {"long-in": "Long entry", "long-out": "Long exit", "short-in": "Short entry", "short-out": "Short exit"}
    return f'<div class="legend">{"".join(_shape(name, label) for name, label in named.items())}</div>'


def _shape(name: str, label: str) -> str:
    top = 0 if name in {"long-in", "short-out"} else -14
    return f'<span><svg viewBox="-7 {top} 14 14" aria-hidden="true"><use href="#{name}"/></svg>{label}</span>'


def _panel(analysis: Analysis, number: int, symbol: str, marks: Sequence[Marker], hidden: bool) -> str:
    record = analysis.record
    column = record.prices[:, record.symbols.index(symbol)]
    points = max(120, min(1_000, PRICE_POINTS // len(record.symbols)))
    label = f"Price of {symbol} with {len(marks)} entries and exits"
    line, log = (Series(symbol, column, "p"),), wide(column, LOG)
    chart = Chart(label, record.prices_at, line, "price", markers=marks, points=points, log=log)
    return f'<div data-group="price" data-name="{number}"{" hidden" if hidden else ""}>{draw(chart)}</div>'


def _spread(marks: Sequence[Marker], most: int) -> Sequence[Marker]:
    """At most `most` of the marks, evenly chosen."""
    if len(marks) <= most:
        return marks
    return [marks[i] for i in np.linspace(0, len(marks) - 1, most).astype(int)]


def markers(analysis: Analysis) -> dict[str, list[Marker]]:
    """Entries and exits by symbol, in time order; one each, however many trips share it. Where a position turns, the
    new entry is drawn over the old exit."""
    found: dict[str, set[Marker]] = defaultdict(set)
    for trip in analysis.trades.trips:
        found[trip.symbol].add(_marker(trip.entry_at, float(trip.entry_price), trip.side, "in", analysis))
        found[trip.symbol].add(_marker(trip.exit_at, float(trip.exit_price), trip.side, "out", analysis))
    for lot in analysis.trades.open:
        found[lot.symbol].add(_marker(lot.entry_at, float(lot.entry_price), lot.side, "in", analysis))
    return {symbol: sorted(marks, key=_layer) for symbol, marks in found.items()}


def _layer(mark: Marker) -> tuple[int, bool, str, float]:
    return mark.at, mark.shape.endswith("in"), mark.shape, mark.value


def _marker(at: int, price: float, side: str, way: str, analysis: Analysis) -> Marker:
    name = "entry" if way == "in" else "exit"
    return Marker(at, price, f"{side}-{way}", f"{side} {name} {when(at, analysis)} at {w.price(price)}")


def when(at: int, analysis: Analysis) -> str:
    """A moment: its day where the data is daily, else to the minute."""
    interval = analysis.record.manifest.data.get("interval_ns")
    return f"{w.moment(at):%Y-%m-%d}" if isinstance(interval, int) and interval >= w.DAY else w.timestamp(at)


# -- round trips


def trips(analysis: Analysis) -> str:
    """The trade table, newest first."""
    found = analysis.trades.trips
    if not found:
        return section("Round trips", '<div class="nothing">No position was closed in this session.</div>')
    several = len(analysis.record.capital) > 1
    heads = [("Symbol", True), *([("Strategy", True)] if several else []), ("Side", True), ("Quantity", False)]
    heads += [(name, False) for name in ("Entry", "Price", "Exit", "Price", "Held", "Profit", "Return", "Fees")]
    rows = [_trip(trip, several, analysis) for trip in reversed(found[-TRIPS:])]
    count = (
        w.plural(len(found), "round trip") if len(found) <= TRIPS else f"The last {TRIPS} of {len(found):,} round trips"
    )
    caption = f"{count}, newest first, matched first in first out; profit is after fees. Times are UTC."
    return section("Round trips", scrolling(table(heads, rows)), caption)


def _trip(trip: RoundTrip, several: bool, analysis: Analysis) -> Row:
    currency = analysis.record.currency
    pnl, back = float(trip.pnl), trip.profit
    return (
        words(trip.symbol),
        *((words(trip.strategy),) if several else ()),
        words(trip.side),
        cell(w.quantity(float(trip.quantity))),
        cell(when(trip.entry_at, analysis)),
        cell(w.price(float(trip.entry_price))),
        cell(when(trip.exit_at, analysis)),
        cell(w.price(float(trip.exit_price))),
        cell(w.span(trip.holding), sort=trip.holding / w.SECOND),
        cell(w.money(pnl, currency), tone(pnl)),
        cell(w.signed_percent(back), tone(back)),
        cell(w.money(float(trip.fees), currency)),
    )


def still_open(analysis: Analysis) -> str:
    """What was entered and not left when the session ended, at the last prices."""
    lots = analysis.trades.open
    if not lots:
        return ""
    several = len(analysis.record.capital) > 1
    heads = [("Symbol", True), *([("Strategy", True)] if several else []), ("Side", True), ("Quantity", False)]
    heads += [(name, False) for name in ("Entry", "Price", "Last price", "Unrealised")]
    count = w.plural(len(lots), "lot") if len(lots) <= TRIPS else f"The last {TRIPS} of {len(lots):,} lots"
    caption = f"{count} without an exit, valued at the last price; fees of the entry not counted."
    rows = [_lot(lot, several, analysis) for lot in reversed(lots[-TRIPS:])]
    return section("Still open", scrolling(table(heads, rows)), caption)


def _lot(lot: OpenLot, several: bool, analysis: Analysis) -> Row:
    record = analysis.record
    last = _last_price(analysis, lot.symbol)
    size = float(lot.quantity * record.multipliers.get(lot.symbol, 1)) * (1 if lot.side == "long" else -1)
    gain = (last - float(lot.entry_price)) * size
    return (
        words(lot.symbol),
        *((words(lot.strategy),) if several else ()),
        words(lot.side),
        cell(w.quantity(float(lot.quantity))),
        cell(when(lot.entry_at, analysis)),
        cell(w.price(float(lot.entry_price))),
        cell(w.price(last)),
        cell(w.money(gain, record.currency), tone(gain)),
    )


def _last_price(analysis: Analysis, symbol: str) -> float:
    record = analysis.record
    known = symbol in record.symbols and len(record.prices)
    return float(record.prices[-1, record.symbols.index(symbol)]) if known else f.NAN


# -- costs


def costs(analysis: Analysis) -> str:
    """Commission and slippage by symbol, dearest first."""
    record = analysis.record
    paid = _paid(analysis)
    if not paid:
        return section("Costs", '<div class="nothing">Nothing was traded, so nothing was paid.</div>', style="half")
    ranked = sorted(paid.items(), key=lambda item: (-(item[1][1] + item[1][2]), item[0]))
    top = max(abs(fee + slip) for _, fee, slip in paid.values()) or 1.0
    rows = [_cost(symbol, values, top, record.currency) for symbol, values in ranked[:SYMBOLS]]
    heads = [("Symbol", True), ("Traded", False), ("Commission", False), ("Slippage", False), ("Together", False)]
    traded, fee, slip = (sum(values[i] for values in paid.values()) for i in range(3))
    total = [w.money(value, record.currency, 0) for value in (traded, fee, slip)] + [
        w.basis_points(f.ratio(fee + slip, traded))
    ]
    foot = f"<tfoot><tr><th>All</th>{''.join(cell(value) for value in total)}</tr></tfoot>"
    caption = "What trading cost, by symbol; together in hundredths of a per cent of the value traded."
    caption += f" The {SYMBOLS} dearest of {len(paid):,} symbols." if len(paid) > SYMBOLS else ""
    return section(
        "Costs", f'<div class="scroll long" tabindex="0">{table(heads, rows, foot=foot)}</div>', caption, style="half"
    )


def _paid(analysis: Analysis) -> dict[str, tuple[float, float, float]]:
    """Value traded, commission and slippage by symbol."""
    multipliers, bases = analysis.record.multipliers, analysis.record.bases
    paid: dict[str, tuple[float, float, float]] = {}
    for fill in analysis.record.fills:
        traded, fee, slip = paid.get(fill.symbol, (0.0, 0.0, 0.0))
        value = abs(float(fill.quantity * fill.price * multipliers.get(fill.symbol, 1)))
        paid[fill.symbol] = (traded + value, fee + float(fee_of(fill, bases)), slip + float(fill.slippage))
    return paid


def _cost(symbol: str, values: tuple[float, float, float], top: float, currency: str) -> Row:
    traded, fee, slip = values
    share = f.ratio(fee + slip, traded)
    meter = f'<span class="meter c"><i style="--w:{max(0.0, fee + slip) / top * 100:.0f}%"></i></span>'
    return (
        words(symbol),
        cell(w.money(traded, currency, 0)),
        cell(w.money(fee, currency)),
        cell(w.money(slip, currency)),
        f'<td data-v="{share:.8g}">{figure(w.basis_points(share))}{meter}</td>',
    )


# -- orders


def outcomes(analysis: Analysis) -> str:
    """What became of the orders."""
    rows = order_counts(analysis)
    asked = len(analysis.record.orders) + sum(1 for end in analysis.record.outcomes if end.step == "denied")
    if not asked:
        return section("Orders", '<div class="nothing">No order was sent.</div>', style="half")
    body = [_outcome(name, reason, count, asked) for name, reason, count in rows]
    heads = [("Outcome", True), ("Orders", False), ("Share", False)]
    caption = f"What became of the {asked:,} orders that strategies asked for. Denied is ours, rejected the venue's."
    return section("Orders", scrolling(table(heads, body, style="plain")), caption, style="half")


def order_counts(analysis: Analysis) -> list[tuple[str, str, int]]:
    """(outcome, reason, orders): a line an outcome, then a line a reason where one was given."""
    record = analysis.record
    # Orders that the venue forced have ids below zero; no strategy asked for them.
    filled = {fill.order_id for fill in record.fills if not fill.remaining and fill.order_id > 0}
    touched = {fill.order_id for fill in record.fills if fill.order_id > 0}
    ended = {outcome.order_id for outcome in record.outcomes}
    counts = Counter(outcome.step for outcome in record.outcomes)
    reasons = Counter((outcome.step, outcome.reason) for outcome in record.outcomes if outcome.reason)
    waiting = sum(1 for order in record.orders if order.id not in filled and order.id not in ended)
    rows = [("filled", "", len(filled))]
    for step in ("cancelled", "expired", "rejected", "denied"):
        rows.append((step, "", counts[step]))
        rows += [(step, reason, count) for (kind, reason), count in reasons.most_common(20) if kind == step]
    rows.append(("still working", "", waiting))
    rows.append(("of all, partly filled only", "", len(touched - filled)))
    return [row for row in rows if row[2]]


def _outcome(name: str, reason: str, count: int, asked: int) -> Row:
    label = f'<td class="text soft">&emsp;{text(reason)}</td>' if reason else words(name)
    meter = f'<span class="meter"><i style="--w:{count / asked * 100:.0f}%"></i></span>'
    return (label, cell(w.number(count, 0)), f"<td>{w.percent(count / asked, 1)}{meter}</td>")


# -- strategies

_STRATEGY_HEADS = ("Capital", "Final equity", "Return", "Sharpe", "Max drawdown", "Round trips", "Win rate", "Fees")


def strategies(analysis: Analysis) -> str:
    """Each strategy's own result, where there are several."""
    record = analysis.record
    if len(record.capital) < 2:
        return ""
    heads = [("Strategy", True)] + [(name, False) for name in _STRATEGY_HEADS]
    rows = [_strategy(analysis, name) for name in record.capital]
    caption = "Each strategy trades its own capital in its own book."
    return section("Strategies", scrolling(table(heads, rows)), caption)


def _strategy(analysis: Analysis, name: str) -> Row:
    record, days = analysis.record, analysis.days
    capital, curve = float(record.capital[name]), record.curves[name]
    daily = f.returns(np.append(capital, held(days.at, curve.at, curve.equity, capital)))
    own = np.append(capital, curve.equity)
    gain = f.total_return(own)
    profits = np.array([float(trip.pnl) for trip in analysis.trades.trips if trip.strategy == name])
    fees = record.fees(fill for fill in record.fills if fill.strategy == name)
    sharpe, deepest = f.sharpe(daily, days.periods), f.max_drawdown(own)
    return (
        words(name),
        cell(w.money(capital, record.currency)),
        cell(w.money(float(own[-1]), record.currency)),
        cell(w.signed_percent(gain), tone(gain)),
        cell(w.number(sharpe)),
        cell(w.percent(deepest)),
        cell(w.number(len(profits), 0)),
        cell(w.percent(f.share_positive(profits), 1)),
        cell(w.money(fees, record.currency)),
    )


# -- statistics


def statistics(stats: Mapping[str, Stat]) -> str:
    """All statistics by group, each opening to its definition."""
    groups: dict[str, list[Stat]] = defaultdict(list)
    for stat in stats.values():
        groups[stat.group].append(stat)
    body = "".join(
        f"<div><h3>{group}</h3>{''.join(_stat(stat) for stat in found)}</div>" for group, found in groups.items()
    )
    return section(
        "All statistics", f'<div class="stats">{body}</div>', "Hover, tap or press Enter on a line for its definition."
    )


def _stat(stat: Stat) -> str:
    meaning, label = text(stat.definition), text(stat.label)
    summary = f"<summary><span>{label}</span><b>{figure(stat.text)}</b></summary>"
    return f'<details title="{meaning}">{summary}<p>{meaning}</p></details>'
