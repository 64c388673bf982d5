"""Markets of an exchange as instruments, and names as users write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.errors import ConfigError
from onepath.streams.markets import found, instrument, moved

TICK_SIZE, DECIMAL_PLACES, SIGNIFICANT_DIGITS = 4, 2, 3


def market(symbol: str, id_: str, **terms: Any) -> dict[str, Any]:
    base, _, quote = symbol.partition(":")[0].partition("/")
    spot = {"symbol": symbol, "id": id_, "type": "spot", "base": base, "quote": quote, "contract": False}
    return spot | {"precision": {"price": 0.01, "amount": 1e-05}, "limits": {"cost": {"min": 5.0}}} | terms


SPOT = market("BTC/USDT", "BTCUSDT")
SWAP = market(
    "BTC/USDT:USDT", "BTCUSDT", type="swap", contract=True, swap=True, settle="USDT", contractSize=0.0001, limits={}
)
MARKETS = {m["symbol"]: m for m in (SWAP, SPOT, market("ETH/USDT", "ETHUSDT"))}


def test_a_spot_market_is_exact() -> None:
    """0.01 and 1e-05 are one hundredth and one hundred-thousandth, not their binary neighbours."""
    made = instrument("btc", SPOT, TICK_SIZE)
    assert (made.tick_size, made.lot_size, made.min_notional) == (Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    assert (made.symbol, made.asset_class, made.currency, made.base) == ("btc", "crypto", "USDT", "BTC")
    assert (made.multiplier, made.calendar) == (1, "24/7")


def test_contracts_are_settled_and_have_a_size() -> None:
    """A perpetual counts contracts of 0.0001, is settled in USDT, and no coin changes hands; one that expires is a future."""
    made = instrument("BTC/USDT:USDT", SWAP, TICK_SIZE)
    assert (made.asset_class, made.currency, made.base) == ("perpetual", "USDT", "")
    assert (made.multiplier, made.min_notional) == (Decimal("0.0001"), 0)
    assert instrument("x", {**SWAP, "swap": False, "contractSize": None}, TICK_SIZE).asset_class == "future"


def test_precision_may_be_places_digits_or_unknown() -> None:
    """Two places are 0.01; significant digits are no grid; what is unknown is no grid, and the smallest lot."""
    places = {**SPOT, "precision": {"price": 2, "amount": 0}}
    assert instrument("x", places, DECIMAL_PLACES).tick_size == Decimal("0.01")
    assert instrument("x", places, DECIMAL_PLACES).lot_size == 1
    for made in (instrument("x", SPOT, SIGNIFICANT_DIGITS), instrument("x", {**SPOT, "precision": None}, TICK_SIZE)):
        assert (made.tick_size, made.lot_size) == (0, Decimal("0.00000001"))


def test_symbols_are_found_by_any_name() -> None:
    """Unified, the exchange's own, in small letters; where a name fits several, spot is meant."""
    for name, symbol in (
        ("BTC/USDT", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        ("BTCUSDT", "BTC/USDT"),
        ("ethusdt", "ETH/USDT"),
    ):
        assert found([name], MARKETS, "x")[name]["symbol"] == symbol
    assert found(["BTC/USDT:USDT"], MARKETS, "x")["BTC/USDT:USDT"] is SWAP


def test_unknown_and_double_symbols_are_refused() -> None:
    """With the nearest name; and one market under two names is one too many."""
    with pytest.raises(ConfigError, match=r"kraken has no market 'BTCUSD' .did you mean 'BTCUSDT'"):
        found(["BTCUSD"], MARKETS, "kraken")
    with pytest.raises(ConfigError, match="BTCUSDT and BTC/USDT are one market of x; name it once"):
        found(["BTCUSDT", "BTC/USDT"], MARKETS, "x")


def test_every_address_moves() -> None:
    """Hosts and schemes are replaced, paths and all that is no address stay."""
    urls = {"public": "https://api.x.com/api/v3", "ws": {"spot": "wss://s.x.com:9443/ws?a=1"}, "version": "v3", "n": 5}
    assert moved(urls, "http://127.0.0.1:8765") == {
        "public": "http://127.0.0.1:8765/api/v3",
        "ws": {"spot": "ws://127.0.0.1:8765/ws?a=1"},
        "version": "v3",
        "n": 5,
    }
    assert moved("wss://s.x.com/ws", "https://proxy.org/x/") == "wss://proxy.org/x/ws"
    assert moved("https://s.x.com/ws", "https://proxy.org") == "https://proxy.org/ws"
