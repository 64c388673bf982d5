"""Feature values on disk, by content: what was computed once is read back by the next run, in any process.

Rules: an entry is named by SHA-256 over all that decides it: the feature with version, parameters and inputs, the code of
its step, the state before, the bytes of the columns, and the Python that runs it. So versions, data sets, batches and
machines never mix, and nothing has to be told that something changed. An entry is raw float64 with a checksum, written
aside and renamed: a reader finds it whole or not at all, whoever is killed meanwhile; a damaged one is dropped and computed
again. Whatever the disk refuses costs speed, never a run. Where the code behind a step cannot be told (it refers to
objects, is no plain function) nothing of it is kept, and a warning says so once.
Limits: `limit` bytes, least recently used out first, measured anew after every sixteenth of it that this process writes:
of several writers at once each may be over it by that much. Last use is the file's time of change, so that a file system
without one evicts the oldest. A folder that others can write to is theirs to fill: a right checksum is believed.
Cost: what is found costs 0.06 ms and 30 to 60 ns a value, what is kept 0.2 ms and as much; in Python a value takes 150 to 600.
Steps that run compiled (3 ns) are faster than any disk and are not asked for.
"""

from __future__ import annotations

import hashlib
import os
import platform
import struct
import sys
import warnings
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from onepath.errors import DataError
from onepath.features import compiled
from onepath.features.definition import Feature, Step

LIMIT = 1_000_000_000
"""bytes of all entries"""
LEAST = 512
"""values from which reading is faster than computing in Python"""
_NO_FLOATS = "its state holds more than floats: write 0.0 and float(n) instead of whole numbers"
_FORMAT = b"1"
_HEADER = struct.Struct("=8sQQQ")
_MAGIC = b"onepath\x01"
_SUFFIX = ".values"
_PARTS = 16
"""the cache is measured whenever this share of its limit was written"""
_LARGEST = 4
"""an entry is at most this part of the limit, or one would push out all others"""
_LOW = 0.9
"""share of the limit that is left after making room"""


class Held(NamedTuple):
    """What is in a cache."""

    entries: int
    bytes: int


class FeatureCache:
    """A `Memo` on disk. `found`, `missed` and `kept` count entries of this process."""

    def __init__(
        self, folder: Path, limit: int = LIMIT, *, least: int = LEAST, always: bool = False, needed: str = ""
    ) -> None:
        """`least` values are worth an entry. `always`: whatever runs is asked for and kept, however small or compiled.
        `needed` is the command that fills the cache: where it is given, nothing is computed and what is missing is a
        DataError."""
        self.folder = folder
        self.limit = limit
        self.always = always or bool(needed)
        self.found = self.missed = self.kept = 0
        self._least = 0 if self.always else least
        self._needed = needed
        self._unmeasured = limit  # nothing is known of what others left here
        self._written = 0
        self._refused = False
        self._asked: tuple[Feature, bytes | None, tuple[Any, ...], Path | None] | None = None

    def find(self, feature: Feature, state: Sequence[float], columns: Sequence[Any]) -> tuple[Any, list[float]] | None:
        """The values over `columns` from `state` on, and the state after; None where they are not here.

        Raises DataError where they are missing and nothing may be computed.
        """
        path = self._path(feature, state, columns)
        self._asked = (feature, _floats(state), tuple(columns), path)
        entry = None if path is None else self._read(path, len(columns[0]))
        if entry is not None:
            self.found += 1
            return entry
        self.missed += 1
        if self._needed:
            raise DataError(_missing(feature, path is not None, len(columns[0]), self._needed))
        return None

    def keep(
        self,
        feature: Feature,
        state_before: Sequence[float],
        columns: Sequence[Any],
        values: Any,
        state_after: Sequence[float],
    ) -> None:
        """Keep what was computed, if it is worth it and the disk has room."""
        path = None if self._refused else self._known(feature, state_before, columns)
        after = None if path is None else _floats(state_after)
        if path is not None and after is None:
            _warn(feature.name, _NO_FLOATS)
        if path is None or after is None:
            return
        body = _bytes(values) + after
        if len(body) > self.limit // _LARGEST:
            return
        head = (len(values), len(state_after))
        try:
            self._write(path, _HEADER.pack(_MAGIC, *head, _checksum(path, head, body)) + body)
        except OSError as error:
            self._refused = True
            warnings.warn(f"features are not cached in {self.folder}: {error.strerror or error}", RuntimeWarning, 2)

    def held(self) -> Held:
        """How many entries there are, and their size."""
        sizes = [entry.stat().st_size for entry in self._entries()]
        return Held(len(sizes), sum(sizes))

    def clear(self) -> Held:
        """Remove all entries; tells what they were."""
        held = self.held()
        for entry in self._entries():
            _remove(Path(entry.path))
        return held

    # -- one entry

    def _known(self, feature: Feature, state: Sequence[float], columns: Sequence[Any]) -> Path | None:
        """The path, which as a rule was asked for a moment ago: hashing the columns again would cost as much."""
        if self._asked is not None:
            (asked, before, over, path), self._asked = self._asked, None
            same = asked is feature and before == _floats(state) and len(over) == len(columns)
            if same and all(a is b for a, b in zip(over, columns, strict=True)):
                return path
        return self._path(feature, state, columns)

    def _path(self, feature: Feature, state: Sequence[float], columns: Sequence[Any]) -> Path | None:
        """Where the entry is or would be; None where there can be none."""
        if len(columns[0]) < max(self._least, 1):
            return None
        code, before = digest(feature.step), _floats(state)
        if code is None:
            _warn(feature.name, "its step refers to more than code, modules of Python and numbers")
            return None
        if before is None:
            _warn(feature.name, _NO_FLOATS)
            return None
        key = hashlib.sha256(b"\0".join((_FORMAT, _python(), feature.key.encode(), code.encode())))
        for part in (before, *map(_bytes, columns)):
            key.update(len(part).to_bytes(8, "little"))
            key.update(part)
        name = key.hexdigest()
        return self.folder / name[:2] / f"{name[2:]}{_SUFFIX}"

    def _read(self, path: Path, size: int) -> tuple[Any, list[float]] | None:
        import numpy as np

        try:
            with path.open("rb") as file:
                data = bytearray(os.fstat(file.fileno()).st_size)
                file.readinto(data)
        except OSError:
            return None
        body = memoryview(data)[_HEADER.size :]
        magic, values, state, checksum = _HEADER.unpack_from(data) if len(data) >= _HEADER.size else (b"", 0, 0, 0)
        whole = magic == _MAGIC and values == size and len(body) == 8 * (values + state)
        if not whole or checksum != _checksum(path, (values, state), body):
            _remove(path)
            return None
        with suppress(OSError):
            os.utime(path)
        numbers = np.frombuffer(data, np.float64, offset=_HEADER.size)
        return numbers[:values], numbers[values:].tolist()

    def _write(self, path: Path, data: bytes) -> None:
        self._make_room(len(data))
        path.parent.mkdir(parents=True, exist_ok=True)
        # What a killed writer leaves of this is an entry that nobody asks for: it goes with the oldest.
        self._written += 1
        aside = path.with_name(f"{path.stem}.{os.getpid()}-{self._written}")
        try:
            aside.write_bytes(data)
            aside.replace(path)
        except FileNotFoundError:  # another process made room, or cleared the cache
            return
        except OSError:
            _remove(aside)
            raise
        self.kept += 1

    # -- all of them

    def _make_room(self, size: int) -> None:
        """Remove the least recently used, so that `size` bytes more stay within the limit. Two processes that do it at once
        remove the same."""
        self._unmeasured += size
        if self._unmeasured <= self.limit // _PARTS:
            return
        self._unmeasured = size
        found = []
        for entry in self._entries():
            with suppress(OSError):
                stat = entry.stat()
                found.append((stat.st_mtime_ns, stat.st_size, entry.path))
        held = sum(size for _, size, _ in found) + size
        if held <= self.limit - self.limit // _PARTS:
            return
        for _, freed, old in sorted(found):
            if held <= _LOW * self.limit:
                return
            _remove(Path(old))
            held -= freed

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Files of the cache; those that go while we look are left out."""
        with suppress(OSError), os.scandir(self.folder) as folders:
            for folder in folders:
                with suppress(OSError), os.scandir(folder) as files:
                    yield from files


def digest(step: Step) -> str | None:
    """Hash of all code that decides what a step gives, or its `identity` where it is no function but says what it is; None
    where that cannot be told."""
    identity = getattr(step, "identity", None)
    if isinstance(identity, str):
        return identity
    if not isinstance(step, FunctionType):
        return None
    try:
        known = compiled._digest(step)
        return None if known is None or not _told(step) else known
    except RecursionError:  # functions that call each other
        return None


def _told(function: FunctionType) -> bool:
    """Whether nothing that `function` refers to can change behind its code: a module's functions are known of Python's own."""
    if function.__kwdefaults__:
        return False
    for _, value in compiled._referred(function):
        if isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in sys.stdlib_module_names:
            return False
        if isinstance(value, FunctionType) and not _told(value):
            return False
    return True


@cache
def _python() -> bytes:
    """What runs the steps: its mathematics are those of its build, machine and C library."""
    return repr((sys.version, sys.byteorder, platform.machine(), platform.libc_ver())).encode()


def _floats(state: Sequence[float]) -> bytes | None:
    """A state's bytes; None where it holds anything but floats, which would come back as another kind."""
    if not isinstance(state, list | tuple):
        return _bytes(state)
    return array("d", state).tobytes() if all(type(value) is float for value in state) else None


def _bytes(column: Any) -> bytes:
    """The 64-bit values of a column."""
    if isinstance(column, list | tuple):
        return array("d", column).tobytes()
    import numpy as np

    return np.ascontiguousarray(column, np.float64).tobytes()


def _checksum(path: Path, head: tuple[int, int], body: Any) -> int:
    """Of what an entry holds and which it is, so that one under another's name is found out too."""
    return zlib.crc32(body, zlib.crc32(f"{path.parent.name}{path.stem}{head}".encode()))


def _missing(feature: Feature, possible: bool, size: int, command: str) -> str:
    if not possible:
        return (
            f"feature {feature!r} cannot be cached, because what its step refers to cannot be told, and "
            "features.compute_on_demand is false: set it to true, or write the step as a plain function"
        )
    return (
        f"feature {feature!r} is not in the cache for {size:,} rows of these data, and features.compute_on_demand is false: "
        f"run `{command}` first"
    )


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


@cache
def _warn(name: str, reason: str) -> None:
    """Say once why a feature is not cached."""
    warnings.warn(f"feature {name} is not cached: {reason}", RuntimeWarning, 2)
