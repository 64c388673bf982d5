"""The venue's REST answers, and what each weighs. Pure: the market, the question and the moment go in, JSON comes out.

Rules: paths, parameters, limits, orders of rows and weights are Binance's, /api/v3, market data only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from onepath.localvenue import wire
from onepath.localvenue.amounts import ONE, text
from onepath.localvenue.asking import Asked, RefusalError
from onepath.localvenue.happenings import Listing
from onepath.localvenue.intervals import LENGTHS
from onepath.localvenue.summaries import average_row, day, mini_day, price_row, top_row


class Moment(NamedTuple):
    """When it is asked: by the market's clock, and as the venue says."""

    now: int
    shown: int
    weight_limit: int


Answer = Callable[[Asked, Moment], Any]
Weight = Callable[[Asked], int]


def ping(_: Asked, __: Moment) -> Any:
    return {}


def time(_: Asked, moment: Moment) -> Any:
    return {"serverTime": moment.shown}


def exchange_info(asked: Asked, moment: Moment) -> Any:
    listed, _ = asked.several()
    limits = (
        ("REQUEST_WEIGHT", "MINUTE", 1, moment.weight_limit),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 300_000),
    )
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return {
        "timezone": "UTC",
        "serverTime": moment.shown,
        "rateLimits": [dict(zip(names, limit, strict=True)) for limit in limits],
        "exchangeFilters": [],
        "symbols": [symbol_info(one.listing) for one in listed],
    }


def symbol_info(listing: Listing) -> dict[str, Any]:
    """One symbol of exchangeInfo."""
    precisions = ("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision")
    commissions = ("baseCommissionPrecision", "quoteCommissionPrecision")
    allowed = ("icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed")
    more = (
        "allowTrailingStop",
        "cancelReplaceAllowed",
        "amendAllowed",
        "pegInstructionsAllowed",
        "isSpotTradingAllowed",
    )
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        precisions[0]: 8,
        "quoteAsset": listing.quote,
        **dict.fromkeys((*precisions[1:], *commissions), 8),
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        **dict.fromkeys((*allowed, *more), True),
        "isMarginTradingAllowed": False,
        "filters": filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def filters(listing: Listing) -> list[dict[str, Any]]:
    """The limits of orders: increments are the data's, the rest as at the venue."""
    tick, lot = listing.tick, listing.lot
    most_price, most_lots = text(1_000_000 * ONE // tick * tick), text(9_000_000 * ONE // lot * lot)
    sides = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
    trailing = ("minTrailingAboveDelta", "maxTrailingAboveDelta", "minTrailingBelowDelta", "maxTrailingBelowDelta")
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("PRICE_FILTER", {"minPrice": text(tick), "maxPrice": most_price, "tickSize": text(tick)}),
        ("LOT_SIZE", {"minQty": text(lot), "maxQty": most_lots, "stepSize": text(lot)}),
        ("ICEBERG_PARTS", {"limit": 10}),
        ("MARKET_LOT_SIZE", {"minQty": text(0), "maxQty": text(100_000 * ONE), "stepSize": text(0)}),
        ("TRAILING_DELTA", dict(zip(trailing, (10, 2000, 10, 2000), strict=True))),
        ("PERCENT_PRICE_BY_SIDE", dict(zip(sides, ("5", "0.2", "5", "0.2"), strict=True)) | {"avgPriceMins": 5}),
        (
            "NOTIONAL",
            {"minNotional": text(5 * ONE), "applyMinToMarket": True, "maxNotional": text(9_000_000 * ONE)}
            | {"applyMaxToMarket": False, "avgPriceMins": 5},
        ),
        ("MAX_NUM_ORDERS", {"maxNumOrders": 200}),
        ("MAX_NUM_ALGO_ORDERS", {"maxNumAlgoOrders": 5}),
    )
    return [{"filterType": name} | values for name, values in rows]


def klines(asked: Asked, moment: Moment) -> Any:
    listed = asked.listed()
    interval = asked.choice("interval", LENGTHS, -1120, "Invalid interval.")
    start, end, limit = asked.integer("startTime"), asked.integer("endTime"), asked.limit(500, 1000)
    until = moment.now if end is None else min(end, moment.now)
    return [wire.kline_row(interval, c) for c in listed.ladder(interval).between(start, until, limit)]


def trades(asked: Asked, _: Moment) -> Any:
    listed = asked.listed()
    return [wire.trade_row(deal) for deal in listed.tape.latest(asked.limit(500, 1000))]


def historical_trades(asked: Asked, _: Moment) -> Any:
    tape, first = asked.listed().tape, asked.integer("fromId")
    limit = asked.limit(500, 1000)
    return [wire.trade_row(deal) for deal in (tape.latest(limit) if first is None else tape.deals(first, limit))]


def agg_trades(asked: Asked, _: Moment) -> Any:
    tape, limit = asked.listed().tape, asked.limit(500, 1000)
    first, start, end = asked.integer("fromId"), asked.integer("startTime"), asked.integer("endTime")
    if first is None and start is None:
        until = tape.next_group if end is None else tape.group_since(end + 1)
        return [wire.group_row(group) for group in tape.groups(until - limit, limit) if group.number < until]
    begin = tape.group_since(start or 0) if first is None else first
    return [wire.group_row(g) for g in tape.groups(begin, limit) if end is None or g.at <= end]


def depth(asked: Asked, _: Moment) -> Any:
    listed = asked.listed()
    return wire.snapshot(listed.depth.number, *listed.depth.levels(asked.limit(100, 5000)))


def ticker_price(asked: Asked, _: Moment) -> Any:
    listed, alone = asked.several()
    return price_row(listed[0]) if alone else [price_row(one) for one in listed]


def book_ticker(asked: Asked, _: Moment) -> Any:
    listed, alone = asked.several()
    return top_row(listed[0]) if alone else [top_row(one) for one in listed]


def ticker_day(asked: Asked, moment: Moment) -> Any:
    listed, alone = asked.several()
    mini = asked.has("type") and asked.choice("type", ("FULL", "MINI"), -1139, "Invalid ticker type.") == "MINI"
    row = mini_day if mini else day
    return row(listed[0], moment.now) if alone else [row(one, moment.now) for one in listed]


def avg_price(asked: Asked, moment: Moment) -> Any:
    return average_row(asked.listed(), moment.now)


def _fixed(weight: int) -> Weight:
    return lambda _: weight


def _by_depth(asked: Asked) -> int:
    limit = asked.limit(100, 5000)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


def _by_symbols(one: int, all_of_them: int) -> Weight:
    return lambda asked: one if asked.has("symbol") else all_of_them


ANSWERS: Mapping[str, tuple[Answer, Weight]] = {
    "ping": (ping, _fixed(1)),
    "time": (time, _fixed(1)),
    "exchangeInfo": (exchange_info, _fixed(20)),
    "klines": (klines, _fixed(2)),
    "uiKlines": (klines, _fixed(2)),
    "trades": (trades, _fixed(25)),
    "historicalTrades": (historical_trades, _fixed(25)),
    "aggTrades": (agg_trades, _fixed(4)),
    "depth": (depth, _by_depth),
    "avgPrice": (avg_price, _fixed(2)),
    "ticker/price": (ticker_price, _by_symbols(2, 4)),
    "ticker/bookTicker": (book_ticker, _by_symbols(2, 4)),
    "ticker/24hr": (ticker_day, _by_symbols(2, 80)),
}
"""what is asked under /api/v3, how it is answered and what it weighs"""


class Weights:
    """What a client has used of its weight in the running minute; too much is refused, and then banned.

    Over the limit: 429 until the minute is over. Half as much again, by a client that does not stop: 418 for two minutes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._minute = self._banned_until = 0

    def take(self, weight: int, now: int) -> None:
        """Use some; raises the RefusalError where there is not enough."""
        if now // 60_000 != self._minute:
            self._minute, self.used = now // 60_000, 0
        if now < self._banned_until:
            raise self._banned(now)
        self.used += weight
        if self.used > self.limit * 3 // 2:
            self._banned_until = now + 120_000
            raise self._banned(now)
        if self.used > self.limit:
            words = (
                f"Too much request weight used; current limit is {self.limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
            raise RefusalError(429, -1003, words, 60 - now // 1000 % 60)

    def _banned(self, now: int) -> RefusalError:
        words = (
            f"Way too much request weight used; IP banned until {self._banned_until}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return RefusalError(418, -1003, words, -(-(self._banned_until - now) // 1000))
