"""What an instrument is taken to be when nobody said: increments, calendar and currency by asset class.

Rules: a class is named by the user, never guessed from a symbol. What is assumed here is recorded with the data set,
where it can be read and changed.
Limits: no exchange's own table of increments; one default a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import msgspec

from onepath.data.sessions import get as calendar_named
from onepath.errors import ConfigError, DataError
from onepath.instruments import Instrument

CLASSES: Mapping[str, Mapping[str, Any]] = {
    "equity": {"tick_size": Decimal("0.01"), "lot_size": Decimal(1), "calendar": "XNYS"},
    "crypto": {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.00000001"), "calendar": "24/7"},
    "perpetual": {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.00000001"), "calendar": "24/7"},
    "future": {"tick_size": Decimal("0.01"), "lot_size": Decimal(1), "calendar": "24/5"},
    "fx": {"tick_size": Decimal("0.00001"), "lot_size": Decimal(1), "calendar": "24/5"},
    "generic": {"tick_size": Decimal(0), "lot_size": Decimal("0.00000001"), "calendar": "24/7"},
}


def default(symbol: str, asset_class: str | None, calendar: str | None) -> Instrument:
    """The instrument of that class. Raises ConfigError for a class or calendar that is unknown."""
    name = asset_class or "generic"
    if name not in CLASSES:
        near = get_close_matches(name, CLASSES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"asset class {name!r} is unknown; {hint}Known are {', '.join(CLASSES)}.")
    instrument = Instrument(symbol=symbol, asset_class=name, **CLASSES[name])
    if calendar is None:
        return instrument
    return msgspec.structs.replace(instrument, calendar=calendar_named(calendar).name)


def given(
    instruments: Mapping[str, Instrument | Mapping[str, Any]],
    asset_class: str | None,
    calendar: str | None,
    usual: Callable[[str], Instrument | None],
) -> dict[str, Instrument]:
    """The instruments that a user gave: as such, or as a dict of their fields over those of the class named in it, else over
    `usual` (what a data set says of the symbol), else over those of `asset_class`. Raises ConfigError."""
    if not isinstance(instruments, Mapping):
        raise ConfigError(f'instruments is {instruments!r}; it must be a dict such as {{"ES": {{"multiplier": 50}}}}')
    known: dict[str, Instrument] = {}
    for symbol, said in instruments.items():
        if isinstance(said, Instrument):
            known[symbol] = said
        elif isinstance(said, Mapping):
            known[symbol] = _of_fields(symbol, said, asset_class, calendar, usual(symbol))
        else:
            raise ConfigError(
                f"instruments[{symbol!r}] is {said!r}; it must be an onepath.Instrument or a dict of its fields"
            )
    return known


def _of_fields(
    symbol: str, said: Mapping[str, Any], asset_class: str | None, calendar: str | None, usual: Instrument | None
) -> Instrument:
    from onepath.config import instruments_of_data

    if said.get("symbol", symbol) != symbol:
        raise ConfigError(
            f"instruments[{symbol!r}] has the symbol {said['symbol']!r}; leave it out, the key is the symbol"
        )
    fields = {name: value for name, value in said.items() if name != "symbol"}
    fields = instruments_of_data({symbol: fields})[symbol].model_dump(exclude_none=True)
    named, hours = fields.pop("asset_class", None), fields.pop("calendar", None)
    if named is not None or usual is None:
        usual = default(symbol, named or asset_class, hours or calendar)
    elif hours is not None:
        usual = msgspec.structs.replace(usual, calendar=calendar_named(hours).name)
    return msgspec.structs.replace(usual, **fields)


def to_json(instrument: Instrument) -> dict[str, Any]:
    """The instrument's fields, decimals as text."""
    return {name: str(value) for name, value in msgspec.structs.asdict(instrument).items() if name != "symbol"}


def from_json(symbol: str, fields: Mapping[str, Any], where: str) -> Instrument:
    """The instrument written by `to_json`."""
    try:
        return msgspec.convert({"symbol": symbol} | dict(fields), Instrument)
    except (msgspec.ValidationError, TypeError) as error:
        raise DataError(
            f"{where}: the instrument {symbol!r} cannot be read ({error}); import the data again."
        ) from None
