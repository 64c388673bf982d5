"""The chain over a journal's rows: each commit's check holds all rows before it, so a changed, missing or foreign row shows.

Rules: a check is SHA-256 over the check before it, the session's name and the commit's rows as MessagePack arrays of
(seq, at, kind, strategy, cause, body). SHA-256 and not CRC-32, because the last check then names the whole record: two
journals with the same head are the same, which no 32 bits can promise, and it costs 0.1 us a row more.
Limits: it proves that rows are as they were written, not who wrote them: whoever can write the file can make a new chain.
Cost: 0.2 us a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

COMMIT = 1_000
"""rows under one check at most: a commit is no larger, and a check that claims more is damaged"""
START = ""
"""the head of a journal without rows"""

_packed = msgspec.msgpack.Encoder().encode


def link(head: str, session_id: str, rows: Sequence[Sequence[Any]]) -> str:
    """The check of a commit's rows after those that `head` is the check of."""
    return hashlib.sha256(_packed((head, session_id, rows))).hexdigest()


def seal(seq: int, at: int, body: bytes) -> str:
    """The checksum of a snapshot, its place included."""
    return hashlib.sha256(_packed((seq, at, body))).hexdigest()
