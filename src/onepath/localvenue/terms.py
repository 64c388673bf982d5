"""How a local venue behaves: its periods and limits. The defaults are Binance spot's; tests make them short."""

from __future__ import annotations

import msgspec

from onepath.errors import ConfigError


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, unless said otherwise."""

    ping_every: float = 20.0
    pong_within: float = 60.0
    """a connection without a pong for so long is dropped"""
    lifetime: float = 86_400.0
    """a connection is closed at this age"""
    notice: float = 600.0
    """so long before that, `serverShutdown` is sent"""
    streams_per_connection: int = 1024
    inbound_per_second: int = 5
    """messages a client may send; pings and pongs count"""
    connections_per_5m: int = 300
    weight_per_minute: int = 6000
    kline_pace: float = 0.25
    """a running candle is sent so often at the most; the venue's is 1 s to 2 s"""
    rounds: float = 0.001
    """between two looks at the market: what happens in between goes out together; 0 looks all the time, and takes a core"""
    unread: int = 64_000_000
    """bytes waiting for a client that does not read, beyond which it is dropped"""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value < 0 or (not value and name != "rounds"):
                raise ConfigError(f"{name} of the local venue is {value}; it must be above zero")
