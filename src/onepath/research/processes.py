"""Trials in processes of this machine: each reads the same market data in shared memory and runs one trial at a time.

Rules: processes are spawned, not forked, so they know nothing but what they are sent; results say which trial they are of, so
the order they come in means nothing. A process that dies takes one trial with it, which is told as failed, and another takes its
place. Ctrl-C is the parent's business. When the parent dies, however it dies, its processes end with their trial.
Limits: a strategy that no other process can import (written in a notebook, or in a function) runs in this one alone.
Cost: about a second to start, 0.2 ms a trial.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, NamedTuple, Self

from onepath.errors import ConfigError
from onepath.research.carried import Packed, Ticket, packed
from onepath.research.subject import Found, Subject, Window, checked, unsendable


class Task(NamedTuple):
    """One trial to run: its number, what it changes, and where."""

    number: int
    changes: Mapping[int, Mapping[str, Any]]
    window: Window | None = None


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Alone:
    """All trials in this process."""

    workers = 1

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to end."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Found]]:
        """Each task's number and what came of it, as they are done."""
        for task in tasks:
            yield task.number, self._subject.tried(task.changes, task.window)


class Processes:
    """Some processes that run trials, from `with` to its end."""

    def __init__(self, subject: Subject, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._packed = sent(subject)
        self._crew: list[_Worker] = []

    def __enter__(self) -> Self:
        inside_a_child()
        self._block = self._packed.shared()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for worker in self._crew:
            worker.end(at_once=kind is not None or worker.task is not None)
        self._block.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Found]]:
        """Each task's number and what came of it, as they are done."""
        waiting = list(reversed(tasks))
        while len(self._crew) < min(self.workers, len(tasks)):
            self._crew.append(_Worker(self._context, self._block.ticket))
        try:
            for worker in self._crew:
                worker.give(waiting)
            while any(worker.task for worker in self._crew):
                yield from self._heard(waiting)
        except GeneratorExit:
            for worker in self._crew:
                worker.end(at_once=True)
            self._crew.clear()
            raise

    def _heard(self, waiting: list[Task]) -> Iterator[tuple[int, Found]]:
        busy = {worker.pipe: worker for worker in self._crew if worker.task}
        for pipe in wait(list(busy)):
            worker = busy[pipe]
            task = worker.task
            answer = worker.answer()
            if answer is None:
                self._replace(worker, worker.ending)
            elif answer == "ready":
                continue
            elif isinstance(answer, str):
                raise unsendable(answer)
            else:
                yield answer
                worker.give(waiting)
                continue
            if task is not None:
                yield task.number, Found("broken", f"the process that ran this trial ended ({worker.ending})")
            self._crew[-1].give(waiting)

    def _replace(self, worker: _Worker, ending: str) -> None:
        """Another process in the place of one that died. Raises ConfigError where it never began to work."""
        self._crew.remove(worker)
        worker.end(at_once=True)
        if not worker.ready:
            raise ConfigError(
                f"a process for trials ended before its first one ({ending}): in a script, call the sweep under "
                "`if __name__ == '__main__':`, or use workers=1"
            )
        self._crew.append(_Worker(self._context, self._block.ticket))


class _Worker:
    """One process, seen from the parent."""

    def __init__(self, context: Any, ticket: Ticket) -> None:
        self.pipe, theirs = context.Pipe()
        self.task: Task | None = None
        self.ready = False
        self._process = context.Process(target=_serve, args=(theirs, ticket), daemon=True)
        with _not_interrupted():
            self._process.start()
        theirs.close()

    @cached_property
    def ending(self) -> str:
        """How it ended, where it did so by itself."""
        self._process.join(5)
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        return f"signal {signal.Signals(-code).name}"

    def give(self, waiting: list[Task]) -> None:
        """The next task, if there is one."""
        self.task = waiting.pop() if waiting else None
        if self.task is not None:
            try:
                self.pipe.send(self.task)
            except OSError:  # it has died; its answer will say so
                return

    def answer(self) -> Any:
        """What it says; None: it has died."""
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.ready = True
        return said

    def end(self, *, at_once: bool) -> None:
        """Let it go."""
        self.pipe.close()
        if at_once:
            self._process.terminate()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """What is spawned here does not hear Ctrl-C, from its first moment on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def sent(subject: Subject) -> Packed:
    """The subject as it is sent. Raises ConfigError where it cannot be."""
    try:
        return packed(subject)
    except Exception as error:  # pickle raises what it likes
        raise checked(error) from None


def findable(subject: Subject) -> bool:
    """Whether other processes can import the strategies."""
    classes = [recipe.found for recipe in subject.recipes if recipe.found is not None]
    return all("<locals>" not in found.__qualname__ and _importable(found.__module__) for found in classes)


def _importable(name: str) -> bool:
    if name == "__main__":
        return hasattr(sys.modules["__main__"], "__file__")
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # a module that was made by hand
        return False


def inside_a_child() -> None:
    """Ends a process that was spawned and runs its parent's script again, without a word: the parent says what is wrong."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def _serve(pipe: Connection, ticket: Ticket) -> None:
    """A process: trials until nobody wants more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    carried, _memory = ticket.opened()
    try:
        carried.unpacked()
        pipe.send("ready")
    except Exception as error:  # the modules of a strategy raise what they like
        pipe.send(f"{type(error).__name__}: {error}")
    try:
        while True:
            task = pipe.recv()
            subject: Subject = carried.unpacked()
            pipe.send((task.number, subject.tried(task.changes, task.window)))
    except (EOFError, OSError):
        pass
    # Arrays over shared memory are still about, and Python would complain that it cannot close it under them.
    os._exit(0)
