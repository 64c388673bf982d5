"""The schedules of the harness itself, and those of a user's configuration: from a seed to a Schedule.

Rules: seconds are short in the harness, so that a minute holds what a day holds: bars of 2 s, silences of 3 s, rests of 5 s.
A user's configuration keeps its own intervals and its own connection.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random
from typing import Any

from onepath.chaos.faults import Fault, drawn
from onepath.chaos.timing import SECOND
from onepath.chaos.world import Schedule
from onepath.config import Config
from onepath.config.isolation import IsolationConfig

START = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC"""
CONNECTION = {
    "stale_after": 3.0,
    "answer_within": 1.0,
    "pause": 0.1,
    "longest_pause": 2.0,
    "failures": 6,
    "window": 10.0,
    "rest": 4.0,
    "settled": 5.0,
    "reorder_within": 0.05,
    "fill_within": 4.0,
    "fill_most": 500,
    "held": 200,
    "queue": 64,
}
_QUIET = 15 * SECOND


def own(seed: int) -> Schedule:
    """A schedule of the harness: two symbols, one to three strategies, half a minute to a minute."""
    rng = Random(f"{seed} schedule")  # noqa: S311 - faults, not secrets
    length = rng.randrange(6, 26) * SECOND
    symbols = ("BTCUSDT", "ETHUSDT")[: rng.choice((1, 2, 2))]
    numbered = rng.random() > 0.2
    kinds = rng.choice((("bars", "trades"), ("bars", "trades"), ("bars", "trades"), ("trades",), ("bars",)))
    streams = [f"{symbol} {kind}" for symbol in symbols for kind in kinds]
    faults = drawn(rng, length, streams, numbered=numbered)
    every = rng.choice((0.3, 0.6, 1.2))
    config = Config.model_validate(_settings(rng, seed, symbols, kinds, length))
    return Schedule(
        seed,
        config,
        Path("/"),
        tuple(faults),
        length,
        _QUIET,
        START,
        every=every,
        numbered=numbered,
        flagged=rng.random() > 0.2,
        hollow=rng.random() < 0.15,
    )


def _settings(rng: Random, seed: int, symbols: tuple[str, ...], kinds: tuple[str, ...], length: int) -> dict[str, Any]:
    strategies = [
        {
            "name": f"churn_{number}",
            "class": "onepath.chaos.churn:Churn",
            "capital": rng.choice((10_000, 1_000_000)),
            "params": {
                "every": rng.randint(1, 6),
                "offset": rng.randrange(9),
                "raises_after": rng.randrange(20, 200) if rng.random() < 0.08 else 0,
            },
        }
        for number in range(rng.choice((1, 1, 2)))
    ]
    if rng.random() < 0.4:
        strategies.append(_example(rng, kinds))
    return {
        "mode": "paper",
        "seed": seed,
        "data": {
            "source": "simulated",
            "symbols": list(symbols),
            "kinds": list(kinds),
            "interval": "2s",
            "connection": CONNECTION,
        },
        "execution": _execution(rng, length),
        "strategies": strategies,
        "isolation": {"time_budget": 60, "start_budget": 60, "max_orders_per_second": 100_000},
        "marks": rng.choice(("1s", "5s", "30s")),
        "recovery": {"snapshots": rng.choice(("2s", "5s", "10s", "auto"))},
    }


def _moment(seconds: int) -> str:
    return dt.datetime.fromtimestamp(START // SECOND + seconds, dt.UTC).isoformat()


def _example(rng: Random, kinds: tuple[str, ...]) -> dict[str, Any]:
    name, code, params = rng.choice(
        (
            ("sma_cross", "SmaCross", {"fast": 2, "slow": 5}),
            ("bracket_breakout", "BracketBreakout", {"channel": 3, "stop": 0.5, "profit": 1.0}),
            ("momentum", "Momentum", {}),
        )
    )
    return {"name": name, "class": f"onepath.examples.{name}:{code}", "capital": 50_000, "params": params}


def _execution(rng: Random, length: int) -> dict[str, Any]:
    faults: dict[str, Any] = {}
    if rng.random() < 0.2:
        faults["reject_rate"] = 0.1
    if rng.random() < 0.2:
        faults |= {"delay_rate": 0.2, "delay_ms": 800}
    if rng.random() < 0.2:
        begins = rng.randrange(length // SECOND)
        faults["outages"] = [{"start": _moment(begins), "end": _moment(begins + rng.randint(1, 6))}]
    latency = rng.choice(({}, {"mean_ms": 40, "std_ms": 20, "back_mean_ms": 30}, {"model": "constant", "mean_ms": 150}))
    commission = rng.choice(({"model": "none"}, {"model": "bps", "params": {"bps": 10}}))
    return {"latency": latency, "commission": commission, "faults": faults}


def of(config: Config, home: Path, seed: int) -> Schedule:
    """A schedule of a user's configuration: its strategies, symbols, intervals and connection, some forty bars long."""
    rng = Random(f"{seed} schedule")  # noqa: S311 - faults, not secrets
    symbols = config.data.symbols or ()
    kinds = tuple(kind for kind in config.data.kinds or ("bars", "trades"))
    interval = config.data.interval_ns or 60 * SECOND
    terms = config.data.connection
    length = rng.randrange(20, 60) * interval
    streams = [f"{symbol} {kind}" for symbol in symbols for kind in kinds]
    longest = max(5.0, 2 * terms.stale_after)
    faults = [_scaled(fault, longest / 5.0) for fault in drawn(rng, length, streams)]
    quiet = max(5 * interval, round((terms.rest + terms.window + 3 * terms.stale_after + terms.fill_within) * SECOND))
    data = config.data.model_copy(update={"kinds": kinds, "interval": config.data.interval or "1m"})
    return Schedule(
        seed,
        simulated(config.model_copy(update={"data": data})),
        home,
        tuple(faults),
        length,
        quiet,
        START,
        every=max(0.5, interval / SECOND / 8),
    )


def simulated(config: Config) -> Config:
    """The configuration in the simulated world: what takes real time is given plenty of it."""
    isolation = (config.isolation or IsolationConfig()).model_copy(update={"time_budget": 10.0})
    data = config.data.model_copy(update={"source": "simulated", "url": None})
    return config.model_copy(update={"data": data, "isolation": isolation})


def _scaled(fault: Fault, by: float) -> Fault:
    return fault._replace(length=round(fault.length * by))
