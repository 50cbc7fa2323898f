# `make` or `make help` lists what there is. Needs Python 3.11+; `make test` needs Java 17+ and Maven too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Programs that tests start again and again should not compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
# The uv of the machine, or one of our own in the virtual environment.
UV := $(or $(shell command -v uv 2>/dev/null),$(abspath $(BIN)/uv))

# Tools that look at the product, in an environment of their own.
SUPPLY = UV_PROJECT_ENVIRONMENT=$(abspath .cache/supply) $(UV) run --quiet --frozen --only-group supply

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install test faults check docs accuracy bench format sbom audit check-deploy clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.product ## show it at work: a simulated firm, a broker inside the process, a real worker
	@exec $(BIN)/ghosting demo

install: $(VENV)/.development ## set up .venv with everything for development

test: $(VENV)/.development ## run all tests, on Kafkas of their own unless KAFKA_BOOTSTRAP_SERVERS names one; JOBS=3 files side by side
	@test -n "$$KAFKA_BOOTSTRAP_SERVERS" || deploy/kafka/run --prepare
	deploy/prometheus/install
	@# Compiled once, here: processes that begin side by side would each compile them.
	@$(BIN)/python -c 'from detector.core.engine.warmup import warm_up; warm_up()'
	@# Coverage cannot see compiled kernels: once as plain Python for the gate, beside all as shipped. The trap is for
	@# Ctrl-C, of which a shell tells nothing to what runs in the background.
	@mkdir -p .cache
	@echo "pytest, and beside it the coverage of schemas and detector/core, which is shown at the end"
	@NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -p no:cacheprovider --cov --cov-report=term tests/core tests/schemas \
	  > .cache/coverage.log 2>&1 & \
	  gate=$$!; trap 'kill $$gate 2> /dev/null' EXIT INT TERM; \
	  $(BIN)/pytest -n $(or $(JOBS),3) --dist loadfile --durations=25; passed=$$?; wait $$gate; covered=$$?; \
	  cat .cache/coverage.log; exit $$((passed ? passed : covered))

faults: $(VENV)/.development ## random faults on a Kafka of their own: SEED=1 MINUTES=10 or COUNT=200, JOBS=3, NODES=1 or 3 if given
	@deploy/kafka/run --prepare
	$(BIN)/python -m tests.faults --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10) --jobs $(or $(JOBS),1) $(if $(COUNT),--count $(COUNT)) $(if $(NODES),--nodes $(NODES))

check: $(VENV)/.development ## lint, format, types, lock file, exported contracts and settings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict detector schemas
	$(UV) lock --check
	$(BIN)/python -m schemas.contract --check
	$(BIN)/python -m detector.shell.pages.configuration --check
	$(BIN)/python -m detector.shell.pages.metrics --check
	$(BIN)/python deploy/grafana/build.py --check

docs: $(VENV)/.development ## write what is made from code: the exported contracts, docs/configuration.md and metrics.md, dashboards, a picture
	$(BIN)/python -m schemas.contract
	$(BIN)/python -m detector.shell.pages.configuration
	$(BIN)/python -m detector.shell.pages.metrics
	$(BIN)/python deploy/grafana/build.py
	@mkdir -p .cache
	$(BIN)/ghosting simulate --clients 100 --days 365 --seed 1 --events .cache/events.ndjson --truth .cache/truth.ndjson
	$(BIN)/ghosting timeline client-0089 .cache/events.ndjson --partitions 1 -o docs/client.svg

accuracy: $(VENV)/.development .cache/lifetimes ## measure the statistics on logs and simulations (GHOSTING_DATA names the data folder)
	$(BIN)/python -m benchmarks.accuracy

bench: $(VENV)/.product ## measure speed beside other systems; QUICK=1 short form, ONLY=worker,quix-eos some (benchmarks/README.md)
	@$(BIN)/python benchmarks/bench.py --uv "$(UV)" $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

format: $(VENV)/.development ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sbom: $(VENV)/.uv ## write what the product consists of, with licences, into .cache/sbom
	UV_PROJECT_ENVIRONMENT=$(abspath .cache/sbom/venv) $(UV) sync --quiet --frozen --no-dev
	$(SUPPLY) cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o .cache/sbom/sbom.cdx.json .cache/sbom/venv
	$(SUPPLY) pip-licenses --python .cache/sbom/venv/bin/python --format markdown --with-urls --output-file .cache/sbom/licences.md

audit: $(VENV)/.uv ## ask PyPI whether a locked dependency of the product is known to be unsafe
	@mkdir -p .cache/audit
	$(UV) export --quiet --frozen --no-dev --no-emit-project --output-file .cache/audit/requirements.txt
	@$(SUPPLY) pip-audit --strict --disable-pip --require-hashes --requirement .cache/audit/requirements.txt || { \
	  echo "make audit: a table above names parts that are known to be unsafe. If there is an ERROR instead, nothing was" \
	    "judged: PyPI's data about it cannot be reached from here (a mirror of packages does not have them)" >&2; exit 1; }

check-deploy: $(VENV)/.development ## render what is deployed with kubectl and Compose's own parser (needs kubectl and Go)
	@mkdir -p .cache/deploy
	kubectl kustomize deploy/kubernetes/production > .cache/deploy/kubernetes.yaml
	$(BIN)/kubernetes-validate --strict -k 1.33.0 .cache/deploy/kubernetes.yaml
	go run github.com/compose-spec/compose-go/v2/cmd@v2.16.2 docker-compose.yml > .cache/deploy/compose.yaml

clean: ## remove what make made: the virtual environment, caches, Kafka's jars and data
	rm -rf $(VENV) .cache .coverage .ghosting .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each is newer than what it was made from. --inexact keeps the tools that are there already.
$(VENV)/.product: $(VENV)/.uv pyproject.toml uv.lock
	$(UV) sync --frozen --no-dev --inexact
	@echo "compiling the kernels: up to a minute"
	@$(BIN)/python -c 'from detector.core.engine.warmup import warm_up; warm_up()'
	@touch $@

$(VENV)/.development: $(VENV)/.uv pyproject.toml uv.lock
	$(UV) sync --frozen --inexact
	@touch $@ $(VENV)/.product

# The PyPI package carries the CDNOW data; nothing else of it is used, so that it comes without what it depends on.
.cache/lifetimes: | $(VENV)/.uv
	$(UV) pip install --quiet --no-deps --target $@ lifetimes==0.11.3

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing): try make PYTHON=python3.11" >&2; exit 1; }
	@if [ "$(UV)" = "$(abspath $(BIN)/uv)" ]; then \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'; \
	else $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV); fi
	@touch $@
