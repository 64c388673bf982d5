"""Pin the golden runs anew, and print what changed: `python tests/golden/pin.py` (`--check` writes nothing).

The hashes in golden.json are our own output, on purpose: they say that nothing has changed, not that it is right. What is
right is said by the other tests; whoever pins reads the printed differences and gives the reason in the commit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import cases

GOLDEN = Path(__file__).parent / "golden.json"


def main() -> int:
    """Exit code 1 if anything differs and `--check` was given."""
    before: dict[str, Any] = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    now = {name: cases.summary(cases.run(name)) for name in cases.ARGUMENTS}
    lines = differences(before, now)
    say("\n".join(lines) or "nothing changed")
    if "--check" in sys.argv:
        return 1 if lines else 0
    GOLDEN.write_text(json.dumps(now, indent=2) + "\n")
    return 0


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """One line a figure that is not what it was."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, {}), now.get(name, {})
        lines += [
            f"{name}.{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)
        ]
    return lines


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
