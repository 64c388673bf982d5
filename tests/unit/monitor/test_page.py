"""The page on monitoring says what there is."""

from __future__ import annotations

import re
from pathlib import Path

from onepath.monitor import alerts, watching
from onepath.monitor.metrics import METRICS
from onepath.monitor.view import View

PAGE = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_every_metric_is_on_the_page() -> None:
    """Name, type and meaning of each, in the order in which they are written."""
    rows = [f"| `{metric.name}` | {metric.type} | {metric.help} |" for metric in METRICS]
    assert [line for line in PAGE.splitlines() if line.startswith("| `onepath_")] == rows


def test_every_key_of_the_status_is_on_the_page() -> None:
    """Each field of a view is named."""
    named = set(re.findall(r"`([a-z_]+)(?:\[\])?`", PAGE))
    assert set(View.__struct_fields__) - named - {"last"} == set()


def test_every_alert_is_on_the_page() -> None:
    """Each code that the rules or the monitor raise has a row."""
    source = Path(alerts.__file__).read_text() + Path(watching.__file__).read_text()
    codes = set(re.findall(r'Found\(\s*"(\w+)"', source))
    assert codes == {
        "data_stale",
        "queue_high",
        "journal_slow",
        "clock_skew",
        "disk_low",
        "breaker_tripped",
        "strategy_slow",
    } | {"strategy_stuck"}
    for code in codes:
        assert f"`{code}`" in PAGE
