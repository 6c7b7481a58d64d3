# Needs Python 3.11+, git and make; everything else is set up below the project: .venv and .cache.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
RUN := .venv/bin/python
# Node 20.19 or newer, or nothing: without it everything works but the pages.
NODE := $(shell node -e 'const [a, b] = process.versions.node.split("."); if (a > 20 || (a == 20 && b >= 19)) console.log("node")' 2>/dev/null)
NPM := npm --prefix web --loglevel=error
WEB_FILES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
SCENARIO ?= billing
N ?= 10000
SEED ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup python web weblint screenshots demo test lint format soak faults bench eval check-providers calls messages clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: python web ## Set up what is missing: Python environment, web pages, livekit-server
	@$(RUN) -m warm_transfer.stand.server --ensure >&2

python: $(UV)
	@$(UV) sync --locked

ifdef NODE
web: web/dist/index.html
weblint: web/node_modules/.package-lock.json
	@$(NPM) run --silent lint
	@$(NPM) run --silent test
else
web weblint:
	@echo "The web pages are not built: that needs Node 20.19 or newer; everything else works without." >&2
endif

# The pages are no reason for a set-up to fail: the control API says how to build them.
web/dist/index.html: web/node_modules/.package-lock.json $(WEB_FILES)
	@$(NPM) run --silent build >&2 || echo "The web pages could not be built: see above, then make web." >&2

web/node_modules/.package-lock.json: web/package-lock.json
	@$(NPM) ci --no-audit --no-fund >&2 || echo "The web pages' packages could not be installed: see above, then make web." >&2

demo: setup ## Place one real call [SCENARIO=billing|technical|person|none] [ONCE=1] [PROVIDERS=wire]; then serve
	@$(RUN) -m warm_transfer.stand.demo --scenario $(SCENARIO) $(if $(filter-out 0 no false,$(ONCE)),--once) $(if $(PROVIDERS),--providers $(PROVIDERS))

test: setup lint ## Lint, types and the tests; those marked long with ALL=1 [PYTEST="tests/unit -k name"]
	@$(RUN) -m pytest $(if $(filter-out 0 no false,$(ALL)),-m "long or not long") $(PYTEST)

lint: python weblint ## Check style, format and types; of the pages the unit tests, too
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy

format: python ## Format the code and mend what ruff and biome can
	@$(RUN) -m ruff check --fix
	@$(RUN) -m ruff format
	@test ! -d web/node_modules || $(NPM) run --silent format

screenshots: setup ## Every web page and state, from a real call, into runs/screenshots; checks them with axe
	@$(RUN) -m tests.web.screenshots runs/screenshots

soak: python ## Random calls in virtual time: nobody stranded, nothing left [N=10000] [SEED=0]
	@$(RUN) -m warm_transfer.stand.soak --runs $(N) --seed $(SEED)

faults: setup ## Kill processes in every state of real calls, make every other fault, and listen [QUICK=1] [ONLY=server]
	@$(RUN) -m warm_transfer.stand.faults $(if $(filter-out 0 no false,$(QUICK)),--quick) $(if $(ONLY),--only "$(ONLY)")

bench: setup ## Measure transfers, turns, gaps, capacity and growth; no verdicts [QUICK=1] [ONLY=overhead,turns]
	@$(RUN) -m warm_transfer.stand.bench $(if $(filter-out 0 no false,$(QUICK)),--quick) $(if $(ONLY),--only "$(ONLY)")

eval: python ## Hold the judged conversations with the configured model [ONLY=tuning] [NAME=part of a name]
	@$(RUN) -m warm_transfer.stand.evaluation $(if $(ONLY),--only "$(ONLY)") $(if $(NAME),--name "$(NAME)")

check-providers: python ## One tiny real request per configured key: says in a sentence each what works
	@$(RUN) -m warm_transfer.stand.check_providers

calls: python ## List past calls, or show one [CALL=id]
	@$(RUN) -m warm_transfer.calls $(CALL)

messages: python ## List what callers asked to pass on, and where to call back
	@$(RUN) -m warm_transfer.calls messages

clean: ## Remove the environment and every cache; keeps the call log, what waits for it and runs/
	rm -rf web/node_modules web/dist .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	test ! -d .cache || find .cache -mindepth 1 -maxdepth 1 ! -name '*.sqlite3*' ! -name unwritten -exec rm -rf {} +

# Only made when no uv is on the PATH.
.cache/uv/bin/uv:
	@echo "uv: not on the PATH, installing $(UV_VERSION) into .cache" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: set PYTHON to one, as in make setup PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -m venv .cache/uv || \
		{ rm -rf .cache/uv; echo "Python's venv module is missing: apt install python3-venv, or put uv on the PATH." >&2; exit 1; }
	@.cache/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
