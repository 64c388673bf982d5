"""Models of the market: by name, by dict, by object, and what is said of what is none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

import onepath
from onepath import ConfigError, Context, Intent, Strategy
from onepath.backtest import plan
from onepath.data import open_feed
from onepath.models import COMMISSION, QUEUE, SLIPPAGE, given, order_rules
from onepath.simulator.latency import NoLatency

REQUIRED: dict[str, dict[str, Any]] = {
    "bps": {"bps": 5},
    "per_share": {"per_share": 0.01},
    "per_order": {"amount": 1},
    "maker_taker": {"maker_bps": -1, "taker_bps": 4},
    "tiers": {"tiers": [{"above": 0, "bps": 5}]},
    "fixed_bps": {"bps": 5},
    "half_spread": {"spread_bps": 5},
    "volume_based": {"base_bps": 5, "volume_factor": 0.1},
}
NAMES = [
    (part, name)
    for part, table in (("commission", COMMISSION), ("slippage", SLIPPAGE), ("queue", QUEUE))
    for name in table
]


class Once(Strategy):
    """Buys ten shares on the third bar."""

    def on_start(self, context: Context) -> None:
        self.bars = 0

    def generate_orders(self, context: Context) -> Sequence[Intent]:
        self.bars += 1
        return context.buy("AAPL", 10) if self.bars == 3 else ()


def once(**how: Any) -> Any:
    return onepath.backtest(Once, data="us10", symbols="AAPL", end="2015-02-01", **how)


@pytest.mark.parametrize(("part", "name"), NAMES)
def test_every_model_goes_by_its_name(part: str, name: str) -> None:
    """A name alone, or with its parameters as in YAML, is the model that the configuration would make of it."""
    params = REQUIRED.get(name)
    table = {"commission": COMMISSION, "slippage": SLIPPAGE, "queue": QUEUE}[part]
    made = given(part, name if params is None else {"model": name, "params": params}, seed=0)
    assert repr(made) == repr(table[name](**(params or {})))
    assert len(once(**{part: made}).fills) == 1


def test_a_schedule_by_name_charges_what_the_object_charges() -> None:
    """10 shares of IBKR tiered: 0.35 at least, clearing 10 x 0.0002, exchange 10 x 0.003, CAT 10 x 0.000072 and pass-through
    fees of the commission: 0.35 + 0.002 + 0.03 + 0.00072 + 0.35 x (0.000175 + 0.000563) = 0.3829783."""
    fees = [once(commission=c).fills["fee"][0] for c in ("ibkr_tiered", onepath.IbkrTiered(), onepath.IbkrTiered)]
    assert fees == pytest.approx([0.3829783] * 3, abs=1e-9)


def test_none_is_no_cost() -> None:
    """None, zero and the name none are the same: nothing is charged."""
    for nothing in (None, 0, "none"):
        fill = once(commission=nothing, slippage=nothing).fills.iloc[0]
        assert (fill["fee"], fill["slippage"]) == (0, 0)


def test_delays_and_faults_as_in_yaml() -> None:
    """A dict is read as the YAML of that part; the seed is the run's."""
    latency = given("latency", {"model": "constant", "mean_ms": 5, "back_mean_ms": 2}, seed=7)
    assert (latency.outward(), latency.homeward()) == (5_000_000, 2_000_000)
    assert isinstance(given("latency", {}, seed=7), NoLatency)
    assert repr(given("latency", {"mean_ms": 5, "std_ms": 1}, seed=7)) == (
        "NormalLatency(mean_ms=5.0, std_ms=1.0, seed=7, back_mean_ms=0.0, back_std_ms=0.0)"
    )
    assert len(once(faults={"reject_rate": 1}).fills) == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"commission": "ibkr_tierd"}, "did you mean 'ibkr_tiered'?"),
        ({"commission": "bps"}, "commission.params is missing; expected bps"),
        (
            {"commission": {"model": "none", "params": {"bps": 1}}},
            "unknown key 'bps' in commission.params; there is nothing to set",
        ),
        ({"commission": {"model": "bps", "bps": 1}}, "it belongs under commission.params"),
        ({"commission": [1]}, "a model such as onepath.PerShare(0.005), a name (none, bps,"),
        ({"commission": onepath.PerShare}, "the class PerShare, which needs parameters: give PerShare(...)"),
        ({"commission": -1}, "commission is -1; it must be a share of value between 0 and 1"),
        ({"slippage": 2}, "slippage is 2"),
        ({"latency": 5}, "onepath.Constant(ms=5) or a dict such as"),
        ({"latency": "constant"}, "latency is 'constant'; it must be a model such as onepath.Constant(ms=5)"),
        ({"latency": {"mean": 5}}, "did you mean 'mean_ms'?"),
        (
            {"queue": "last"},
            "queue is 'last'; it must be a model such as onepath.Back(), a name (through, front, back, probability)",
        ),
        ({"faults": {"reject_rate": 2}}, "faults.reject_rate: found '2', expected a number less than or equal to 1"),
        ({"participation": 0}, "participation is 0, so nothing could trade"),
        ({"participation": "half"}, "participation is half; it must be a share of size"),
        ({"account": "cosh"}, "account.type: found 'cosh', expected cash or margin"),
        ({"account": 5}, "account is 5; it must be onepath.AccountTerms(...), cash, margin or a dict as in YAML"),
        ({"limits": 5}, "limits is 5; it must be onepath.Limits(...) or a dict as in YAML"),
        ({"limits": {"max_leverge": 1}}, "unknown key 'max_leverge' in limits (did you mean 'max_leverage'?)"),
        ({"limits": {"price_collar": -1}}, "limits.price_collar: found '-1', expected a number greater than 0"),
        ({"risk": "none"}, "risk is 'none'; it must be onepath.RiskPlan(...) or a dict as in YAML"),
        (
            {"risk": {"account": {"max_orders": 0}}},
            "risk.account.max_orders: found '0', expected a number greater than 0",
        ),
        (
            {"risk": {"breakers": {"drawdowns": {}}}},
            "unknown key 'drawdowns' in risk.breakers (did you mean 'drawdown'?)",
        ),
        (
            {"dividends": "cut"},
            "dividends is 'cut'; it must be reduce (a cash dividend lowers open buy limits and sell stops)",
        ),
        ({"reverse_splits": "keep"}, "reverse_splits is 'keep'; it must be restate or cancel"),
        (
            {"instruments": {"AAPL": {"lot": 1}}},
            "unknown key 'lot' in instruments.AAPL (did you mean 'lot_size'?); known keys: asset_class,",
        ),
        (
            {"instruments": {"AAPL": {"lot_size": 0}}},
            "instruments.AAPL.lot_size: found '0', expected a number greater than 0",
        ),
        ({"instruments": ["AAPL"]}, "instruments is ['AAPL']; it must be a dict such as"),
        ({"instruments": {"AAPL": {"symbol": "MSFT"}}}, "instruments['AAPL'] has the symbol 'MSFT'; leave it out"),
        ({"instruments": {"AAPL": {"asset_class": "stock"}}}, "asset class 'stock' is unknown"),
        ({"cash": "much"}, "cash is much; it must be a positive number"),
        ({"stamps": "middle"}, "stamps is 'middle'; it must be start or end"),
        ({"instruments": {"AAPL": 3}}, "instruments['AAPL'] is 3; it must be an onepath.Instrument"),
        ({"touch": "touch"}, "touch is 'touch'; it must be True or False"),
    ],
)
def test_what_is_no_model_is_one_sentence(how: dict[str, Any], said: str) -> None:
    """A name, kind or number that is none is refused before anything runs, and the sentence says what would do."""
    with pytest.raises(ConfigError) as error:
        once(**how)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_limits_and_risk_as_in_yaml() -> None:
    """`limits` as a dict stand over what the strategy declares, key by key; `risk` is the plan of the same keys."""

    class Shy(Once):
        limits = onepath.Limits(allow_short=False, max_position_size=Decimal("0.5"))

    risk = {
        "account": {"max_orders": 7},
        "symbols": {"AAPL": {"max_position": 3}},
        "breakers": {"drawdown": {"limit": 0.2}},
    }
    manifest = onepath.backtest(
        Shy,
        "us10",
        symbols="AAPL",
        end="2015-02-01",
        limits={"max_position_size": 0.25, "rate_window": "5s"},
        risk=risk,
    ).record.manifest
    limits = manifest.strategies[0]["limits"]
    assert (limits["allow_short"], limits["max_position_size"], limits["rate_window"]) == (False, "0.25", 5.0)
    assert manifest.risk["account"]["max_orders"] == 7
    assert manifest.risk["symbols"]["AAPL"]["max_position"] == "3"
    assert manifest.risk["breakers"]["drawdown"]["limit"] == "0.2"
    assert once(risk={}).record.manifest.risk is None
    assert once(risk=risk).denied["reason"][0] == "position"  # of 10 shares, 3 may be held


def test_instruments_as_dicts() -> None:
    """The fields given stand over what the data set says, or over the class that is named; of frames, over its class."""
    known = {"AAPL": {"lot_size": 7, "symbol": "AAPL"}}
    assert list(once(instruments=known).fills["quantity"]) == [7]  # of 10 shares, whole lots of 7
    found = open_feed("us10", symbols=["AAPL"], instruments=known).instruments["AAPL"]
    assert (found.asset_class, found.calendar, str(found.tick_size), str(found.lot_size)) == (
        "equity",
        "XNYS",
        "0.000001",
        "7",
    )
    future = {"AAPL": {"asset_class": "future", "multiplier": 50, "calendar": "24/7"}}
    found = open_feed("us10", symbols=["AAPL"], instruments=future).instruments["AAPL"]
    assert (found.asset_class, found.calendar, str(found.multiplier)) == ("future", "24/7", "50")
    hours = open_feed("us10", symbols=["AAPL"], instruments={"AAPL": {"calendar": "24/5"}}).instruments["AAPL"]
    assert (hours.asset_class, hours.calendar) == ("equity", "24/5")


def test_corporate_actions_and_open_orders_by_word() -> None:
    """`dividends` and `reverse_splits` are the rules of the venue that the words of a configuration make."""
    assert order_rules("reduce", "restate") == (True, False)
    assert order_rules("keep", "cancel") == (False, True)
    feed = open_feed("us10", symbols=["AAPL"], end="2015-02-01")
    assert plan(Once, feed, dividends="keep").market.orders == (False, False)
    assert plan(Once, feed, reverse_splits="cancel").market.orders == (True, True)


def test_an_account_by_its_type() -> None:
    """`cash` alone, or the keys of YAML, are the terms that the object has."""
    for account in ("cash", {"type": "cash"}, onepath.AccountTerms(type="cash")):
        manifest = once(account=account).record.manifest.strategies[0]
        assert manifest["account"]["type"] == "cash"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: onepath.Constant(ms=-1), "Constant: ms is -1"),
        (lambda: onepath.Constant(ms=float("nan")), "Constant: ms is nan"),
        (lambda: onepath.NormalLatency(5, -2), "NormalLatency: std_ms is -2"),
        (lambda: onepath.Samples([]), "Samples: there are none"),
        (lambda: onepath.Samples([1, -1]), "Samples: samples[1] is -1"),
        (lambda: onepath.Probability(0), "Probability: power is 0"),
        (lambda: onepath.Faults(reject_rate=1.5), "Faults: reject_rate is 1.5; it must be a share between 0 and 1"),
        (lambda: onepath.Faults(delay_ms=-1), "Faults: delay_ms is -1"),
        (lambda: onepath.Faults(outages=[("2020-01-02", "2020-01-01")]), "the first before the second"),
        (lambda: onepath.Faults(outages=[("soon", "later")]), "it must be two moments"),
    ],
)
def test_models_refuse_what_cannot_be(make: Any, said: str) -> None:
    """A delay below zero, no samples, a rate above one: refused where it is written."""
    with pytest.raises(ConfigError) as error:
        make()
    assert said in str(error.value)


def test_outages_are_moments() -> None:
    """2020-01-01 00:00 UTC is 1,577,836,800 s after 1970; the end is not part of it."""
    faults = onepath.Faults(outages=[("2020-01-01", "2020-01-01T00:01:00Z")])
    start = 1_577_836_800 * 10**9
    assert [faults.down(at) for at in (start - 1, start, start + 60 * 10**9 - 1, start + 60 * 10**9)] == [
        False,
        True,
        True,
        False,
    ]
