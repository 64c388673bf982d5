"""What a session is made of: the one schema of a configuration, and how a YAML file becomes one.

Rules: the words backtest, paper, live and collect stand in this package alone; the loop never reads them. Pydantic is
imported here and nowhere else, so `import onepath` must not import this package.
"""

from __future__ import annotations

from onepath.config.costs import (
    BpsCommission,
    FixedBps,
    Latency,
    NoCommission,
    NoSlippage,
    PerShareCommission,
    VolumeBased,
)
from onepath.config.features import Features
from onepath.config.load import (
    instruments_of_data,
    json_schema,
    limits_of_strategy,
    load,
    loads,
    mode_asked,
    part_of_execution,
    risk_of_session,
    template,
)
from onepath.config.risk import RiskLimits
from onepath.config.schema import MODES, Clock, Config, Data, Execution, Report, StrategyConfig
from onepath.config.values import interval_ns

__all__ = [
    "MODES",
    "BpsCommission",
    "Clock",
    "Config",
    "Data",
    "Execution",
    "Features",
    "FixedBps",
    "Latency",
    "NoCommission",
    "NoSlippage",
    "PerShareCommission",
    "Report",
    "RiskLimits",
    "StrategyConfig",
    "VolumeBased",
    "instruments_of_data",
    "interval_ns",
    "json_schema",
    "limits_of_strategy",
    "load",
    "loads",
    "mode_asked",
    "part_of_execution",
    "risk_of_session",
    "template",
]
