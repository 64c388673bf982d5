"""Risk: the checks between a strategy's intent and a venue, the trading state, and the breakers that move it.

`checks` is the page that lists every pre-trade control in order; `limits` the numbers they compare with; `controls` what
the engine holds. Rules: every order passes here, in every mode; verdicts are types, and only `Approved` reaches a venue.
"""

from onepath.risk.breakers import Breaker, Breakers
from onepath.risk.controls import Controls, RiskPlan, check
from onepath.risk.limits import Limits, SharedLimits

__all__ = ["Breaker", "Breakers", "Controls", "Limits", "RiskPlan", "SharedLimits", "check"]
