# make demo · make test · make check (lint, types) · make bench

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

CORE_TESTS := tests/known tests/contract tests/parity/test_replay.py $(addprefix tests/unit/,words core simulator features feeds config journal session)

.PHONY: demo paper-demo test check coverage mutants faults nightly fuzz bench peers ray clean

demo: $(VENV)/.installed  ## the main job on bundled real data: run, tear sheet, replay
	@test -e demo/.onepath || $(BIN)/onepath init demo
	@cd demo && ../$(BIN)/onepath run config/backtest.yaml && ../$(BIN)/onepath replay last

paper-demo: $(VENV)/.live  ## a minute on paper over real sockets: a local venue plays recorded data, then the proof
	$(BIN)/python tools/paper_demo.py 60s

test: $(VENV)/.developed  ## all tests
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.developed  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: $(VENV)/.developed  ## lines and branches of what moves money that no hand-written test reaches; fails below 100 % (about three minutes)
	$(BIN)/coverage run -m pytest -p no:xdist -m "not hypothesis" $(CORE_TESTS)
	$(BIN)/coverage report

mutants: $(VENV)/.developed  ## faults put into the code one by one: which test notices each (about four minutes)
	$(BIN)/python tests/mutants/run.py

faults: $(VENV)/.developed  ## sessions through injected faults, kills at every point, disk errors, mutants: the gate's share (about four minutes)
	$(BIN)/python tests/faults/run.py

nightly: $(VENV)/.developed  ## the same at full size: 100,000 schedules, every crash point of 20 days (about four hours)
	$(BIN)/python tests/faults/run.py --nightly

fuzz: $(VENV)/.developed  ## a million spoilt messages for every decoder of foreign bytes (about two minutes)
	$(BIN)/python tests/fuzz/decoders.py

bench: $(VENV)/.developed  ## features and sweeps against peers, bars, orders, quotes, real time against the bare loop, a day on paper (about a quarter of an hour)
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/ticks.py
	$(BIN)/python benchmarks/realtime.py
	$(BIN)/python benchmarks/restart.py
	$(BIN)/python benchmarks/journal.py
	$(BIN)/python benchmarks/soak.py

peers: .bench/venv-vectorbt_rust/bin/python  ## vectorbt in an environment of its own, for benchmarks/sweep.py

.bench/venv-%/bin/python:
	$(PYTHON) -m venv .bench/venv-$*
	.bench/venv-$*/bin/python -m pip install --quiet --disable-pip-version-check 'vectorbt[rust]==1.2.0' 'numpy<2.5' 'pandas==3.1.1' 'numba==0.68.1' pyarrow

ray: $(VENV)/.developed  ## sweeps on a Ray cluster of this machine (takes a minute and 1.2 GB)
	$(PIP) 'ray>=2.49'
	$(BIN)/python -m pytest -p no:xdist tests/ray/cluster.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("onepath needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.live: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[live]'
	@touch $@ $(VENV)/.installed

$(VENV)/.developed: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.live

clean:
	rm -rf $(VENV) demo paper-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
