"""What a backtest returns: statistics, tables, pictures, the journal behind them and the proof that it replays.

Rules: everything is a fold over the journal, computed when first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onepath.frames import frame, kind_of
from onepath.replay import ReplayResult
from onepath.session import Outcome, Plan, replayed

if TYPE_CHECKING:
    from onepath.portfolio import Portfolio
    from onepath.ports import Journal
    from onepath.report.expenses import Execution


_TERMS = (
    *("id", "strategy", "symbol", "side", "type", "quantity", "limit", "stop", "trail", "trail_percent"),
    *("time_in_force", "expires_at", "reduce_only", "post_only", "submitted_at", "signal_id", "tag", "parent_id"),
    *("group", "reference"),
)
"""of an order as it was sent"""


class Stats(dict[str, Any]):
    """Statistics by name, printed as a table."""

    def __init__(self, rows: Sequence[tuple[str, Any, str, str]]) -> None:
        super().__init__({key: value for key, value, _, _ in rows})
        self._rows = rows

    def __repr__(self) -> str:
        return "\n".join(f"{label:<28}{text:>16}" for _, _, label, text in self._rows)

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<tr><td>{escape(label)}</td><td>{escape(text)}</td></tr>" for _, _, label, text in self._rows)
        return f"<table>{lines}</table>"


class Plot:
    """A picture of the run: shown by a notebook, or saved."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_html_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target


class Result:
    """A finished backtest."""

    def __init__(self, plan: Plan, outcome: Outcome, journal: Journal, data: Any) -> None:
        self.session_id = outcome.session_id
        self.status = outcome.status
        self.journal = journal
        self._outcome = outcome
        self._plan = plan
        self._kind = kind_of(data)

    def __repr__(self) -> str:
        from onepath.report.tearsheet import remarks

        said = "".join(f"\n{label}: {remark}" for label, remark in remarks(self.record))
        return f"Result of {self.session_id} ({self.status}, {self._outcome.events:,} events)\n{self.stats!r}{said}"

    @property
    def notes(self) -> list[str]:
        """What was assumed about the data, such as its calendar."""
        return list(self.record.notes)

    @property
    def hash(self) -> str:
        """SHA-256 of all decisions."""
        return self._outcome.hash

    @cached_property
    def record(self) -> Any:
        """The journal, read."""
        from onepath.report.record import read

        return read(self.journal)

    @cached_property
    def stats(self) -> Stats:
        """Statistics by name: `result.stats["sharpe"]`; printing gives the table."""
        from onepath.report.metrics import stats

        return Stats([(s.key, s.value, s.label, s.text) for s in stats(self.record).values()])

    @property
    def execution(self) -> Execution:
        """What became of the orders and what they cost: `.total`, `.by("symbol")`, `.orders`."""
        found: Execution = self.record.execution
        return found

    @cached_property
    def trades(self) -> Any:
        """Round trips: one row a lot that was opened and closed, first in first out."""
        from onepath.report.analysis import trips_of

        trips = trips_of(self.record).trips
        columns = ("strategy", "symbol", "side", "quantity", "entry_at", "exit_at", "entry_price", "exit_price")
        return self._table(trips, (*columns, "pnl", "fees", "slippage", "profit"), ("entry_at", "exit_at"))

    @cached_property
    def orders(self) -> Any:
        """Orders that were sent, in order: their terms as sent, and what became of them. Those that the venue made in a
        strategy's name (a liquidation) are there too: their ids are below zero, `reason` says why."""
        from onepath.report.fates import FATE, fates

        columns = {name: [_plain(getattr(order, name)) for order in self.record.every_order] for name in _TERMS}
        found = fates(self.record)
        columns |= {name: [_plain(getattr(fate, name)) for fate in found] for name in FATE}
        return frame(self._kind, columns, ("submitted_at", "expires_at", "ended_at"))

    @cached_property
    def denied(self) -> Any:
        """Orders that risk let not through, in order, each with its reason (a code) and that in words."""
        rows = [(outcome, outcome.order) for outcome in self.record.denied]
        first = {
            name: [getattr(o, name) for o, _ in rows] for name in ("at", "order_id", "strategy", "symbol", "reason")
        }
        terms = ("side", "type", "quantity", "limit", "stop", "tag")
        asked = {name: [_plain(getattr(order, name, None)) for _, order in rows] for name in terms}
        return frame(self._kind, {**first, "text": [o.text for o, _ in rows], **asked}, ("at",))

    @cached_property
    def signals(self) -> Any:
        """Signals, in order: why orders were sent; `signal_id` of an order names one."""
        from onepath.journal.codec import decode

        rows = [(row.at, decode(row)) for row in self.journal.rows(("signal",))]
        columns: dict[str, list[Any]] = {"at": [at for at, _ in rows]}
        columns |= {
            name: [getattr(signal, name) for _, signal in rows] for name in ("id", "strategy", "symbol", "type")
        }
        columns["conditions"] = [", ".join(signal.conditions) for _, signal in rows]
        columns["values"] = [dict(signal.values) for _, signal in rows]
        return frame(self._kind, columns, ("at",))

    def explain(self, fill_id: int) -> dict[str, Any]:
        """Why a fill happened: signal, order, parent and children, what happened before, fill, position."""
        from onepath.report.explained import explained

        return explained(self.journal, fill_id)

    @cached_property
    def fills(self) -> Any:
        """Fills, in order; quantity is signed."""
        columns = ("id", "order_id", "strategy", "symbol", "quantity", "price", "fee", "slippage", "executed_at")
        return self._table(self.record.fills, (*columns, "maker", "fee_currency", "mid"), ("executed_at",))

    @cached_property
    def equity(self) -> Any:
        """The curve of all books together: at, equity, cash, gross and net exposure."""
        curve = self.record.total
        columns = {name: getattr(curve, name) for name in ("at", "equity", "cash", "gross", "net")}
        return frame(self._kind, columns, ("at",), index="at")

    def portfolio(self, strategy: str | None = None) -> Portfolio:
        """The final books, exact: of `strategy`, or of the first."""
        return self._outcome.portfolios[strategy or self._plan.strategies[0].name]

    def plot(self) -> Plot:
        """Equity and drawdown."""
        from onepath.report.tearsheet import plot_svg

        return Plot(plot_svg(self.record))

    def report(self, path: str | Path) -> Path:
        """Write the tear sheet, one HTML file."""
        from onepath.report.tearsheet import write

        write(self.record, Path(path))
        return Path(path)

    def replay(self) -> ReplayResult:
        """Run the journal again over the same data and compare every decision."""
        fresh = [
            seat._replace(strategy=type(seat.strategy)(**_fields(seat.strategy.params)))
            for seat in self._plan.strategies
        ]
        return replayed(self._plan._replace(strategies=fresh), self.journal)

    def _table(self, rows: Sequence[Any], names: Sequence[str], times: Sequence[str]) -> Any:
        columns = {name: [_plain(getattr(row, name)) for row in rows] for name in names}
        return frame(self._kind, columns, times)


def _fields(params: Any) -> dict[str, Any]:
    return {name: getattr(params, name) for name in params.__struct_fields__}


def _plain(value: Any) -> Any:
    """Decimals and enums as what frames know."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, str) else value
