# vidlab. `make lab` runs the first lab from end to end, `make test` runs every check.
# Both make the virtual environment themselves; a second run installs nothing.

VENV ?= .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.vidlab-core
BOOK := $(VENV)/.vidlab-book
DEV := $(VENV)/.vidlab-dev
OUT ?= runs

# The first Python on the path that is new enough; `make lab PYTHON=/path/to/python` chooses one.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Small matrices on shared cores: one thread is faster than two that wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help lab jupyter book test check unit notebooks pages bench refresh format clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

lab: $(CORE)  ## Set everything up and run the first lab (RadialCTC, about two minutes)
	$(BIN)/vidlab run radialctc --out $(OUT)

jupyter: $(CORE)  ## Open JupyterLab on the notebooks (more options: JUPYTER_ARGS=...)
	$(BIN)/jupyter lab --ip=127.0.0.1 $(JUPYTER_ARGS) notebooks

book: $(BOOK)  ## Build the book into book/_build/html (labs that were not run yet are run first)
	$(BIN)/vidlab book --runs $(OUT)

test: check unit notebooks pages  ## Run every check: style, imports, tests, notebooks

check: $(DEV)  ## Style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

unit: $(DEV)  ## Unit tests, doctests and whole labs (quick profile), with coverage
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/browser/book \
		--cov --cov-report=term:skip-covered

notebooks: $(DEV)  ## Compare the checked cells of the notebooks with their committed outputs
	run=$$(mktemp -d) && $(ONE_THREAD) VIDLAB_RUN_DIR=$$run $(BIN)/python -m pytest \
		--nbval-lax notebooks -p no:cacheprovider; code=$$?; rm -rf "$$run"; exit $$code

pages: $(DEV)  ## Build the book from the runs of the unit tests and look at it in a browser
	$(ONE_THREAD) $(BIN)/vidlab book --runs artefacts/runs --out artefacts/book
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 tests/browser/book

bench: $(DEV)  ## Measure everything that has a speed (some minutes; labs and explorers from $(OUT))
	$(BIN)/python benchmarks/bench.py --runs $(OUT)

refresh: $(DEV)  ## Bring the notebooks into their committed form
	$(ONE_THREAD) $(BIN)/python -m vidlab.labs.refresh notebooks/*/*.ipynb

format: $(DEV)  ## Bring code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the virtual environment and caches (runs are kept)
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .coverage* artefacts

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "vidlab needs Python 3.11 or newer; none was found. Install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make virtual environments; on Debian and Ubuntu install python3-venv."; exit 1; }

$(CORE): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): a few minutes, once ..."
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[video,fast,text]"
	@touch $@

$(BOOK): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV), with what the book needs: a few minutes, once ..."
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[video,fast,text,book]"
	@touch $(CORE) $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV), with what the tests need: a few minutes, once ..."
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[video,fast,text,book,batch,cluster,dev]"
	@touch $(CORE) $(BOOK) $@
