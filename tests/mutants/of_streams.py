"""Mutants of live data: connections that do not heal, streams with holes, what is told and what is not."""

from __future__ import annotations

from mutation import Mutant

_LIFE, _KEPT, _INBOX = (f"unit/streams/test_{name}.py" for name in ("life", "continuity", "inbox"))
_LINE, _WIRE, _CCXT = (f"unit/streams/test_{name}.py" for name in ("line", "wire", "ccxt"))

KEPT_WHOLE = (
    Mutant(
        "a hole in the numbers is not seen",
        "streams/continuity.py",
        "        self.held[number] = trade\n"
        "        return self.give_up() if self._leaps or len(self.held) > self._most else ()\n",
        "        self.last = number\n        return (trade,)\n",
        "what came behind a hole waits until it is filled",
        f"{_KEPT} {_LINE}",
    ),
    Mutant(
        "a trade comes twice",
        "streams/continuity.py",
        "if number <= self.last or number in self.held:",
        "if number in self.held:",
        "a number is released once",
        _KEPT,
    ),
    Mutant(
        "what is given up is not counted",
        "streams/continuity.py",
        "        self.missed += first - self.last - 1\n",
        "",
        "what is lost is counted",
        f"{_KEPT} {_LINE}",
    ),
    Mutant(
        "equal trades are one",
        "streams/continuity.py",
        "        if self._held is None:\n            if self._fetched",
        "        if self._held is None:\n            if self._at_newest[_terms(trade)] and trade.venue_at == self._newest:\n"
        "                return ()\n            if self._fetched",
        "without numbers nothing says that two equal trades are one",
        _KEPT,
    ),
    Mutant(
        "a wild number ends the stream",
        "streams/flows.py",
        "        if unlikely and self.kept.held:\n            self.kept.disown()\n"
        "        else:\n            self._hand_on(self.kept.give_up())",
        "        self._hand_on(self.kept.give_up())",
        "what the venue does not know of is thrown away",
        _LINE,
    ),
    Mutant(
        "a forming candle is taken for closed",
        "streams/ccxt.py",
        "if fresh and (fresh[-1].start + interval > now or not newest):",
        "if False:",
        "only bars that have ended are handed on",
        _CCXT,
    ),
    Mutant(
        "an older quote replaces a newer one",
        "streams/continuity.py",
        "            if quote.id <= self.last:\n                self.duplicates += 1\n                return ()\n",
        "",
        "update ids never go back",
        _KEPT,
    ),
)
KEPT_ALIVE = (
    Mutant(
        "a mute stream is waited for",
        "streams/life.py",
        "if asked is None and now - self.last[stream] > limit:",
        "if False:",
        "silence is looked into",
        f"{_LIFE} {_LINE}",
    ),
    Mutant(
        "repetitions count as life",
        "streams/line.py",
        "            if each.hear(trade):\n                self._heard(each)\n            if each.kept.held:",
        "            each.hear(trade)\n            self._heard(each)\n            if each.kept.held:",
        "a socket that repeats itself for ever is found out",
        _LINE,
    ),
    Mutant(
        "a quiet market is called dead",
        "streams/life.py",
        "        if quiet:\n            self.last[stream] = at\n            return ()\n",
        "",
        "nobody trades: nothing is wrong",
        f"{_LIFE} {_LINE}",
    ),
    Mutant(
        "pauses do not grow",
        "streams/life.py",
        "terms.pause * 2.0 ** min(self._tries - 1, 60)",
        "terms.pause * 1.0",
        "each dial waits twice as long",
        _LIFE,
    ),
    Mutant(
        "the breaker does not open",
        "streams/life.py",
        "if failed_trial or len(self._losses) >= terms.failures:",
        "if failed_trial:",
        "after too many losses the connection rests",
        _LIFE,
    ),
    Mutant(
        "the end of the day is a failure",
        "streams/life.py",
        "        if planned or settled:\n            self._losses.clear()\n        else:\n            self._losses.append(at)",
        "        self._losses.append(at)",
        "days end",
        _LIFE,
    ),
    Mutant(
        "Retry-After is not obeyed by who dials",
        "streams/life.py",
        "max(pause, nanoseconds(retry_after))",
        "pause",
        "a venue that asks for time gets it",
        _LIFE,
    ),
    Mutant(
        "Retry-After is not obeyed by the next request",
        "streams/ccxt.py",
        "if clock() < self._alone_until:",
        "if False:",
        "an exchange that wants to be left alone is, by everybody",
        _CCXT,
    ),
    Mutant(
        "nothing is fetched after a loss",
        "streams/line.py",
        "            self._mend(each, self._after_dial(each))\n",
        "",
        "what came since is fetched, and RECOVERED is told",
        _LINE,
    ),
    Mutant(
        "staleness is told again and again",
        "streams/life.py",
        " for stream in self._limits if stream not in self._stale)",
        " for stream in self._limits)",
        "STALE and RECOVERED take turns",
        _LIFE,
    ),
)
HANDED_OVER = (
    Mutant(
        "arrivals may share an instant",
        "streams/inbox.py",
        "now if now > self.last_at else self.last_at + 1",
        "now",
        "every event is an instant of its own",
        _INBOX,
    ),
    Mutant(
        "trades are conflated like quotes",
        "streams/inbox.py",
        "if depth >= self._crowded and type(event) is Quote:",
        "if depth >= self._crowded and type(event) is not DataStatus:",
        "trades are never dropped",
        _INBOX,
    ),
    Mutant(
        "a reader that waits for room is forgotten",
        "streams/inbox.py",
        "            self._readers.append((asyncio.get_running_loop(), free))\n",
        "            self._readers[:] = [(asyncio.get_running_loop(), free)]\n",
        "everybody who waits goes on",
        _INBOX,
    ),
    Mutant(
        "a price may be anything",
        "streams/wire.py",
        "_Price = Annotated[float, msgspec.Meta(gt=0, lt=1e15)]",
        "_Price = float",
        "prices are finite and above zero",
        _WIRE,
    ),
    Mutant(
        "bytes that are no text end the reader",
        "streams/wire.py",
        "_BAD = (msgspec.MsgspecError, ValueError, RecursionError)",
        "_BAD = (msgspec.ValidationError,)",
        "whatever the bytes were, there is one error",
        _WIRE,
    ),
    Mutant(
        "a bad frame ends ccxt's receive loop",
        "streams/sockets.py",
        "            client.handle_message = self._guarded(client, client.handle_message)\n",
        "            client.handle_message = client.handle_message\n",
        "no frame ends a stream",
        _CCXT,
    ),
)
STREAMS = (*KEPT_WHOLE, *KEPT_ALIVE, *HANDED_OVER)
