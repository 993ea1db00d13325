# make serve | make test | make lint | make check. Everything happens inside .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := codeforces leetcode github context7 practice
READY := $(VENV)/.ready
MANIFESTS := pyproject.toml $(PLUGINS:%=plugins/%/pyproject.toml)
TEST_PROCESSES ?= 2

# Where the environment forbids Python to keep what it compiled, each of some hundred processes would compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup serve test lint style types floors faults workflows audit fuzz format check lock wheels bench soak

setup: $(READY)

$(READY): requirements.lock $(MANIFESTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: name it, PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . $(PLUGINS:%=-e plugins/%)
	$(BIN)/python -m pip check --quiet
	touch $(READY)

serve: setup
	$(BIN)/python -m skillcore serve --practice

# Each process gets its share of the modules in one piece, and takes from another's end when it is through with its own.
test: setup
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal

# Types take as long as all the others together: they are looked at side by side.
lint: setup
	$(MAKE) --no-print-directory --jobs $(TEST_PROCESSES) style types floors faults workflows

style: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

floors: setup
	$(BIN)/lint-imports

faults: setup
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive skillcore plugins

workflows: setup
	$(BIN)/python -m tests.security.workflows

# Needs the network, so it is no part of the check; fails where a package could not be looked up.
audit: setup
	$(BIN)/python -m tests.security.vulnerabilities requirements.lock

# Each of three actors asks for that many seconds, drawing anew each time.
FUZZ_SECONDS ?= 600
fuzz: setup
	SKILLCORE_FUZZ=$(FUZZ_SECONDS) $(BIN)/python -m pytest -n $(TEST_PROCESSES) tests/fuzzing

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test

# The hashed lock names no package's address: any index will do.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

wheels: setup
	mkdir -p dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist . $(PLUGINS:%=./plugins/%)

bench: setup
	$(BIN)/python -m benchmarks

soak: setup
	SKILLCORE_SOAK=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) -m soak --timeout 3600
