"""The files beside the journal: whole, bounded, without secrets."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

from made_views import AT, VIEW, view

from onepath.monitor.files import Bounded, read_status, replace, write_status
from onepath.monitor.log import Log


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    """`status.json` is JSON that gives the same view; of another version, or damaged, it is none."""
    write_status(tmp_path, VIEW)
    assert read_status(tmp_path) == VIEW
    assert json.loads((tmp_path / "status.json").read_text())["books"][0]["equity"] == 101_234.5
    write_status(tmp_path, view(format=99))
    assert read_status(tmp_path) is None
    (tmp_path / "status.json").write_text("{")
    assert read_status(tmp_path) is None
    assert read_status(tmp_path / "nowhere") is None


def test_nobody_ever_reads_half_a_file(tmp_path: Path) -> None:
    """While a file is replaced 500 times by texts of one letter each, whoever reads it sees one letter alone."""
    path, over, seen = tmp_path / "file", threading.Event(), set()
    replace(path, b"a" * 10_000)

    def read() -> None:
        while not over.is_set():
            seen.add((len(data := path.read_bytes()), len(set(data))))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(500):
        replace(path, b"abcdefgh"[n % 8 : n % 8 + 1] * 10_000)
    over.set()
    reader.join()
    assert seen == {(10_000, 1)}


def test_a_log_is_kept_short(tmp_path: Path) -> None:
    """At 100 bytes a file and two older ones, of 50 lines of 20 bytes the last 15 are there, the youngest last, none cut."""
    log = Bounded(tmp_path / "log", most=100, kept=2)
    for n in range(50):
        log.write(f"line {n:014d}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    kept = "".join((tmp_path / name).read_text() for name in ("log.2", "log.1", "log")).splitlines()
    assert kept == [f"line {n:014d}" for n in range(35, 50)]
    again = Bounded(tmp_path / "log", most=100, kept=2)
    again.write(b"more\n")
    again.close()
    assert (tmp_path / "log").read_text() == "more\n"


def test_a_line_of_the_log(tmp_path: Path) -> None:
    """Wall time, level, event and session first; then what was given, values that are no JSON as text."""
    log = Log(tmp_path / "log.jsonl", "paper-1", lambda: AT)
    log.say("order.filled", at=5, strategy="sma", price="1.5", where=Path("a/b"))
    log.say("alert", "critical", code="x")
    log.close()
    first, second = lines(tmp_path / "log.jsonl")
    assert list(first)[:4] == ["wall", "level", "event", "session"]
    assert first == {
        "wall": "2026-11-21T20:05:03.000+00:00",
        "level": "info",
        "event": "order.filled",
        "session": "paper-1",
        "at": 5,
        "strategy": "sma",
        "price": "1.5",
        "where": "a/b",
    }
    assert (second["level"], second["code"]) == ("critical", "x")


def test_secrets_are_not_written(tmp_path: Path) -> None:
    """A secret in a field, in a message or in an error becomes ***; texts of three letters are too common to be one."""
    log = Log(tmp_path / "log.jsonl", "s", lambda: AT, secrets=["hunter22", "hunter22-longer", "abc"])
    log.say("told", url="https://u:hunter22-longer@host", more={"key": ["hunter22"]}, fine="abc")
    records = logging.getLogger("onepath.test")
    records.addHandler(log.handler)
    records.error("failed with %s", "hunter22", exc_info=ValueError("bad key hunter22"))
    records.removeHandler(log.handler)
    log.close()
    text = (tmp_path / "log.jsonl").read_text()
    assert "hunter22" not in text
    assert "abc" in text
    told, failed = lines(tmp_path / "log.jsonl")
    assert told["url"] == "https://u:***@host"
    assert (failed["level"], failed["event"], failed["logger"]) == ("error", "failed with ***", "onepath.test")
    assert "ValueError: bad key ***" in failed["error"]


def test_a_log_that_is_closed_costs_nobody_anything(tmp_path: Path, capsys: Any) -> None:
    """A record that comes late is dropped, and the one who logs goes on."""
    log = Log(tmp_path / "log.jsonl", "s", lambda: AT)
    log.close()
    log.handler.handle(logging.LogRecord("onepath.x", logging.INFO, "", 0, "late", (), None))
    assert "late" not in (tmp_path / "log.jsonl").read_text()
    capsys.readouterr()
