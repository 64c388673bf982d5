"""The queue between the sockets' thread and the session's: order, stamps, bounds, and nothing lost in silence."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath.clock import RealtimeClock
from onepath.events import DataState, DataStatus
from onepath.market import Quote, Trade
from onepath.streams.inbox import SWITCH, Inbox, hurried


class Hands:
    """A clock that shows what it is given, one after the other; then the last for ever."""

    def __init__(self, *times: int) -> None:
        self._times: Iterator[int] = iter(times)
        self._last = 0

    def now(self) -> int:
        self._last = next(self._times, self._last)
        return self._last

    def wait_until(self, at: int) -> None:
        raise AssertionError("nobody waits by this clock")


def trade(number: int) -> Trade:
    return Trade("BTC", 0, 1.0, 1.0, 0, 0, number)


def quote(number: int, symbol: str = "BTC") -> Quote:
    return Quote(symbol, 0, 1.0, 2.0, 1.0, 1.0, 0, number)


def status() -> DataStatus:
    return DataStatus(at=0, state=DataState.STALE)


def test_arrivals_are_stamped_strictly_growing() -> None:
    """The clock shows 10, 10, 9, 20: the events are at 10, 11, 12, 20; a status is stamped like any other."""
    box = Inbox(Hands(10, 10, 9, 20), 100)
    for event in (trade(1), quote(2), status(), trade(3)):
        box.put(event)
    assert [event.at for event in box.take(0)] == [10, 11, 12, 20]
    assert box.last_at == 20


def test_what_is_put_is_taken_in_order_once() -> None:
    """All that is there comes at once, in order; then nothing."""
    box = Inbox(Hands(1), 100)
    put = [trade(n) for n in range(5)]
    for event in put:
        box.put(event)
    assert (box.depth, box.highest, box.count) == (5, 5, 5)
    assert list(box.take(0)) == put
    assert list(box.take(0)) == []
    assert (box.depth, box.highest) == (0, 5)


def test_quotes_are_conflated_when_it_is_nearly_full() -> None:
    """Room for 8, crowded from 6 on: of the quotes that come then only the newest of each symbol stays, in its place."""
    box = Inbox(Hands(1), 8)
    for number in range(6):
        box.put(trade(number))
    for event in (quote(10), quote(11, "ETH"), quote(12), trade(6), quote(13), quote(14, "ETH")):
        box.put(event)
    assert (box.conflated, box.depth, box.highest) == (3, 9, 9)
    taken = box.take(0)
    assert [event.id for event in taken] == [0, 1, 2, 3, 4, 5, 6, 13, 14]  # type: ignore[union-attr]
    assert all(a.at < b.at for a, b in pairwise(taken))
    box.put(quote(15))
    assert box.depth == 1
    assert box.health() == {"depth": 1, "highest": 9, "capacity": 8, "events": 13, "conflated": 3, "waits": 0}


def test_trades_and_statuses_are_never_dropped() -> None:
    """Ten trades and a status into room for two: eleven are taken."""
    box = Inbox(Hands(1), 2)
    for number in range(10):
        box.put(trade(number))
    box.put(status())
    assert box.full
    assert len(box.take(0)) == 11
    assert not box.full


def test_take_waits_for_the_first_event() -> None:
    """A put from another thread ends the waiting at once."""
    box = Inbox(RealtimeClock(), 10)
    threading.Timer(0.05, box.put, [trade(1)]).start()
    began = time.monotonic()
    (event,) = box.take(5.0)
    assert time.monotonic() - began < 1.0
    assert event.at <= time.time_ns()


def test_take_gives_up_after_its_time() -> None:
    """With nothing there it returns empty, about when it should; a negative time is none."""
    box = Inbox(Hands(1), 10)
    began = time.monotonic()
    assert list(box.take(0.05)) == []
    assert 0.04 < time.monotonic() - began < 1.0
    assert list(box.take(-1.0)) == []


def test_a_wake_ends_the_waiting_and_a_second_one_does_nothing() -> None:
    """Woken before anybody waits, the next take returns at once, however often it was woken; the one after that waits."""
    box = Inbox(Hands(1), 10)
    box.wake()
    box.wake()
    began = time.monotonic()
    assert list(box.take(5.0)) == []
    assert time.monotonic() - began < 1.0
    assert list(box.take(0.05)) == []
    assert time.monotonic() - began > 0.04


def test_readers_wait_for_room_and_all_of_them_go_on() -> None:
    """Two readers of sockets wait while it is full, a third finds room after a take; the waits are counted."""

    async def scene() -> None:
        box = Inbox(Hands(1), 2)
        await box.room()
        box.put(trade(1))
        box.put(trade(2))
        readers = [asyncio.ensure_future(box.room()) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert not any(reader.done() for reader in readers)
        await asyncio.get_running_loop().run_in_executor(None, box.take, 0.0)
        await asyncio.wait_for(asyncio.gather(*readers), 1)
        await box.room()
        assert box.waits == 2

    asyncio.run(scene())


def test_a_reader_whose_loop_has_ended_harms_nobody() -> None:
    """A source was stopped while its reader waited: the session's last take is whole."""
    box = Inbox(Hands(1), 1)
    box.put(trade(1))

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.room(), 0.01)

    asyncio.run(leave())
    assert len(box.take(0)) == 1


def test_threads_take_turns_sooner_while_sources_run() -> None:
    """Inside, the interpreter's turn is 0.1 ms, also for the second who comes; afterwards it is what it was."""
    before = sys.getswitchinterval()
    with hurried():
        with hurried():
            assert sys.getswitchinterval() == pytest.approx(SWITCH, abs=2e-6)
        assert sys.getswitchinterval() == pytest.approx(SWITCH, abs=2e-6)
    assert sys.getswitchinterval() == before


def test_two_threads_lose_nothing_and_are_quick() -> None:
    """5,000 events a second for half a second, from one thread to another: all, in order, the median under 1 ms."""
    box = Inbox(RealtimeClock(), 10_000)
    late: list[int] = []
    taken: list[int] = []

    def produce() -> None:
        began = time.perf_counter()
        for number in range(2_500):
            while time.perf_counter() < began + number / 5_000:
                time.sleep(0.0002)
            box.put(trade(number))

    with hurried():
        producer = threading.Thread(target=produce)
        producer.start()
        while len(taken) < 2_500:
            for event in box.take(1.0):
                late.append(time.time_ns() - event.at)
                taken.append(event.id)  # type: ignore[union-attr]
        producer.join()
    assert taken == list(range(2_500))
    assert sorted(late)[1_250] < 1_000_000


@given(st.lists(st.sampled_from(["trade", "quote", "other", "take"]), max_size=60), st.integers(1, 8))
def test_of_all_that_is_put_only_older_quotes_are_left_out(steps: list[str], capacity: int) -> None:
    """Whatever is put and taken: every trade is taken once, in order; a quote that is not taken was replaced by a newer one of
    its symbol before anybody could take it; what is taken and what was conflated add up."""
    box, put, taken = Inbox(Hands(1), capacity), [], []
    for number, step in enumerate(steps):
        if step == "take":
            taken += list(box.take(0))
        else:
            event = trade(number) if step == "trade" else quote(number, "BTC" if step == "quote" else "ETH")
            put.append(event)
            box.put(event)
    taken += list(box.take(0))
    assert len(taken) + box.conflated == len(put) == box.count
    assert [e for e in taken if type(e) is Trade] == [e for e in put if type(e) is Trade]
    numbers = [event.id for event in taken]
    assert numbers == sorted(numbers)
    for symbol in ("BTC", "ETH"):
        sent = [e.id for e in put if type(e) is Quote and e.symbol == symbol]
        got = [e.id for e in taken if type(e) is Quote and e.symbol == symbol]
        assert got[-1:] == sent[-1:], "the newest is never left out"
