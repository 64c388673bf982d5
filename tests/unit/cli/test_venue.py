"""`onepath venue` as a user meets it: it says where it is, ends cleanly, and says in one sentence what is wrong."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

COMMAND = [sys.executable, "-m", "onepath.cli", "venue"]


def run(*options: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*(command or COMMAND), *options], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_cleanly(number: signal.Signals) -> None:
    """One line of JSON when it listens, on a free port; Ctrl-C and a termination end it with exit code 0 and no traceback."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", "--data", "generated", "--symbols", "2", "--history", "10s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        said = json.loads(running.stdout.readline())
        assert said["symbols"] == ["BTCUSDT", "ETHUSDT"]
        assert said["url"] == f"http://127.0.0.1:{said['port']}"
        assert said["ws_url"] == f"ws://127.0.0.1:{said['port']}"
        with urlopen(f"{said['url']}/api/v3/ping") as told:
            assert told.status == 200
        running.send_signal(number)
        _, errors = running.communicate(timeout=10)
    assert (running.returncode, errors) == (0, "")


def test_it_ends_by_itself() -> None:
    """--seconds 0.3: ready, then a last line with what was done, exit code 0."""
    ended = run("--port", "0", "--seconds", "0.3")
    assert ended.returncode == 0
    assert ended.stdout.startswith("ready: http://127.0.0.1:")
    assert ended.stderr.startswith("stopped: ")
    assert "trades" in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "nosuch"], "no data set 'nosuch'"),
        (["--symbols", "NOSUCH"], "NOSUCH"),
        (["--symbols", "3"], "name them, such as BTCUSDT"),
        (["--speed", "0"], "speed is 0; it must be a number above zero"),
        (["--history", "all"], "history is 'all'; it must be a share of the data such as 20%"),
        (["--fault", "mutt@3s"], "did you mean 'mute'?"),
        (["--faults", "rate=often"], "expected such as seed=3,rate=0.2"),
        (["--flood", "-5"], "flood is -5.0; it must be the number of trades a second"),
    ],
)
def test_what_is_wrong_is_one_sentence(options: list[str], words: str) -> None:
    """Exit code 2, nothing on stdout, one line that says what was expected."""
    ended = run("--port", "0", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use() -> None:
    """One sentence that names the port and what to do, exit code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"port {port} cannot be listened on (Address already in use); end what uses it" in ended.stderr


def test_without_aiohttp() -> None:
    """One sentence that says what to install."""
    program = "import sys; sys.modules['aiohttp'] = None; from onepath.cli import main; main(['venue', '--port', '0'])"
    ended = run(command=[sys.executable, "-c", program])
    assert ended.returncode == 2
    assert ended.stderr == "error: the local venue needs aiohttp; install it with: pip install 'onepath[live]'\n"


def test_data_that_go_wrong_end_it(tmp_path: Path) -> None:
    """A file that is taken away while it plays: the venue ends with exit code 2 and says why, it does not fall silent."""
    file = tmp_path / "X.csv"
    rows = [f"2024-01-01 00:{minute:02d}:00,10,12,9,11,8" for minute in range(40)]
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--data", str(file), "--speed", "1200"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        file.unlink()
        _, errors = running.communicate(timeout=20)
    assert running.returncode == 2
    assert "X.csv" in errors.splitlines()[-1]
