"""What a local venue plays, from what a user asks for: a data set, a file, a frame, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onepath.errors import ConfigError
from onepath.localvenue.generated import Generated, names
from onepath.localvenue.happenings import Source
from onepath.localvenue.recorded import Recording
from onepath.localvenue.retiming import speed_of

GENERATED = "generated"
_SECOND = 1_000_000_000
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|%)")
_LENGTHS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = 5.0


def opened(
    data: Any,
    *,
    symbols: Sequence[str] | str | int | None,
    speed: float | str | None,
    seed: int,
    history: str | float | None,
    loop: bool,
    legs: int,
    flood: float | None,
    data_dir: Path | None,
) -> Source:
    """The source; `symbols` are names (a list, or a text with commas), or how many to generate. Raises ConfigError or
    DataError with one sentence."""
    if isinstance(symbols, str):
        symbols = [name.strip() for name in symbols.split(",") if name.strip()]
    if flood is not None or (isinstance(data, str) and data == GENERATED):
        chosen = names(symbols or 1) if isinstance(symbols, int | None) else [s.upper() for s in symbols]
        if flood is not None and not flood > 0:
            raise ConfigError(f"flood is {flood}; it must be the number of trades a second, above zero")
        usual = _SECOND if flood else 3_600 * _SECOND
        before = usual if history is None else history_of(history)
        if isinstance(before, float):
            raise ConfigError(f"history is {history}; generated data have no end: say how long, such as 2h")
        return Generated(chosen, seed, _RATE * float(speed_of(1 if speed is None else speed)), flood, before)
    if isinstance(symbols, int):
        raise ConfigError(f"symbols is {symbols}; with recorded data name them, such as BTCUSDT")
    from onepath.data import open_feed

    return Recording(
        lambda: open_feed(data, symbols=symbols, data_dir=data_dir),
        speed=None if speed is None else speed_of(speed),
        history=history_of("20%" if history is None else history),
        loop=loop,
        legs=legs,
    )


def history_of(said: str | float) -> float | int:
    """A share of the data (20%, 0.2) as a float, or a length of the venue's time (90s, 2h) in nanoseconds as an int."""
    found = _SPAN.fullmatch(str(said).strip()) if isinstance(said, str) else None
    if found and found[2] != "%":
        return round(float(found[1]) * _LENGTHS[found[2]] * _SECOND)
    share = float(found[1]) / 100 if found else said
    if isinstance(share, int | float) and 0 <= share < 1:
        return float(share)
    raise ConfigError(f"history is {said!r}; it must be a share of the data such as 20%, or a time such as 90s or 2h")
