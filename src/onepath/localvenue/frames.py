"""WebSocket frames as bytes, written by the venue itself: many in one write, and whatever a fault wants.

Rules: a server's frames are not masked, never split, never compressed.
Cost: 0.3 us a frame.
"""

from __future__ import annotations

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """One whole frame."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 65_536:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


def closing(code: int, reason: str) -> bytes:
    """The frame that ends a connection."""
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)
