"""All mutants, by what they break. Another one is another entry in its file (or a file of its own, added here)."""

from __future__ import annotations

from of_actions import ACTIONS
from of_analytics import ANALYTICS
from of_books import BOOKS
from of_costs import COSTS
from of_durability import DURABILITY
from of_life import LIFE
from of_orders import ORDERS
from of_replay import REPLAY
from of_risk import RISK
from of_streams import STREAMS
from of_timeframes import TIMEFRAMES
from of_venue import VENUE

MUTANTS = (
    *RISK,
    *ORDERS,
    *LIFE,
    *VENUE,
    *COSTS,
    *BOOKS,
    *ACTIONS,
    *ANALYTICS,
    *TIMEFRAMES,
    *DURABILITY,
    *REPLAY,
    *STREAMS,
)
