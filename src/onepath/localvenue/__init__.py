"""A local venue: Binance spot's public protocol on 127.0.0.1, over recorded or generated data, with faults on command.

For demonstrations without a network and for tests over real sockets. The market is pure (`market`, from a `Source`:
`recorded`, `generated`), what is said is pure (`wire`, `rest`, `streams`), and `server` puts both on a port.
Limits: market data only, no account and no orders; spot only. Needs aiohttp: `pip install 'onepath[live]'`.
"""

from onepath.localvenue.running import LocalVenue
from onepath.localvenue.tape import Deal
from onepath.localvenue.terms import Terms

__all__ = ["Deal", "LocalVenue", "Terms"]
