"""Research: what a notebook uses to find out whether an idea is one. Loaded when first asked for, name by name.

Rules: nothing here runs in a session; whatever is found is proved again in the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE: dict[str, str] = {
    **dict.fromkeys(
        ("correlation", "distribution", "information_coefficient", "stationarity"), "onepath.research.explore"
    ),
    **dict.fromkeys(("Exported", "export"), "onepath.research.exporting"),
    **dict.fromkeys(("Sweep", "sweep"), "onepath.research.sweeps"),
    **dict.fromkeys(("Trial", "Trials"), "onepath.research.trials"),
    **dict.fromkeys(("QuickBacktest",), "onepath.research.quick"),
    **dict.fromkeys(("QuickResult", "QuickRuns"), "onepath.research.quickruns"),
    **dict.fromkeys(("eligible",), "onepath.research.quickfit"),
    **dict.fromkeys(("verify",), "onepath.research.quickproof"),
}
"""the public names, and the module of each"""


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"onepath.research has no {name!r}; it has {', '.join(sorted(_WHERE))}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(_WHERE)
