"""The statistics of many runs at once, from what each of them has added up.

Rules: names and definitions are those of `result.stats` (`report.metrics`, `report.formulas`); undefined is NaN.
"""

from __future__ import annotations

import numpy as np

from onepath.research import quickpass as q
from onepath.research.quickbars import Floats

Table = dict[str, Floats]


def statistics(states: Floats, capital: float, periods: float, spans: tuple[float, float]) -> Table:
    """By name, one number a run. `spans`: nanoseconds from the curve's origin to the first bar's end, and to the last."""
    with np.errstate(all="ignore"):
        days = _days(states, periods)
        returns = _returns(states, capital, days)
        return {
            **returns,
            **days,
            **_curve(states, returns["cagr"], periods, spans),
            **_trips(states),
            **_costs(states),
        }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole != 0.0, part / whole, np.nan)


def _flat(spread: Floats, count: Floats, largest: Floats) -> Floats:
    """The sample standard deviation; rounding noise of equal numbers is none."""
    found = np.where(count > 1, np.sqrt(spread / (count - 1)), np.nan)
    return np.where(found < q.FLAT * np.maximum(1.0, largest), 0.0, found)


def _days(s: Floats, periods: float) -> Table:
    count, mean = s[:, q.DAYS], s[:, q.DAY_MEAN]
    mean = np.where(count > 0, mean, np.nan)
    spread = _flat(s[:, q.DAY_SPREAD], count, s[:, q.LARGEST])
    down = np.where(count > 1, np.sqrt(s[:, q.DOWN] / count), np.nan) * np.sqrt(periods)
    return {
        "cagr": np.where(count > 0, s[:, q.GROWN] ** (periods / count) - 1.0, np.nan),
        "best_day": np.where(count > 0, s[:, q.BEST], np.nan),
        "worst_day": np.where(count > 0, s[:, q.WORST], np.nan),
        "positive_days": _ratio(s[:, q.RISEN], count),
        "volatility": spread * np.sqrt(periods),
        "sharpe": _ratio(mean, spread) * np.sqrt(periods),
        "sortino": _ratio(mean * periods, down),
    }


def _returns(s: Floats, capital: float, days: Table) -> Table:
    final = s[:, q.EQUITY]
    start = np.full(len(s), capital)
    return {
        "initial_capital": start,
        "final_equity": final,
        "net_profit": final - capital,
        "total_return": final / capital - 1.0,
        "cagr": days["cagr"],
    }


def _curve(s: Floats, growth: Floats, periods: float, spans: tuple[float, float]) -> Table:
    lasted = s[:, q.MARKED_AT]
    equity = _ratio(s[:, q.EQUITY_AREA], lasted)
    years = s[:, q.DAYS] / periods
    open_ = np.where(s[:, q.HELD] != 0.0, np.maximum(0.0, lasted - s[:, q.SINCE]), 0.0)
    return {
        "calmar": _ratio(growth, np.abs(s[:, q.DEEPEST])),
        "max_drawdown": s[:, q.DEEPEST],
        "longest_drawdown": s[:, q.LONGEST],
        "ulcer": np.sqrt(s[:, q.DEPTHS] / (s[:, q.MARKS] + 1.0)),
        "exposure_time": _ratio(s[:, q.COVERED] + open_, np.full(len(s), spans[1] - spans[0])),
        "gross_exposure": _ratio(s[:, q.SHARE_AREA], lasted),
        "turnover": _ratio(_ratio(s[:, q.TRADED], equity), years),
    }


def _trips(s: Floats) -> Table:
    count, wins, losses = s[:, q.TRIPS], s[:, q.WINS], s[:, q.LOSSES]
    gained, lost = s[:, q.GAINED], s[:, q.LOST]
    win, loss = _ratio(gained, wins), -_ratio(lost, losses)
    mean = np.where(count > 0, s[:, q.TRIP_MEAN], np.nan)
    spread = _flat(s[:, q.TRIP_SPREAD], count, s[:, q.TRIP_LARGEST])
    return {
        "trades": count,
        "win_rate": _ratio(wins, count),
        "profit_factor": _ratio(gained, lost),
        "payoff": _ratio(win, np.abs(loss)),
        "expectancy": mean,
        "average_win": win,
        "average_loss": loss,
        "holding": _ratio(s[:, q.HOLDING], count),
        "sqn": _ratio(np.sqrt(count) * mean, spread),
    }


def _costs(s: Floats) -> Table:
    fees, slipped, traded = s[:, q.FEES], s[:, q.SLIPPED], s[:, q.TRADED]
    return {
        "fills": s[:, q.FILLS],
        "traded": traded,
        "fees": fees,
        "slippage": slipped,
        "cost_share": _ratio(fees + slipped, traded),
    }
