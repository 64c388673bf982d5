"""A disk in memory for SQLite: it remembers what was written and what was synced, loses power, fails and fills up on command.

Rules: what was synced stays. When power is cut each write since a file's last sync is there, lost, or torn at a sector, by a
seeded draw of its own; a dead disk stays dead: nothing that is still open can write to it again. A write leaves the bytes around
it alone, as SQLite takes for granted on Linux. Names (a file made or deleted) are there at once, which is kinder than a real
disk: SQLite syncs the folder itself.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
_numbers = count(1)


class File:
    """One file: as programs see it, as it is on the platters, and what lies between."""

    def __init__(self) -> None:
        self.seen = bytearray()
        self.synced = bytearray()
        self.between: list[tuple[int, bytes] | int] = []
        """writes (where, what) and truncations (to what length) since the last sync"""


def apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    """Carry out one write or truncation."""
    if isinstance(change, int):
        del content[change:]
        return
    where, what = change
    if len(content) < where:
        content.extend(bytes(where - len(content)))
    content[where : where + len(what)] = what


class Disk:
    """Files, and the operation at which something happens to them: `fault(operation, file, change)` is asked before each
    write, sync, truncation and deletion that is the `at`-th or (with `stays`) a later one."""

    def __init__(self, rng: random.Random) -> None:
        self.files: dict[str, File] = {}
        self.rng = rng
        self.operations = 0
        self.at = 0
        self.stays = False
        self.fault: Callable[[str, File, Any], None] = lambda *_: None
        self.happened: Counter[str] = Counter()
        self.dead: dict[str, bytes] | None = None
        """what is left of it after the power was cut"""

    def operate(self, operation: str, file: File, change: Any = None) -> None:
        if self.dead is None:
            self.operations += 1
            if self.operations == self.at or (self.stays and 0 < self.at < self.operations):
                self.fault(operation, file, change)
        if self.dead is not None:
            raise apsw.IOError("the disk is dead")

    def write(self, name: str, where: int, what: bytes) -> None:
        file = self.files[name]
        self.operate("write", file, (where, what))
        self.put(file, (where, what))

    def put(self, file: File, change: tuple[int, bytes] | int) -> None:
        apply(file.seen, change)
        file.between.append(change)

    def put_synced(self, name: str, content: bytes) -> None:
        """A file that was there before."""
        file = self.files[name] = File()
        file.seen, file.synced = bytearray(content), bytearray(content)

    def truncate(self, name: str, size: int) -> None:
        self.operate("truncate", self.files[name], size)
        self.put(self.files[name], size)

    def sync(self, name: str) -> None:
        file = self.files[name]
        self.operate("sync", file)
        for change in file.between:
            apply(file.synced, change)
        file.between.clear()

    def delete(self, name: str) -> None:
        if name in self.files:
            self.operate("delete", self.files[name])
            del self.files[name]

    def lose_power(self) -> None:
        """From now on nothing is written; what was not synced is there, lost or torn."""
        for file in self.files.values():
            self.lose(file)
        self.dead = {name: bytes(file.synced) for name, file in self.files.items()}

    def lose(self, file: File) -> None:
        """Decide of each write since the last sync what becomes of it."""
        for change in file.between:
            draw = self.rng.random()
            if draw < 0.4:
                self.happened["writes lost"] += 1
            elif draw < 0.5 and not isinstance(change, int) and len(change[1]) > SECTOR:
                where, what = change
                self.happened["writes torn"] += 1
                apply(file.synced, (where, what[: self.rng.randrange(1, len(what) // SECTOR + 1) * SECTOR]))
            else:
                apply(file.synced, change)
        file.between.clear()
        file.seen = bytearray(file.synced)

    def left(self) -> dict[str, bytes]:
        """What another process would find: after a power cut what survived, else what was written."""
        return self.dead if self.dead is not None else {name: bytes(file.seen) for name, file in self.files.items()}

    def leave(self, folder: Path) -> None:
        """Put what is left into a real folder."""
        for name, content in self.left().items():
            (folder / Path(name).name).write_bytes(content)


class Handle:
    """An open file of a Disk, in SQLite's words."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk = disk
        self.name = name

    def excepthook(self, *_: Any) -> None:
        """The errors are ours: SQLite is told, nobody else."""

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self.disk.files[self.name].seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.write(self.name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self.disk.truncate(self.name, size)

    def xSync(self, _flags: int) -> None:  # noqa: N802
        self.disk.sync(self.name)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self.disk.files[self.name].seen)

    def xLock(self, _level: int) -> None:  # noqa: N802
        return

    def xUnlock(self, _level: int) -> None:  # noqa: N802
        return

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, _op: int, _pointer: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        return


class System(apsw.VFS):  # type: ignore[misc]
    """A Disk as SQLite's file system; for one connection at a time."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.name = f"disk-{next(_numbers)}"
        super().__init__(self.name, base="")

    def excepthook(self, *_: Any) -> None:
        """The errors are ours: SQLite is told, nobody else."""

    def xOpen(self, name: Any, flags: list[int]) -> Handle:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self.disk.files.setdefault(path, File())
        flags[1] = flags[0]
        return Handle(self.disk, path)

    def xDelete(self, name: str, _sync: bool) -> None:  # noqa: N802
        self.disk.delete(name)

    def xAccess(self, name: str, _flags: int) -> bool:  # noqa: N802
        return name in self.disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name


class OnDisk:
    """A connection to a database on a Disk that behaves like one of `sqlite3`. The pragmas in `instead` are changed."""

    def __init__(self, disk: Disk, path: Path, instead: dict[str, str], checkpoint: int) -> None:
        self._system = System(disk)
        self._instead = instead
        self._connection = apsw.Connection(str(path), vfs=self._system.name)
        self.execute("PRAGMA locking_mode=EXCLUSIVE")  # a log without shared memory
        self.execute(f"PRAGMA wal_autocheckpoint={checkpoint}")

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        try:
            return self._connection.execute(self._instead.get(statement, statement), values).fetchall()
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from None

    def close(self) -> None:
        try:
            self._connection.close()
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from None
        finally:
            self._system.unregister()
