"""What the data tests share: the recorded data beside the repository, and bars made to measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onepath.calendars import MINUTE

SHARED = Path(__file__).resolve().parents[4] / "shared/data"
BEGIN = 1_577_836_800_000_000_000  # 2020-01-01 00:00 UTC


@pytest.fixture
def shared() -> Path:
    """The folder of recorded data; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip(f"recorded data is absent: {SHARED}")
    return SHARED


@pytest.fixture
def bars() -> Any:
    """A maker of one-minute columns, oldest first, every price right."""
    return made


def made(rows: int, *, first: int = BEGIN, step: int = MINUTE, price: float = 100.0) -> dict[str, list[Any]]:
    """`rows` bars whose close is `price` plus a small pattern, as lists by column name."""
    close = [price + (i * 7 % 11) / 4 for i in range(rows)]
    return {
        "timestamp": [first + i * step for i in range(rows)],
        "open": [c - 0.25 for c in close],
        "high": [c + 1.0 for c in close],
        "low": [c - 1.0 for c in close],
        "close": close,
        "volume": [float(1 + i % 5) for i in range(rows)],
    }
