"""One connection and its streams, with an exchange on a shelf: what is told, fetched, given up and thrown away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import msgspec
import pytest
from shelf import QUICK, SECOND, Shelf, Stage, bar, quote, trade

from onepath.events import DataState, DataStatus
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.streams.exchange import VenueError
from onepath.streams.wire import Depth, UnreadableError

TRADES, BARS, QUOTES, BOOK = ("BTC", "trades"), ("BTC", "bars"), ("BTC", "quotes"), ("BTC", "book")


def plays(scene: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test."""

    @wraps(scene)
    def test(*args: Any, **terms: Any) -> None:
        asyncio.run(scene(*args, **terms))

    return test


def told(stage: Stage) -> list[tuple[str, int, int]]:
    return [(str(s.state), s.filled, s.missed) for s in stage.of(DataStatus)]


def numbers(stage: Stage) -> list[int]:
    return [t.id for t in stage.of(Trade)]


# -- numbered trades -----------------------------------------------------------------------------------------------------


@plays
async def test_a_hole_is_told_filled_and_told() -> None:
    """1, then 4: after a moment STALE, then 2 and 3 by REST and 4, then RECOVERED with two filled."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(n) for n in range(1, 5)]
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(4))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        kinds = [getattr(e, "id", None) or str(e.state) for e in stage.taken()]
        assert kinds == [1, "stale", 2, 3, 4, "recovered"]
        assert told(stage) == [("stale", 0, 0), ("recovered", 2, 0)]
        assert stage.of(DataStatus)[0].reason == "trades of BTC are missing: numbers 2 to 3"


@plays
async def test_what_comes_late_by_itself_is_no_hole() -> None:
    """2 comes after 3, at once: nobody is told, nobody is asked."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        for number in (1, 3, 2):
            shelf.ear.trade(trade(number))
        await asyncio.sleep(0.03)
        assert (numbers(stage), told(stage), shelf.asked) == ([1, 2, 3], [], 0)


@plays
async def test_what_the_venue_has_not_either_is_missed() -> None:
    """REST has 1 and 4 only: 2 and 3 are lost, 4 goes on, the session is told."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(1), trade(4)]
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(4))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert (numbers(stage), told(stage)) == ([1, 4], [("stale", 0, 0), ("recovered", 0, 2)])
        assert stage.line.flows[TRADES].health()["missed"] == 2


@plays
async def test_a_wild_number_does_not_end_the_stream() -> None:
    """A trade numbered 9,999,999 that the venue does not know is thrown away; 2 and 3 go on as if it had not been."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(1)]
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(9_999_999))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        shelf.ear.trade(trade(2))
        shelf.ear.trade(trade(3))
        assert (numbers(stage), told(stage)[1]) == ([1, 2, 3], ("recovered", 0, 0))


@plays
async def test_a_rest_that_fails_is_asked_again_and_then_given_up() -> None:
    """Two failures are got over; a REST that fails for longer than fill_within costs what was missing."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(n) for n in range(1, 4)]
        shelf.fails = [VenueError("502"), UnreadableError("html")]
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(3))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert numbers(stage) == [1, 2, 3]
        shelf.fails = [VenueError("502")] * 100
        shelf.ear.trade(trade(6))
        await stage.until(lambda: len(stage.of(DataStatus)) == 4)
        assert (numbers(stage), told(stage)[3]) == ([1, 2, 3, 6], ("recovered", 0, 2))


@plays
async def test_a_retry_after_is_waited_for_however_long_it_may_fail() -> None:
    """The venue wants 0.5 s, more than the 0.15 s that fetching may fail: it gets them, and nothing is given up."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(n) for n in range(1, 4)]
        shelf.fails = [VenueError("429", retry_after=0.5)]
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(3))
        await stage.until(lambda: len(stage.of(Trade)) == 3)
        assert told(stage)[0][0] == "stale"
        assert stage.line.flows[TRADES].health()["missed"] == 0


@plays
async def test_a_ban_of_hours_is_not_waited_for() -> None:
    """With an hour asked for, what is missing is given up at once, and the rest goes on."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.fails = [VenueError("418", retry_after=3600)] * 3
        shelf.ear.trade(trade(1))
        shelf.ear.trade(trade(3))
        await stage.until(lambda: len(stage.of(Trade)) == 2)
        assert stage.line.flows[TRADES].health()["missed"] == 1


@plays
async def test_a_long_absence_is_filled_up_to_a_limit() -> None:
    """Known: 10. The venue is at 60, in pages of 5, and 20 may be fetched: 11 to 30; then 61 comes, and 30 are missed."""
    shelf = Shelf()
    shelf.page = 5
    shelf.there["trades"] = [trade(n) for n in range(1, 61)]
    terms = msgspec.structs.replace(QUICK, fill_most=20)
    async with Stage(shelf, TRADES, terms=terms, after={TRADES: trade(10)}) as stage:
        await stage.until(lambda: len(stage.of(Trade)) == 20)
        await asyncio.sleep(0.02)
        shelf.ear.trade(trade(61))
        await stage.until(lambda: len(stage.of(Trade)) == 21)
        assert numbers(stage) == [*range(11, 31), 61]
        assert stage.line.flows[TRADES].health()["missed"] == 30


@plays
async def test_a_cut_is_told_dialled_and_filled() -> None:
    """The socket ends: STALE with the reason; dialled again; 2 and 3 by REST; RECOVERED with two."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.ear.trade(trade(1))
        shelf.there["trades"] = [trade(n) for n in range(1, 4)]
        shelf.cut(VenueError("reset by peer"))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        stale, recovered = stage.of(DataStatus)
        assert (stale.reason, recovered.filled, numbers(stage)) == ("reset by peer", 2, [1, 2, 3])
        assert recovered.since == stale.since < stale.at < recovered.at
        assert stage.line.health() == {"state": "up", "reconnects": 1, "bad_messages": 0, "streams": 1}


@plays
async def test_a_fault_of_our_own_is_loud_and_heals(caplog: pytest.LogCaptureFixture) -> None:
    """An adapter that fails as nobody foresaw ends nothing: an error in the log, and the connection is made anew."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.cut(ZeroDivisionError("ours"))
        await stage.until(lambda: shelf.dials == 2)
        assert stage.of(DataStatus)[0].reason == "a fault of onepath: ZeroDivisionError('ours')"
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == ["shelf: a task of the streams failed"]


@plays
async def test_silence_with_news_is_lost_without_news_is_quiet() -> None:
    """As long as REST has no trade behind 1 nothing happens; when it has one the connection is dialled again."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(1)]
        shelf.ear.trade(trade(1))
        await stage.until(lambda: shelf.asked >= 3)
        assert (shelf.dials, told(stage)) == (1, [])
        shelf.there["trades"].append(trade(2))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert (shelf.dials, numbers(stage), told(stage)[1]) == (2, [1, 2], ("recovered", 1, 0))


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("kind", ["trades", "bars", "quotes"])
@plays
async def test_what_was_there_before_anything_came_is_no_news(kind: str, numbered: bool) -> None:
    """Nothing has come since it began: what REST has from before does not make the silence a fault; what is new does."""
    shelf = Shelf(numbered=numbered)
    shelf.there = {"trades": [trade(7)], "bars": [bar(7)]}
    shelf.quotes = quote(0, 7.0)
    terms = msgspec.structs.replace(QUICK, stale_after=0.05)
    async with Stage(shelf, ("BTC", kind), terms=terms, interval=SECOND // 20) as stage:
        await stage.until(lambda: shelf.asked >= 3)
        assert shelf.dials == 1
        shelf.there = {"trades": [trade(7), trade(8)], "bars": [bar(7), bar(8)]}
        shelf.quotes = quote(0, 8.0)
        await stage.until(lambda: shelf.dials == 2)


@plays
async def test_silence_without_an_answer_is_lost() -> None:
    """Neither socket nor REST says anything: stale, and dialled again."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.deaf = True
        await stage.until(lambda: shelf.dials >= 2)
        assert "did not answer" in stage.of(DataStatus)[0].reason


@plays
async def test_repetitions_do_not_count_as_life() -> None:
    """A socket that repeats its last trade for ever while the venue goes on is found out."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        shelf.ear.trade(trade(1))
        shelf.there["trades"] = [trade(1), trade(2)]

        def repeat() -> bool:
            shelf.ear.trade(trade(1))
            return shelf.dials == 2

        await stage.until(repeat)
        await stage.until(lambda: numbers(stage) == [1, 2])


@plays
async def test_messages_of_others_and_late_connects_are_ignored() -> None:
    """Another symbol's events, kinds that are not listened to, a second `connected`: nothing comes of them."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        other = trade(1)
        msgspec.structs.force_setattr(other, "symbol", "ETH")
        shelf.ear.trade(other)
        shelf.ear.bar(bar(1), closed=True)
        shelf.ear.quote(quote(1))
        shelf.ear.depth(Depth("BTC", 0, (), (), 1, 1))
        shelf.ear.connected()
        assert stage.taken() == []


@plays
async def test_bad_messages_are_counted_and_said_ten_times(caplog: pytest.LogCaptureFixture) -> None:
    """Of a thousand that cannot be read the first ten and the thousandth are in the log."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        for _ in range(1_000):
            shelf.ear.bad(UnreadableError("no"))
        assert stage.line.health()["bad_messages"] == 1_000
    assert sum("cannot be read" in r.message for r in caplog.records) == 11


@plays
async def test_a_crowded_session_is_waited_for() -> None:
    """With room there is no waiting; when the queue is full the reader waits until somebody takes."""
    shelf = Shelf()
    async with Stage(shelf, TRADES) as stage:
        assert not shelf.ear.crowded
        await shelf.ear.room()
        for number in range(1, 1_001):
            shelf.ear.trade(trade(number))
        assert shelf.ear.crowded
        waiting = asyncio.ensure_future(shelf.ear.room())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        stage.taken()
        await asyncio.wait_for(waiting, 1)


# -- trades without numbers ----------------------------------------------------------------------------------------------


@plays
async def test_unnumbered_trades_are_filled_by_time_page_by_page() -> None:
    """Known: time 1. While it was cut, times 2 to 9 in pages of 3; 9 and 10 come live meanwhile."""
    shelf = Shelf(numbered=False)
    shelf.page = 3
    async with Stage(shelf, TRADES) as stage:
        shelf.ear.trade(trade(0, 1))
        shelf.there["trades"] = [trade(0, at) for at in range(1, 10)]
        shelf.cut(VenueError("reset"))
        await stage.until(lambda: shelf.dials == 2)
        shelf.ear.trade(trade(0, 9))
        shelf.ear.trade(trade(0, 10))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert [t.venue_at for t in stage.of(Trade)] == list(range(1, 11))
        assert told(stage)[1][0] == "recovered"
        assert stage.line.flows[TRADES].health()["duplicates"] >= 1


@plays
async def test_unnumbered_trades_that_cannot_be_fetched_do_not_hold_the_others() -> None:
    """REST fails for good: what came live goes on."""
    shelf = Shelf(numbered=False)
    async with Stage(shelf, TRADES) as stage:
        shelf.ear.trade(trade(0, 1))
        shelf.fails = [VenueError("502")] * 1_000
        shelf.cut(VenueError("reset"))
        await stage.until(lambda: shelf.dials == 2)
        shelf.ear.trade(trade(0, 5))
        await stage.until(lambda: len(stage.of(Trade)) == 2)


@plays
async def test_unnumbered_silence() -> None:
    """Quiet while REST has nothing newer, lost when it has."""
    shelf = Shelf(numbered=False)
    async with Stage(shelf, TRADES) as stage:
        shelf.there["trades"] = [trade(0, 1)]
        shelf.ear.trade(trade(0, 1))
        await stage.until(lambda: shelf.asked >= 2)
        assert shelf.dials == 1
        shelf.there["trades"].append(trade(0, 2))
        await stage.until(lambda: len(stage.of(Trade)) == 2)


# -- bars ----------------------------------------------------------------------------------------------------------------


@plays
async def test_flagged_bars_with_a_hole() -> None:
    """1 and 4 are closed, 2 is at the venue, 3 never was: 2 is filled, 3 is empty, nothing is missed."""
    shelf = Shelf()
    async with Stage(shelf, BARS) as stage:
        shelf.there["bars"], shelf.through = [bar(1), bar(2)], 3 * SECOND
        shelf.ear.bar(bar(1), closed=True)
        shelf.ear.bar(bar(4), closed=True)
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert [b.start // SECOND for b in stage.of(Bar)] == [1, 2, 4]
        assert told(stage) == [("stale", 0, 0), ("recovered", 1, 0)]


@plays
async def test_bars_without_a_flag_are_fetched_when_the_next_begins() -> None:
    """5 has begun, then 6: 5 is what REST says of it, not what was seen of it, and nobody is alarmed."""
    shelf = Shelf(flagged=False)
    async with Stage(shelf, BARS) as stage:
        shelf.ear.bar(bar(5), closed=False)
        final = Bar("BTC", 5 * SECOND, 0, 1.0, 9.0, 1.0, 9.0, 1.0)
        shelf.there["bars"] = [final]
        shelf.ear.bar(bar(6), closed=False)
        await stage.until(lambda: len(stage.of(Bar)) == 1)
        assert (stage.of(Bar)[0].close, told(stage)) == (9.0, [])


@plays
async def test_a_wild_start_does_not_end_the_stream() -> None:
    """A bar of the year 2200 is thrown away when the venue knows nothing of the time before it."""
    shelf = Shelf()
    async with Stage(shelf, BARS) as stage:
        shelf.ear.bar(bar(1), closed=True)
        shelf.ear.bar(bar(7_258_118_400), closed=False)
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        shelf.ear.bar(bar(2), closed=True)
        assert [b.start // SECOND for b in stage.of(Bar)] == [1, 2]


@plays
async def test_bars_that_cannot_be_fetched_are_missed() -> None:
    """REST fails for longer than fill_within: 4 goes on without 2 and 3."""
    shelf = Shelf()
    async with Stage(shelf, BARS) as stage:
        shelf.ear.bar(bar(1), closed=True)
        shelf.fails = [VenueError("502")] * 1_000
        shelf.ear.bar(bar(4), closed=True)
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert told(stage)[1] == ("recovered", 0, 2)


@plays
async def test_silent_bars() -> None:
    """Their silence may last two intervals more; then REST decides, as for trades."""
    shelf = Shelf()
    async with Stage(shelf, BARS, after={BARS: bar(1)}) as stage:
        asked = shelf.asked
        await asyncio.sleep(1.0)
        assert shelf.asked == asked
        shelf.there["bars"], shelf.through = [bar(2)], 2 * SECOND
        await stage.until(lambda: len(stage.of(Bar)) == 1)
        assert shelf.dials == 2


# -- quotes --------------------------------------------------------------------------------------------------------------


@plays
async def test_after_a_cut_the_quote_is_fetched() -> None:
    """The newest quote is there with RECOVERED; its update ids may begin anew."""
    shelf = Shelf()
    async with Stage(shelf, QUOTES) as stage:
        shelf.ear.quote(quote(7))
        shelf.quotes = quote(0, 5.0)
        shelf.cut(VenueError("reset"))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert told(stage)[1] == ("recovered", 1, 0)
        shelf.ear.quote(quote(2, 6.0))
        assert [q.bid for q in stage.of(Quote)] == [1.0, 5.0, 6.0]
        assert stage.line.flows[QUOTES].health()["duplicates"] == 0


@plays
async def test_a_quote_that_is_old_says_nothing() -> None:
    """An update id below the last one is dropped and counted."""
    shelf = Shelf()
    async with Stage(shelf, QUOTES) as stage:
        shelf.ear.quote(quote(7))
        shelf.ear.quote(quote(6))
        assert (len(stage.of(Quote)), stage.line.flows[QUOTES].health()["duplicates"]) == (1, 1)


@plays
async def test_a_fetched_quote_does_not_replace_a_newer_one() -> None:
    """A quote that came by the socket while REST was asked is newer than the answer."""
    shelf = Shelf()
    async with Stage(shelf, QUOTES, after={QUOTES: quote(1)}) as stage:
        shelf.ear.quote(quote(8, 9.0))
        shelf.quotes = quote(0, 5.0)
        shelf.cut(VenueError("reset"))
        await stage.until(lambda: shelf.dials == 2)
        shelf.ear.quote(quote(9, 9.5))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert [q.bid for q in stage.of(Quote)][-1] == 9.5


@plays
async def test_silent_quotes() -> None:
    """The same best prices at REST are quiet; others are news; without an answer to compare it is quiet."""
    shelf = Shelf()
    async with Stage(shelf, QUOTES) as stage:
        shelf.ear.quote(quote(1, 5.0))
        shelf.quotes = quote(0, 5.0)
        await stage.until(lambda: shelf.asked >= 3)
        assert shelf.dials == 1
        shelf.quotes = quote(0, 6.0)
        await stage.until(lambda: [q.bid for q in stage.of(Quote)] == [5.0, 6.0])


# -- books ---------------------------------------------------------------------------------------------------------------


def depth(first: int, last: int, *, bid: float = 1.0, ask: float = 2.0, snapshot: bool = False) -> Depth:
    return Depth("BTC", 5, ((bid, 1.0),), ((ask, 1.0),), first, last, snapshot=snapshot)


@plays
async def test_a_book_begins_with_its_snapshot() -> None:
    """Changes 9 to 12 wait for the snapshot of 10; then 11 to 12 follow it, at the venue's time."""
    shelf = Shelf()
    shelf.books = [depth(0, 10, snapshot=True)]
    shelf.deaf = True
    async with Stage(shelf, BOOK) as stage:
        shelf.ear.depth(depth(9, 10))
        shelf.ear.depth(depth(11, 12))
        assert stage.taken() == []
        shelf.deaf = False
        await stage.until(lambda: len(stage.of(BookUpdate)) == 2)
        assert [(b.snapshot, b.last_id, b.venue_at) for b in stage.of(BookUpdate)] == [(True, 10, 5), (False, 12, 5)]


@plays
async def test_a_hole_in_a_book_begins_it_anew() -> None:
    """After 10 comes 13: STALE, a snapshot of 14, 15 follows; a snapshot older than what waits is asked for again."""
    shelf = Shelf()
    shelf.books = [depth(0, 10, snapshot=True), depth(0, 11, snapshot=True), depth(0, 14, snapshot=True)]
    async with Stage(shelf, BOOK) as stage:
        await stage.until(lambda: len(stage.of(BookUpdate)) == 1)
        shelf.ear.depth(depth(13, 13))
        shelf.ear.depth(depth(15, 15))
        await stage.until(lambda: len(stage.of(DataStatus)) == 2)
        assert [b.last_id for b in stage.of(BookUpdate) if b.snapshot] == [10, 11, 14]
        assert stage.of(BookUpdate)[-1].last_id == 15
        assert stage.of(DataStatus)[0].reason == "book of BTC are missing: changes behind 10"


@plays
async def test_whole_books_need_no_ids() -> None:
    """An exchange that sends whole books: each is a snapshot; a crossed one is left out, and the next is good again."""
    shelf = Shelf()
    shelf.books = [None]
    async with Stage(shelf, BOOK) as stage:
        whole = Depth("BTC", 5, ((1.0, 1.0),), ((2.0, 1.0),), 0, 0, snapshot=True)
        shelf.ear.depth(whole)
        shelf.ear.depth(whole._replace(bids=((3.0, 1.0),)))
        shelf.ear.depth(whole)
        assert [b.bid for b in stage.of(BookUpdate)] == [1.0, 1.0]


@plays
async def test_a_snapshot_that_cannot_be_is_asked_for_again() -> None:
    """REST's first book is crossed, its second is good."""
    shelf = Shelf()
    shelf.books = [depth(0, 9, bid=3.0, snapshot=True), depth(0, 10, snapshot=True)]
    async with Stage(shelf, BOOK) as stage:
        await stage.until(lambda: len(stage.of(BookUpdate)) == 1)
        assert stage.of(BookUpdate)[0].last_id == 10


@plays
async def test_silent_books() -> None:
    """By update id, or by the best bid where there is none; None is no answer to compare."""
    shelf = Shelf()
    shelf.books = [depth(0, 10, snapshot=True)]
    async with Stage(shelf, BOOK) as stage:
        await stage.until(lambda: shelf.asked >= 2)
        shelf.books = [None]
        asked = shelf.asked
        await stage.until(lambda: shelf.asked > asked)
        assert shelf.dials == 1
        shelf.books = [depth(0, 11, snapshot=True)]
        await stage.until(lambda: shelf.dials == 2)
        await stage.until(lambda: stage.of(BookUpdate)[-1].last_id == 11)
    shelf = Shelf()
    shelf.books = [Depth("BTC", 5, ((1.0, 1.0),), ((2.0, 1.0),), 0, 0, snapshot=True)]
    async with Stage(shelf, BOOK) as stage:
        await stage.until(lambda: shelf.asked >= 2)
        assert shelf.dials == 1
        shelf.books = [Depth("BTC", 5, ((1.5, 1.0),), ((2.0, 1.0),), 0, 0, snapshot=True)]
        await stage.until(lambda: shelf.dials == 2)


@pytest.mark.parametrize("state", [DataState.STALE, DataState.RECOVERED])
def test_states_are_words(state: DataState) -> None:
    """What the log and the journal say of a stream."""
    assert str(state) in ("stale", "recovered")
