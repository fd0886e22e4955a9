# `make run` and `make test` set up what they need; nothing outside this folder is changed but the cache of fetched data.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Versions that the tests pass with, so that a new release of something cannot break `make run`; `make lock` renews them.
LOCK := constraints.txt
PIP := python -m pip install --quiet --disable-pip-version-check
LOWEST := .venv-minimum
# Tests begin hundreds of processes: where Python is told to keep no bytecode, each would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE
# Fixtures of a module are made once, and heavy modules begin before light ones end the run.
# Tests share the cores, so threads of torch that wait let others run: spinning, they made some tests twenty times slower.
PYTEST := OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

.PHONY: help run compare test lint docs services both nightly bench slow fuzz lock minimum clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

$(READY): pyproject.toml $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) --constraint $(LOCK) --editable ".[dev]"
	touch $(READY)

run: $(READY) ## search a loss on MovieLens-100K and compare it (two minutes on 2 cores)
	$(BIN)/python -m studies.run --searcher surrogate $(ARGS)

compare: $(READY) ## compare six searchers over ten seeds on MovieLens-100K (half an hour on 2 cores)
	$(BIN)/python -m studies.compare $(ARGS)

lint: $(READY) ## ruff, import-linter and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(READY) ## the documentation as a site in build/site, with the reference; a broken link is an error
	$(BIN)/mkdocs build --strict --quiet

test: $(READY) ## the tests (seven minutes on 2 cores)
	$(PYTEST) -m "not slow and not nightly and not services"

# Tests of the second kind wait for processes: a third and a fourth worker have something to do meanwhile.
both: $(READY) ## both kinds at once, as CI runs them (twelve minutes on 2 cores)
	$(PYTEST) --numprocesses 4 -m "not slow and not nightly"

services: $(READY) ## tests with real servers, full disks, killed commands and other processes (four minutes on 2 cores)
	$(PYTEST) -m "services and not slow and not nightly"

nightly: $(READY) ## all tests but the slow ones, with all examples, seeds and kills (half an hour on 2 cores)
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -m "not slow"

bench: $(READY) ## speed of the trainer, of what comes before it, and of every searcher
	$(BIN)/python -m studies.benchmark $(ARGS)
	$(BIN)/python -m tests.benchmarks.searcher_speed

slow: $(READY) ## reproduce published figures (an hour)
	$(BIN)/python -m pytest -m slow

fuzz: $(READY) ## hostile input for every fuzz target, a hundred thousand cases each (six minutes; x86-64, Python below 3.14)
	for target in formula program checkpoint table options; do \
		$(BIN)/python -m tests.fuzz.atheris_targets $$target -runs=100000 -print_final_stats=1 || exit 1; done

lock: ## write constraints.txt anew: the newest versions of everything that pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/$(PIP) --editable ".[dev]"
	(echo "# Versions that the tests pass with; written by make lock."; \
		.venv-lock/bin/python -m pip freeze --exclude-editable | sed -E 's/\+[^ ;]+//' | LC_ALL=C sort -f) > $(LOCK).new
	mv $(LOCK).new $(LOCK)
	rm -rf .venv-lock

# A few old releases warn of what newer ones of others have deprecated, which is no fault of ours.
minimum: ## the tests with the lowest version of every dependency that pyproject.toml allows (PYTHON=python3.11)
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) -m tests.lower_bounds $(addprefix --but ,$(BUT)) > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/$(PIP) --constraint $(LOWEST)/lowest.txt --editable ".[dev]"
	$(LOWEST)/bin/python -m pytest -m "not slow and not nightly" -W default::DeprecationWarning --numprocesses auto --maxprocesses 4

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) .venv-lock $(LOWEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info */__pycache__/kernels-*
