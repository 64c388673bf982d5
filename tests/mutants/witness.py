"""Runs inside the pytest of a mutant and writes down what happened: a plugin, `pytest -p witness`.

It imports the mutated module before any test, and sees that it is the mutated file: a mutant that cannot be imported, or is
not the one imported, has not been caught by anybody. Only failures inside a test's own body are noted as such.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

_told: dict[str, Any] = {"passed": 0, "failed": [], "broken": []}
_BESIDE = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "UnboundLocalError")
"""what a badly written mutant raises"""


def pytest_configure() -> None:
    """See that the mutant is the one that will be tested."""
    module, file = os.environ["MUTANT_MODULE"], Path(os.environ["MUTANT_FILE"])
    try:
        found = Path(str(importlib.import_module(module).__file__))
    except Exception as error:
        _stop(f"{module} does not import: {type(error).__name__}: {error}")
    if found.resolve() != file.resolve() or not found.is_relative_to(Path.cwd()):
        _stop(f"{module} was imported from {found}, not from {file}")


def _stop(reason: str) -> None:
    _told["broken"].append(reason)
    pytest_sessionfinish()
    pytest.exit(reason, returncode=3)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _told["broken"].append(f"{report.nodeid} cannot be collected: {str(report.longrepr).splitlines()[-1]}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
        said = (crash.splitlines() or [""])[0]
        if report.when == "call" and not said.startswith(_BESIDE):
            _told["failed"].append((report.nodeid, said))
        else:
            _told["broken"].append(f"{report.nodeid} ({report.when}): {said}")
    elif report.when == "call" and report.passed:
        _told["passed"] += 1


def pytest_sessionfinish() -> None:
    Path(os.environ["MUTANT_TOLD"]).write_text(json.dumps(_told))
