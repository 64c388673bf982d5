"""The one loop of backtest, paper, live and replay.

Rules: of one instant, commands come first, then what the venue says, then bars built of ticks that end there, then market
events, then `generate_orders`, then timers. What a venue says at a moment of its own is heard then, and the strategies that
listen to their orders may decide. A fact is in the journal before it acts. Nothing here knows the mode.
Cost: the inner loop is what a bar costs, so the commonest case (one strategy, nothing at work) is written out in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import localcontext

from onepath.actions import CorporateAction
from onepath.context import Context
from onepath.engine import Engine
from onepath.events import CancelRequested, DataStatus, TimePassed, VenueReport
from onepath.ledger import EXACT
from onepath.market import MarketEvent
from onepath.orders import Amended, Approved
from onepath.ports import Batch, Feed, Venue

Wanted = Callable[[int], bool]
"""Called after each batch with the events done so far; false ends the run."""


def run(
    feed: Feed, engine: Engine, venue: Venue, wanted: Wanted, once_started: Iterable[Callable[[], None]] = ()
) -> int:
    """Deliver the feed to the engine and its orders to the venue, until the feed ends or is no longer wanted. `once_started` is
    called when the strategies have started, before the first batch.

    Returns the number of events delivered. Raises DataError from the feed and JournalError from the record.
    """
    with localcontext(EXACT):
        engine.start()
        for call in once_started:
            call()
        return _run(feed, engine, venue, wanted)


def _run(feed: Feed, engine: Engine, venue: Venue, wanted: Wanted) -> int:
    moment, marks, working, touches = engine.moment, engine.marks, venue.working, venue.touches
    listeners, deciders, cancels = engine.listeners, engine.deciders, engine.cancels
    # Whoever ends keeps its place in these lists, so how many there are stays true.
    lone_listener, lone_decider = len(listeners) == 1, len(deciders) == 1
    done = 0
    for batch in feed.batches():
        _begin(engine, venue, batch)
        asks_one = lone_decider and not engine.rehearses
        stream = batch.events()
        for event, last in stream:
            at = event.at
            if at > moment.due:
                _pass_time(engine, venue, at, at)
                if engine.stopping:
                    return done + batch.size - 1 - sum(1 for _ in stream)
            moment.at = at
            if working and (touches(event) or not last):
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
            if asks_one:
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
    _pass_time(engine, venue, moment.at + 1, moment.at)
    return done


def _begin(engine: Engine, venue: Venue, batch: Batch) -> None:
    """What comes before a batch's first event: corporate actions, what the feed says of itself, time that has passed, and what
    is cheaper to compute at once."""
    for item in batch.news:
        _pass_time(engine, venue, item.at, item.at)
        if isinstance(item, TimePassed):
            continue
        engine.moment.at = max(engine.moment.at, item.at)
        if isinstance(item, DataStatus):
            for context in engine.notice(item):
                _ask(engine, venue, context)
        else:
            _act(engine, venue, item)
        if engine.cancels:
            _perform(engine, venue, engine.take_cancels())
        engine.expect(venue.due)
    engine.prepare(batch)


def _act(engine: Engine, venue: Venue, action: CorporateAction) -> None:
    """A corporate action: the venue's orders and books first, then ours."""
    announced = engine.announce(action)
    _hear(engine, venue.act(action), announced)
    engine.act(action, announced)


def _rest(stream: Iterator[tuple[MarketEvent, bool]]) -> Iterator[MarketEvent]:
    """The events still to come of this instant; a batch never splits one."""
    last = False
    while not last:
        event, last = next(stream)
        yield event


def _instant(engine: Engine, venue: Venue, events: Sequence[MarketEvent]) -> None:
    """An instant while orders are at work: all reports, what they make the engine ask back, then all market events."""
    _hear(engine, venue.match(events))
    if engine.cancels:  # now, as in a replay, where these reports come from `advance`
        _perform(engine, venue, engine.take_cancels())
    for event in events:
        engine.marks[event.symbol] = event
        _deliver(engine, event)
    if venue.due != engine.expected:
        engine.expect(venue.due)


def _deliver(engine: Engine, event: MarketEvent) -> None:
    """Let every listener hear the event, whatever one of them raises."""
    for hear, context in engine.listeners:
        try:
            hear(event, context)
        except Exception as error:
            engine.fail(context, error)


def _ask(engine: Engine, venue: Venue, only: Context | None = None) -> None:
    """Let the strategies decide, or `only` one of them, whatever one of them raises; nobody while history is shown."""
    if engine.rehearses:
        return
    for decide, context in engine.deciders:
        if only is not None and context is not only:
            continue
        try:
            intents = decide(context)
            if intents:
                _perform(engine, venue, engine.decide(context, intents))
        except Exception as error:
            engine.fail(context, error)


def _perform(engine: Engine, venue: Venue, decisions: Iterable[Approved | CancelRequested]) -> None:
    """Hand each decision to the venue, and hear what it says at once."""
    at, gate = engine.moment.at, engine.gate
    for decision in decisions:
        cause = engine.desk.decided
        if isinstance(decision, CancelRequested):
            _hear(engine, venue.cancel(decision.order_id, at), cause)
        else:
            gate.release(decision)
            send = venue.replace if type(decision) is Amended else venue.submit
            _hear(engine, send(decision, at), cause)
    if venue.due != engine.expected:
        engine.expect(venue.due)


def _hear(engine: Engine, reports: Sequence[VenueReport], cause: int | None = None) -> None:
    """Fold what the venue says into the books."""
    for report in reports:
        engine.fold(report, cause)


def _pass_time(engine: Engine, venue: Venue, before: int, through: int) -> None:
    """Everything that is due before the instant `before`, in time order; what the venue has to say also at `through`, the
    instant itself, because reports come before market events."""
    if engine.stopping:
        return
    engine.begin(before)
    while not engine.stopping:
        own, theirs, bars = engine.due, venue.due, engine.closing
        if theirs <= own and theirs <= through and theirs <= bars:
            _listen(engine, venue, theirs, alone=theirs < before)
        elif bars <= own and bars <= through:
            for context in engine.close_bars():
                _ask(engine, venue, context)
        elif own < before:
            asked = engine.do_due(before)
            if asked is not None:
                _ask(engine, venue, asked)
        else:
            break
        if engine.cancels:  # at the moment that asks for them, before anything later is heard
            _perform(engine, venue, engine.take_cancels())
    engine.expect(venue.due)


def _listen(engine: Engine, venue: Venue, at: int, *, alone: bool) -> None:
    """What the venue has to say by itself. `alone`, at a moment without market events, who heard of an order may decide."""
    engine.told.clear()
    engine.moment.at = max(engine.moment.at, at)
    _hear(engine, venue.advance(engine.moment.at))
    if alone:
        for context in tuple(engine.told):
            _ask(engine, venue, context)
