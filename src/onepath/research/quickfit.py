"""What QuickBacktest assumes, and the sentence that says which assumption does not hold.

Rules: an empty text means that it fits. What can be known beforehand is asked here; what only the run shows (a bar too thin for
an order, a book without equity) breaks off that parameter set, see `why`.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from onepath.accounts import AccountTerms
from onepath.instruments import ONE
from onepath.research import quickpass as q
from onepath.research.quickbars import Bars, Floats, np_time
from onepath.risk import Limits, RiskPlan
from onepath.session import Plan
from onepath.simulator.commission import Bps, NoCommission
from onepath.simulator.latency import NoLatency
from onepath.simulator.slippage import FixedBps, NoSlippage
from onepath.targets import TargetStrategy

_OWN = (
    *("generate_orders", "on_market_event", "on_start", "on_bar", "on_order_update", "on_corporate_action"),
    *("on_data_status", "on_timer", "on_stop"),
)
_ENGINE = "; use the engine (onepath.backtest)"


def eligible(strategy: type[Any], what: Any = None) -> str:
    """Why QuickBacktest cannot run this strategy class, or "" if it can. `what` may be the plan of a session (`session.plan`),
    whose data, costs and limits are looked at too."""
    if not (isinstance(strategy, type) and issubclass(strategy, TargetStrategy)):
        name = getattr(strategy, "__name__", repr(strategy))
        return f"{name} is not a TargetStrategy: only one function of numbers can be run over arrays{_ENGINE}"
    reason = unfit(strategy)
    return reason or ("" if what is None else unfit_plan(what))


def unfit(strategy: type[TargetStrategy]) -> str:
    """Why this class does not fit, by itself."""
    name = strategy.__name__
    for method in _OWN:
        if getattr(strategy, method) is not getattr(TargetStrategy, method):
            return f"{name} has {method} of its own, which only the engine calls{_ENGINE}"
    if strategy.warm_up:
        return f"{name} has warm_up {strategy.warm_up}: features are waited for anyway, leave it out{_ENGINE}"
    return _unfit_limits(name, strategy.limits)


def unfit_plan(plan: Plan) -> str:
    """Why this session does not fit."""
    if len(plan.strategies) != 1:
        return f"the session has {len(plan.strategies)} strategies, and QuickBacktest one{_ENGINE}"
    seat = plan.strategies[0]
    if len(seat.symbols) != 1:
        return f"{seat.name} has {len(seat.symbols)} symbols that share its cash, and QuickBacktest one{_ENGINE}"
    return (
        _unfit_limits(seat.name, seat.limits)
        or _unfit_account(seat.account)
        or _unfit_market(plan.market)
        or _unfit_rest(plan)
    )


def _unfit_limits(name: str, limits: Limits) -> str:
    plain, given = Limits(), replace(limits, max_leverage=ONE)
    for field in Limits.__struct_fields__:
        if getattr(plain, field) != getattr(given, field):
            return f"{name} is limited by {field}, which QuickBacktest does not check{_ENGINE}"
    return ""


def _unfit_account(terms: AccountTerms) -> str:
    plain = AccountTerms()
    for field in AccountTerms.__struct_fields__:
        if field not in ("capital", "currency") and getattr(plain, field) != getattr(terms, field):
            return f"the account has {field}, which QuickBacktest does not know{_ENGINE}"
    return ""


def _unfit_market(market: Any) -> str:
    commission, slippage = market.commission, market.slippage
    if not isinstance(commission, NoCommission) and not (
        isinstance(commission, Bps) and not commission.minimum and commission.increment is None
    ):
        return f"commission is {type(commission).__name__}, not a plain share of value{_ENGINE}"
    if not isinstance(slippage, NoSlippage | FixedBps):
        return f"slippage is {type(slippage).__name__}, not a share of the price{_ENGINE}"
    if not isinstance(market.latency, NoLatency):
        return f"orders have latency, and QuickBacktest fills at the next open{_ENGINE}"
    if market.faults is not None:
        return f"the venue has faults{_ENGINE}"
    return f"the venue follows finer bars{_ENGINE}" if market.finer is not None else ""


def _unfit_rest(plan: Plan) -> str:
    if plan.risk is not None and plan.risk != RiskPlan():
        return f"the session has limits or breakers of the account (risk), which QuickBacktest does not check{_ENGINE}"
    if plan.live is not None or plan.commands or plan.endings:
        return f"the session is live, or a recorded one{_ENGINE}"
    feed = plan.feed
    if feed.describe().get("acting"):
        return f"the data have corporate actions{_ENGINE}"
    others = [kinds for kinds in feed.kinds.values() if set(kinds) != {"bars"}]
    return f"the data have {', '.join(others[0])}, and QuickBacktest takes bars{_ENGINE}" if others else ""


def why(code: float, bars: Bars, bar: int, order: float, terms: Floats) -> str:
    """Why a run was broken off at a bar."""
    at = np_time(int(bars.start[bar]))
    if code == q.THIN:
        volume, part = float(bars.fields["volume"][bar]), float(terms[q.PART])
        return (
            f"the order of {abs(order):g} {bars.symbol} is over {part:g} of the volume {volume:g} at {at}, and the engine would "
            "fill it in parts: trade less (a smaller weight or cash), or give participation=None for no limit"
        )
    if code == q.RUINED:
        return (
            f"equity is gone at {at}: what the engine does then (margin calls, denials) is not reckoned here{_ENGINE}"
        )
    return f"target is infinite at the bar of {at}; it must be a number, or NaN to leave the position as it is"
