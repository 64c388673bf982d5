"""What a session was, as numbers and as pictures: everything here is a fold over a journal.

Rules: reads journals and nothing else; no clock, no network, no pandas. Equal journals give equal bytes.
"""

