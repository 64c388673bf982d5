"""Whether features are the same in every process: run in two more, whose hash seeds differ.

Rules: the other process makes the feature again, from its file and its parameters, so that nothing of this one is in it. What it
cannot make again is said.
Cost: two processes for all features of a file, about half a second each.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from onepath.features.definition import Feature
from onepath.proving.stepping import on_own_bars, worked

_SECONDS = 300
_CHILD = "from onepath.proving.seeds import answer; answer()"


class Asked(msgspec.Struct, frozen=True):
    """Features of one file, by constructor and parameters, and the data they are run over."""

    path: str
    root: str
    made: list[tuple[str, dict[str, Any], str]]
    """constructor, parameters, and the key that the feature then has"""
    size: int


def differences(path: Path, root: Path, made: Sequence[tuple[str, Mapping[str, Any], Feature]], size: int) -> list[str]:
    """For each feature what is not the same in two processes; empty where all is. A reason in brackets: it was not looked at."""
    wanted = [(name, dict(params), feature.key) for name, params, feature in made]
    asked = msgspec.json.encode(Asked(str(path), str(root), wanted, size))
    one, two = (_told(process) for process in [_begun(asked, seed) for seed in ("1", "2")])
    if isinstance(one, str) or isinstance(two, str):
        return [f"[{one if isinstance(one, str) else two}]"] * len(made)
    return [_compared(a, b) for a, b in zip(one, two, strict=True)]


def _compared(one: str, two: str) -> str:
    if one.startswith("["):
        return one
    return "" if one == two else "two processes with other hash seeds (PYTHONHASHSEED 1 and 2) give other values"


def _begun(asked: bytes, seed: str) -> subprocess.Popen[bytes]:
    """A process with that seed, which has been asked."""
    command = [sys.executable, "-W", "ignore", "-c", _CHILD]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)  # noqa: S603 - our own code
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it ended before it read: what it said is told below
            process.stdin.write(asked)
            process.stdin.close()
        process.stdin = None
    return process


def _told(process: subprocess.Popen[bytes]) -> list[str] | str:
    """What a process gives: a hash a feature, or why there is nothing."""
    try:
        out, wrong = process.communicate(timeout=_SECONDS)
        return msgspec.json.decode(out.rpartition(b"\n")[2], type=list[str])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"another process took more than {_SECONDS} s"
    except msgspec.DecodeError:
        last = wrong.decode(errors="replace").strip().rpartition("\n")[2]
        return f"another process cannot make it again: {last[:200]}"


def answer() -> None:
    """The other process: reads what is asked on stdin, says hashes on stdout."""
    from onepath.featurefiles import features_in

    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    known = features_in(asked.path, Path(asked.root))
    told = [_hash(known.get(name), params, key, asked.size) for name, params, key in asked.made]
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _hash(make: Any, params: dict[str, Any], key: str, size: int) -> str:
    if make is None:
        return "[its file has no constructor of that name]"
    from onepath.proving.checks import Subject

    feature = make(**params)
    if feature.key != key:
        return f"[made again it is {feature.key}]"
    feature = on_own_bars(feature)
    try:
        values = worked(feature, Subject(feature).data(0, size))
    except Exception as error:  # the author's code may raise anything; the others are looked at all the same
        return f"[{type(error).__name__}: {error}]"
    return hashlib.sha256(msgspec.json.encode([repr(value) for value in values])).hexdigest()
