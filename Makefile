# The whole project by name: `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where this is set, each of the many hundred daemons and commands that tests start would compile its sources anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
WEB := hub/web
PAGE := hub/batwa_hub/static/index.html
NODE_MODULES := $(WEB)/node_modules/.package-lock.json
PAGE_SOURCES := $(shell find $(WEB)/src $(WEB)/index.html $(WEB)/*.ts $(WEB)/package.json -type f 2>/dev/null)
SLOW := tests/system tests/e2e tests/browser
# A file is the unit of distribution; what takes longest begins first, so that no worker ends with it alone.
# Half of the tests' time is waiting for what they started, so there are more workers than cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
IN_PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	$(SLOW) $(filter-out $(SLOW) tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))
WIRE_TYPES = $(BIN)/python deploy/wire.py > $(WEB)/node_modules/.wire.json && cd $(WEB) && \
	npx openapi-typescript node_modules/.wire.json --output src/api/wire.gen.ts --default-non-nullable=false --alphabetize

.PHONY: help setup run test check check-python check-web format bench dist deb lock vulnerabilities clean web wire

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

setup: $(STAMP) web ## Make .venv with exact versions and the three packages in it; build the web page

$(STAMP): requirements.lock common/pyproject.toml agent/pyproject.toml hub/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Batwa needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e common -e agent -e hub
	@touch $(STAMP)

web: ## Build the web page into the hub's package; without Node say so and go on
	@if node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; \
	then $(MAKE) --no-print-directory $(PAGE); \
	else echo "The web page is not built: that needs Node 20.19 or newer (and npm). The hub works without; then: make web" >&2; fi

$(PAGE): $(NODE_MODULES) $(PAGE_SOURCES)
	cd $(WEB) && npx vite build --logLevel warn
	@touch $@

$(NODE_MODULES): $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund
	@touch $@

wire: $(STAMP) $(NODE_MODULES) ## Make the browser's types anew from the hub's schemas
	$(WIRE_TYPES)

run: setup ## Start a hub and the local agent; Ctrl-C stops both
	@$(BIN)/python deploy/run.py

test: setup ## Run the tests
	$(BIN)/pytest $(IN_PARALLEL)

check: setup ## Format, lint, types, import contracts, tests: what CI runs
	@$(BIN)/python -m tests.system.root & # what tests/system boots is fetched meanwhile; it waits for that
	$(MAKE) --no-print-directory --jobs=2 --output-sync check-python check-web
	$(BIN)/pytest $(IN_PARALLEL)

check-python: setup ## Python: format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-web: setup $(NODE_MODULES) ## The web page: fresh types, lint, types, its own tests
	$(WIRE_TYPES) --check
	cd $(WEB) && npm run --silent lint
	cd $(WEB) && npx tsc --noEmit
	cd $(WEB) && npx vitest run

vulnerabilities: setup ## Ask a public database about the pinned dependencies (needs the network)
	$(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)-audit/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

format: setup ## Rewrite the sources in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd $(WEB) && npm run --silent format

bench: setup ## Measure; prints a table and writes bench.json
	$(BIN)/python -m tests.bench

dist: setup $(PAGE) ## Build the three wheels and sdists, the web page included, and what each needs, into dist/
	for part in common agent hub; do $(BIN)/python -m build --no-isolation --outdir dist $$part || exit 1; done
	$(BIN)/python -m deploy.pins batwa-agent > dist/batwa-agent.txt
	$(BIN)/python -m deploy.pins "batwa-hub[postgresql]" > dist/batwa-hub.txt

deb: setup $(PAGE) ## Build the Debian packages batwa-hub, batwa-agent and batwa into dist/
	$(BIN)/python -m deploy.debian.build

lock: setup ## Write requirements.lock anew from the pyproject files (needs uv)
	uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --no-emit-package batwa-common \
		common/pyproject.toml agent/pyproject.toml hub/pyproject.toml --all-extras --group pyproject.toml:dev \
		-o requirements.lock

clean: ## Remove what the targets made, except .venv
	rm -rf dist var .pytest_cache .mypy_cache .ruff_cache .hypothesis bench.json
