"""Trials on a Ray cluster: the same subject, the same tasks, the same results as in processes of this machine.

Rules: the market data are put into Ray's object store once, and each machine's workers read them there without a copy. A worker
is an actor that runs one trial at a time; one that dies takes one trial with it, which is told as broken.
Limits: the package and the strategy's file must be on every machine, at the same path. Ray needs about half a minute and a
gigabyte to begin on a machine of its own: it is worth it for a cluster, not for one machine.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from onepath.errors import ConfigError
from onepath.research.carried import Packed
from onepath.research.processes import Task, sent
from onepath.research.subject import Found, Subject

_WAIT = 10.0
"""seconds until an address is taken for one where nobody is"""


class Trier:
    """Runs trials in a process of the cluster."""

    def __init__(self, body: bytes, buffers: Sequence[Any]) -> None:
        self._packed = Packed(body, buffers)

    def tried(self, task: Task) -> tuple[int, Found]:
        """One trial."""
        subject: Subject = self._packed.unpacked()
        return task.number, subject.tried(task.changes, task.window)


class Cluster:
    """Workers on a Ray cluster, from `with` to its end; `address` auto is the cluster that runs, or one of this machine."""

    def __init__(self, subject: Subject, address: str, workers: int | None) -> None:
        self._ray = _ray()
        self._address = address
        self._wanted = workers
        self._packed = sent(subject)
        self._begun = False
        self._crew: list[Any] = []
        self.workers = workers or 0

    def __enter__(self) -> Self:
        ray = self._ray
        if not ray.is_initialized():
            self._begun = True
            _joined(ray, self._address)
        self.workers = self._wanted or max(1, int(ray.cluster_resources().get("CPU", 1)))
        body, arrays = self._packed.arrays()
        self._parts = ray.put(body), [ray.put(array) for array in arrays]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for actor in self._crew:
            self._ray.kill(actor)
        if self._begun:
            self._ray.shutdown()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Found]]:
        """Each task's number and what came of it, as they are done."""
        while len(self._crew) < min(self.workers, len(tasks)):
            self._crew.append(self._actor())
        waiting = list(reversed(tasks))
        running = {}
        for actor in self._crew:
            if waiting:
                task = waiting.pop()
                running[actor.tried.remote(task)] = (actor, task)
        while running:
            (ready, *_), _ = self._ray.wait(list(running))
            actor, task = running.pop(ready)
            try:
                yield self._ray.get(ready)
            except self._ray.exceptions.RayActorError as error:
                yield task.number, Found("broken", f"the process that ran this trial ended ({type(error).__name__})")
                self._crew.remove(actor)
                actor = self._actor()
                self._crew.append(actor)
            if waiting:
                task = waiting.pop()
                running[actor.tried.remote(task)] = (actor, task)

    def _actor(self) -> Any:
        body, arrays = self._parts
        return self._ray.remote(_Remote).options(num_cpus=1).remote(body, arrays)


class _Remote:
    """A Trier whose parts are in the object store."""

    def __init__(self, body: bytes, arrays: Sequence[Any]) -> None:
        import ray

        self._trier = Trier(body, [ray.get(array) for array in arrays])

    def tried(self, task: Task) -> tuple[int, Found]:
        return self._trier.tried(task)


def _joined(ray: Any, address: str) -> None:
    """Join the cluster at `address`; auto begins one of this machine where none runs. Raises ConfigError."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if address != "auto":
        _answers(address)
        ray.init(address=address, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except ConnectionError:
        ray.init(include_dashboard=False, **quiet)


def _answers(address: str) -> None:
    """Ray tries for minutes where nobody listens: looked at before. Raises ConfigError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), _WAIT).close()
    except (OSError, ValueError, OverflowError):
        raise ConfigError(
            f"--ray {address}: there is no Ray cluster to join; give its address as HOST:PORT, or auto for one of this machine"
        ) from None


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "--ray needs the package ray: pip install 'onepath[ray]'; --workers N needs nothing"
        ) from None
    return ray
