# make book: everything from nothing to a site. make test: everything CI checks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive

.DEFAULT_GOAL := help
.PHONY: help install data book test lint types layers unit check site-check lock laptop clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## make .venv with the pinned requirements

# uv is used where it is already there; pip alone is enough
$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make book PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(BIN)/python -r requirements.txt && uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	else \
		$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt && $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .; \
	fi
	@touch $@

data: $(INSTALLED) ## fetch and verify the data that the chapters need
	@$(BIN)/replicate data

book: data ## execute what has changed at profile smoke, build the site, print the ledger
	@$(BIN)/replicate book

laptop: data ## make the laptop records of every chapter (hours; resumable)
	@$(BIN)/replicate run $$($(BIN)/replicate list --json | $(BIN)/python -c 'import json, sys; print(*(p["paper"] for p in json.load(sys.stdin) if p["chapter"]))') --profile laptop

test: lint types layers data unit book check ## everything that CI checks

lint: $(INSTALLED) ## ruff: lint and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED) ## mypy on src
	@$(BIN)/mypy

layers: $(INSTALLED) ## import-linter: imports point down
	@$(BIN)/lint-imports

unit: $(INSTALLED) ## unit tests, with coverage of src
	@$(BIN)/python -m pytest tests -n 2 --ignore tests/reference --ignore tests/benchmarks --cov --cov-report=term:skip-covered --cov-fail-under=90

check: $(INSTALLED) ## nbval: the chapters against their committed references
	@$(BIN)/replicate check

lock: ## write requirements.txt from requirements.in (needs uv)
	uv pip compile requirements.in --python-version 3.11 --no-annotate --no-header --no-emit-index-url -q -o requirements.txt

clean: ## remove what can be made again (keeps .venv and results)
	rm -rf build results/*/smoke
