"""A process that writes a scripted journal and says on standard output up to which row it was acknowledged:
`python tests/faults/writing.py PATH SEED`. It ends with 3 and a sentence when the journal refuses."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from scripted import NEVER, play

from onepath.errors import JournalError
from onepath.journal import lease
from onepath.journal.durable import DurableJournal


def main(path: Path, seed: int) -> int:
    try:
        journal = DurableJournal.create(path, "s", lease.take(path, 0), interval=NEVER)
        chance = random.Random(seed)  # noqa: S311 - it must repeat
        error = play(journal, chance, 60, lambda row: os.write(1, b"%d\n" % row)).error
        journal.close()
    except JournalError as refused:
        error = str(refused)
    os.write(2, error.encode())
    return 3 if error else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
