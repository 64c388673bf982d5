"""The schema of features: whether values are kept on disk, and when live values are held against a reference."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from onepath.config.values import Interval, Part, wrong

_BYTES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size(value: Any) -> Any:
    """Bytes of `500 MB` or `1GB`; a number is bytes already."""
    if isinstance(value, str):
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?B)?", value.strip().upper())
        if not found:
            raise ValueError("a size such as 500MB or 2GB")
        return int(float(found[1]) * _BYTES[found[2] if found[2] and found[2] != "B" else ""])
    return value


class DriftConfig(Part):
    """When a session in real time compares its features with a reference, and from where on it raises an alert."""

    reference: str
    """what the features are held against: a dataset's name, a file or folder of bars in the workspace, or a session's id"""
    every: Interval = "1h"
    """how often they are compared"""
    window: Annotated[int, Field(ge=50, le=1_000_000)] = 1_000
    """how many of the latest values of each feature and symbol are compared, at most"""
    psi: Annotated[float, Field(gt=0)] = 0.25
    """the population stability index from which on an alert is raised"""

    @model_validator(mode="after")
    def _some_time(self) -> DriftConfig:
        if self.every == "auto":
            raise wrong("every", "an interval such as 10m or 1h")
        return self


class Features(Part):
    """How feature values are computed."""

    cache: bool = True
    """keep computed features for the next run on the same data, in .cache/features of the workspace"""
    cache_size: Annotated[int, BeforeValidator(size), Field(ge=1_000_000)] = 1_000_000_000
    """how large the cache may become, in bytes or as 500MB or 2GB; what was used least recently goes first"""
    compute_on_demand: bool = True
    """compute a feature when a strategy asks for it; false: it must be in the cache (`onepath features compute CONFIG`)"""
    drift: DriftConfig | None = None
    """compare the features of a session in real time with a reference as it goes; default: do not"""

    @model_validator(mode="after")
    def _from_somewhere(self) -> Features:
        if not self.compute_on_demand and not self.cache:
            raise wrong("cache", "cache true, because with compute_on_demand false features come from it")
        return self
