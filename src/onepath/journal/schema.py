"""The tables, triggers and views of a journal's file, and the statements that fill it: one schema for every journal.

Rules: triggers refuse update and delete; views are cut from the bodies alone, so that a row is written once and in one place.
Cost: `INDEXES` are for a journal that has ended: while it is written every row would pay for them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any


def key(row: str) -> str:
    """What the rows that `explained` joins are found by: a position's fill, else the id of a signal, order or fill."""
    body = f"{row}body"
    return (
        f"coalesce(json_extract({body}, '$.fill_id'), json_extract({body}, '$.id'), json_extract({body}, '$.order.id'))"
    )


def step(row: str) -> str:
    """What the steps of an order are found by: its parent where it is a child that was sent, else its own id."""
    return f"coalesce(json_extract({row}body, '$.parent_id'), json_extract({row}body, '$.order_id'))"


KEYED = "kind IN ('order.submitted', 'order.forced', 'order.filled', 'order.partly_filled', 'signal', 'position')"
STEPS = "kind LIKE 'order.%'"
INDEXES = f"""
CREATE INDEX journal_keys ON journal ({key("")}, kind) WHERE {KEYED};
CREATE INDEX journal_steps ON journal ({step("")}) WHERE {STEPS};
"""
"""what makes `explained` quick; a journal is written without them, because every row would pay for it"""
TABLES = f"""
CREATE TABLE journal (
  session_id TEXT NOT NULL, seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
  strategy_id TEXT, cause INTEGER, body TEXT NOT NULL);
CREATE TABLE session (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_keeps_facts BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE VIEW orders AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS order_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.side') AS side,
  json_extract(body, '$.type') AS type, json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.limit') AS "limit",
  json_extract(body, '$.stop') AS stop, json_extract(body, '$.time_in_force') AS time_in_force,
  json_extract(body, '$.signal_id') AS signal_id, json_extract(body, '$.tag') AS tag
  FROM journal WHERE kind = 'order.submitted';
CREATE VIEW order_events AS SELECT session_id, seq, at, strategy_id, substr(kind, 7) AS event,
  coalesce(json_extract(body, '$.order_id'), json_extract(body, '$.id'), json_extract(body, '$.order.id')) AS order_id,
  coalesce(json_extract(body, '$.symbol'), json_extract(body, '$.order.symbol')) AS symbol,
  json_extract(body, '$.code') AS code, json_extract(body, '$.reason') AS reason
  FROM journal WHERE kind LIKE 'order.%';
CREATE VIEW fills AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS fill_id, json_extract(body, '$.order_id') AS order_id, json_extract(body, '$.symbol') AS symbol,
  json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.price') AS price, json_extract(body, '$.fee') AS fee,
  json_extract(body, '$.slippage') AS slippage, json_extract(body, '$.executed_at') AS executed_at
  FROM journal WHERE kind IN ('order.filled', 'order.partly_filled');
CREATE VIEW positions AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS position_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.change') AS change,
  json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.cost') AS cost,
  json_extract(body, '$.realised') AS realised, json_extract(body, '$.fill_id') AS fill_id
  FROM journal WHERE kind = 'position';
CREATE VIEW signals AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS signal_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.type') AS type,
  json_extract(body, '$.conditions') AS conditions, json_extract(body, '$.values') AS "values"
  FROM journal WHERE kind = 'signal';
CREATE VIEW explained AS SELECT f.session_id, f.seq, f.strategy_id,
  {key("f.")} AS fill_id, json_extract(f.body, '$.symbol') AS symbol,
  json_extract(s.body, '$.type') AS signal, json_extract(s.body, '$.conditions') AS conditions,
  json_extract(s.body, '$.values') AS "values", s.at AS signal_at,
  json_extract(o.body, '$.parent_id') AS parent_id, json_extract(o.body, '$.group') AS "group", o.body AS "order",
  json_extract(f.body, '$.order_id') AS order_id, o.at AS ordered_at, p.body AS parent,
  (SELECT json_group_array(json_extract(c.body, '$.id')) FROM journal c WHERE c.{STEPS} AND c.kind = 'order.submitted'
    AND {step("c.")} = json_extract(f.body, '$.order_id')) AS children,
  (SELECT json_group_array(json_object('at', c.at, 'event', substr(c.kind, 7), 'what', json(c.body))) FROM journal c
    WHERE c.{STEPS} AND c.kind NOT IN ('order.submitted', 'order.forced') AND c.seq < f.seq
    AND {step("c.")} = json_extract(f.body, '$.order_id')) AS before,
  f.at, f.body AS fill, q.body AS position
  FROM journal f
  LEFT JOIN journal o ON o.{KEYED} AND o.kind IN ('order.submitted', 'order.forced')
    AND {key("o.")} = json_extract(f.body, '$.order_id')
  LEFT JOIN journal p ON p.{KEYED} AND p.kind = 'order.submitted' AND {key("p.")} = json_extract(o.body, '$.parent_id')
  LEFT JOIN journal s ON s.{KEYED} AND s.kind = 'signal' AND {key("s.")}
    = coalesce(json_extract(o.body, '$.signal_id'), json_extract(p.body, '$.signal_id'))
  LEFT JOIN journal q ON q.{KEYED} AND q.kind = 'position' AND {key("q.")} = {key("f.")}
  WHERE f.{KEYED} AND f.kind IN ('order.filled', 'order.partly_filled');
"""  # noqa: S608 - our own words alone
PROOF = """
CREATE TABLE checks (seq INTEGER PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TRIGGER checks_keep_rows BEFORE DELETE ON checks BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER checks_keep_facts BEFORE UPDATE ON checks BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, sha256 TEXT NOT NULL, body BLOB NOT NULL);
"""
"""what a durable journal has besides: a check for every commit, and snapshots"""
PAGE = 16_384
WIDTH = 6
"""values of a row beside the session's id"""
AT_ONCE = 100
"""rows in one statement: a third cheaper than a statement a row"""


@cache
def insert(rows: int) -> str:
    """The statement for so many rows; the session's id is bound once, as ?1, and no cause comes as 0."""
    values = ", ".join(
        f"(?1, ?{n}, ?{n + 1}, ?{n + 2}, ?{n + 3}, nullif(?{n + 4}, 0), ?{n + 5})"
        for n in range(2, 2 + rows * WIDTH, WIDTH)
    )
    return f"INSERT INTO journal VALUES {values}"  # noqa: S608 - placeholders alone


def insertions(session_id: str, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """The statements, with what each binds, for the values of rows that stand one after the other."""
    together = AT_ONCE * WIDTH
    for first in range(0, len(values), together):
        part = values[first : first + together]
        yield insert(len(part) // WIDTH), (session_id, *part)


def statements(script: str) -> Iterator[str]:
    """A script's statements one by one, for connections that take no more at a time."""
    begun = ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""
