"""Fees and slippage by hand, with the examples that brokers publish."""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onepath
from onepath import ConfigError
from onepath.config import loads
from onepath.examples.sma_cross import SmaCross
from onepath.ledger import EXACT
from onepath.models import COMMISSION, SLIPPAGE
from onepath.simulator.commission import Charged, Commission, Tier, Tiers
from onepath.simulator.schedules import PUBLISHED, SCHEDULES, BinanceSpot, IbkrTiered
from onepath.simulator.slippage import HalfSpread, Seen, SquareRoot, VolumeBased, VolumeShare

D = Decimal
DAY = 86_400_000_000_000
JANUARY = 1_704_067_200_000_000_000  # 2024-01-01
LINES = [
    line
    for line in (Path(__file__).parent / "tables" / "fees.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]


def pay(commission: Commission, fills: list[tuple[str, D, D, bool]], at: int = JANUARY) -> list[D]:
    """What each fill of one order pays."""
    traded = worth = charged = D(0)
    fees = []
    with localcontext(EXACT):
        for side, quantity, price, maker in fills:
            c = Charged("X", side == "sell", quantity, quantity * price, maker, at, traded, worth, charged)
            fee = commission.fee(c)
            assert commission.fee(c) == fee, "fee is asked as often as the venue likes"
            commission.book(c)
            fees.append(fee)
            traded, worth, charged = traded + quantity, worth + c.value, charged + fee
    return fees


def buy(quantity: str | int, price: str | int = 1) -> tuple[str, D, D, bool]:
    return ("buy", D(quantity), D(price), False)


def _model(text: str) -> Commission:
    name, *given = text.split()
    params: dict[str, Any] = dict(pair.split("=") for pair in given)
    return COMMISSION[name](**{key: int(value) if key == "vip" else value for key, value in params.items()})


def _fills(text: str) -> list[tuple[str, D, D, bool]]:
    words = [part.split() for part in text.split(";")]
    return [(w[0], D(w[1]), D(w[3]), w[4:] == ["m"]) for w in words]


@pytest.mark.parametrize("case", LINES)
def test_fees(case: str) -> None:
    """Each line of the table, by the model that the configuration knows by that name."""
    model, fills, fees = (part.strip() for part in case.split("|"))
    assert pay(_model(model), _fills(fills)) == [D(fee) for fee in fees.split(";")]


@pytest.mark.parametrize(
    "name", [*(n for n in SCHEDULES if n != "alpaca"), "per_order amount=3", "bps bps=5 minimum=1"]
)
@given(parts=st.lists(st.integers(1, 400_000), min_size=2, max_size=5), price=st.integers(1, 500))
def test_an_order_costs_the_same_in_one_fill_or_in_several(name: str, parts: list[int], price: int) -> None:
    """The sum of the fees of an order's fills is the fee of one fill of all of it."""
    whole = pay(_model(name), [buy(sum(parts), price)])
    assert sum(pay(_model(name), [buy(part, price) for part in parts])) == sum(whole)


def test_the_borders_of_a_tier() -> None:
    """300,000 shares of a month cost 0.0035; the next costs 0.0020; a new month starts over."""
    bare = {"cat_per_share": 0, "clearing_per_share": 0, "nyse_of_commission": 0, "finra_of_commission": 0}
    model = IbkrTiered(**bare, exchange_taker=0, minimum=0, maximum_share=1)  # type: ignore[arg-type]
    assert pay(model, [buy(300_000)]) == [D(1_050)]  # 300,000 x 0.0035
    assert pay(model, [buy(1)]) == [D("0.0020")]
    assert pay(model, [buy(1)], JANUARY + 31 * DAY) == [D("0.0035")]
    fresh = IbkrTiered(**bare, exchange_taker=0, minimum=0, maximum_share=1)  # type: ignore[arg-type]
    assert pay(fresh, [buy(300_001)]) == [D("1050.0020")]


def test_tiers_by_value() -> None:
    """10 bps of the first 1,000, 5 of what follows: 1,500 cost 1 + 0.25; the month after, 10 bps again."""
    model = Tiers([Tier(D(0), bps=D(10)), Tier(D(1_000), bps=D(5))])
    assert pay(model, [buy(10, 150)]) == [D("1.25")]
    assert pay(model, [buy(1, 100)]) == [D("0.05")]
    assert pay(model, [buy(1, 100)], JANUARY + 31 * DAY) == [D("0.1")]


def test_levels_follow_the_days_before() -> None:
    """1,000,000 traded on a day make VIP 1 of the next (makers 9 bps), for thirty days, and not of the same day."""
    model = BinanceSpot(by_volume=True)
    sale = [("sell", D(1), D(10_000), True)]
    pay(model, [("sell", D(1), D(1_000_000), False)])
    assert pay(model, sale) == [D(10)]
    assert pay(model, sale, JANUARY + DAY) == [D(9)]
    assert pay(model, sale, JANUARY + 30 * DAY) == [D(9)]
    assert pay(model, sale, JANUARY + 31 * DAY) == [D(10)]


def test_fees_in_the_coin() -> None:
    """Binance takes the fee of a buy in the coin, unless it is paid in BNB; futures never."""
    assert BinanceSpot().in_base
    assert not BinanceSpot(discount=D("0.25")).in_base
    assert not onepath.BinanceUsdm().in_base


def test_every_schedule_says_where_it_is_from() -> None:
    """Each has a page and a date, and Interactive Brokers' is the one with its examples."""
    assert set(PUBLISHED) == set(SCHEDULES)
    assert all(
        source.url.startswith("https://") and source.dated for sources in PUBLISHED.values() for source in sources
    )


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "abc"])
@pytest.mark.parametrize(
    "make",
    [
        onepath.Bps,
        onepath.FixedBps,
        onepath.PerOrder,
        lambda v: onepath.IbkrFixed(minimum=v),
        lambda v: onepath.BinanceSpot(discount=v),
        lambda v: SquareRoot(coefficient=v),
    ],
)
def test_a_cost_is_a_number(make: Any, value: Any) -> None:
    """Negative, infinite and no numbers at all are refused with a sentence that names the parameter."""
    with pytest.raises(ConfigError, match="must be a finite number, zero or more"):
        make(value)


def test_tiers_go_up() -> None:
    """Tiers that do not start at zero, or go down, are refused."""
    for tiers in ([], [Tier(D(5))], [Tier(), Tier(D(3)), Tier(D(3))]):
        with pytest.raises(ConfigError, match="they must start at 0 and go up"):
            Tiers(tiers)


BAR = Seen(price=100.0, volume=1_000.0, range=2.0)


def test_half_spread() -> None:
    """4 bps wide: 2 bps; nothing where a quote has shown its spread."""
    assert HalfSpread(D(4)).share(D(10), BAR) == D("0.0002")
    assert HalfSpread(D(4)).share(D(10), BAR._replace(spread=0.01)) == 0


def test_volume_share() -> None:
    """0.1 x (10 / 1,000)^2 = 0.00001; capped at 0.1 x 0.025^2 = 0.0000625, which also stands for an unknown volume."""
    assert VolumeShare().share(D(10), BAR) == D("0.00001")
    assert VolumeShare().share(D(900), BAR) == D("0.0000625")
    assert VolumeShare().share(D(10), BAR._replace(volume=0)) == D("0.0000625")


def test_square_root() -> None:
    """0.02 x sqrt(10 / 1,000) = 0.002; from a range of 2 %: 0.02 / 1.6651092 x 0.1 = 0.001201122; unknown volume: sqrt(0.1)."""
    assert SquareRoot(volatility=D("0.02")).share(D(10), BAR) == D("0.002")
    assert SquareRoot().share(D(10), BAR) == pytest.approx(D("0.001201122"), abs=D("1e-9"))
    assert float(SquareRoot(volatility=D("0.02")).share(D(10), BAR._replace(volume=0))) == pytest.approx(0.0063245553)
    assert SquareRoot().share(D(10), BAR._replace(range=0)) == 0


@pytest.mark.parametrize("model", [HalfSpread(D(4)), VolumeBased(), VolumeShare(), SquareRoot()])
@given(a=st.integers(1, 10**9), b=st.integers(1, 10**9), volume=st.floats(0, 1e9), spread=st.floats(0, 1))
def test_slippage_is_a_share_that_grows(model: Any, a: int, b: int, volume: float, spread: float) -> None:
    """Never negative, below one, and a larger order never pays a smaller share."""
    seen = Seen(price=100.0, volume=volume, spread=spread, range=3.0)
    with localcontext(EXACT):
        small, large = (model.share(D(q), seen) for q in sorted((a, b)))
    assert 0 <= small <= large < 1


PARAMS = {
    "fixed_bps": "{bps: 1}",
    "half_spread": "{spread_bps: 2}",
    "volume_based": "{base_bps: 5, volume_factor: 0.1}",
    "bps": "{bps: 1}",
    "per_share": "{per_share: 0.005}",
    "per_order": "{amount: 1}",
    "maker_taker": "{maker_bps: -1, taker_bps: 5}",
    "tiers": "{tiers: [{above: 0, bps: 10}, {above: 1000000, bps: 5}]}",
}
CHOICES = [("slippage", name) for name in SLIPPAGE] + [("commission", name) for name in COMMISSION]


@pytest.mark.parametrize(("key", "name"), CHOICES)
def test_every_model_loads_from_yaml_and_trades(key: str, name: str, tmp_path: Path) -> None:
    """Each name of the configuration becomes its model, and a backtest with it pays what it says."""
    from onepath.build import build

    text = f"""
mode: backtest
data: {{name: us10, symbols: [AAPL]}}
execution:
  {key}: {{model: {name}, params: {PARAMS.get(name, "{}")}}}
strategies:
  - {{name: sma_cross, capital: 100000, params: {{fast: 5, slow: 20}}}}
"""
    session = build(loads(text, name="b.yaml"), home=tmp_path, session_id="t", journal_path=None)
    outcome = session.run()
    assert outcome.status == "completed", outcome.errors
    fills = onepath.backtest(
        SmaCross(fast=5, slow=20), "us10", symbols="AAPL", **{key: getattr(session.plan.market, key)}
    ).fills
    assert len(fills) > 0
    paid = sum(fills["fee" if key == "commission" else "slippage"])
    assert paid == 0 if name == "none" else paid > 0
