"""Who runs a session: one process at a time, by a lock of the operating system beside the journal.

Rules: the kernel holds the lock and gives it back when the process ends, however it ends; the file's text (process, host, since)
is for the message alone and may be of one that is gone. A forked child does not hold what its parent holds.
The file is never deleted: two processes could then hold two of the same name.
Limits: POSIX only (`flock`); on a file system shared by several hosts as good as that file system's locks.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from onepath.errors import JournalError


class Holder(msgspec.Struct, frozen=True):
    """Who has a lease: process, host, since when."""

    pid: int
    host: str
    since: str


class Lease:
    """The right to run one session; given back by `release` or by the end of the process. Take it with `take`."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        _held.add(self)

    @property
    def held(self) -> bool:
        """Whether this process has it still."""
        return self._descriptor is not None

    def release(self) -> None:
        """Give it back; once is enough. Closing alone would leave it with a child that was forked a moment ago."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self.drop()

    def drop(self) -> None:
        """Forget it without giving it back: what a forked child does with its parent's."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_held: weakref.WeakSet[Lease] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for lease in list(_held):
        lease.drop()


os.register_at_fork(after_in_child=_leave_to_parent)


def take(journal: Path, now: int) -> Lease:
    """The lease of the session that writes `journal`, from `now` (ns). Raises JournalError where another process has it."""
    descriptor = _locked(journal)
    since = datetime.fromtimestamp(now // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    with suppress(OSError):  # a full disk: the lock is what counts, the text is for the message
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(Holder(os.getpid(), os.uname().nodename, since)), 0)
    return Lease(descriptor)


@contextmanager
def alone(journal: Path) -> Iterator[None]:
    """While this lasts nobody runs the session of `journal`. Raises JournalError where somebody does."""
    lease = Lease(_locked(journal))
    try:
        yield
    finally:
        lease.release()


def _locked(journal: Path) -> int:
    """A descriptor with the lock."""
    path = journal.with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JournalError(f"cannot make {path}, which says who runs the session: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalError(_taken(path)) from None
    return descriptor


def holder(journal: Path) -> Holder | None:
    """Who took the lease of a session last; None where nobody did, or it does not read. Whether he has it still, `take` knows."""
    try:
        return msgspec.json.decode(journal.with_suffix(".lock").read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


def _taken(path: Path) -> str:
    who = holder(path)
    by = "another process" if who is None else f"process {who.pid} on {who.host} since {who.since}"
    return f"the session in {path.parent} is run by {by}: two would spoil its journal; stop that one, or take another session"
