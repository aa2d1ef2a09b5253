# Everything needed is installed into .venv, from versions and checksums in requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
NPM_TESTS := $(patsubst %/package-lock.json,%,$(wildcard tests/*/package-lock.json))
READY := $(VENV)/.ready

.PHONY: demo test check bench docs setup web types lock clean
.DEFAULT_GOAL := help

help: ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything that tests and demo need

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dothi needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

web: setup ## build the web app into the package, where its sources changed
	@$(BIN)/python hatch_build.py

types: setup ## write the types of the HTTP interface for the web app
	$(BIN)/python web/write_api_types.py

demo: web ## build the demo city, central Nantes, and show it in the browser
	$(BIN)/dothi demo $(DEMO)

test: web ## run all tests
	@$(BIN)/python hatch_build.py $(NPM_TESTS)
	@$(BIN)/python tests/against/samples.py
	$(BIN)/python -m pytest

check: setup ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## print times and memory, next to other programs
	$(BIN)/python -m benchmarks

docs: setup ## build the documentation into docs/_build
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

lock: ## choose newest allowed versions and write requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra cluster --extra microsim --extra mesh --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade -o requirements.lock

clean: ## remove what was made
	rm -rf $(VENV) $(DEMO) docs/_build dist
