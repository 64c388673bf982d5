"""How all tests use Hypothesis: repeatable, without deadlines, and counted (see `property/tally.py`).

The examples of the profile `gate` are the same in every run. `HYPOTHESIS_PROFILE=explore` draws others and prints how to repeat
a failure; `first` stops at the first failing example as it was drawn, to see only whether there is one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

sys.path.insert(0, str(Path(__file__).parent / "property"))
import tally

settings.register_profile("gate", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.register_profile("first", settings.get_profile("gate"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_itemcollected(item: Any) -> None:
    tally.watch(getattr(item, "function", None))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """An xdist worker tells what it ran."""
    tally.EXAMPLES.update(getattr(node, "workeroutput", {}).get("examples", {}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["examples"] = dict(tally.EXAMPLES)
    elif exitstatus == 0 and _too_few(session.config):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    number = tally.EXAMPLES.total()
    if number:
        terminalreporter.write_line(f"property examples: {number:,}", green=True)
    if _too_few(config):
        terminalreporter.write_line(f"a full run needs {tally.LEAST:,} or more property examples", red=True)


def _too_few(config: Any) -> bool:
    return bool(tally.is_full(config)) and tally.EXAMPLES.total() < tally.LEAST
