"""An object sent to other processes with its arrays shared: one copy for all of them, and nobody can write to it.

Rules: pickle protocol 5 takes the buffers of arrays out of band (PEP 574); they are laid into one block of shared memory, from
which each process reads them where they lie. What is pickled is our own, in memory, between our own processes: nothing is read
from disk. Every unpacking gives a new object, so that one trial leaves nothing to the next.
Limits: arrays that are not contiguous are copied once. The block goes with the process that made it, even when that is killed
(the standard library's resource tracker sees to it).
Cost: one copy of the data in all; about 0.1 ms an unpacking.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

_ALIGNED = 64


class Packed:
    """An object as bytes and the buffers of its arrays."""

    def __init__(self, body: bytes, buffers: Sequence[Any]) -> None:
        self._body = body
        self._buffers = [memoryview(buffer).cast("B").toreadonly() for buffer in buffers]

    @property
    def size(self) -> int:
        """Bytes that are shared."""
        return sum(buffer.nbytes for buffer in self._buffers)

    def unpacked(self) -> Any:
        """A new object over the same arrays."""
        return pickle.loads(self._body, buffers=self._buffers)  # noqa: S301 - our own, in memory

    def shared(self) -> Block:
        """The same in shared memory."""
        places, end = [], 0
        for buffer in self._buffers:
            places.append((end, buffer.nbytes))
            end += -(-buffer.nbytes // _ALIGNED) * _ALIGNED
        memory = SharedMemory(create=True, size=max(end, 1))
        view = memoryview(memory.buf)  # type: ignore[arg-type]
        for (first, size), buffer in zip(places, self._buffers, strict=True):
            if size:
                view[first : first + size] = buffer
        view.release()
        return Block(memory, Ticket(memory.name, tuple(places), self._body))

    def arrays(self) -> tuple[bytes, list[Any]]:
        """The bytes, and the buffers as NumPy arrays, for a store of objects that shares those."""
        import numpy as np

        return self._body, [np.frombuffer(buffer, dtype=np.uint8) for buffer in self._buffers]


class Ticket(NamedTuple):
    """What another process needs to find the object."""

    name: str
    places: tuple[tuple[int, int], ...]
    body: bytes

    def opened(self) -> tuple[Packed, SharedMemory]:
        """The object, and the memory, which has to be held for as long as the object is used."""
        memory = SharedMemory(name=self.name)
        view = memoryview(memory.buf)  # type: ignore[arg-type]
        return Packed(self.body, [view[first : first + size] for first, size in self.places]), memory


class Block:
    """Shared memory with an object in it, for as long as it is needed."""

    def __init__(self, memory: SharedMemory, ticket: Ticket) -> None:
        self._memory = memory
        self.ticket = ticket

    def close(self) -> None:
        """Give the memory back; processes that still read it keep it until they end."""
        self._memory.close()
        with suppress(FileNotFoundError):  # somebody has cleaned up already
            self._memory.unlink()


def packed(thing: object) -> Packed:
    """`thing`, with the buffers of its arrays beside it. Raises what pickle raises."""
    buffers: list[Any] = []
    body = pickle.dumps(thing, protocol=5, buffer_callback=lambda buffer: buffers.append(buffer.raw()))
    return Packed(body, buffers)
