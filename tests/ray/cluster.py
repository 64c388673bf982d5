"""A sweep on a Ray cluster of this machine. Slow (half a minute, a gigabyte), so not among the default tests:

python -m pytest -p no:xdist tests/ray/cluster.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.research.sweeping import swept, told

from onepath.errors import ConfigError

pytest.importorskip("ray")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_finds_what_processes_find(tmp_path: Path) -> None:
    """Trials of a grid and of walk-forward on two workers of a cluster are those of this process, to the byte; a worker that dies
    takes one trial with it."""
    grid = {"fast": "2:8:2", "slow": "10:20:5"}
    alone = swept(tmp_path / "a", grid, walk="train=200,test=60")
    cluster = swept(tmp_path / "b", grid, walk="train=200,test=60", ray="auto", workers=2)
    assert told(cluster) == told(alone)
    assert cluster.walk is not None
    assert alone.walk is not None
    assert [f.test and f.test.found for f in cluster.walk.folds] == [f.test and f.test.found for f in alone.walk.folds]
    dying = swept(tmp_path / "c", {"fast": "2,3,4", "fault": ["", "die"]}, ray="auto", workers=2)
    assert [one.found.status for one in dying.tried] == ["ok", "broken"] * 3


@pytest.mark.filterwarnings("ignore")
def test_no_cluster_at_the_address(tmp_path: Path) -> None:
    """One sentence, at once."""
    for address in ("127.0.0.1:1", "nowhere"):
        with pytest.raises(ConfigError, match="there is no Ray cluster to join"):
            swept(tmp_path, {"fast": "2,3"}, ray=address, workers=2)
