# One environment for everything: .venv, installed from pyproject.toml as constraints.txt pins it. What a user needs comes
# first; what tests and checks need is added when they are asked for.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: install quickstart test soak live mutants check audit lists bench-corpora bench-tokens bench-training

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --editable .
	@touch $@

.venv/installed-tests: .venv/installed
	$(PIP) --editable '.[test,dev]'
	@touch $@

quickstart: install
	$(BIN)/shoptalk run quickstart

test: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

# The long ones: kills at random moments, simulations, slow servers, real data, mutants.
soak: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -m soak -n auto --maxprocesses 4 --dist loadfile

# One page each of EDGAR, a feed, the hub and Common Crawl, for whoever has a network; CONTACT is told to these sites.
live: .venv/installed-tests
	SHOPTALK_NETWORK=$(or $(CONTACT),$(error make live CONTACT=you@bank.example)) $(BIN)/pytest -n 0 tests/live

# Mutation scores of the deciding modules, with surviving mutants. For instance: make mutants MODULE=evals/gate.py
mutants: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.score $(MODULE)

check: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

# Known vulnerabilities of the pinned packages, from PyPI's advisories; fails where that service does not answer.
audit: .venv/installed-tests
	$(PIP) --editable '.[audit]'
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

# The lists of files and fields in the READMEs, from the code.
lists: .venv/installed-tests
	$(BIN)/python -m tests.readme_lists --write

# For instance: make bench-corpora TEXT=--text=mine/ SEED=3
bench-corpora: .venv/installed-tests
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks.corpora $(TEXT) --seed $(or $(SEED),0)

bench-tokens: .venv/installed-tests
	$(BIN)/python -m tests.benchmarks.tokens $(TEXT) --seed $(or $(SEED),0)

bench-training: .venv/installed-tests
	$(PIP) --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks.training $(TEXT) --seed $(or $(SEED),0)
