"""Live market data of venues: connections that heal, streams without holes, one queue into the session.

The pure parts: `life` (when to dial, what is stale), `continuity` (nothing twice, nothing missing), `wire` (decoders).
The edges: `inbox` (from the socket's thread to the session's), `source` (the driver), `ccxt` (any exchange ccxt knows).
"""
