"""Mutants of bars that are built in the engine: what belongs into one, when it is known, what changes it."""

from __future__ import annotations

from mutation import Mutant

_FILE = "timeframes.py"
_UNIT, _PROPERTY = "unit/core/test_timeframes.py", "property/test_timeframes.py"

TIMEFRAMES = (
    Mutant(
        "a trade at the very end belongs to the bar that ends",
        _FILE,
        "        if self._begins <= own < self.end:\n            if price > self._high:",
        "        if self._begins <= own <= self.end:\n            if price > self._high:",
        "what happens at the end belongs to the next bar",
        _UNIT,
    ),
    Mutant(
        "a low that is no high is lost",
        _FILE,
        "            elif price < self._low:\n                self._low = price\n",
        "",
        "the low is the lowest price",
        _PROPERTY,
    ),
    Mutant(
        "volume is that of the last finer bar",
        _FILE,
        "            self._volume += bar.volume\n",
        "            self._volume = bar.volume\n",
        "volumes are summed",
        _UNIT,
    ),
    Mutant(
        "bars are counted from the first event",
        _FILE,
        "self._begins = own // self.length * self.length",
        "self._begins = own",
        "intervals are counted from midnight UTC",
        _PROPERTY,
    ),
    Mutant(
        "what is too late makes a bar of its own",
        _FILE,
        "        if own < self._begins:\n            self.late += 1\n            return None\n",
        "        if own < self._begins and self.forming:\n            self.late += 1\n            return None\n",
        "what comes after its bar has closed is left out and counted",
        _UNIT,
    ),
    Mutant(
        "a tick belongs to the time of its arrival",
        _FILE,
        "own, wait = (event.venue_at, _PATIENCE) if event.venue_at else (event.at, 0)",
        "own, wait = (event.at, _PATIENCE) if event.venue_at else (event.at, 0)",
        "in real time a tick belongs to the venue's time",
        _UNIT,
    ),
    Mutant(
        "a bar of ticks does not wait for those on their way",
        _FILE,
        "own, wait = (event.venue_at, _PATIENCE)",
        "own, wait = (event.venue_at, 0)",
        "a bar of ticks closes a second after its end in real time",
        _UNIT,
    ),
    Mutant(
        "time closes bars while data are stale",
        _FILE,
        "            if not stale or not any(",
        "            if True or not any(",
        "what was missed may be filled in",
        _UNIT,
    ),
    Mutant(
        "what is filled in is given no time",
        _FILE,
        "            if at > self.end:  # filled in afterwards, and more may come\n                self.deadline = at + wait\n",
        "",
        "a late tick waits for those that come with it",
        _UNIT,
    ),
    Mutant(
        "a silent minute holds a bar back",
        _FILE,
        "        self.deadline = max(self.end, at) + wait\n",
        "        self.deadline = NEVER\n",
        "time closes what nobody ends",
        _UNIT,
    ),
    Mutant(
        "a bar of bars is known only when the next comes",
        _FILE,
        "        if ends == candles.end:\n            return candles.close(event.at)\n",
        "        if ends == candles.end:\n            return None\n",
        "a bar closes with the finer bar that ends it",
        _UNIT,
    ),
    Mutant(
        "bars of before a split keep their prices",
        _FILE,
        "        self._kept = deque((scale.bar(bar) for bar, scale in self._raw.values()), self.keep)\n",
        "",
        "all that is kept is in today's units",
        _UNIT,
    ),
    Mutant(
        "the bar under way keeps the units of before a split",
        _FILE,
        "        self._volume = scale.volume(self._volume)\n",
        "",
        "the bar under way is in today's units, too",
        _UNIT,
    ),
    Mutant(
        "the bars are told before all have taken the event in",
        "loop.py",
        "        elif bars <= own and bars <= through:\n",
        "        elif bars < own and bars < through:\n",
        "bars of ticks close before what happens at their end",
        _UNIT,
    ),
    Mutant(
        "who hears other kinds is not asked when a bar closes",
        "engine.py",
        "            if closed:\n                seat.attend()\n",
        "            if closed:\n",
        "generate_orders follows every bar",
        _UNIT,
    ),
    Mutant(
        "nobody looks again when data recover",
        "engine.py",
        "        self._look_at_bars(again=True)\n",
        "",
        "a bar that waited for data closes once they have recovered",
        _UNIT,
    ),
)
