"""The notebooks run from the first cell to the last, in kernels of their own, as a user would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


def test_there_are_the_three_that_the_page_speaks_of() -> None:
    """Signal discovery, feature engineering, strategy validation."""
    assert {path.stem for path in NOTEBOOKS} >= {"signal_discovery", "feature_engineering", "strategy_validation"}


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(source: Path, tmp_path: Path) -> None:
    """Turned into a notebook by jupytext and run by nbmake: every cell ends without an error."""
    notebook = tmp_path / f"{source.stem}.ipynb"
    turned = [sys.executable, "-m", "jupytext", "--quiet", "--to", "ipynb", "--output", str(notebook), str(source)]
    subprocess.run(turned, check=True, capture_output=True)
    run = [sys.executable, "-m", "pytest", "-q", "--nbmake", "-p", "no:xdist", "-p", "no:cacheprovider", str(notebook)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
