"""A session in real time with its monitor: what it writes, raises and shows, and that it changes nothing."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from onepath import Context, Strategy
from onepath.clock import RealtimeClock
from onepath.events import Alert, DataState, DataStatus
from onepath.journal.codec import decode
from onepath.market import Trade
from onepath.monitor.alerts import Rules
from onepath.monitor.files import read_status
from onepath.monitor.view import View, view_of
from onepath.monitor.watching import Monitor

LOOK = 0.02
HEALTH = {
    "streams": {"X trades": {"state": "stale", "last_at": 5, "events": 3, "gaps": 1, "filled": 2, "missed": 0}},
    "connections": [{"reconnects": 2, "bad_messages": 1}, {"reconnects": 1, "bad_messages": 0}],
    "queue": {"depth": 600, "highest": 700, "capacity": 1_000},
}


def trade(price: float) -> Trade:
    return Trade("X", 0, float(price), 1_000.0)


def pause(seconds: float = 3 * LOOK) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


class Buys(Strategy):
    """Buys two units at the first event, rests an order, asks for far too much."""

    def generate_orders(self, context: Context) -> Any:
        if context.portfolio.quantity("X") or context.open_orders:
            return []
        return context.buy("X", 2) + context.buy("X", 1, limit=50) + context.buy("X", 10_000)


def monitor(session: Any, tmp_path: Path, **how: Any) -> Monitor:
    return Monitor(session, RealtimeClock(), tmp_path / "seen", look=LOOK, **how)


def log_of(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "seen" / "log.jsonl").read_text().splitlines()]


def test_what_is_seen_of_a_session(listed: Callable[..., Any], tmp_path: Path) -> None:
    """Two units bought at 100, worth 110 at the end of 1,000: equity 1,020, profit 20, cash 800. The order at 50 is at work, that
    of 10,000 was denied. Views, status, metrics and log say so."""
    seen: list[View] = []
    stale = DataStatus(at=0, state=DataState.STALE, symbol="X", stream="trades", reason="silence")
    script = [trade(100), trade(100), pause(), stale, trade(110), pause(10 * LOOK)]
    session, source = listed(script, Buys(), health=HEALTH)
    with monitor(session, tmp_path, told=seen.append, health=source.health, metrics_port=0) as watch:
        session.run()
    view = read_status(tmp_path / "seen")
    assert view is not None
    assert (view.session, view.mode, view.state) == ("seen", "paper", "stopped")
    assert (view.equity, view.cash, view.pnl, view.capital) == (1_020.0, 800.0, 20.0, 1_000.0)
    ((held,), (order,)) = view.holdings, view.working
    assert (held.symbol, held.quantity, held.price, held.value, held.cost) == ("X", 2.0, 110.0, 220.0, 200.0)
    assert (order.symbol, order.side, order.quantity, order.limit, order.status) == ("X", "buy", 1.0, 50.0, "accepted")
    assert (view.events, view.feed.reconnects, view.feed.bad_messages, view.feed.lag_ms) == (3, 3, 1, 5.0)
    assert (view.feed.queue, view.feed.queue_highest, view.feed.queue_room) == (600, 700, 1_000)
    assert view.decided.count == 2  # the denied one was not handed to anybody
    assert view.decided.p99_us is not None
    assert 0 < view.decided.p99_us < 50_000
    assert view.books[0].calls is not None
    assert view.rss_mb > 10
    assert view.pid > 0
    kinds = [happened.kind for happened in view.last]
    assert {"order.filled", "order.denied", "data.status", "alert", "strategy.ended", "session.ended"} <= set(kinds)
    (fill,) = [happened.text for happened in view.last if happened.kind == "order.filled"]
    assert fill == "X +2 at 100.0"
    assert view.counts["order.submitted"] == 2
    assert {seen_state.state for seen_state in seen} >= {"running", "stopped"}
    families = {f.name for f in text_string_to_metric_families((tmp_path / "seen" / "metrics.prom").read_text())}
    assert {"onepath_equity", "onepath_decision_latency_seconds"} <= families
    assert watch.metrics_port is not None


def test_the_log_of_a_session(listed: Callable[..., Any], tmp_path: Path) -> None:
    """Each fact once, with strategy and session time; what our own modules log is there; the secret is not."""
    session, _ = listed(
        [trade(100), trade(100), lambda: logging.getLogger("onepath.streams").warning("lost %s", "s3cret!"), pause()],
        Buys(),
    )
    with monitor(session, tmp_path, secrets=["s3cret!"]):
        session.run()
    told = log_of(tmp_path)
    by_event = {line["event"]: line for line in told}
    assert by_event["order.filled"]["strategy"] == "main"
    assert by_event["order.filled"]["at"] > 0
    assert by_event["order.denied"]["level"] == "warning"
    assert by_event["lost ***"]["logger"] == "onepath.streams"
    assert by_event["session.started"] == {
        **{key: by_event["session.started"][key] for key in ("wall", "code_version", "schema")},
        **{"level": "info", "event": "session.started", "session": "seen", "at": 0, "mode": "paper"},
    }
    assert [line["event"] for line in told].count("order.submitted") == 2
    assert "s3cret!" not in (tmp_path / "seen" / "log.jsonl").read_text()
    assert [line["event"] for line in told][-1] == "monitor.stopped"
    logging.getLogger("onepath.streams").warning("after")
    assert "after" not in (tmp_path / "seen" / "log.jsonl").read_text()


def test_alerts_are_journaled_logged_and_called_back(listed: Callable[..., Any], tmp_path: Path) -> None:
    """The queue is more than half full: one alert, however often it is looked at, in the journal before the session ends, in the
    log, the view and the callback; it is no decision."""
    heard: list[Alert] = []
    session, source = listed(
        [trade(100), pause(8 * LOOK), trade(101), pause(4 * LOOK), trade(102)], Buys(), health=HEALTH
    )
    with monitor(session, tmp_path, health=source.health, on_alert=heard.append, rules=Rules(stale_after=60.0)):
        outcome = session.run()
    assert [alert.code for alert in heard] == ["queue_high"]
    rows = [decode(row) for row in session.journal.rows(("alert",))]
    assert rows == heard
    assert [line["code"] for line in log_of(tmp_path) if line["event"] == "alert"] == ["queue_high"]
    view = read_status(tmp_path / "seen")
    assert view is not None
    assert (view.alerts, view.warnings) == (1, (heard[0].text,))
    assert outcome.decisions == 3


def test_a_strategy_that_fails_is_called_back(listed: Callable[..., Any], tmp_path: Path) -> None:
    """The engine's own alert reaches the log and the callback, once, and the book says how it ended."""

    class Fails(Strategy):
        def generate_orders(self, context: Context) -> Any:
            raise ZeroDivisionError("as told")

    heard: list[Alert] = []
    session, _ = listed([trade(100), pause()], Fails())
    with monitor(session, tmp_path, on_alert=heard.append):
        session.run()
    assert [(alert.code, alert.strategy) for alert in heard] == [("strategy_failed", "main")]
    view = read_status(tmp_path / "seen")
    assert view is not None
    assert (view.books[0].state, view.state) == ("failed", "failed")
    assert [line["level"] for line in log_of(tmp_path) if line["event"] == "alert"] == ["critical"]


def test_a_session_that_does_nothing_is_seen_all_the_same(listed: Callable[..., Any], tmp_path: Path) -> None:
    """While the session waits for half a second, status is written again and again."""
    seen: list[int] = []

    def look() -> None:
        view = read_status(tmp_path / "seen")
        seen.append(0 if view is None else view.wall)

    session, _ = listed([trade(100), pause(0.3), look, pause(0.6), look], Buys())
    with monitor(session, tmp_path):
        session.run()
    assert 0 < seen[0] < seen[1] - 200_000_000


def test_a_stuck_call_is_told(listed: Callable[..., Any], tmp_path: Path) -> None:
    """The watchdog's word becomes a critical alert at once, though the session's own thread cannot record it yet."""
    heard: list[Alert] = []
    session, _ = listed([trade(100)], Buys())
    with monitor(session, tmp_path, on_alert=heard.append):
        assert session.watchdog is not None
        assert session.watchdog.on_stuck is not None
        session.watchdog.on_stuck("main", 5.25)
        session.watchdog.on_stuck("main", 6.0)
        session.run()
    assert [(alert.code, alert.severity) for alert in heard] == [("strategy_stuck", "critical")]
    assert "stuck for 5.2 s" in heard[0].text
    assert [decode(row).code for row in session.journal.rows(("alert",))] == ["strategy_stuck"]


def test_the_monitors_own_faults_end_nothing(listed: Callable[..., Any], tmp_path: Path) -> None:
    """A screen that fails is said once among the warnings; the session goes on."""

    def broken(_view: View) -> None:
        raise OSError("no terminal")

    session, _ = listed([trade(100), pause(6 * LOOK), trade(100)], Buys())
    with monitor(session, tmp_path, told=broken):
        outcome = session.run()
    assert outcome.events == 2
    view = read_status(tmp_path / "seen")
    assert view is not None
    assert view.warnings == ("the monitor's screen failed: OSError: no terminal",)


def test_a_session_that_breaks_off_says_so(listed: Callable[..., Any], tmp_path: Path) -> None:
    """What ends it stands in the log; the state is no good end."""

    def breaks() -> None:
        raise RuntimeError("out of tea")

    session, _ = listed([trade(100), breaks], Buys())
    with pytest.raises(RuntimeError), monitor(session, tmp_path):
        session.run()
    (line,) = [line for line in log_of(tmp_path) if line["event"] == "session.broken"]
    assert line["error"] == "RuntimeError: out of tea"


def test_watched_and_not_watched_decide_the_same(listed: Callable[..., Any], tmp_path: Path) -> None:
    """The replay of a watched session, which nobody watches, is identical."""
    from onepath.recording import SessionFeed
    from onepath.session import replayed

    session, source = listed([trade(100 + n % 7) for n in range(300)], Buys(), health=HEALTH)
    with monitor(session, tmp_path, health=source.health):
        session.run()
    feed = SessionFeed(session.journal)
    fresh = session.plan.strategies[0]._replace(strategy=Buys())
    result = replayed(session.plan._replace(feed=feed, live=None, strategies=[fresh]), session.journal)
    assert (result.identical, result.difference) == (True, None)
    assert result.decisions == 3


class Worse(Strategy):
    """Rests an order, then does what it was told to at its tenth event."""

    doing: Callable[[], None]
    heard = 0

    def generate_orders(self, context: Context) -> Any:
        self.heard += 1
        if self.heard == 10:
            self.doing()
        return context.buy("X", 1, limit=50) if self.heard == 2 else []


def loop() -> None:
    while True:
        pass


def raises() -> None:
    raise ZeroDivisionError("as told")


def test_a_session_of_good_and_bad_ones(listed: Callable[..., Any], tmp_path: Path) -> None:
    """In real time, recorded: one loops, one sleeps, one raises; each ends at its tenth decision, out of the good one's
    way, which fills at the price it would have had alone. The screen knows, an alert each, and the replay is identical."""
    from onepath.recording import SessionFeed
    from onepath.session import replayed

    def several() -> dict[str, Strategy]:
        made: dict[str, Strategy] = {"good": Buys()}
        for name, doing in (("loops", loop), ("sleeps", lambda: time.sleep(60)), ("raises", raises)):
            made[name] = Worse()
            made[name].doing = doing  # type: ignore[attr-defined]
        return made

    session, _ = listed([trade(100 + n % 7) for n in range(30)], several())
    heard: list[Alert] = []
    with monitor(session, tmp_path, on_alert=heard.append):
        outcome = session.run()
    assert [book.state for book in (read_status(tmp_path / "seen") or pytest.fail("none")).books] == [
        *("ended", "quarantined", "quarantined", "failed")
    ]
    assert {(alert.strategy, alert.code) for alert in heard} >= {
        *(("loops", "strategy_quarantined"), ("sleeps", "strategy_quarantined"), ("raises", "strategy_failed"))
    }
    assert outcome.portfolios["good"].cash == Decimal(1_000 - 2 * 101)
    again = [
        seat._replace(strategy=made) for seat, made in zip(session.plan.strategies, several().values(), strict=True)
    ]
    plan = session.plan._replace(feed=SessionFeed(session.journal), live=None, strategies=again)
    result = replayed(plan, session.journal)
    assert (result.identical, result.difference) == (True, None)


def test_a_view_taken_meanwhile_leaves_the_books_alone(listed: Callable[..., Any]) -> None:
    """View upon view from another thread while the session runs: the books end as they do without (2 units at 101)."""
    session, _ = listed([trade(100 + n % 7) for n in range(3_000)], Buys())
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                view_of(session, 0)
            except RuntimeError:
                continue  # something grew while it was looked at: looked at again

    looking = threading.Thread(target=look)
    looking.start()
    outcome = session.run()
    over.set()
    looking.join()
    assert outcome.portfolios["main"].cash == Decimal(1_000 - 2 * 101)
