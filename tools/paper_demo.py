"""`make paper-demo`: a local venue plays recorded trades and quotes, the SMA strategy trades on paper for a minute over real
sockets, and the session is replayed.

Rules: everything is what a user would type; this file only starts the venue, waits for its address, and ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ONEPATH = str(Path(sys.executable).with_name("onepath"))
WORKSPACE = Path("paper-demo")
VENUE = ("venue", "--data", "btcusdt_quotes", "--speed", "1", "--port", "0", "--json")
PAPER = {
    "data.symbols": "BTCUSDT",
    "data.interval": "1s",
    "marks": "1s",
    "strategies.0.params.fast": "5",
    "strategies.0.params.slow": "15",
}


def main(seconds: str = "60s") -> int:
    """Run the demo; its exit code is that of the first step that fails."""
    if not WORKSPACE.exists():
        subprocess.run([ONEPATH, "init", str(WORKSPACE)], check=True)
    venue = subprocess.Popen([ONEPATH, *VENUE], cwd=WORKSPACE, stdout=subprocess.PIPE, text=True)
    try:
        assert venue.stdout is not None
        url = json.loads(venue.stdout.readline())["url"]
        sets = [word for key, value in {**PAPER, "data.url": url}.items() for word in ("--set", f"{key}={value}")]
        steps = (["run", "config/paper.yaml", "--for", seconds, *sets], ["replay", "last"])
        return next((code for step in steps if (code := say(step))), 0)
    finally:
        venue.terminate()
        venue.wait(10)


def say(step: list[str]) -> int:
    """Run one command as a user would."""
    sys.stdout.write(f"$ onepath {' '.join(step)}\n")
    sys.stdout.flush()
    return subprocess.run([ONEPATH, *step], cwd=WORKSPACE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
