"""Spoils messages: seeded, with and without regard for their structure.

Rules: equal generator, equal result. Half of what comes out is JSON whose values are not what they should be; half is bytes
that were flipped, cut, repeated, nested or joined. Some is left as it was, so that the good way is walked as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, -0.0, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30, 10**400, 1e308, 5e-324),
    *(
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "1e-999",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "0x10",
        "1_000",
        "１２",
        "1,5",
        "null",
        "true",
    ),
    *(
        "a" * 10_000,
        "\u0000",
        "\ud7ff",
        "😀",
        "9" * 400,
        "0." + "0" * 400 + "1",
        "1633998276395",
        [],
        {},
        [[]],
        [[[[]]]],
    ),
    *([None], ["1", "2", "3"], [["1"]], [["0", "0"]], {"e": "trade"}, {"s": {}}, [["-1", "1"]], [["nan", "inf"]]),
)
"""values that somebody, some day, will send"""
RAW = (
    *(b"\xff", b"\xc3\x28", b"\x00", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"e999"),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"-"),
)
"""bytes that hurt"""


def spoilt(message: bytes, others: Sequence[bytes], draw: Random) -> bytes:
    """One spoilt message made of a good one (and of `others`)."""
    chance = draw.random()
    if chance < 0.02:
        return message
    if chance < 0.5:
        try:
            return _values(message, draw)
        except (ValueError, RecursionError):
            return message
    data = message
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = draw.choice(_BYTES)(data, others, draw)
    return data


def _values(message: bytes, draw: Random) -> bytes:
    before, space, after = message.partition(b" ")
    named = space and before[:1].isalpha()  # a row: its kind stands before it
    whole = json.loads(after if named else message)
    for _ in range(draw.choice((1, 1, 2, 3))):
        whole = _value(whole, draw)
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    return before + space + text if named else text


def _value(value: Any, draw: Random) -> Any:
    """`value` with one thing in it changed."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        return _in_object(value, draw)
    if isinstance(value, list) and value and draw.random() < 0.8:
        return _in_array(value, draw)
    return _other(value, draw)


def _in_object(value: dict[str, Any], draw: Random) -> dict[str, Any]:
    key, change = draw.choice(list(value)), draw.random()
    if change < 0.12:
        return {k: v for k, v in value.items() if k != key}
    if change < 0.2:
        return {**value, draw.choice(("e", "s", "data", "stream", "k", "x", "zz", key.upper())): draw.choice(STRANGE)}
    if change < 0.26:
        return dict(sorted(value.items(), key=lambda _: draw.random()))
    if change < 0.3:
        other = draw.choice(list(value))
        return {**value, key: value[other], other: value[key]}
    return {**value, key: _value(value[key], draw)}


def _in_array(value: list[Any], draw: Random) -> list[Any]:
    place, change = draw.randrange(len(value)), draw.random()
    if change < 0.15:
        return value[:place] + value[place + 1 :]
    if change < 0.3:
        return value[:place] + [value[place]] * 2 + value[place:]
    return [*value[:place], _value(value[place], draw), *value[place + 1 :]]


def _other(value: Any, draw: Random) -> Any:
    """Another value in place of a plain one: of another type, sign or size, or a strange one."""
    change, text = draw.random(), isinstance(value, str)
    if change < 0.4 and isinstance(value, int | float):
        return draw.choice((str(value), -value, value * 1_000_000, value + 1, value // 7))
    if change < 0.4 and text:
        return draw.choice((_number(value), "-" + value, value + "0" * 30, value.upper(), value[: len(value) // 2]))
    return draw.choice(STRANGE)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text * 2


def _flip(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    if not data:
        return data
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _behead(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    return data[draw.randrange(len(data) + 1) :]


def _insert(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(RAW) * draw.choice((1, 1, 3)) + data[place:]


def _delete(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + data[place + draw.randrange(1, 20) :]


def _repeat(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    place, size = draw.randrange(len(data) + 1), draw.randrange(1, 30)
    return data[:place] + data[place : place + size] * draw.choice((2, 3, 50)) + data[place + size :]


def _join(data: bytes, others: Sequence[bytes], draw: Random) -> bytes:
    other = draw.choice(others)
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1) :]


def _nest(data: bytes, _: Sequence[bytes], draw: Random) -> bytes:
    deep = draw.choice((2, 50, 1_500))
    opens, closes = draw.choice(((b"[", b"]"), (b'{"data":', b"}"), (b'{"e":', b"}")))
    return opens * deep + (data if draw.random() < 0.5 else b"1") + closes * deep


def _noise(_: bytes, __: Sequence[bytes], draw: Random) -> bytes:
    return draw.randbytes(draw.randrange(200))


_BYTES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    *(_flip, _flip, _flip, _cut, _cut, _behead, _insert, _insert, _delete, _repeat, _join, _nest, _noise),
)
