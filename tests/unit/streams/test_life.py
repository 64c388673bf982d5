"""The life of a connection, told second by second."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath.errors import ConfigError
from onepath.events import DataState, DataStatus
from onepath.ports import NEVER
from onepath.streams.life import SECOND, Action, Connection, Dial, Drop, Life, Probe

TRADES, QUOTES = ("BTC", "trades"), ("BTC", "quotes")
TERMS = Connection(
    stale_after=10, answer_within=2, pause=1, longest_pause=8, failures=3, window=100, rest=50, settled=60
)


class Longest(Random):
    """Jitter that takes nothing off, so that pauses are what the rules say."""

    def uniform(self, a: float, b: float) -> float:
        return b


def life(*streams: tuple[str, str], random: Random | None = None) -> Life:
    return Life(dict.fromkeys(streams or (TRADES,), 10 * SECOND), TERMS, random or Longest(), 0)


def up(made: Life, at: float = 0) -> Life:
    """Dialled and connected at a second."""
    assert made.tick(at_ns(at)) == (Dial(trial=made.resting),)
    made.connected(at_ns(at))
    return made


def at_ns(seconds: float) -> int:
    return round(seconds * SECOND)


def stale(actions: Sequence[Action]) -> list[tuple[str, int]]:
    """(kind, since in seconds) of the streams that became stale."""
    return [(a.stream, a.since // SECOND) for a in actions if isinstance(a, DataStatus) and a.state is DataState.STALE]


def test_it_dials_at_once_and_is_up_when_connected() -> None:
    """The first tick dials; while it does nothing else is due but its answer, 2 s later."""
    made = life()
    assert (made.state, made.due) == ("waiting", 0)
    assert made.tick(0) == (Dial(trial=False),)
    assert (made.state, made.due) == ("dialling", 2 * SECOND)
    assert made.tick(SECOND) == ()
    made.connected(SECOND)
    assert (made.state, made.due, made.reconnects) == ("up", 11 * SECOND + 1, 0)


def test_a_dial_without_answer_is_a_loss() -> None:
    """After answer_within (2 s) the dial has failed, and every stream is stale since it was begun at 0."""
    made = life()
    made.tick(0)
    actions = made.tick(at_ns(2))
    assert actions[0] == Drop("no connection within 2 s")
    assert stale(actions) == [("trades", 0)]


def test_a_late_connect_says_nothing() -> None:
    """A socket that opens when its dial has been given up does not count."""
    made = life()
    made.connected(5)
    assert made.state == "waiting"


def test_pauses_double_up_to_their_cap() -> None:
    """1, 2, then a rest of 50 s after the third failure in 100 s; pauses without a breaker: 1, 2, 4, 8, 8."""
    terms = Connection(answer_within=2, pause=1, longest_pause=8, failures=100)
    made = Life({TRADES: SECOND}, terms, Longest(), 0)
    now, pauses = 0, []
    for _ in range(5):
        made.tick(now)
        made.lost(now, "refused")
        pauses.append((made.due - now) / SECOND)
        now = made.due
    assert pauses == [1, 2, 4, 8, 8]


def test_pauses_are_shortened_at_random() -> None:
    """Each pause is between one half and the whole of what is due, and two seeds differ."""
    seen = set()
    for seed in range(20):
        made = life(random=Random(seed))  # noqa: S311 - jitter
        made.tick(0)
        made.lost(0, "refused")
        assert SECOND // 2 <= made.due <= SECOND
        seen.add(made.due)
    assert len(seen) == 20


def test_too_many_losses_rest_and_then_try_once() -> None:
    """The third loss within 100 s rests for 50 s; the trial that fails rests again; the one that holds closes the breaker."""
    made = life()
    for at in (0, 1, 3):
        assert made.tick(at_ns(at)) == (Dial(trial=False),)
        made.lost(at_ns(at), "refused")
    assert (made.resting, made.due) == (True, at_ns(53))
    assert made.tick(at_ns(52)) == ()
    assert made.tick(at_ns(53)) == (Dial(trial=True),)
    made.lost(at_ns(53), "refused")
    assert (made.resting, made.due) == (True, at_ns(103))
    up(made, 103)
    assert not made.resting
    made.heard(TRADES, at_ns(104))
    made.lost(at_ns(105), "reset")
    assert made.resting, "what the trial brought is judged like the trial, until it has settled"


def test_a_settled_trial_closes_the_breaker() -> None:
    """After a trial that served for more than 60 s a loss is one of an ordinary day: a pause of 1 s."""
    made = life()
    for at in (0, 1, 3):
        made.tick(at_ns(at))
        made.lost(at_ns(at), "refused")
    up(made, 53)
    made.heard(TRADES, at_ns(120))
    made.lost(at_ns(120), "reset")
    assert (made.resting, made.due) == (False, at_ns(121))


def test_old_losses_are_forgotten() -> None:
    """Losses more than 100 s apart never add up to three."""
    made = life()
    for at in (0, 60, 120, 180, 240):
        made.tick(at_ns(at))
        made.lost(at_ns(at), "refused")
        assert not made.resting


def test_retry_after_is_obeyed() -> None:
    """A venue that asks for 30 s gets them, though the pause would be 1 s."""
    made = life()
    made.tick(0)
    made.lost(0, "429", retry_after=30)
    assert made.due == at_ns(30)


def test_an_announced_end_is_no_failure() -> None:
    """Ten disconnects that the venue announced never open the breaker, and the pause stays 1 s."""
    made = life()
    now = 0
    for _ in range(10):
        made.tick(now)
        made.connected(now)
        made.lost(now, "serverShutdown", planned=True)
        assert made.due == now + SECOND
        now = made.due
    assert not made.resting
    assert made.reconnects == 9


def test_the_daily_end_is_no_failure() -> None:
    """A loss after 60 s of service that spoke is like the first: no matter how many days."""
    made = life()
    for day in range(10):
        at = day * 86_400
        up(made, at)
        made.heard(TRADES, at_ns(at + 30))
        made.lost(at_ns(at + 86_399), "closed")
        assert (made.due - at_ns(at + 86_399), made.resting) == (SECOND, False)


def test_long_but_mute_is_a_failure() -> None:
    """Without a word in all its time a connection has not settled, however long it stood."""
    made = up(life())
    made.lost(at_ns(80), "reset")
    made.tick(made.due)
    made.lost(at_ns(81), "refused")
    assert made.due == at_ns(83), "the second failure in a row: 2 s"


def test_a_second_report_of_a_loss_says_nothing() -> None:
    """The socket's error after the loss is known neither drops nor counts again."""
    made = up(life())
    assert made.lost(0, "reset") != []
    due = made.due
    assert made.lost(1, "closed") == ()
    assert made.due == due


def test_each_stream_is_stale_once_since_it_was_heard() -> None:
    """Trades heard at 3 s and quotes at 5 s are stale since then; a second loss does not repeat it; each recovers by itself."""
    made = up(life(TRADES, QUOTES))
    made.heard(TRADES, at_ns(3))
    made.heard(QUOTES, at_ns(5))
    assert stale(made.lost(at_ns(7), "reset")) == [("trades", 3), ("quotes", 5)]
    up(made, 8)
    assert stale(made.lost(at_ns(9), "reset")) == []
    up(made, 11)
    assert made.recovered(TRADES, at_ns(12), filled=4, missed=1) == (
        DataStatus(
            at=at_ns(12), state=DataState.RECOVERED, symbol="BTC", stream="trades", filled=4, missed=1, since=at_ns(3)
        ),
    )
    assert list(made.stale) == [QUOTES]
    assert made.recovered(TRADES, at_ns(13), filled=0, missed=0) == ()


def test_nothing_recovers_while_the_connection_is_down() -> None:
    """What was fetched for a connection that is gone again does not make it flow."""
    made = up(life())
    made.lost(1, "reset")
    assert made.recovered(TRADES, 2, filled=1, missed=0) == ()
    assert list(made.stale) == [TRADES]


def test_a_hole_makes_its_stream_stale() -> None:
    """A hole marks one stream, once; the connection stands."""
    made = up(life(TRADES, QUOTES))
    (status,) = made.gap(TRADES, at_ns(4), "trades 5 to 7 are missing")
    assert (status.state, status.stream, status.since) == (DataState.STALE, "trades", 0)
    assert made.gap(TRADES, at_ns(5), "again") == ()
    assert made.state == "up"


def test_silence_is_asked_about_before_it_is_a_loss() -> None:
    """At 10 s of silence the venue is asked, once; without an answer in 2 s the connection is lost."""
    made = up(life(TRADES, QUOTES))
    made.heard(QUOTES, at_ns(9))
    assert made.tick(at_ns(10)) == ()
    assert made.tick(at_ns(10) + 1) == [Probe(TRADES)]
    assert made.tick(at_ns(11)) == ()
    actions = made.tick(at_ns(12) + 1)
    assert actions[0] == Drop("trades of BTC are silent, and the venue did not answer within 2 s")


def test_a_quiet_market_is_not_stale() -> None:
    """Where the venue has no news the silence starts anew, and it is asked again 10 s later."""
    made = up(life())
    assert made.tick(at_ns(11)) == [Probe(TRADES)]
    assert made.answered(TRADES, at_ns(12), quiet=True) == ()
    assert made.due == at_ns(22) + 1
    assert list(made.stale) == []


def test_news_that_was_not_heard_is_a_mute_stream() -> None:
    """The venue has news, the stream brought none: it is lost, with the reason."""
    made = up(life())
    made.tick(at_ns(11))
    actions = made.answered(TRADES, at_ns(12), quiet=False)
    assert actions[0] == Drop("trades of BTC have stopped, though the venue has news")
    assert made.state == "waiting"


def test_what_was_heard_meanwhile_outweighs_the_answer() -> None:
    """An answer to a question that the stream has answered itself, that nobody asked, or of a lost connection, is ignored."""
    made = up(life())
    made.tick(at_ns(11))
    made.heard(TRADES, at_ns(11.5))
    assert made.answered(TRADES, at_ns(12), quiet=False) == ()
    assert made.answered(TRADES, at_ns(12), quiet=False) == ()
    assert made.state == "up"
    made.tick(at_ns(22))
    made.lost(at_ns(22.5), "reset")
    assert made.answered(TRADES, at_ns(23), quiet=False) == ()


def test_without_streams_nothing_is_due() -> None:
    """A connection that carries nothing never has to be asked about."""
    made = Life({}, TERMS, Longest(), 0)
    up(made)
    assert made.due == NEVER
    assert made.tick(at_ns(1_000_000)) == ()


@pytest.mark.parametrize(
    ("name", "value"), [("pause", 0), ("failures", 0), ("rest", -1), ("stale_after", float("nan"))]
)
def test_impossible_terms_are_refused(name: str, value: float) -> None:
    """Zero, negative and no numbers are refused by name."""
    with pytest.raises(ConfigError, match=f"data.connection.{name} is"):
        Connection(**{name: value})


def test_a_cap_below_the_first_pause_is_refused() -> None:
    """longest_pause below pause contradicts itself."""
    with pytest.raises(ConfigError, match="longest_pause is 1 s, shorter than pause"):
        Connection(pause=2, longest_pause=1)
    assert Connection(reorder_within=0).reorder_within == 0


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "heard", "lost", "planned", "connected", "quiet", "news", "recovered"]),
        st.integers(1, 30),
    ),
    max_size=60,
)


@given(EVENTS, st.integers(0, 5))
def test_whatever_happens_stale_and_recovered_alternate_and_it_dials_again(happened: list[Any], seed: int) -> None:
    """For each stream STALE and RECOVERED take turns, STALE first; and within a rest and a pause the connection dials again."""
    made = Life({TRADES: 10 * SECOND, QUOTES: 10 * SECOND}, TERMS, Random(seed), 0)  # noqa: S311 - jitter
    now, told = 0, []
    for what, seconds in happened:
        actions: list[Action] = []
        if what == "wait":
            now += seconds * SECOND
            actions += made.tick(now)
        elif what == "heard":
            made.heard(TRADES, now)
        elif what == "connected":
            made.connected(now)
        elif what in ("lost", "planned"):
            actions += made.lost(now, what, planned=what == "planned", retry_after=seconds)
        elif what == "recovered":
            actions += made.recovered(QUOTES, now, filled=0, missed=0)
        else:
            actions += made.answered(TRADES, now, quiet=what == "quiet")
        told += [(a.stream, a.state) for a in actions if isinstance(a, DataStatus)]
    for kind in ("trades", "quotes"):
        states = [state for stream, state in told if stream == kind]
        assert states == [DataState.STALE, DataState.RECOVERED] * (len(states) // 2) + [DataState.STALE] * (
            len(states) % 2
        )
    if made.state == "waiting":
        assert made.due <= now + 80 * SECOND
        assert made.tick(max(now, made.due))[0] == Dial(trial=made.resting)
