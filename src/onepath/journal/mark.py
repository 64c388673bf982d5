"""The high-water mark: up to which row a journal was durable, in a small file beside it.

SQLite takes a write-ahead log that was cut short, damaged or deleted for one that ends earlier, and says nothing: the chain
of what is left holds. The mark, written after each commit, knows better.

Rules: it is written after the commit is durable, in place and in one call, so it never claims too much. It is not synced but
when the journal is closed: a mark that is old, or does not read, claims less.
Limits: it survives the end of the process; after a power cut it may be some seconds behind, and what it missed goes unnoticed.
Cost: one system call a commit.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import NamedTuple


class Mark(NamedTuple):
    """Rows up to `seq` were durable, and this was their check."""

    seq: int
    sha256: str


def place(journal: Path) -> Path:
    """Where the mark of a journal lies."""
    return journal.with_suffix(".mark")


def read(journal: Path) -> Mark | None:
    """The mark of a journal; None where there is none that reads."""
    try:
        words, seal = place(journal).read_bytes().rstrip(b"\n").rsplit(b" ", 1)
        seq, sha256 = words.decode().split(" ")
        return Mark(int(seq), sha256) if int(seal, 16) == zlib.crc32(words) else None
    except (OSError, ValueError):
        return None


def line(seq: int, sha256: str) -> bytes:
    """What the file holds, always of the same length: one sector is written whole or not at all."""
    words = f"{seq:020} {sha256:64}".encode()
    return b"%s %08x\n" % (words, zlib.crc32(words))


class MarkFile:
    """Writes a journal's mark."""

    def __init__(self, journal: Path) -> None:
        self._file = os.open(place(journal), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, seq: int, sha256: str) -> None:
        os.pwrite(self._file, line(seq, sha256), 0)

    def close(self) -> None:
        os.fsync(self._file)
        os.close(self._file)
