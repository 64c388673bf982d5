"""How far a run has come, on stderr: simulated date, events a second, time left.

Rules: exact (events done of events to come), and cheap: drawn a few times a second however often it is told.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from onepath.cli.printing import note
from onepath.clock import monotonic

if TYPE_CHECKING:
    from onepath.session import Progress

Told = Callable[["Progress"], None]
LINE_SECONDS = 5.0
DRAW_SECONDS = 0.1


def shown(quiet: bool) -> AbstractContextManager[Told | None]:
    """Something to tell progress to: a bar on a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        return nullcontext(None)
    return _bar() if sys.stderr.isatty() else nullcontext(_lines(monotonic))


def date_of(at: int) -> str:
    """The simulated day."""
    return dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC).strftime("%Y-%m-%d")


@contextmanager
def _bar() -> Iterator[Told]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.fields[date]}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TextColumn("{task.fields[rate]:>9,.0f} events/s"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("left"),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("run", total=None, date="", rate=0.0)
        began, drawn = monotonic(), 0.0

        def told(progress: Progress) -> None:
            nonlocal drawn
            now = monotonic()
            if now - drawn < DRAW_SECONDS and progress.done != progress.total:
                return
            drawn = now
            rate = progress.done / max(now - began, 1e-9)
            bar.update(task, completed=progress.done, total=progress.total, date=date_of(progress.at), rate=rate)

        yield told


def _lines(seconds: Callable[[], float]) -> Told:
    began = last = seconds()

    def told(progress: Progress) -> None:
        nonlocal last
        now = seconds()
        if now - last >= LINE_SECONDS:
            last = now
            note(line(progress, now - began))

    return told


def line(progress: Progress, elapsed: float) -> str:
    """`2023-05-01  42 %  120,000 events/s  12 s left`."""
    rate = progress.done / max(elapsed, 1e-9)
    parts = [date_of(progress.at)]
    if progress.total:
        parts.append(f"{100 * progress.done // progress.total} %")
    parts.append(f"{rate:,.0f} events/s")
    if progress.total and rate:
        parts.append(f"{(progress.total - progress.done) / rate:,.0f} s left")
    return "  ".join(parts)
