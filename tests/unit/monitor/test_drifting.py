"""A session in real time that is watched for drift: alerts where its features changed, none where they did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.session.scripted import BEGIN, CONFIG, MINUTE, SECOND, Hand, Scripted, walked

from onepath import realtime
from onepath.config import loads
from onepath.errors import DataError
from onepath.events import Alert
from onepath.journal.codec import decode
from onepath.journal.sqlite import SqliteReader
from onepath.monitor.drifting import attach
from onepath.rerun import replay
from onepath.workspace import Workspace

MINUTES = 150
HISTORY, LIVE = walked(MINUTES, 3)
DRIFT = "features: {drift: {reference: REFERENCE, every: 30m, window: 120, psi: 0.25}}\n"


def begun(home: Path, more: str) -> Any:
    strategies = "  - {name: sma_cross, capital: 10000, params: {fast: 2, slow: 5}}"
    text = CONFIG.format(mode="paper", symbols="AB", strategies=strategies) + more
    clock = Hand()
    return realtime.begin(
        loads(text),
        Scripted(clock, LIVE, HISTORY),
        home=home,
        session_id="s",
        journal_path=home / "sessions" / "s" / "journal.db",
        clock=clock,
        until=BEGIN + MINUTES * MINUTE + SECOND,
    )


def reference(home: Path, scale: float) -> None:
    """Bars of AB at `scale` times the prices that come live, in another order of the day."""
    closes = np.array([event.close for event in LIVE if type(event).__name__ == "Bar"])
    closes = np.tile(closes, 4) * scale
    times = pd.date_range("2023-01-01", periods=len(closes), freq="min", tz="UTC")
    frame = {"open": closes, "high": closes, "low": closes, "close": closes, "volume": np.ones(len(closes))}
    folder = home / "then"
    folder.mkdir(parents=True)
    pd.DataFrame(frame, index=times).rename_axis("time").to_csv(folder / "AB.csv")


def alerts(home: Path) -> list[Alert]:
    rows = SqliteReader(home / "sessions" / "s" / "journal.db").rows(("alert",))
    return [decode(row) for row in rows]


def ran(home: Path, more: str) -> list[Alert]:
    session = begun(home, more)
    attach(session, Workspace(home))
    session.run()
    session.journal.close()
    return [alert for alert in alerts(home) if alert.code == "feature_drift"]


def ran_again(home: Path, scale: float, more: str) -> list[Alert]:
    reference(home, scale)
    return ran(home, more)


def test_other_prices_are_told_once_a_feature(tmp_path: Path) -> None:
    """At half the reference's prices both averages are told, once each although they are compared four times."""
    reference(tmp_path, 2.0)
    told = ran(tmp_path, DRIFT.replace("REFERENCE", "then"))
    assert sorted(alert.text.partition(" is not")[0] for alert in told) == ["feature fast of AB", "feature slow of AB"]
    assert {(alert.severity, alert.strategy, alert.symbol) for alert in told} == {("warning", "sma_cross", "AB")}
    assert "what it was in then: PSI " in told[0].text


def test_the_same_prices_are_not(tmp_path: Path) -> None:
    """Nearly all bars of the reference, compared at once, raise nothing; nor does a session without `features.drift`. (After half
    an hour they would: prices walk, and half an hour of a walk is not where the other two hours are.)"""
    reference(tmp_path / "a", 1.0)
    late = DRIFT.replace("REFERENCE", "then").replace("30m", "145m").replace("120", "1000")
    assert ran(tmp_path / "a", late) == []
    assert ran_again(tmp_path / "c", 2.0, late)
    (tmp_path / "b").mkdir()
    assert attach(begun(tmp_path / "b", ""), Workspace(tmp_path / "b")) is None


def test_alerts_decide_nothing(tmp_path: Path) -> None:
    """The session with alerts replays, and its decisions are those without."""
    reference(tmp_path, 2.0)
    assert ran(tmp_path, DRIFT.replace("REFERENCE", "then"))
    proof = replay(tmp_path / "sessions" / "s" / "journal.db", home=tmp_path)
    assert proof.identical


def test_a_reference_that_is_not_there_stops_before_the_session(tmp_path: Path) -> None:
    """The sentence of an unknown data set, and the source has been let go."""
    session = begun(tmp_path, DRIFT.replace("REFERENCE", "nothing"))
    with pytest.raises(DataError, match="nothing"):
        attach(session, Workspace(tmp_path))
