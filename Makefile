# `make` or `make help` lists what there is. Needs Python 3.11+; `make test` needs Java 17+ and Maven too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The uv of the machine, or one of our own in the virtual environment.
UV := $(or $(shell command -v uv 2>/dev/null),$(abspath $(BIN)/uv))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install test faults check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.product ## show it at work: a simulated firm, a broker inside the process, a real worker
	@exec $(BIN)/ghosting demo

install: $(VENV)/.development ## set up .venv with everything for development

test: $(VENV)/.development ## run all tests, on a Kafka of their own unless KAFKA_BOOTSTRAP_SERVERS names one
	@test -n "$$KAFKA_BOOTSTRAP_SERVERS" || deploy/kafka/run --prepare
	@# Coverage cannot see compiled kernels: once as plain Python for the gate, once as shipped.
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q --cov --cov-report=term tests/core tests/schemas
	$(BIN)/pytest

faults: $(VENV)/.development ## random faults on a Kafka of their own: SEED=1 MINUTES=10, and NODES=1 or 3 if given
	@deploy/kafka/run --prepare
	$(BIN)/python -m tests.faults --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10) $(if $(NODES),--nodes $(NODES))

check: $(VENV)/.development ## lint, format, types, lock file, exported contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict detector schemas
	$(UV) lock --check
	$(BIN)/python -m schemas.contract --check

format: $(VENV)/.development ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove what make made: the virtual environment, caches, Kafka's jars and data
	rm -rf $(VENV) .cache .coverage .ghosting .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each is newer than what it was made from. --inexact keeps the tools that are there already.
$(VENV)/.product: $(VENV)/.uv pyproject.toml uv.lock
	$(UV) sync --frozen --no-dev --inexact
	@touch $@

$(VENV)/.development: $(VENV)/.uv pyproject.toml uv.lock
	$(UV) sync --frozen --inexact
	@touch $@ $(VENV)/.product

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing): try make PYTHON=python3.11" >&2; exit 1; }
	@if [ "$(UV)" = "$(abspath $(BIN)/uv)" ]; then \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'; \
	else $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV); fi
	@touch $@
