"""`onepath.backtest`: one call from a strategy and data to a result.

Rules: what can be left out has the value most people mean: all symbols of the data, no costs, shorting allowed, leverage
one. The journal is in memory unless a path is given. The engine, loop and venue are the same as for every other mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from onepath.accounts import AccountTerms
from onepath.calendars import DAY
from onepath.context import Number
from onepath.errors import ConfigError, StrategyError
from onepath.instruments import ONE, Instrument, exact
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteJournal
from onepath.risk import Limits
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.actions import CorporateAction
    from onepath.data.universes import Choice
    from onepath.feeds.finer import FinerBars
    from onepath.ports import Feed, Journal
    from onepath.result import Result
    from onepath.risk import RiskPlan
    from onepath.session import Plan
    from onepath.simulator.commission import Commission
    from onepath.simulator.faults import Faults
    from onepath.simulator.latency import Latency
    from onepath.simulator.queues import QueueModel
    from onepath.simulator.slippage import Slippage
    from onepath.universe import Universe

Instruments = Mapping[str, Instrument | Mapping[str, Any]]
Chosen = Mapping[str, Any]
"""A model as a configuration writes it: {"model": "per_share", "params": {"per_share": 0.005}}"""


def backtest(
    strategy: Strategy | type[Strategy] | Mapping[str, Strategy | type[Strategy]],
    data: Any,
    cash: Number = 100_000,
    *,
    commission: Number | Commission | Chosen | None = 0,
    slippage: Number | Slippage | Chosen | None = 0,
    latency: Latency | Chosen | None = None,
    participation: Number | None = "0.1",
    touch: bool = False,
    queue: QueueModel | str | Chosen | None = None,
    faults: Faults | Chosen | None = None,
    dividends: str = "reduce",
    reverse_splits: str = "restate",
    symbols: Sequence[str] | str | None = None,
    start: Any = None,
    end: Any = None,
    limits: Limits | Chosen | None = None,
    account: AccountTerms | Chosen | str | None = None,
    risk: RiskPlan | Chosen | None = None,
    instruments: Instruments | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    stamps: str = "start",
    kind: str | None = None,
    crossed: str | None = None,
    sides: str | None = None,
    time: str | None = None,
    quality: str | Mapping[str, str] | None = None,
    universe: Universe | Sequence[str] | str | Path | None = None,
    filter: Mapping[str, Any] | None = None,
    actions: str | Path | Sequence[CorporateAction] | None = None,
    adjust: str = "none",
    as_of: Any = None,
    adjust_dividends: bool = False,
    finer: Any = None,
    marks: str | None = None,
    seed: int = 0,
    journal: str | Path | None = None,
    session_id: str = "backtest",
    feature_cache: str | Path | None = None,
) -> Result:
    """Run `strategy` over `data` and return what came of it.

    What runs, on what:

    - `strategy`: a class, an instance, or a dict of name -> either, each with its own capital of `cash`.
    - `data`: a pandas or polars frame (open, high, low, close, volume; time as index or column), a dict of symbol -> frame,
      the path of a CSV or Parquet file or folder, or the name of a data set ("us10").
    - `symbols`: what to take of it, a list or one name. `start`, `end`: days (the last one included) or moments (the
      end excluded).
    - `instruments` (by symbol, an Instrument or a dict of its fields), `asset_class`, `calendar`: what the symbols are, where the
      data do not say it. `stamps`: whether bar times mark the "start" or the "end" of their bars.
    - Of ticks, `kind`: bars, quotes, trades or book, where the columns leave it open; `crossed`: quotes with bid above ask are a
      fault ("refuse") or left out ("drop"); `sides`: a row of quotes has "both" or "one"; `time`: the column to go by.
    - `quality`: what to do about faults of bars: "reject", "flag", or by sort, such as {"gaps": "fill", "outliers": "reject"}.
    - `universe`: a file of symbols with the dates of their membership; all that were ever members are read, and strategies see
      in `context.universe` who is one. `filter`: who of them, such as {"top": 100, "where": {"sector": "Energy"}}.
    - `actions`: corporate actions, a CSV file or a list; prices must then be raw. `adjust`: they happen ("none"), or prices are
      read adjusted for "splits" or for "all", as known on the day `as_of`. `adjust_dividends`: take cash dividends out of the
      past prices that features see, as splits always are.
    - `finer`: finer bars of the same symbols (as `data`): the venue follows their path inside each bar; strategies do not see
      them.

    What the market does, by default nothing that costs:

    - `commission`, `slippage`: a share of value (0.001 = 10 bps), a model (`IbkrTiered()`), its name ("ibkr_tiered") or a dict
      as in YAML; so are `latency`, `queue` (where in line a resting limit stands) and `faults` (what goes wrong).
    - `participation`: largest share of a bar's (or trade's) volume that all orders take together; None: no limit.
    - `touch`: True lets limits fill where their price is reached, False where it is traded through.
    - `dividends`, `reverse_splits`: what corporate actions do to open orders; "reduce" (buy limits and sell stops, by a cash
      dividend) or "keep"; "restate" or "cancel".

    What may be done: `limits` of each strategy (in place of those it declares; as a dict: over them, key by key), the terms of
    its `account` (cash or margin, currency, interest; default: margin without costs), `risk`: limits of all strategies together
    and circuit breakers. All of them also as dicts as in YAML.

    What is recorded: `journal` is a path to keep the session's journal at (default: in memory), `session_id` its name, `marks`
    how often books are valued ("1h", "1d"), `seed` that of everything random. `feature_cache`: a folder where feature values are
    kept for the next run over the same data (default: none); results are the same with and without.

    Returns a Result: `stats`, `trades`, `orders`, `fills`, `denied`, `signals`, `equity`, `execution`, `explain(fill)`,
    `portfolio()`, `plot()`, `report(path)`, `replay()`. Money is in the account's currency.
    Raises DataError, StrategyError or ConfigError with one sentence; an error inside the strategy is raised as
    StrategyError with file and line.

    >>> result = onepath.backtest(SmaCross(fast=10, slow=30), data="us10", symbols="AAPL", cash=100_000)
    """
    asked: dict[str, Any] = dict(locals())  # every argument by its name, before anything else has one
    where = {name: asked.pop(name) for name in ("journal", "session_id", "feature_cache")}
    parts = _remembering(prepared(**asked), where["feature_cache"])
    return _ran(parts, data, _store(where["journal"], where["session_id"]))


def prepared(
    strategy: Any,
    data: Any,
    cash: Number = 100_000,
    *,
    symbols: Sequence[str] | str | None = None,
    start: Any = None,
    end: Any = None,
    instruments: Instruments | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    stamps: str = "start",
    kind: str | None = None,
    crossed: str | None = None,
    sides: str | None = None,
    time: str | None = None,
    quality: str | Mapping[str, str] | None = None,
    universe: Universe | Sequence[str] | str | Path | None = None,
    filter: Mapping[str, Any] | None = None,
    actions: str | Path | Sequence[CorporateAction] | None = None,
    adjust: str = "none",
    as_of: Any = None,
    adjust_dividends: bool = False,
    finer: Any = None,
    **assumed: Any,
) -> Plan:
    """The parts of a backtest that is not run yet; arguments as in `backtest`, those of the market as in `plan`."""
    from onepath.data.sources import until

    end = until(end)
    ticks: dict[str, Any] = {"kind": kind, "crossed": crossed, "sides": sides, "time": time}
    ticks |= {} if quality is None else {"quality": quality}
    named = {"instruments": instruments, "asset_class": asset_class, "calendar": calendar, "stamps": stamps}
    chosen = _chosen(universe, filter, data, symbols, start, end, named | ticks)
    wanted = symbols if chosen is None else chosen.symbols
    feed, asked = _opened(data, wanted, start, end, (actions, adjust, as_of), named | ticks)
    parts = plan(strategy, feed, cash, **assumed)
    parts = parts._replace(market=parts.market._replace(finer=_finer(finer, feed, start, end, named)))
    return _said(parts, data, asked, adjust_dividends, finer, chosen)


def _store(path: str | Path | None, session_id: str) -> Journal:
    return MemoryJournal(session_id) if path is None else SqliteJournal.create(Path(path), session_id)


def _said(
    parts: Plan, data: Any, asked: dict[str, Any], adjust_dividends: bool, finer: Any, chosen: Choice | None
) -> Plan:
    """The parts, with what the manifest has to know of the data."""
    note = "" if chosen is None else chosen.note
    whose = {} if chosen is None else {"universe": msgspec.to_builtins(chosen.universe)}
    path = {} if finer is None else {"finer": str(finer) if isinstance(finer, str | Path) else "frames"}
    also = {"expected_cost": parts.data["expected_cost"], **({"adjust_dividends": True} if adjust_dividends else {})}
    return parts._replace(data=_whereabouts(data, parts.feed, note) | asked | also | path | whose)


def _remembering(parts: Plan, folder: str | Path | None) -> Plan:
    from onepath.featurecache import FeatureCache

    return parts if folder is None else parts._replace(memo=FeatureCache(Path(folder)))


def _ran(parts: Plan, data: Any, store: Journal) -> Result:
    from onepath.result import Result
    from onepath.session import Session

    outcome = Session(parts, store).run()
    if outcome.errors:
        store.close()
        raise StrategyError(outcome.errors[0])
    return Result(parts, outcome, store, data)


def _opened(
    data: Any,
    symbols: Sequence[str] | str | None,
    start: Any,
    end: Any,
    acts: tuple[Any, str, Any],
    how: dict[str, Any],
) -> tuple[Feed, dict[str, Any]]:
    """The feed, and what it was asked for as plain values."""
    from onepath.data import open_feed
    from onepath.data.actions import given
    from onepath.data.adjusting import acting, day_given

    wanted = [symbols] if isinstance(symbols, str) else None if symbols is None else list(symbols)
    if wanted == []:
        raise ConfigError("symbols is an empty list; leave it out for all symbols of the data")
    if how["stamps"] not in ("start", "end"):
        raise ConfigError(f"stamps is {how['stamps']!r}; it must be start or end: what a bar's time marks")
    feed = open_feed(data, symbols=wanted, start=start, end=end, **how)
    asked = {key: value for key, value in how.items() if key != "instruments"}
    asked |= {"symbols": wanted, "start": _at(start), "end": _at(end)}
    actions, adjust, as_of = acts
    until = day_given(as_of, adjust)
    if actions is None and adjust != "none":
        raise ConfigError(f"adjust is {adjust}, but there are no corporate actions to adjust by; give actions as well")
    if actions is not None:
        known = given(actions, feed.instruments, only_known=wanted is not None)
        feed = acting(feed, known, _at(end), adjust, as_of)
        if adjust != "none":
            asked |= {"adjust": adjust, "as_of": None if until is None else until * DAY}
        asked["actions"] = str(actions) if isinstance(actions, str | Path) else msgspec.to_builtins(known)
    return feed, asked


def _chosen(
    universe: Any, filter: Any, data: Any, symbols: Any, start: Any, end: Any, how: dict[str, Any]
) -> Choice | None:
    """The members of a universe whose data there are; None where none was given."""
    if universe is None:
        if filter is not None:
            raise ConfigError("filter chooses among the members of a universe; give universe as well")
        return None
    from onepath.data import open_feed
    from onepath.data.universes import choice, given

    wanted = [symbols] if isinstance(symbols, str) else symbols
    return choice(given(universe, filter), open_feed(data, symbols=wanted, start=start, end=end, **how))


def _finer(finer: Any, feed: Feed, start: Any, end: Any, how: Mapping[str, Any]) -> FinerBars | None:
    """The finer bars that tell the path inside those of the feed; None where none were given."""
    if finer is None:
        return None
    from onepath.data import open_feed
    from onepath.data.finer import finer_bars

    return finer_bars(open_feed(finer, start=start, end=end, **how), feed)


def _whereabouts(data: Any, feed: Feed, note: str) -> dict[str, Any]:
    """What the data turned out to be, and by what a journal on disk can find them again; nothing where they were frames."""
    from onepath.session import described

    found = feed.describe()
    source = found.get("source")
    path = str(data) if isinstance(data, str | Path) and source != "dataset" else None
    name = found.get("name") if source == "dataset" else None
    plain = {"interval": None, "market_hours_only": False, "speed": None}
    return {**described(feed, note), "source": source, "name": name, "path": path, **plain}


def _at(when: Any) -> int | None:
    from onepath.data.sources import moment

    return moment(when)


def plan(
    strategy: Any,
    feed: Feed,
    cash: Number = 100_000,
    *,
    commission: Number | Commission | Chosen | None = 0,
    slippage: Number | Slippage | Chosen | None = 0,
    latency: Latency | Chosen | None = None,
    participation: Number | None = "0.1",
    touch: bool = False,
    queue: QueueModel | str | Chosen | None = None,
    faults: Faults | Chosen | None = None,
    dividends: str = "reduce",
    reverse_splits: str = "restate",
    limits: Limits | Chosen | None = None,
    account: AccountTerms | Chosen | str | None = None,
    risk: RiskPlan | Chosen | None = None,
    marks: str | None = None,
    seed: int = 0,
) -> Plan:
    """The parts of such a run over a feed that is open already; arguments as in `backtest`."""
    from onepath.models import order_rules
    from onepath.provenance import source_of
    from onepath.session import Plan, mark_interval

    delays = {"latency": latency, "queue": queue, "faults": faults}
    market = _market(commission, slippage, participation, touch, delays, seed)
    market = market._replace(orders=order_rules(dividends, reverse_splits))
    described = {**feed.describe(), "expected_cost": str(market.expected_cost)}
    seated = _seated(strategy, _capital(cash), _limits(limits), tuple(feed.instruments), _account(account))
    return Plan(
        mode="backtest",
        seed=seed,
        feed=feed,
        data=described,
        strategies=seated,
        sources=[source_of(type(s.strategy)) for s in seated],
        market=market,
        config={},
        mark_every=mark_interval(described, marks),
        risk=_risk(risk),
    )


def _account(what: AccountTerms | Chosen | str | None) -> AccountTerms:
    """The terms that were given, also by their type alone or as in YAML."""
    if what is None or isinstance(what, AccountTerms):
        return what or AccountTerms()
    if isinstance(what, str | Mapping):
        from onepath.config import part_of_execution

        terms: AccountTerms = part_of_execution("account", {"type": what} if isinstance(what, str) else what).terms()
        return terms
    raise ConfigError(f"account is {what!r}; it must be onepath.AccountTerms(...), cash, margin or a dict as in YAML")


def _capital(cash: Number) -> Decimal:
    try:
        capital = exact(cash)
    except (ArithmeticError, TypeError, ValueError):
        capital = Decimal("NaN")
    if not (capital.is_finite() and capital > 0):
        raise ConfigError(f"cash is {cash}; it must be a positive number")
    return capital


def _limits(what: Limits | Chosen | None) -> Callable[[Limits], Limits]:
    """From the limits that a strategy declares to those that hold."""
    if what is None:
        return lambda declared: declared
    if isinstance(what, Limits):
        return lambda _: what
    if isinstance(what, Mapping):
        from onepath.config import limits_of_strategy

        return limits_of_strategy(what).over
    raise ConfigError(f"limits is {what!r}; it must be onepath.Limits(...) or a dict as in YAML")


def _risk(what: RiskPlan | Chosen | None) -> RiskPlan | None:
    """The plan that was given, also as in YAML."""
    from onepath.risk import RiskPlan

    if what is None or isinstance(what, RiskPlan):
        return what
    if isinstance(what, Mapping):
        from onepath.config import risk_of_session

        return risk_of_session(what).plan()
    raise ConfigError(f"risk is {what!r}; it must be onepath.RiskPlan(...) or a dict as in YAML")


def _seated(
    strategy: Any,
    cash: Decimal,
    limits: Callable[[Limits], Limits],
    symbols: tuple[str, ...],
    account: AccountTerms,
) -> list[Any]:
    from onepath.seat import Seated

    named = strategy if isinstance(strategy, Mapping) else {None: strategy}
    seats = []
    for name, given in named.items():
        made = _instance(given)
        seats.append(Seated(name or snake(type(made).__name__), made, cash, limits(made.limits), symbols, account))
    if not seats:
        raise ConfigError("backtest was given no strategy")
    return seats


def _instance(given: Any) -> Strategy:
    if isinstance(given, Strategy):
        return given
    if isinstance(given, type) and issubclass(given, Strategy):
        return given()
    raise ConfigError(f"backtest takes a Strategy class or instance, not {given!r}")


def _market(
    commission: Any, slippage: Any, participation: Any, touch: bool, others: Mapping[str, Any], seed: int
) -> Any:
    from onepath.models import given
    from onepath.simulator.assumptions import Market
    from onepath.simulator.commission import Bps, NoCommission
    from onepath.simulator.slippage import BPS, FixedBps, NoSlippage

    if _is_number(commission):
        rate = _share("commission", commission)
        commission = Bps(rate * BPS) if rate else NoCommission()
    if _is_number(slippage):
        rate = _share("slippage", slippage)
        slippage = FixedBps(rate * BPS) if rate else NoSlippage()
    share = None if participation is None else _share("participation", participation)
    if share == 0:
        raise ConfigError("participation is 0, so nothing could trade; give a share above 0, or None for no limit")
    if not isinstance(touch, bool):
        raise ConfigError(f"touch is {touch!r}; it must be True or False")
    made = {name: given(name, what, seed) for name, what in others.items()}
    made |= {"commission": given("commission", commission, seed), "slippage": given("slippage", slippage, seed)}
    return Market(
        participation=share, touch=touch, **{name: model for name, model in made.items() if model is not None}
    )


def _is_number(what: Any) -> bool:
    """Whether it stands for a share of value: a number, also as text."""
    if isinstance(what, str):
        try:
            Decimal(what)
        except ArithmeticError:
            return False
    return isinstance(what, int | float | str | Decimal)


def _share(name: str, value: Number) -> Decimal:
    try:
        share = exact(value)
    except ArithmeticError:
        share = Decimal("NaN")
    if not (share.is_finite() and 0 <= share <= ONE):
        of, also = ("size", "") if name == "participation" else ("value", ", a model or a model's name")
        raise ConfigError(f"{name} is {value}; it must be a share of {of} between 0 and 1 (0.001 = 10 bps){also}")
    return share


def snake(name: str) -> str:
    """SmaCross -> sma_cross: how a strategy is called where it was given no name."""
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
