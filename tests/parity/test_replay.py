"""A recorded session replayed decides the same, and a replay that should differ says where: the proof can fail."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.build import build
from onepath.config import load
from onepath.journal.codec import DECISIONS
from onepath.journal.sqlite import SqliteReader
from onepath.rerun import replay

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
EXAMPLES = ("buy_and_hold", "sixty_forty", "sma_cross", "mean_reversion", "rsi_reversion", "momentum")
CONFIG = """\
mode: backtest
data: {data}
execution:
  slippage: {{model: volume_based, params: {{base_bps: 2, volume_factor: 0.1}}}}
  commission: {{model: per_share, params: {{per_share: 0.005, minimum: 1}}}}
  latency: {{mean_ms: 40000000, std_ms: 30000000}}
  participation: 0.001
strategies:
{strategies}
"""
OWN = '''"""Buys on every third close that is higher than the one before, sells all on every fifth."""
from onepath import Strategy

class Own(Strategy):
    """Counts."""

    def on_start(self, context):
        self._closes, self._bar = {}, 0

    def on_market_event(self, event, context):
        self._rises = event.close > self._closes.get(event.symbol, event.close)
        self._closes[event.symbol] = event.close

    def generate_orders(self, context):
        self._bar += 1
        symbol = context.symbols[0]
        if self._bar % 5 == 0:
            return context.close(symbol)
        return context.buy(symbol, 3) if self._bar % 3 == 0 and self._rises else []
'''


@pytest.mark.parametrize("name", [*cases.ARGUMENTS, cases.SEVERAL])
def test_result_replays(name: str) -> None:
    """`result.replay()` makes every decision again, as many as the journal holds, with the hash that is pinned."""
    result = cases.run(name)
    decisions = sum(1 for _ in result.journal.rows(DECISIONS))
    again = result.replay()
    assert again.difference is None
    assert (again.identical, again.decisions, again.hash) == (True, decisions, result.hash)
    assert decisions >= 10


def recorded(home: Path, data: str, strategies: dict[str, str]) -> Path:
    """Run a configuration in `home` into a journal; `strategies` gives each name's class."""
    listed = "\n".join(f"  - {{name: {n}, class: '{c}', capital: 100000}}" for n, c in strategies.items())
    config = home / "config.yaml"
    config.write_text(CONFIG.format(data=data, strategies=listed))
    journal = home / "journal.db"
    session = build(load(config), home=home, session_id="recorded", journal_path=journal)
    try:
        outcome = session.run()
        assert (outcome.status, outcome.errors) == ("completed", ())
    finally:
        session.journal.close()
    return journal


@pytest.mark.parametrize("name", EXAMPLES)
def test_saved_journal_replays(name: str, tmp_path: Path) -> None:
    """The journal a configuration left on disk replays identically, from nothing but itself and the data."""
    symbols = "[JPM, XOM]" if name == "sixty_forty" else "[AAPL, JPM, TSLA, XOM]"
    journal = recorded(tmp_path, f"{{name: us10, symbols: {symbols}}}", {name: name})
    again = replay(journal, home=tmp_path)
    assert again.difference is None
    assert again.identical
    assert again.decisions >= 4


def test_a_session_of_all_examples_replays(tmp_path: Path) -> None:
    """Five strategies on one clock, with delays and partial fills, replay identically from disk."""
    several = {name: name for name in EXAMPLES if name != "sixty_forty"}
    journal = recorded(tmp_path, "{name: us10}", several)
    again = replay(journal, home=tmp_path)
    assert again.difference is None
    assert again.decisions > 1_000


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, Path]:
    """A home with a strategy and data of its own, and the journal of a session there."""
    home = tmp_path / "home"
    (home / "prices").mkdir(parents=True)
    shutil.copy(SAMPLES / "us10" / "JPM.parquet", home / "prices" / "JPM.parquet")
    (home / "own.py").write_text(OWN)
    journal = recorded(home, "{path: prices/JPM.parquet, symbols: [JPM]}", {"own": "own.py"})
    return home, journal


def test_own_strategy_and_data_replay(own: tuple[Path, Path]) -> None:
    """The untampered session of the tests below replays identically: what they find is what they did."""
    home, journal = own
    again = replay(journal, home=home)
    assert again.difference is None
    assert again.decisions > 500


def tampered(journal: Path, statement: str, kind: str, nth: int = 0) -> Path:
    """A copy of a journal with its guards taken off and one row changed: the `nth` of its kind."""
    copy = journal.with_name("tampered.db")
    shutil.copy(journal, copy)
    connection = sqlite3.connect(copy)
    with connection:
        connection.execute("DROP TRIGGER journal_keeps_rows")
        connection.execute("DROP TRIGGER journal_keeps_facts")
        which = "SELECT seq FROM journal WHERE kind = ? ORDER BY seq LIMIT 1 OFFSET ?"
        (seq,) = connection.execute(which, (kind, nth)).fetchone()
        assert connection.execute(f"{statement} WHERE seq = ?", (seq,)).rowcount == 1
    connection.close()
    return copy


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = json_set(body, '$.quantity', '4')",
        "UPDATE journal SET body = json_set(body, '$.tag', 'x')",
        "UPDATE journal SET at = at + 1",
        "UPDATE journal SET kind = 'order.denied', body = json_object('order', json(body), 'code', 'x', 'reason', 'y')",
    ],
    ids=["quantity", "tag", "time", "kind"],
)
def test_a_tampered_decision_is_found(statement: str, own: tuple[Path, Path]) -> None:
    """A quantity, a tag, a time or a kind that was changed in the fifth order is told as a difference."""
    home, journal = own
    again = replay(tampered(journal, statement, "order.submitted", 4), home=home)
    assert not again.identical
    assert again.difference is not None
    assert again.difference.startswith("decision 5:"), again.difference


def test_a_removed_fill_is_found(own: tuple[Path, Path]) -> None:
    """Taking a fill out of the record makes the strategy hold less, and so decide otherwise."""
    home, journal = own
    again = replay(tampered(journal, "DELETE FROM journal", "order.filled"), home=home)
    assert not again.identical
    assert again.difference is not None


def test_changed_data_are_found(own: tuple[Path, Path]) -> None:
    """One close of one bar, changed by a cent after the fact, is told as data that are not the session's any more."""
    home, journal = own
    path = home / "prices" / "JPM.parquet"
    table = pq.read_table(path)
    close = table.column("close").to_pylist()
    close[1_000] = (table.column("high")[1_000].as_py() + table.column("low")[1_000].as_py()) / 2
    place = table.schema.get_field_index("close")
    pq.write_table(table.set_column(place, "close", [close]), path)
    again = replay(journal, home=home)
    assert not again.identical
    assert "not the data of the session any more" in str(again.difference)


def test_a_changed_strategy_is_found(own: tuple[Path, Path], tmp_path: Path) -> None:
    """The same journal beside a strategy that sells on every seventh bar differs at the first decision affected."""
    home, journal = own
    other = tmp_path / "other"
    shutil.copytree(home, other)
    (other / "own.py").write_text(OWN.replace("self._bar % 5", "self._bar % 7"))
    again = replay(other / journal.name, home=other)
    assert not again.identical
    assert str(again.difference).startswith("decision ")


def test_a_journal_without_its_end_is_refused(own: tuple[Path, Path]) -> None:
    """A session that broke off cannot be replayed as a whole, and says so in a sentence."""
    home, journal = own
    broken = tampered(journal, "DELETE FROM journal", "session.ended")
    with pytest.raises(onepath.JournalError, match="broke off"):
        replay(broken, home=home)


def test_a_journal_of_the_one_call_replays_or_says_why_not(tmp_path: Path) -> None:
    """A journal that `onepath.backtest(journal=...)` kept replays from disk, or is refused in a sentence of ours."""
    journal = tmp_path / "kept.db"
    cases.run("sma_cross", journal=journal).journal.close()
    SqliteReader(journal).close()
    try:
        assert replay(journal, home=tmp_path).identical
    except onepath.OnepathError as refusal:
        assert str(refusal)
