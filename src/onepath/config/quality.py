"""What to do about faults of bars, as a user writes it: one word, or a word for each sort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from onepath.config.values import Part, wrong

_WORDS = ("reject", "flag")


class QualityConfig(Part):
    """Faults of bars, sort by sort; default: what cannot be is refused, what is odd is let through."""

    gaps: Literal["reject", "flag", "fill"] | None = None
    """bars that are absent inside sessions: refuse the data, note them, or put bars in (the close before, no volume)"""
    outliers: Literal["reject", "flag"] | None = None
    """prices in another unit, jumps like a split, spikes that come back: refuse the data, or note them"""
    bad_bars: Literal["reject", "flag"] | None = None
    """bars that cannot be, such as without a price: refuse the data, or leave them out and note them"""
    duplicates: Literal["reject", "flag"] | None = None
    """a time that occurs again: refuse the data, or keep the first bar and note it"""
    stale: Literal["reject", "flag"] | None = None
    """the same prices and volume for ten bars and more: refuse the data, or note them"""

    @property
    def said(self) -> dict[str, str]:
        """Those that were said."""
        return self.model_dump(exclude_none=True)

    @model_validator(mode="before")
    @classmethod
    def _word(cls, values: Any) -> Any:
        """One word is for all sorts."""
        if isinstance(values, Mapping | QualityConfig):
            return values
        if values not in _WORDS:
            raise wrong(
                "", "reject or flag for all faults, or a word for each sort, such as {gaps: fill, outliers: reject}"
            )
        return dict.fromkeys(cls.model_fields, values)
