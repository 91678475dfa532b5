# Each target does the set-up that it needs, once: the stamp is older than pyproject.toml or constraints.txt only
# when the versions may have changed.
#
#   make quickstart   train 2 arms x 2 seeds on synthetic video and print the table
#   make test         all tests, on two processes
#   make lint         style, types, import contracts
#   make bench        the benchmarks: ratios, not seconds
#
# PYTHON       the interpreter that makes the environment (3.11 to 3.13)
# PYTEST_ARGS  more arguments for pytest, as in: make test PYTEST_ARGS="-k ledger"
#
# The plain install takes torch as the package index has it, which on Linux is the CUDA build (some GB). For the small
# CPU build set PIP_EXTRA_INDEX_URL to the address of PyTorch's CPU index: pip reads it, and the same pins hold.

PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/stamp

.DEFAULT_GOAL := help
.PHONY: help install quickstart test lint bench clean

help:
	@sed -n 's/^#   make /make /p' Makefile

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Set-up needs Python 3.11 to 3.13; $(PYTHON) is `$(PYTHON) --version 2>&1`." \
	         "Name another: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Setting up $(VENV): some minutes, and some GB with the CUDA build of torch"
	@$(PYTHON) -m venv $(VENV)
	@( set -x; $(BIN)/python -m pip install -qq --constraint constraints.txt pip && \
	   $(BIN)/python -m pip install -qq --constraint constraints.txt --editable . --group dev ) || \
	  { echo "Set-up failed: pip could not install what pyproject.toml and constraints.txt name (its message is above)." \
	         "It needs a package index, so a network. If $(VENV) was complete before and only these two files changed," \
	         "'touch $(STAMP)' goes on with what is installed." >&2; exit 1; }
	@touch $@

quickstart: $(STAMP)
	$(BIN)/rcflab run experiments/quickstart.yaml

# One file, one process: tests of one file share a Ray that is started once.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache

bench: $(STAMP)
	@set -e; for file in benchmarks/[!_]*.py; do echo "== $$file"; $(BIN)/python $$file; done

clean:
	rm -rf $(VENV) dist build
