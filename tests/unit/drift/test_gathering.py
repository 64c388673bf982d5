"""Gathering the features of a run: what an interrupted one leaves."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from onepath import Strategy
from onepath.backtest import prepared
from onepath.drift.gathering import gathered


class Interrupted(Strategy):
    """As if somebody pressed Ctrl-C while it begins."""

    def on_start(self, context: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_run_is_not_compared() -> None:
    """Ctrl-C ends a session in order; the part that it had until then is not taken for the whole."""
    with pytest.raises(KeyboardInterrupt):
        gathered(prepared(Interrupted(), "us10", symbols="AAPL"))
