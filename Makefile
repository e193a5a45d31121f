# Two words are enough on a machine that has only Python 3.11 or newer: `make demo`, `make test`.
#
#   PYTHON=…       the Python that .venv is made of (default: the first new enough one that is found)
#   DIR=, PORT=    where `make demo` works and listens (runs/tour, 8000)
#   TORCH_INDEX=…  one more package index for pip: on Linux, PyPI's torch brings CUDA along (gigabytes);
#                  TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the small CPU build instead
#   T=…            what `make test` runs (default: everything), e.g. T="tests/laws -k bpe"

DIR ?= runs/tour
PORT ?= 8000
T ?=
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help setup demo test ship lint bench soak clean

help: ## say what can be made
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /: /' | awk -F': ' '{printf "  make %-7s %s\n", $$1, $$2}'

setup: $(VENV)/dev.stamp ## install groundup and what its tests need into .venv

demo: $(VENV)/run.stamp ## from raw pages to a chat page: makes the tour in DIR, then serves it at 127.0.0.1:PORT
	$(BIN)/python -m groundup make tour --into $(DIR)
	$(BIN)/python -m groundup serve $(DIR) --port $(PORT)

test: $(VENV)/dev.stamp ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder \
		-p no:langsmith_plugin $(T)

ship: $(VENV)/dev.stamp ## follow the Dockerfile of an exported model (MODEL, or a tiny one) without an engine, packages from PyPI
	$(BIN)/python -m tests.ship $(MODEL)

lint: $(VENV)/dev.stamp ## check style and types
	$(BIN)/ruff check groundup tests bench lessons
	$(BIN)/pyright --pythonpath $(BIN)/python groundup

bench: $(VENV)/dev.stamp ## measure again every number that the README claims, into bench/results
	$(BIN)/python -m bench

soak: $(VENV)/dev.stamp ## kill the tour at ten random moments and compare; beset a server for ten minutes
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.soak_serving --minutes 10 --requests 10000

clean: ## remove .venv and caches; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find groundup tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "groundup needs Python 3.11 or newer and none was found: install one," \
		"or say where it is with PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "groundup needs Python 3.11 or newer and" \
		"$(PYTHON) is `$(PYTHON) --version 2>&1`: say where a newer one is with PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "this Python has no venv: install it, on Debian and" \
		"Ubuntu with: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/run.stamp
