"""The page: complete, harmless, small, and the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from onepath import events
from onepath.journal.memory import MemoryJournal
from onepath.report.metrics import stats
from onepath.report.record import read
from onepath.report.tearsheet import plot_svg, render, write

VOID = {"meta", "line", "path", "br", "input", "use"}
EVIL = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>'
DAY = 86_400 * 1_000_000_000


class Page(HTMLParser):
    """Tags, attributes and scripts of a page; complains where an element is not closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data.append(data)


def elements(svg: str) -> set[str]:
    """Names of the elements of a picture; raises where it is not XML."""
    return {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}  # noqa: S314  our own picture


@pytest.fixture(scope="module")
def html(decade: MemoryJournal) -> str:
    return render(read(decade))


def test_page_is_whole(html: str) -> None:
    """Every element is closed, and every section of the issue is there."""
    assert Page(html).open == []
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings == [
        "Equity",
        "Drawdown",
        "Monthly returns",
        "Rolling Sharpe",
        "Exposure",
        "Strategies",
        "Price, entries and exits",
        "Round trips",
        "Still open",
        "Costs",
        "Orders",
        "Execution",
        "All statistics",
    ]


def test_page_asks_nobody(html: str) -> None:
    """No element refers outside the file, no style imports, and the policy forbids every request."""
    outside = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
    for tag, attributes in Page(html).tags:
        for name in outside & attributes.keys():
            assert (attributes[name] or "").startswith("#"), (tag, attributes)
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\(|https?://", html)


def test_crosshair_data_is_json(html: str) -> None:
    """Each chart carries its numbers: times that rise, one value a time and series, nothing that is not JSON."""
    blocks = [json.loads(text) for text in Page(html).data if text.startswith("{")]
    assert len(blocks) >= 7
    for block in blocks:
        assert all(step > 0 for step in block["t"][1:])
        assert all(len(values) == len(block["t"]) for _, _, values in block["series"])


def test_definitions_are_on_the_page(html: str) -> None:
    """Every statistic can be opened to its definition."""
    assert html.count("<details title=") == len(re.findall(r"<summary><span>", html)) >= 38


def test_strangers_cannot_write_the_page(toy: Callable[..., Any]) -> None:
    """Symbols, strategies, sessions, reasons and errors that are markup come out as text, in page and picture."""
    t = toy((EVIL, "B" + EVIL), (EVIL, "two" + EVIL), session_id=EVIL, mode=EVIL)
    t.start()
    for day in range(1, 40):
        for strategy in t.strategies:
            t.trade(strategy, EVIL, Decimal(1 if day % 2 else -1), day * DAY, Decimal(10 + day))
        t.mark(day * DAY, (10 + day, 5))
    t.deny(EVIL, EVIL, 40 * DAY, EVIL)
    record = read(t.end(40 * DAY, "failed", EVIL))
    page = Page(render(record))
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "object", "a", "link"})
    assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [attributes for attributes in scripts if attributes.get("type") != "application/json"] == [{}]
    elements(plot_svg(record))


def empty(t: Any) -> None:
    """No trade, no mark."""


def one_mark(t: Any) -> None:
    t.mark(DAY, (5.0,))


def flat(t: Any) -> None:
    for day in range(1, 30):
        t.mark(day * DAY, (5.0,))


def still_open(t: Any) -> None:
    t.trade("crossover", "X", Decimal(3), DAY, Decimal(5))
    t.mark(2 * DAY, (6.0,))
    t.mark(3 * DAY, (0.0,))


def marks_without_prices(t: Any) -> None:
    mark = events.Mark(strategy="crossover", equity=-5.0, cash=0.0, gross=7.0, net=-7.0)
    t.journal.append(DAY, "mark", "crossover", mark)
    t.journal.append(2 * DAY, "mark", "crossover", mark)


def prices_without_marks(t: Any) -> None:
    t.journal.append(DAY, "prices", None, events.Prices((None,)))
    t.journal.append(2 * DAY, "prices", None, events.Prices((1.5,)))


@pytest.mark.parametrize("story", [empty, one_mark, flat, still_open, marks_without_prices, prices_without_marks])
@pytest.mark.parametrize("capital", [Decimal(1000), Decimal(0)])
def test_sparse_sessions_render(story: Callable[[Any], None], capital: Decimal, toy: Callable[..., Any]) -> None:
    """Whatever little a session left behind, the page is whole, shows no NaN, and the picture is well-formed."""
    t = toy(("X",), capital=capital, calendar="24/7")
    t.start()
    story(t)
    record = read(t.end(4 * DAY))
    html = render(record)
    assert Page(html).open == []
    assert not re.search(
        r">[^<]*\b(nan|inf|NaN|Infinity)\b[^<]*<", re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    )
    elements(plot_svg(record))
    assert len(stats(record)) >= 38


@pytest.mark.parametrize(
    ("status", "words"), [("failed", "This session failed"), ("stopped", "stopped before its data ended")]
)
def test_a_bad_end_is_said_first(status: str, words: str, toy: Callable[..., Any]) -> None:
    """A failed or stopped session says so above its numbers, with the strategy's error."""
    t = toy(("X",))
    t.start()
    html = render(read(t.end(1, status, "ZeroDivisionError: division by zero")))
    assert html.index(words) < html.index("<main>")
    assert "ZeroDivisionError" in html


def test_a_good_end_has_no_banner(html: str) -> None:
    """Nothing alarms where nothing went wrong."""
    assert 'role="alert"' not in html


def test_page_is_the_same_under_any_hash_seed(html: str) -> None:
    """Equal journals give equal bytes, in any process and under any PYTHONHASHSEED."""
    script = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import conftest as c\n"
        "from onepath.report.record import read; from onepath.report.tearsheet import render\n"
        "journal = c.crossover(c.Toy(('AAA', 'BBB', 'CCC'), ('trend', 'trend-short')), *c.walk(1_500, 3))\n"
        "print(hashlib.sha256(render(read(journal)).encode()).hexdigest())"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    found = [
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        for seed in ("0", "1")
    ]
    expected = hashlib.sha256(html.encode()).hexdigest()
    assert [process.stdout.strip() for process in found] == [expected, expected]


def test_size_is_bounded(toy: Callable[..., Any]) -> None:
    """A hundred thousand marks, three hundred symbols, thousands of trades: still under a megabyte, and it says what is cut."""
    symbols = tuple(f"SYMBOL{i:04d}" for i in range(300))
    t = toy(symbols, tuple(f"strategy-number-{i}" for i in range(4)), calendar="24/7")
    t.start()
    minute = DAY // 1_440
    for i in range(25_000):
        for number, strategy in enumerate(t.strategies):
            equity = 1e5 + (i * 7919 + number * 31) % 9_973
            mark = events.Mark(strategy=strategy, equity=equity, cash=5.0, gross=equity * (i % 3) / 2, net=-equity / 3)
            t.journal.append(i * minute, "mark", strategy, mark)
        if i % 20 == 0:
            prices = tuple(100.0 + (i * 31 + j * 17) % 101 for j in range(300))
            t.journal.append(i * minute, "prices", None, events.Prices(prices))
        if i % 5 == 0:
            t.trade(
                t.strategies[i % 4], symbols[i % 300], Decimal((-1) ** (i // 300) * 1234), i * minute, Decimal("123.45")
            )
    html = render(read(t.end(25_000 * minute)))
    assert len(html.encode()) < 1_000_000
    assert "The last 500 of" in html
    assert "most traded of 300 symbols" in html


def test_picture_is_small_and_stands_alone(decade: MemoryJournal) -> None:
    """The notebook's picture is well-formed SVG without scripts, under 100 kB."""
    svg = plot_svg(read(decade))
    assert elements(svg) <= {"svg", "path", "text", "tspan"}
    assert len(svg) < 100_000


def test_write_makes_the_folder(decade: MemoryJournal, tmp_path: Path, html: str) -> None:
    """The page is written where it was asked for, byte for byte what `render` gives."""
    path = write(read(decade), tmp_path / "new" / "sheet.html")
    assert path.read_bytes() == html.encode()
