# The whole project by name: `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test check format bench dist lock clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

setup: $(STAMP) ## Make .venv with exact versions and the three packages in it

$(STAMP): requirements.lock common/pyproject.toml agent/pyproject.toml hub/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Batwa needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e common -e agent -e hub
	@touch $(STAMP)

run: setup ## Start a hub and the local agent; Ctrl-C stops both
	@$(BIN)/python deploy/run.py

test: setup ## Run the tests
	$(BIN)/pytest -n auto --dist loadfile

check: setup ## Format, lint, types, import contracts, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadfile

format: setup ## Rewrite the sources in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Measure; prints a table and writes bench.json
	$(BIN)/python -m tests.bench

dist: setup ## Build the three wheels and sdists into dist/
	for part in common agent hub; do $(BIN)/python -m build --no-isolation --outdir dist $$part || exit 1; done

lock: setup ## Write requirements.lock anew from the pyproject files (needs uv)
	uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --no-emit-package batwa-common \
		common/pyproject.toml agent/pyproject.toml hub/pyproject.toml --group pyproject.toml:dev -o requirements.lock

clean: ## Remove what the targets made, except .venv
	rm -rf dist var .pytest_cache .mypy_cache .ruff_cache .hypothesis bench.json
