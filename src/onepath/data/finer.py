"""Finer bars beside the bars of a session: checked to be bars, of symbols that the session has, and finer.

Rules: symbols that the session does not have are left alone; what is no help (ticks, bars as long as the session's) is an error.
"""

from __future__ import annotations

from onepath.errors import DataError
from onepath.feeds.finer import FinerBars
from onepath.ports import Feed


def finer_bars(finer: Feed, coarse: Feed) -> FinerBars:
    """The finer bars that tell the path inside the bars of `coarse`. Raises DataError where they cannot."""
    shared = [symbol for symbol in coarse.instruments if symbol in finer.instruments]
    if not shared:
        raise DataError(
            f"the finer bars are of {_some(finer)}, the data of {_some(coarse)}: they have no symbol in common"
        )
    for symbol in shared:
        for feed, what in ((finer, "finer data"), (coarse, "data")):
            kinds = set(feed.kinds.get(symbol, ())) - {"bars"}
            if kinds:
                raise DataError(
                    f"the {what} of {symbol} are {', '.join(sorted(kinds))}: finer bars are for bars; ticks need none, they are "
                    "the path, and may be given beside bars as data"
                )
    lengths = [int(feed.describe().get("interval_ns") or 0) for feed in (finer, coarse)]
    if all(lengths) and lengths[0] >= lengths[1]:
        raise DataError(
            f"the finer bars are {_long(lengths[0])} long, the data's {_long(lengths[1])}: give shorter ones"
        )
    return FinerBars(finer)


def _some(feed: Feed) -> str:
    return ", ".join(list(feed.instruments)[:10])


def _long(nanoseconds: int) -> str:
    minutes = nanoseconds / 60e9
    return f"{minutes:g} minutes" if minutes < 24 * 60 else f"{minutes / (24 * 60):g} days"
