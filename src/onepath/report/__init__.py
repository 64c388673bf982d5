"""What a session was, as numbers and as pictures: everything here is a fold over a journal.

`record.read` reads a journal; `metrics.stats`, `trades.round_trips` and `tearsheet.render` show it.
Rules: reads journals and nothing else; no clock, no network, no pandas. Equal journals give equal bytes.
"""
