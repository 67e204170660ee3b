# Everything a person runs here. Needs Python 3.11 or newer and make; the rest goes into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8501
WORKERS ?= 2
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help app test check bench lock sample screenshots docs verify clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

app: .venv/.installed ## Start the app on http://localhost:$(PORT)
	$(BIN)/streamlit run serve.py --server.port $(PORT)

test: .venv/.installed-dev ## Run the everyday tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: .venv/.installed-dev ## Check format, lint, types and the rules between packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed-dev ## Measure the promises and write them into the README (minutes; wants an idle machine)
	$(BIN)/python -m benchmarks --readme $(ARGS)

sample: .venv/.installed ## Make the sample dataset anew; the same content hash comes out
	$(BIN)/python -m analysis simulate --sample
	$(BIN)/python -m analysis train --data sample --reference
	$(BIN)/python -m analysis truth --data sample --keep

screenshots: .venv/.installed-dev ## Take the README's picture of every page
	$(BIN)/python scripts/screenshots.py docs/pictures

docs: .venv/.installed ## Write the generated pages of docs/
	$(BIN)/python scripts/cli_docs.py
	$(BIN)/python scripts/simulator_docs.py

verify: check test ## Check, test, and run the long simulations that write the tables in docs/ (takes an hour or more)
	@for script in scripts/verify_*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

lock: .venv/.installed-dev ## Pin all packages anew from requirements.in and requirements-dev.in
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file requirements.txt requirements.in
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file requirements-dev.txt requirements-dev.in

clean: ## Remove the virtual environment and caches; the workspace stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A stamp is written last, so an installation that was broken off is done again.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. Install it, or run make PYTHON=/path/to/python."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$(PYTHON) is older than Python 3.11. Run make PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch .venv/.installed $@
