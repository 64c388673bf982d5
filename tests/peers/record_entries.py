"""Record limit, stop and stop-limit entries with commissions in nautilus_trader: run by hand, in an environment of its own.

    python -m venv /tmp/peer_naut
    /tmp/peer_naut/bin/pip install nautilus_trader==1.221.0 numpy==2.4.6 pandas==2.3.3 pyarrow==26.0.1
    /tmp/peer_naut/bin/python tests/peers/record_entries.py > tests/peers/entries.json

nautilus_trader is LGPL: no dependency, not imported by anything of onepath, nothing taken from it but the figures. The entries
are those of record_brackets.py, one unit each, without exits: what is in six bars later is closed at the market, what is not is
cancelled. Makers pay 2 bps, takers 5. Its venue plays a bar as four prices, open, high, low, close.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("record_brackets", HERE / "record_brackets.py")
assert spec is not None
assert spec.loader is not None
plans = importlib.util.module_from_spec(spec)
sys.modules["record_brackets"] = plans
spec.loader.exec_module(plans)

FILES = {f"us10_{name.lower()}_daily": plans.SAMPLES / "us10" / f"{name}.parquet" for name in ("AAPL", "JPM", "XOM")}
ENTRIES = ("limit", "stop", "stop_limit")
MAKER, TAKER, DIGITS = "0.0002", "0.0005", 4


def record(path: Path, entry: str) -> list[list[Any]]:
    """[order (plan's bar, "entry" or "exit"), bar it filled after, quantity, price, maker or taker, fee] of all fills."""
    import pandas as pd
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, LiquiditySide, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CurrencyPair
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    bars = plans.bars_of(path)
    slots = {slot.at: slot for slot in plans.plan(bars, entry, "both")}
    venue = Venue("SIM")
    pair = CurrencyPair(
        instrument_id=InstrumentId(Symbol("X"), venue),
        raw_symbol=Symbol("X"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=DIGITS,
        size_precision=0,
        price_increment=Price(10**-DIGITS, DIGITS),
        size_increment=Quantity(1, 0),
        maker_fee=Decimal(MAKER),
        taker_fee=Decimal(TAKER),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        ts_event=0,
        ts_init=0,
    )
    kind = BarType.from_str("X.SIM-1-DAY-LAST-EXTERNAL")
    fills: list[list[Any]] = []

    class Entries(Strategy):
        """What the plan says."""

        def on_start(self) -> None:
            self.at, self.slot, self.names = -1, None, {}
            self.subscribe_bars(kind)

        def on_bar(self, bar: Any) -> None:
            self.at += 1
            if self.at in slots:
                self.slot = slots[self.at]
                self._send()
            elif self.slot is not None and self.at == self.slot.at + plans.HOLD:
                self.cancel_all_orders(pair.id)
                for position in self.cache.positions_open(instrument_id=pair.id):
                    side = OrderSide.SELL if position.is_long else OrderSide.BUY
                    self._submit(self.order_factory.market(pair.id, side, Quantity(1, 0)), "exit")
                self.slot = None

        def _send(self) -> None:
            side = OrderSide.BUY if self.slot.sign > 0 else OrderSide.SELL
            given: dict[str, Any] = {"instrument_id": pair.id, "order_side": side, "quantity": Quantity(1, 0)}
            if self.slot.limit is not None:
                given["price"] = Price(plans.price(self.slot.limit), DIGITS)
            if self.slot.stop is not None:
                given["trigger_price"] = Price(plans.price(self.slot.stop), DIGITS)
            make = {"limit": self.order_factory.limit, "stop": self.order_factory.stop_market}
            self._submit(make.get(entry, self.order_factory.stop_limit)(**given), "entry")

        def _submit(self, order: Any, what: str) -> None:
            self.names[order.client_order_id] = [self.slot.at, what]
            self.submit_order(order)

        def on_order_filled(self, event: Any) -> None:
            quantity = round(float(event.last_qty)) * (1 if event.order_side == OrderSide.BUY else -1)
            how = "maker" if event.liquidity_side == LiquiditySide.MAKER else "taker"
            after = [i for i, at in enumerate(stamps) if at <= event.ts_event][-1]
            fee = str(event.commission.as_decimal().normalize())
            fills.append([*self.names[event.client_order_id], after, quantity, float(event.last_px), how, fee])

    data = pd.read_parquet(path)
    stamps = data["at"].tolist()
    data.index = pd.DatetimeIndex(data["at"].astype("datetime64[ns]"), tz="UTC")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(
        venue=venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDT,
        starting_balances=[Money(plans.CASH, USDT)],
        default_leverage=Decimal(1),
    )
    engine.add_instrument(pair)
    engine.add_data(BarDataWrangler(kind, pair).process(data[["open", "high", "low", "close", "volume"]]))
    engine.add_strategy(Entries())
    engine.run()
    engine.dispose()
    return fills


def main() -> None:
    """Print one JSON object, a line a run."""
    runs = {f"{name} {entry}": record(path, entry) for name, path in FILES.items() for entry in ENTRIES}
    head = {"engine": "nautilus_trader", "version": version("nautilus_trader"), "python": platform.python_version()}
    sys.stdout.write(json.dumps(head)[:-1] + ', "runs": {\n')
    sys.stdout.write(",\n".join(f"{json.dumps(name)}: {json.dumps(run)}" for name, run in runs.items()) + "\n}}\n")


if __name__ == "__main__":
    main()
