"""The statistics of a session: every number of the report by name, with its text and its definition.

Rules: names are the field's; an undefined value is NaN, shown as a dash, and None in JSON. Ratios of returns come from
daily returns, drawdowns from every recorded mark, trade figures from round trips after fees. The formulas and their
sources stand in `formulas`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import msgspec
import numpy as np

from onepath.report import formulas as f
from onepath.report import wording as w
from onepath.report.analysis import Analysis, analyse
from onepath.report.record import SessionRecord

_Row = tuple[str, str, float, str, str]
"""key, label, value, unit, definition"""


_WRITERS: dict[str, Callable[[float], str]] = {
    "share": w.percent,
    "signed": w.signed_percent,
    "bps": w.basis_points,
    "ratio": w.number,
    "count": partial(w.number, places=0),
    "ns": w.span,
}


class Stat(msgspec.Struct, frozen=True):
    """One statistic. `unit` is share, signed, bps, ratio, money, count or ns; `group` is where a table puts it."""

    key: str
    label: str
    value: float
    text: str
    unit: str
    definition: str
    group: str


def stats(record: SessionRecord) -> dict[str, Stat]:
    """All statistics of the session, in the order of the report."""
    return table(analyse(record))


def as_json(found: Mapping[str, Stat]) -> dict[str, float | None]:
    """Values by key; None where undefined."""
    return {key: stat.value if math.isfinite(stat.value) else None for key, stat in found.items()}


def table(analysis: Analysis) -> dict[str, Stat]:
    """All statistics of an analysis, in the order of the report."""
    parts = {
        "Return": _returns(analysis),
        "Risk": _risk(analysis),
        "Market": _market(analysis),
        "Round trips": _trips(analysis),
        "Costs": _costs(analysis),
    }
    currency = analysis.record.currency
    return {row[0]: _stat(row, group, currency) for group, rows in parts.items() for row in rows}


def _stat(row: _Row, group: str, currency: str) -> Stat:
    key, label, value, unit, definition = row
    return Stat(key, label, float(value), text_of(float(value), unit, currency), unit, definition, group)


def text_of(value: float, unit: str, currency: str) -> str:
    """`value` as its unit is written."""
    if unit == "money":
        return w.money(value, currency)
    return _WRITERS[unit](value)


def year_note(analysis: Analysis) -> str:
    """How daily figures become yearly ones here."""
    days = analysis.days
    chosen = ", the busiest of the session's calendars" if days.mixed else ""
    return f"A year has {days.periods:.0f} days (calendar {days.calendar}{chosen})."


def _returns(a: Analysis) -> Iterable[_Row]:
    days, start = a.days, a.record.initial
    final = float(a.curve.equity[-1]) if len(a.curve.at) else start
    return (
        ("initial_capital", "Initial capital", start, "money", "Capital of all strategies at the start."),
        ("final_equity", "Final equity", final, "money", "Cash plus the market value of positions at the end."),
        ("net_profit", "Net profit", final - start, "money", "Final equity minus initial capital, after all costs."),
        ("total_return", "Total return", f.ratio(final, start) - 1, "signed", "Final equity / initial capital - 1."),
        (
            "cagr",
            "Annual growth (CAGR)",
            f.annual_growth(days.returns, days.periods),
            "signed",
            f"Compound annual growth: (final / initial) ^ (days a year / days) - 1. {year_note(a)}",
        ),
        (
            "best_day",
            "Best day",
            float(np.max(days.returns, initial=-math.inf)) if len(days.returns) else f.NAN,
            "signed",
            "Highest daily return.",
        ),
        (
            "worst_day",
            "Worst day",
            float(np.min(days.returns, initial=math.inf)) if len(days.returns) else f.NAN,
            "signed",
            "Lowest daily return.",
        ),
        ("positive_days", "Positive days", f.share_rising(days.returns), "share", "Share of days with a gain."),
    )


def _risk(a: Analysis) -> Iterable[_Row]:
    return (*_ratios(a), *_drawdowns(a), *_tails(a))


def _ratios(a: Analysis) -> Iterable[_Row]:
    returns, periods = a.days.returns, a.days.periods
    year = year_note(a)
    return (
        (
            "volatility",
            "Volatility",
            f.volatility(returns, periods),
            "share",
            f"Standard deviation of daily returns x square root of the days a year. {year}",
        ),
        (
            "sharpe",
            "Sharpe ratio",
            f.sharpe(returns, periods),
            "ratio",
            f"Mean daily return / its standard deviation, x square root of the days a year; risk-free rate 0. {year}",
        ),
        (
            "sortino",
            "Sortino ratio",
            f.sortino(returns, periods),
            "ratio",
            f"Annual mean return / annual downside deviation (root mean square over all days of the negative returns, the others "
            f"counting zero). {year}",
        ),
        (
            "calmar",
            "Calmar ratio",
            f.calmar(returns, a.curve.equity, periods),
            "ratio",
            "Annual growth / size of the maximum drawdown.",
        ),
    )


def _drawdowns(a: Analysis) -> Iterable[_Row]:
    curve = a.curve
    return (
        (
            "max_drawdown",
            "Maximum drawdown",
            f.max_drawdown(curve.equity),
            "share",
            "Deepest fall of equity below its last high, over all recorded marks.",
        ),
        (
            "longest_drawdown",
            "Longest drawdown",
            f.longest_drawdown(curve.at, curve.equity),
            "ns",
            "Longest time from a high until equity was back there, or to the end.",
        ),
        ("ulcer", "Ulcer index", f.ulcer(curve.equity), "share", "Root mean square of the drawdown over all marks."),
    )


def _tails(a: Analysis) -> Iterable[_Row]:
    returns = a.days.returns
    return (
        ("var_95", "Value at risk 95%", f.value_at_risk(returns), "share", "5% of days were worse than this."),
        (
            "cvar_95",
            "Expected shortfall 95%",
            f.expected_shortfall(returns),
            "share",
            "Mean return of the worst 5% of days (CVaR).",
        ),
        (
            "skew",
            "Skew",
            f.skewness(returns),
            "ratio",
            "Third standardised moment of daily returns: below 0, the losses have the longer tail.",
        ),
        (
            "kurtosis",
            "Excess kurtosis",
            f.excess_kurtosis(returns),
            "ratio",
            "Fourth standardised moment of daily returns - 3: above 0, extremes are more frequent than normal.",
        ),
    )


def _market(a: Analysis) -> Iterable[_Row]:
    days, curve = a.days, a.curve
    span = a.record.span or (0, 0)
    gross = np.nan_to_num(f.shares(curve.gross, curve.equity))
    years = len(days.date) / days.periods
    hold = f.ratio(float(days.market[-1]), a.record.initial) - 1 if len(days.market) else f.NAN
    return (
        (
            "buy_and_hold",
            "Buy and hold return",
            hold,
            "signed",
            "The capital spread evenly over the session's symbols at their first prices and held; dividends stay cash.",
        ),
        (
            "alpha",
            "Alpha",
            f.alpha(days.returns, days.market_returns, days.periods),
            "signed",
            "Daily return not explained by beta x buy and hold, compounded to a year.",
        ),
        (
            "beta",
            "Beta",
            f.beta(days.returns, days.market_returns),
            "ratio",
            "Covariance with buy and hold / variance of buy and hold, of daily returns.",
        ),
        (
            "correlation",
            "Correlation",
            f.correlation(days.returns, days.market_returns),
            "ratio",
            "Pearson correlation of daily returns with buy and hold.",
        ),
        (
            "exposure_time",
            "Time in the market",
            f.covered(a.intervals, *span),
            "share",
            "Share of the session's time during which any position was open.",
        ),
        (
            "gross_exposure",
            "Average gross exposure",
            f.average_over_time(curve.at, gross),
            "share",
            "Value of all positions, long and short added up, / equity, averaged over time.",
        ),
        (
            "turnover",
            "Turnover a year",
            f.turnover(a.traded, f.average_over_time(curve.at, curve.equity), years),
            "ratio",
            "Value bought and sold / average equity / years.",
        ),
    )


def _trips(a: Analysis) -> Iterable[_Row]:
    profits = a.profits
    held = np.array([trip.holding for trip in a.trades.trips], dtype=np.float64)
    return (
        (
            "trades",
            "Round trips",
            len(profits),
            "count",
            "Closed positions: entry orders matched with exit orders, first in first out.",
        ),
        ("win_rate", "Win rate", f.share_positive(profits), "share", "Share of round trips with a profit after fees."),
        (
            "profit_factor",
            "Profit factor",
            f.profit_factor(profits),
            "ratio",
            "Sum of profits / sum of losses of round trips.",
        ),
        ("payoff", "Payoff ratio", f.payoff(profits), "ratio", "Average profit / average loss of round trips."),
        ("expectancy", "Expectancy", f.mean(profits), "money", "Average net profit of a round trip."),
        ("average_win", "Average win", f.mean(profits[profits > 0]), "money", "Average profit of the winning trips."),
        ("average_loss", "Average loss", f.mean(profits[profits < 0]), "money", "Average loss of the losing trips."),
        ("holding", "Average holding time", f.mean(held), "ns", "Average time from entry to exit of a round trip."),
        (
            "sqn",
            "System quality (SQN)",
            f.system_quality(profits),
            "ratio",
            "Square root of the number of trips x average profit / standard deviation of profits (Tharp).",
        ),
    )


def _costs(a: Analysis) -> Iterable[_Row]:
    fills = a.record.fills
    fees = a.record.fees(fills)
    slippage = float(sum(fill.slippage for fill in fills))
    return (
        ("fills", "Fills", len(fills), "count", "Executions, partial ones counted each."),
        ("traded", "Value traded", a.traded, "money", "Quantity x price x multiplier of all fills."),
        ("fees", "Commission", fees, "money", "Fees of all fills; one in the coin is worth the fill's price."),
        (
            "slippage",
            "Slippage",
            slippage,
            "money",
            "Worth of the difference between prices paid and the market's; part of the prices, not charged again.",
        ),
        (
            "cost_share",
            "Costs of value traded",
            f.ratio(fees + slippage, a.traded),
            "bps",
            "Commission and slippage / value traded, in hundredths of a per cent.",
        ),
    )
