"""Messages that are not what they should be: one function a variant, text in, spoilt text out. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_PAGE = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"


def _cut(text: bytes) -> bytes:
    return text[: len(text) * 2 // 3]


def _inside(text: bytes, change: Callable[[Any], Any]) -> bytes:
    """Change the payload, within its wrapping if it has one."""
    whole = json.loads(text)
    if isinstance(whole, dict) and whole.keys() == {"stream", "data"}:
        whole["data"] = change(whole["data"])
    else:
        whole = change(whole)
    return json.dumps(whole, separators=(",", ":")).encode()


def _swap(value: Any) -> Any:
    """Texts of numbers as numbers, numbers as texts."""
    if isinstance(value, dict):
        return {key: _swap(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_swap(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return str(value)
    try:
        return float(value)
    except ValueError:
        return value


def _nulls(value: Any) -> Any:
    """Every field but the event and the symbol is null."""
    if not isinstance(value, dict):
        return None
    return {key: inner if key in ("e", "s") else _nulls(inner) if key == "k" else None for key, inner in value.items()}


def _missing(value: Any) -> Any:
    """Only every other field is there."""
    return dict(list(value.items())[::2]) if isinstance(value, dict) else []


def _unknown(value: Any) -> Any:
    symbol = value.get("s", "") if isinstance(value, dict) else ""
    return {"e": "marketWeather", "E": 0, "s": symbol, "w": {"rain": True}}


_VARIANTS: Mapping[str, Callable[[bytes], bytes]] = {
    "broken_json": _cut,
    "html": lambda _: _PAGE,
    "empty": lambda _: b"",
    "wrong_types": lambda text: _inside(text, _swap),
    "null_fields": lambda text: _inside(text, _nulls),
    "missing_fields": lambda text: _inside(text, _missing),
    "unknown_event": lambda text: _inside(text, _unknown),
    "array": lambda text: _inside(text, lambda value: [value]),
}
SPOILED = tuple(_VARIANTS)
"""the variants"""


def spoilt(text: bytes, variant: str) -> bytes:
    """The message as the fault sends it."""
    return _VARIANTS[variant](text)
