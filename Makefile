# Each target sets up what it needs, given Python 3.11 or newer and a package index.
#   make demo PYTHON=python3.13 VENV=.venv-313

VENV ?= .venv
KERAS_BACKEND ?= tensorflow
TF_CPP_MIN_LOG_LEVEL ?= 2
export KERAS_BACKEND TF_CPP_MIN_LOG_LEVEL

BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml)))
EDITABLE := $(foreach plugin,$(PLUGINS),-e $(plugin))
REQUIREMENTS := constraints.txt pyproject.toml $(PLUGINS:=/pyproject.toml)
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
# The first Python that is new enough; PYTHON, where it is given, is the only one tried.
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
NEW_ENOUGH := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

# Tests on all cores; SPREAD= runs them one after the other.
SPREAD ?= --numprocesses=auto --dist=worksteal

# Two pips in one environment would disturb each other.
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo ## Train on handwritten digits from images, .npy files and a CSV
	$(BIN)/python -m penstock demo

.PHONY: test
test: $(VENV)/.test ## Run all tests, on every backend that is installed
	$(BIN)/python -m pytest $(SPREAD) --cov --cov-report=
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/keras $(SPREAD) --cov --cov-append --cov-report=
	@if $(BIN)/python -c 'import torch' 2>/dev/null; then set -x; \
	  KERAS_BACKEND=torch $(BIN)/python -m pytest tests/keras $(SPREAD) --cov --cov-append --cov-report=; \
	else echo "torch is not installed: its backend is not tested"; fi
	$(BIN)/python -m coverage report

.PHONY: soak
soak: $(VENV)/.test ## Run what takes long: soak tests, clusters, and damaged files by the ten thousand
	.ci/ray $(BIN)/python
	$(BIN)/python -m pytest -m soak --timeout 0
	KERAS_BACKEND=jax $(BIN)/python -m pytest -m soak tests/keras --timeout 0
	$(BIN)/python -m pytest tests/test_onray.py
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest tests/test_damaged_files.py --timeout 0

.PHONY: check
check: $(VENV)/.test $(VENV)/.check ## Lint, check the formatting and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: docs
docs: $(VENV)/.test $(VENV)/.check $(VENV)/.docs ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: bench
bench: $(VENV)/.bench ## Measure Penstock beside its peers; ARGS=--quick, ARGS="--only images"
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: build
build: $(VENV)/.pip ## Build the wheels of the core and of each plugin into dist/
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist . $(addprefix ./,$(PLUGINS))
	@ls dist

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf $(VENV) benchmark-results demo dist site .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Dependency groups need pip 25.1.
$(VENV)/.pip:
	@for python in $(CANDIDATES); do \
	  if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Penstock needs Python 3.11 or newer with venv; tried: $(CANDIDATES)." >&2; \
	  echo "Name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.demo: $(VENV)/.pip $(REQUIREMENTS)
	$(INSTALL) -e '.[demo]' $(EDITABLE)
	@touch $@

$(VENV)/.test: $(VENV)/.pip $(REQUIREMENTS)
	$(INSTALL) -e '.[demo,jax]' $(EDITABLE) --group test
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.pip $(REQUIREMENTS)
	$(INSTALL) -e '.[demo,jax]' $(EDITABLE) --group bench
	.ci/torch $(BIN)/python
	@touch $@ $(VENV)/.demo

$(VENV)/.check: $(VENV)/.pip constraints.txt pyproject.toml
	$(INSTALL) --group check
	@touch $@

$(VENV)/.docs: $(VENV)/.pip constraints.txt pyproject.toml
	$(INSTALL) --group docs
	@touch $@
