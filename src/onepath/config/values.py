"""How the values of a configuration are written: days, intervals, speeds, lists, shares; and what every part shares.

Rules: text becomes a value here and nowhere else; a `ValueError` says what was expected. Numbers are finite.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from onepath.config.document import resolve

SECOND = 1_000_000_000
UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND, "w": 604_800 * SECOND}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def interval_ns(text: str) -> int:
    """Nanoseconds of an interval such as 30s, 1m, 1h, 1d."""
    found = re.fullmatch(r"([1-9][0-9]*)\s*([smhdw])", text.strip())
    if not found:
        raise ValueError("an interval such as 30s, 1m, 1h or 1d")
    return int(found[1]) * UNITS[found[2]]


def wrong(key: str, expected: str) -> PydanticCustomError:
    """An error of one key of a model that was found by looking at several; an empty key blames the model."""
    return PydanticCustomError("parts", "{expected}", {"key": key, "expected": expected})


def _interval(value: Any) -> Any:
    if isinstance(value, str) and value != "auto":
        interval_ns(value)
    return value


def names(value: Any) -> Any:
    """`AAPL, MSFT` is a list too: handy on the command line."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    """A day as a date, a day with a time as an aware datetime; without a zone it is UTC."""
    if isinstance(value, str):
        value = _from_iso(value.strip())
    if not isinstance(value, dt.date):
        raise ValueError("a day such as 2023-01-31, or a moment such as 2023-01-31T14:30:00Z")  # noqa: TRY004 - pydantic's
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


def _from_iso(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if len(text) <= len("2023-01-31") else dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def nanoseconds(moment: dt.date) -> int:
    """A moment, or the beginning of a day, since the epoch."""
    at = (
        moment if isinstance(moment, dt.datetime) else dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)
    )
    since = at - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def factor(value: Any) -> Any:
    text = str(value).strip()
    if text == "max":
        return "max"
    try:
        times = float(text.removesuffix("x"))
    except ValueError:
        times = 0.0
    if not 0 < times < float("inf"):
        raise ValueError("max, or a factor such as 10 or 10x")
    return times


def whole(value: Any) -> Any:
    """A whole number that was written as text: what a file and the command line give."""
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def model_by_name(value: Any) -> Any:
    """`slippage: none` for `slippage: {model: none}`."""
    return {"model": value} if isinstance(value, str) else value


def _without_nulls(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """A key with nothing behind it means its default, unless null is one of its values."""
    takes_null = {field.alias or name for name, field in model.model_fields.items() if type(None) in _arms(field)}
    return {key: value for key, value in values.items() if value is not None or key in takes_null}


def _arms(field: Any) -> tuple[Any, ...]:
    return getattr(field.annotation, "__args__", ())


Interval = Annotated[str, BeforeValidator(_interval)]
Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Moment = Annotated[dt.datetime | dt.date, BeforeValidator(_moment)]
Free = Annotated[dict[str, Any], BeforeValidator(resolve)]
Share = Annotated[Decimal, Field(gt=0, le=1)]
Amount = Annotated[Decimal, Field(ge=0)]
Positive = Annotated[Decimal, Field(gt=0)]
Milliseconds = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """What all parts share: strict about keys, frozen, finite numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nulls(cls, values: Any) -> Any:
        return _without_nulls(cls, values) if isinstance(values, Mapping) else values
