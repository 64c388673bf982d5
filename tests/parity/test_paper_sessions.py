"""A paper session, its replay, a backtest over what it recorded and the replay of that make the same decisions, byte for byte."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest
from tests.unit.session import scripted

import onepath.examples
from onepath.build import build
from onepath.config import loads
from onepath.journal.sqlite import SqliteReader
from onepath.market import Bar, Quote
from onepath.replay import compare
from onepath.rerun import Rerun

EXAMPLES = sorted(module.name for module in pkgutil.iter_modules(onepath.examples.__path__))
SYMBOLS = ("AB", "CD")
NONE_NEEDED = {"momentum", "buy_and_hold", "sixty_forty"}
"""strategies that decide no more than a few times in so short a time"""


def quoted(live: list[Any]) -> list[Any]:
    """Quotes of a cent to each side of every trade instead of the trades."""
    kept = [item for item in live if not isinstance(item, Bar)]
    return [Quote(t.symbol, t.at, t.price - 0.01, t.price + 0.01, 40.0, 40.0, t.venue_at) for t in kept]


def over(name: str, home: Path) -> Path:
    """A backtest of an example over what the session `paper` recorded."""
    listed = f"  - {{name: {name}, class: {name}, capital: 10000}}"
    live = "data: {type: realtime, source: scripted, symbols: [AB, CD]}"
    text = scripted.CONFIG.format(mode="backtest", symbols="AB, CD", strategies=listed)
    text = text.replace(live, "data: {type: session, id: paper}")
    journal = home / "sessions" / "again" / "journal.db"
    session = build(loads(text), home=home, session_id="again", journal_path=journal)
    assert session.run().errors == ()
    session.journal.close()
    return journal


@pytest.mark.parametrize("faulty", [False, True], ids=["whole", "interrupted"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_one_session_four_ways(name: str, faulty: bool, tmp_path: Path) -> None:
    """Every example over 90 minutes of trades and bars (quotes for the market maker), also with a minute of them lost."""
    kinds: tuple[str, ...] = ("bars", "trades")
    script: Any = (lambda live: scripted.interrupted(live, 40)) if faulty else None
    if name == "market_making":
        kinds = ("quotes",)
        script = (lambda live: scripted.interrupted(quoted(live), 40)) if faulty else quoted
    paper, outcome = scripted.run(
        tmp_path, "paper", {name: name}, minutes=90, symbols=SYMBOLS, kinds=kinds, script=script
    )
    assert (outcome.status, outcome.errors) == ("completed", ())
    first = SqliteReader(paper)
    proof = Rerun(first, tmp_path).run()
    assert proof.result.difference is None
    assert proof.identical
    assert proof.result.decisions > (0 if name in NONE_NEEDED else 10)
    again = SqliteReader(over(name, tmp_path))
    assert compare(first, again).difference is None
    assert Rerun(again, tmp_path).run().identical
