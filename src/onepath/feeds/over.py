"""A feed over another: what it hands out is changed, held back or looked at on its way; all else is the other's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from onepath.instruments import Instrument
from onepath.ports import Feed


class Over:
    """All of a feed but `batches`, taken from `feed`."""

    def __init__(self, feed: Feed) -> None:
        self.instruments: Mapping[str, Instrument] = feed.instruments
        self.kinds: Mapping[str, Collection[str]] = feed.kinds
        self.volumes: Collection[str] = feed.volumes
        self.total: int | None = feed.total
        self._feed = feed

    def describe(self) -> Mapping[str, Any]:
        return self._feed.describe()

    def fingerprint(self) -> str:
        return self._feed.fingerprint()
