"""The record of a session: codec with versions, in memory, in SQLite."""
