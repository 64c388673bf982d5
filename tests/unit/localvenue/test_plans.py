"""Faults as users write them, and by lot."""

from __future__ import annotations

from itertools import islice

import pytest

from onepath.errors import ConfigError
from onepath.localvenue.faults import Fault, Faults
from onepath.localvenue.plans import fault, lottery, planned


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cut", Fault(kind="cut")),
        ("mute@10s:5s", Fault(kind="mute", at=10, seconds=5)),
        ("mute:500ms", Fault(kind="mute", seconds=0.5)),
        ("delay@2m:3,amount=0.25", Fault(kind="delay", at=120, seconds=3, amount=0.25)),
        ("429@1s,count=3,path=klines", Fault(kind="429", at=1, count=3, path="klines")),
        ("drop,share=0.5,symbol=BTCUSDT,stream=trade", Fault(kind="drop", share=0.5, symbol="BTCUSDT", stream="trade")),
        ("malformed,variant=html", Fault(kind="malformed", variant="html")),
    ],
)
def test_faults_as_written(said: str, meant: Fault) -> None:
    """kind@start:duration,key=value: each part as it is meant."""
    assert fault(said) == meant


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "expected kind@start:duration"),
        ("mute 5s", "expected kind@start:duration"),
        ("mute@1.2.3s", "is no time"),
        ("mutt", "did you mean 'mute'"),
        ("mute,symbol", "expected key=value"),
        ("mute,colour=red", "colour"),
        ("drop,share=2", "share above 0"),
        ("drop,count=many", "count"),
    ],
)
def test_faults_that_are_none(said: str, words: str) -> None:
    """One sentence that names what is wrong."""
    with pytest.raises(ConfigError, match=words):
        fault(said)


def test_a_lottery() -> None:
    """Equal seeds draw equal faults; rate is per second; only the kinds named; in order of time."""
    drawn = list(islice(lottery("seed=3,rate=0.5,kinds=mute+cut").drawn(), 400))
    assert drawn == list(islice(lottery("seed=3,rate=0.5,kinds=mute+cut").drawn(), 400))
    assert drawn != list(islice(lottery("seed=4,rate=0.5,kinds=mute+cut").drawn(), 400))
    assert {one.kind for _, one in drawn} == {"mute", "cut"}
    assert [at for at, _ in drawn] == sorted(at for at, _ in drawn)
    assert 650 < drawn[-1][0] / 1000 < 950  # 400 / 0.5 = 800 s, give or take
    for said in ("rate=0", "seed=x", "colour=red", "kinds=mute+mutt", "rate"):
        with pytest.raises(ConfigError):
            lottery(said)


def test_planned_faults_begin_in_time() -> None:
    """cut@1s and mute@2s with a first look at 10 s: cut at 11 s, mute at 12 s, for its five seconds."""
    faults = Faults(0, planned([fault("mute@2s:5s"), fault("cut@1s")], None))
    assert faults.tend(10_000) == []
    assert [one.kind for one in faults.tend(11_000)] == ["cut"]
    assert [one.kind for one in faults.tend(12_000)] == ["mute"]
    assert faults.active
    assert faults.message("x@trade", "X") is not None
    faults.tend(16_999)
    assert faults.message("x@trade", "X") is not None
    faults.tend(17_000)
    assert not faults.active
    assert (dict(faults.begun), dict(faults.hit)) == ({"cut": 1, "mute": 1}, {"mute": 2})


def test_counts_are_used_up() -> None:
    """Three drops of trades of X hit three such messages, and none of others."""
    faults = Faults()
    faults.tend(0)
    faults.inject(Fault(kind="drop", count=3, symbol="X", stream="trade"))
    faults.tend(1)
    names = [("x@trade", "X"), ("x@bookTicker", "X"), ("y@trade", "Y")] * 5
    assert [name for name, symbol in names if faults.message(name, symbol)] == ["x@trade"] * 3


def test_a_cut_with_seconds_shuts_the_door() -> None:
    """For two seconds nobody gets in."""
    faults = Faults()
    faults.tend(0)
    faults.inject(Fault(kind="cut", seconds=2))
    faults.tend(1)
    assert faults.shut()
    faults.tend(2_001)
    assert not faults.shut()


def test_equal_seeds_hit_the_same_messages() -> None:
    """Half of 200 messages, by lot: the same half for the same seed, another for another."""

    def hit(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.inject(Fault(kind="drop", seconds=9, share=0.5))
        faults.tend(0)
        return [faults.message("x@trade", "X") is not None for _ in range(200)]

    assert hit(1) == hit(1)
    assert hit(1) != hit(2)
    assert 70 < sum(hit(1)) < 130
