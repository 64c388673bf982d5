"""Nothing twice, nothing missing, in order: keepers of each kind of stream."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from onepath.market import Bar, Quote, Trade
from onepath.streams.continuity import Bars, Quotes, Trades, UnnumberedTrades, behind

MINUTE = 60


def trade(number: int, at: int = 0, size: float = 1.0, side: int = 1) -> Trade:
    return Trade("BTC", 0, 100.0, size, side, at, number)


def bar(minute: int) -> Bar:
    return Bar("BTC", minute * MINUTE, 0, 1.0, 1.0, 1.0, 1.0, 1.0)


def ids(trades: object) -> list[int]:
    return [t.id for t in trades]  # type: ignore[attr-defined]


def minutes(bars: object) -> list[int]:
    return [b.start // MINUTE for b in bars]  # type: ignore[attr-defined]


# -- numbered trades -----------------------------------------------------------------------------------------------------


def test_the_first_number_begins() -> None:
    """Without a known number the first trade is where the stream begins; with one, its follower is."""
    fresh = Trades(10)
    assert ids(fresh.take(trade(70))) == [70]
    assert fresh.gap is None
    known = Trades(10, last=69)
    assert ids(known.take(trade(71))) == []
    assert known.gap == (70, 70)


def test_a_hole_holds_what_comes_behind_it() -> None:
    """4 waits for 2 and 3; when both have come, in any order, all go on in order."""
    kept = Trades(10, last=1)
    assert ids(kept.take(trade(4))) == []
    assert kept.gap == (2, 3)
    assert ids(kept.take(trade(3))) == []
    assert kept.gap == (2, 2)
    assert ids(kept.take(trade(2))) == [2, 3, 4]
    assert kept.gap is None


def test_repeated_numbers_are_dropped() -> None:
    """A number that went on, or that is held, is a duplicate and counted."""
    kept = Trades(10, last=1)
    for number in (2, 4, 4, 2, 1):
        kept.take(trade(number))
    assert kept.duplicates == 3
    assert ids(kept.fill([trade(2), trade(3), trade(4)])) == [3, 4]


def test_what_is_given_up_is_counted() -> None:
    """2 and 3 do not come: 4 goes on, two are missed; a hole behind it is another one."""
    kept = Trades(10, last=1)
    kept.fill([trade(4), trade(7)])
    assert ids(kept.give_up()) == [4]
    assert (kept.missed, kept.gap) == (2, (5, 6))
    assert ids(kept.give_up()) == [7]
    assert kept.missed == 4


def test_giving_up_with_nothing_held_leaps_to_the_next() -> None:
    """Where nothing has come behind the hole yet, the next one goes on at once, whatever it misses: 5 is the last, 9 comes."""
    kept = Trades(10, last=5)
    assert kept.give_up() == []
    assert ids(kept.take(trade(9))) == [9]
    assert kept.missed == 3
    assert kept.give_up() == []
    assert ids(kept.take(trade(10))) == [10]
    assert ids(kept.take(trade(12))) == [], "the leap was for one hole"


def test_what_is_held_is_bounded() -> None:
    """With room for two, the third that is held gives the hole up."""
    kept = Trades(2, last=1)
    assert [ids(kept.take(trade(n))) for n in (5, 6, 7)] == [[], [], [5, 6, 7]]
    assert kept.missed == 3


def test_a_wild_number_is_thrown_away() -> None:
    """A number that the venue does not know is disowned, and the stream goes on where it was."""
    kept = Trades(10, last=1)
    kept.take(trade(9_999_999))
    kept.disown()
    assert (kept.unlikely, kept.gap) == (1, None)
    assert ids(kept.take(trade(2))) == [2]


@given(st.integers(1, 40), st.integers(0, 2**32), st.integers(1, 8))
def test_any_loss_and_shuffle_with_back_fill_is_the_original(count: int, seed: int, every: int) -> None:
    """Drop, repeat and shuffle a stream at will: with the gaps filled, what goes on is the original, once each, in order."""
    random = Random(seed)  # noqa: S311 - a seeded shuffle
    sent = [trade(n) for n in range(1, count + 1)]
    heard = [t for t in sent for _ in range(random.choice((0, 1, 1, 1, 2)))]
    for _ in range(count):
        i, j = random.randrange(len(heard) or 1), random.randrange(len(heard) or 1)
        if heard:
            heard[i], heard[j] = heard[j], heard[i]
    kept = Trades(1_000)
    out: list[Trade] = list(kept.take(sent[0]))
    for number, event in enumerate(heard):
        out += kept.take(event)
        if number % every == 0 and kept.gap is not None:
            first, last = kept.gap
            out += kept.fill(sent[first - 1 : last])
    out += kept.fill(sent)
    assert ids(out) == ids(sent)
    assert kept.missed == 0


# -- trades without numbers ----------------------------------------------------------------------------------------------


def test_equal_trades_without_numbers_are_two() -> None:
    """Two trades equal in time, price, size and side both go on: nothing says that they are one."""
    kept = UnnumberedTrades(10)
    assert len(kept.take(trade(0, 5))) + len(kept.take(trade(0, 5))) == 2
    assert kept.newest == 5


def test_after_a_loss_the_fetched_and_the_heard_are_matched() -> None:
    """Known: 1.0 and 2.0 at time 5. Fetched from 5 on: these, another 1.0 at 5, 3.0 at 6, 4.0 at 7. Heard meanwhile: 4.0 at 7
    and 5.0 at 8. So 1.0 at 5, 3.0, 4.0, 5.0 are new, each once."""
    kept = UnnumberedTrades(10)
    for size in (1.0, 2.0):
        kept.take(trade(0, 5, size))
    kept.hold()
    assert kept.meanwhile > 10**18
    assert list(kept.take(trade(0, 7, 4.0))) == []
    assert kept.meanwhile == 7
    assert list(kept.take(trade(0, 8, 5.0))) == []
    fetched = [trade(0, 5, 1.0), trade(0, 5, 2.0), trade(0, 5, 1.0), trade(0, 6, 3.0), trade(0, 7, 4.0)]
    released = kept.fill(fetched)
    assert [(t.venue_at, t.size) for t in released] == [(5, 1.0), (6, 3.0), (7, 4.0), (8, 5.0)]
    assert (kept.duplicates, kept.newest) == (3, 8)
    assert len(kept.take(trade(0, 8, 5.0))) == 1, "and it is live again"


def test_the_late_twin_of_a_fetched_trade_is_dropped_once() -> None:
    """Fetched up to time 7, and 7 comes live behind it: once it is the twin, a second time it is another trade; behind time 7
    nobody is a twin any more."""
    kept = UnnumberedTrades(10)
    kept.take(trade(0, 5))
    kept.hold()
    assert len(kept.fill([trade(0, 6), trade(0, 7)])) == 2
    assert [len(kept.take(trade(0, at))) for at in (7, 7, 9, 6)] == [0, 1, 1, 1]


def test_a_known_last_trade_is_not_repeated() -> None:
    """What a session before ended with is known; older ones in the answer are dropped."""
    kept = UnnumberedTrades(10, trade(0, 5))
    assert kept.newest == 5
    assert kept.fill([trade(0, 4), trade(0, 5)]) == []


def test_held_unnumbered_trades_are_bounded_and_never_lost() -> None:
    """Holding twice keeps what is held; with room for two, the third lets all three go on."""
    kept = UnnumberedTrades(2)
    kept.hold()
    kept.take(trade(0, 1))
    kept.hold()
    assert [len(kept.take(trade(0, at))) for at in (2, 3)] == [0, 3]


def test_a_late_trade_does_not_move_the_newest() -> None:
    """A trade with an older time goes on and leaves the newest as it is."""
    kept = UnnumberedTrades(10)
    for at in (5, 3):
        assert len(kept.take(trade(0, at))) == 1
    assert kept.newest == 5


def test_pages_overlap_by_their_last_instant() -> None:
    """The next page begins at the time of the last one known: of 1.0, 1.0, 2.0 at time 5, one 1.0 is known."""
    page = [trade(0, 4), trade(0, 5, 1.0), trade(0, 5, 1.0), trade(0, 5, 2.0), trade(0, 6)]
    added = behind([trade(0, 3), trade(0, 5, 1.0)], page, 5)
    assert [(t.venue_at, t.size) for t in added] == [(5, 1.0), (5, 2.0), (6, 1.0)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_any_cut_with_back_fill_is_the_original_as_a_multiset(
    steps: list[tuple[int, int]], cut: int, back: int
) -> None:
    """Lose any stretch of a stream, fetch from the last known time on while the rest comes in: every trade once."""
    at, sent = 0, []
    for step, size in steps:
        at += step
        sent.append(trade(0, at, float(size)))
    cut, back = min(cut, len(sent)), min(cut + back, len(sent))
    kept = UnnumberedTrades(1_000)
    out = [t for event in sent[:cut] for t in kept.take(event)]
    kept.hold()
    for event in sent[back:]:
        out += kept.take(event)
    out += kept.fill([t for t in sent if t.venue_at >= kept.newest] if cut else sent)
    assert sorted((t.venue_at, t.size) for t in out) == sorted((t.venue_at, t.size) for t in sent)


# -- bars ----------------------------------------------------------------------------------------------------------------


def test_bars_go_on_one_by_one() -> None:
    """The first closed bar begins; its follower goes on; the same again is a duplicate."""
    kept = Bars(MINUTE, 10)
    assert kept.gap is None
    assert [minutes(kept.take(bar(m))) for m in (3, 4, 4, 2)] == [[3], [4], [], []]
    assert kept.duplicates == 2


def test_missing_bars_hold_the_next() -> None:
    """Bar 5 waits for 3 and 4; a repeated one that is held is a duplicate."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    assert minutes(kept.take(bar(5))) == []
    assert kept.gap == (3 * MINUTE, 4 * MINUTE)
    kept.take(bar(5))
    assert kept.duplicates == 1
    assert minutes(kept.fill([bar(3), bar(4)], 4 * MINUTE)) == [3, 4, 5]
    assert (kept.missed, kept.empty) == (0, 0)


def test_a_bar_that_has_begun_shows_that_those_before_ended() -> None:
    """Bar 5 has begun: 3 and 4 are missing. The first that ever begins says where to start."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    kept.began(3 * MINUTE)
    assert kept.gap is None
    kept.began(5 * MINUTE)
    assert kept.gap == (3 * MINUTE, 4 * MINUTE)
    fresh = Bars(MINUTE, 10)
    fresh.began(5 * MINUTE)
    assert fresh.gap is None
    fresh.began(6 * MINUTE)
    assert fresh.gap == (5 * MINUTE, 5 * MINUTE)


def test_times_without_trades_are_empty_not_missed() -> None:
    """The venue's answer up to 4 has only 3: 4 is empty, and 5 goes on. An answer up to 3 says nothing of 4."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    kept.take(bar(5))
    assert minutes(kept.fill([bar(3)], 3 * MINUTE)) == [3]
    assert kept.gap == (4 * MINUTE, 4 * MINUTE)
    assert minutes(kept.fill([], 4 * MINUTE)) == [5]
    assert (kept.missed, kept.empty) == (0, 1)


def test_empty_times_before_a_bar_that_only_began() -> None:
    """5 has begun, the venue has neither 3 nor 4: both are empty, and 5 is the next."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    kept.began(5 * MINUTE)
    assert kept.fill([], 4 * MINUTE) == []
    assert (kept.empty, kept.gap) == (2, None)
    assert minutes(kept.take(bar(5))) == [5]


def test_bars_given_up_are_counted() -> None:
    """3 and 4 do not come: two missed, 5 goes on; without a gap nothing is given up."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    kept.take(bar(5))
    assert minutes(kept.give_up()) == [5]
    assert kept.missed == 2
    assert kept.give_up() == []
    assert kept.missed == 2


def test_held_bars_are_bounded() -> None:
    """With room for one, the second that is held gives the hole up."""
    kept = Bars(MINUTE, 1, last=2 * MINUTE)
    assert [minutes(kept.take(bar(m))) for m in (5, 6)] == [[], [5, 6]]


def test_a_time_that_has_not_come_is_thrown_away() -> None:
    """A start in the far future does not end the stream."""
    kept = Bars(MINUTE, 10, last=2 * MINUTE)
    kept.began(9_999 * MINUTE)
    kept.disown()
    assert (kept.gap, kept.unlikely) == (None, 1)
    assert minutes(kept.take(bar(3))) == [3]


@given(st.sets(st.integers(1, 30), min_size=1), st.integers(0, 2**32))
def test_any_bars_lost_and_shuffled_with_back_fill_are_the_original(there: set[int], seed: int) -> None:
    """Bars of any minutes, lost, repeated and shuffled: filled, they are the venue's own, once each, in order."""
    random = Random(seed)  # noqa: S311 - a seeded shuffle
    sent = [bar(m) for m in sorted(there)]
    heard = [b for b in sent for _ in range(random.choice((0, 1, 1, 2)))]
    random.shuffle(heard)
    kept = Bars(MINUTE, 1_000, last=0)
    out = []
    for event in heard:
        out += kept.take(event)
        if random.random() < 0.3:
            kept.began(event.start + MINUTE)
        if kept.gap and random.random() < 0.5:
            first, last = kept.gap
            out += kept.fill([b for b in sent if first <= b.start <= last], last)
    out += kept.fill([b for b in sent if b.start > (kept.last or 0)], 31 * MINUTE)
    assert minutes(out) == sorted(there)
    assert kept.missed == 0


# -- quotes --------------------------------------------------------------------------------------------------------------


def test_quotes_only_grow_newer() -> None:
    """By update id: 5, then 4 and 5 again are old; a new connection begins anew; without ids all pass."""
    kept = Quotes()

    def quote(number: int) -> Quote:
        return Quote("BTC", 0, 1.0, 2.0, 1.0, 1.0, 0, number)

    assert [len(kept.take(quote(n))) for n in (5, 4, 5, 6, 0, 0)] == [1, 0, 0, 1, 1, 1]
    assert kept.duplicates == 2
    kept.restart()
    assert len(kept.take(quote(2))) == 1
