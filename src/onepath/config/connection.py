"""The section `data.connection`: how a connection to a venue's streams behaves.

Rules: the defaults are those of `onepath.streams.life.Connection`, which a test compares.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from onepath.config.values import Part

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class ConnectionConfig(Part):
    """How a connection to a venue's streams behaves; times in seconds."""

    stale_after: Seconds = 30.0
    """silence of trades, quotes or a book after which the venue is asked whether there is news (bars: two intervals more)"""
    answer_within: Seconds = 10.0
    """how long a dial, a question or a request may take"""
    pause: Seconds = 0.5
    """the first pause before dialling again; it doubles each time, with chance"""
    longest_pause: Seconds = 60.0
    """where the doubling ends"""
    failures: Count = 6
    """so many losses within `window`, and the connection rests"""
    window: Seconds = 120.0
    """see failures"""
    rest: Seconds = 120.0
    """how long it rests before it tries once more"""
    settled: Seconds = 60.0
    """a loss after so much good service is no failure"""
    reorder_within: Annotated[float, Field(ge=0)] = 0.05
    """how long what is missing may still come by itself, out of order, before it is fetched"""
    fill_within: Seconds = 30.0
    """how long fetching what is missing may fail before it is given up and counted as missed"""
    fill_most: Count = 100_000
    """most events fetched after one loss, per stream; what is older is counted as missed"""
    held: Count = 100_000
    """most events that wait for a hole before them to be filled, per stream"""
    queue: Count = 50_000
    """most events that wait for the session"""
