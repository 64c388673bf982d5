"""The one loop of backtest, paper, live and replay.

Rules: of one instant, order reports come first, then market events, then `generate_orders`, then timers. A fact is in the
journal before it acts. Nothing here knows the mode.
Cost: the inner loop is what a bar costs, so the commonest case (one strategy, nothing at work) is written out in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import localcontext

from onepath.engine import Engine
from onepath.events import CancelRequested, OrderReport
from onepath.ledger import EXACT
from onepath.market import MarketEvent
from onepath.orders import Approved
from onepath.ports import Feed, Venue
from onepath.strategy import Context

Wanted = Callable[[int], bool]
"""Called after each batch with the events done so far; false ends the run."""


def run(feed: Feed, engine: Engine, venue: Venue, wanted: Wanted) -> int:
    """Deliver the feed to the engine and its orders to the venue, until the feed ends or is no longer wanted.

    Returns the number of events delivered. Raises DataError from the feed and JournalError from the record.
    """
    with localcontext(EXACT):
        engine.start()
        return _run(feed, engine, venue, wanted)


def _run(feed: Feed, engine: Engine, venue: Venue, wanted: Wanted) -> int:
    moment, marks, working = engine.moment, engine.marks, venue.working
    listeners, deciders, cancels = engine.listeners, engine.deciders, engine.cancels
    # Whoever ends keeps its place in these lists, so how many there are stays true.
    lone_listener, lone_decider = len(listeners) == 1, len(deciders) == 1
    done = 0
    for batch in feed.batches():
        engine.prepare(batch)
        stream = batch.events()
        for event, last in stream:
            at = event.at
            if at > moment.due:
                _pass_time(engine, venue, at)
                if engine.stopping:
                    return done + batch.size - 1 - sum(1 for _ in stream)
            moment.at = at
            if working:
                _instant(engine, venue, [event] if last else [event, *_rest(stream)])
            else:
                marks[event.symbol] = event
                if lone_listener:
                    hear, context = listeners[0]
                    try:
                        hear(event, context)
                    except Exception as error:
                        engine.fail(context, error)
                else:
                    _deliver(engine, event)
                if not last:
                    continue
            if lone_decider:
                decide, context = deciders[0]
                try:
                    intents = decide(context)
                    if intents:
                        _perform(engine, venue, engine.decide(context, intents))
                except Exception as error:
                    engine.fail(context, error)
            else:
                _ask(engine, venue)
            if cancels:
                _perform(engine, venue, engine.take_cancels())
        done += batch.size
        if not (wanted(done) and engine.alive):
            return done
    _pass_time(engine, venue, moment.at + 1)
    return done


def _rest(stream: Iterator[tuple[MarketEvent, bool]]) -> Iterator[MarketEvent]:
    """The events still to come of this instant; a batch never splits one."""
    for event, last in stream:
        yield event
        if last:
            return


def _instant(engine: Engine, venue: Venue, events: Sequence[MarketEvent]) -> None:
    """An instant while orders are at work: all reports, then all market events."""
    _hear(engine, venue.match(events))
    for event in events:
        engine.marks[event.symbol] = event
        _deliver(engine, event)


def _deliver(engine: Engine, event: MarketEvent) -> None:
    """Let every listener hear the event, whatever one of them raises."""
    for hear, context in engine.listeners:
        try:
            hear(event, context)
        except Exception as error:
            engine.fail(context, error)


def _ask(engine: Engine, venue: Venue, only: Context | None = None) -> None:
    """Let the strategies decide, or `only` one, whatever one of them raises."""
    for decide, context in engine.deciders:
        if only is None or context is only:
            try:
                intents = decide(context)
                if intents:
                    _perform(engine, venue, engine.decide(context, intents))
            except Exception as error:
                engine.fail(context, error)


def _perform(engine: Engine, venue: Venue, decisions: Iterable[Approved | CancelRequested]) -> None:
    """Hand each decision to the venue, and hear what it says at once."""
    at = engine.moment.at
    for decision in decisions:
        cause = engine.decided
        if isinstance(decision, Approved):
            _hear(engine, venue.submit(decision, at), cause)
        else:
            _hear(engine, venue.cancel(decision.order_id, at), cause)


def _hear(engine: Engine, reports: Sequence[OrderReport], cause: int | None = None) -> None:
    for report in reports:
        engine.fold(report, cause)


def _pass_time(engine: Engine, venue: Venue, before: int) -> None:
    """What was due before this instant; a strategy whose timer came may decide."""
    for context in engine.pass_time(before):
        _ask(engine, venue, only=context)
    _perform(engine, venue, engine.take_cancels())
