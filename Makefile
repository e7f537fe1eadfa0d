# One environment for everything: .venv, installed from pyproject.toml as constraints.txt pins it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install quickstart test check bench-corpora bench-tokens bench-training

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

quickstart: install
	$(BIN)/shoptalk run quickstart

test: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

# For instance: make bench-corpora TEXT=--text=mine/ SEED=3
bench-corpora: install
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks.corpora $(TEXT) --seed $(or $(SEED),0)

bench-tokens: install
	$(BIN)/python -m tests.benchmarks.tokens $(TEXT) --seed $(or $(SEED),0)

bench-training: install
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks.training $(TEXT) --seed $(or $(SEED),0)
