"""One schedule of the harness again, by its seed: its faults, what is wrong, and the fewest faults that show it.

python tests/faults/schedule.py SEED
"""

from __future__ import annotations

import sys

from onepath.chaos.schedules import own
from onepath.chaos.sweep import ran, shrunk

if __name__ == "__main__":
    wanted = own(int(sys.argv[1]))
    done = ran(wanted)
    print(*wanted.faults, *done.wrong, sep="\n")  # noqa: T201
    if done.wrong:
        print("with these alone:", *shrunk(wanted).faults, sep="\n  ")  # noqa: T201
    sys.exit(bool(done.wrong))
