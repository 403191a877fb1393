# All commands work on a new machine that has Python 3.11 or later: the first one creates .venv.
# ARGS passes arguments on:  make test ARGS="tests/schedules -k dst"   make manage ARGS="changepassword admin"

ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && exit; \
	done; echo python3)
endif
UV ?= uv
ARGS ?=

BIN := .venv/bin
LAUNCH := $(BIN)/python -m scheduler_project.launch
STORES := $(LAUNCH).stores --
# No pool keeps connections from one test to the next. Cached bytecode saves each of some 300 processes 0.3 s.
TESTING := MAINSPRING_DB_POOL=0 PYTHONDONTWRITEBYTECODE=
PYTEST := $(BIN)/python -m pytest
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# Tests wait for the database, and tests with processes or a browser mostly wait: so more run at once than cores.
BUSY := -n $(shell echo $$(($(CORES) + 1))) --maxprocesses=8 --dist=loadfile --no-loadscope-reorder
WAITING := -n $(shell echo $$(($(CORES) * 2))) --maxprocesses=8 --dist=loadfile --no-loadscope-reorder
PROCESS_TESTS := tests/acceptance tests/browser
# The settings that settings.py requires, for commands that connect to no server.
PLACEHOLDERS := SECRET_KEY=none DATABASE_URL=postgres://none:none@127.0.0.1:1/none BROKER_URL=redis://127.0.0.1:1/0

.DEFAULT_GOAL := help
.PHONY: help run manage test quick static check format format-check lint imports types migrations bench chaos lock env env-dev clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: env  ## start everything on this machine and print the addresses; Ctrl+C stops it
	@$(LAUNCH).run

manage: env  ## run manage.py on the data of `make run`, also while it is running: ARGS="changepassword admin"
	@$(LAUNCH).run manage $(ARGS)

test: env-dev  ## run the tests with temporary servers: ARGS="tests/schedules -k dst"
ifdef ARGS
	@$(TESTING) $(STORES) $(PYTEST) $(ARGS)
else
	@$(TESTING) $(STORES) sh -ec '\
		$(PYTEST) $(BUSY) --create-db --reuse-db $(addprefix --ignore=,$(PROCESS_TESTS)); \
		$(PYTEST) $(WAITING) --reuse-db -m "not alone" $(PROCESS_TESTS); \
		$(PYTEST) -n 2 --dist=loadfile --no-loadscope-reorder --reuse-db -m alone $(PROCESS_TESTS)'
endif

quick: env-dev  ## run the short tests, without processes and browsers, in about two minutes
	@$(TESTING) $(STORES) $(PYTEST) -n $(CORES) --maxprocesses=8 --dist=loadfile --no-loadscope-reorder -m "not long" $(addprefix --ignore=,$(PROCESS_TESTS)) $(ARGS)

static: format-check lint imports types migrations  ## run all checks except the tests

check: static test  ## run all checks that a change must pass

format: env-dev  ## format the code and fix what ruff can fix
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

format-check: env-dev  ## check the format of the code
	@$(BIN)/ruff format --check .

lint: env-dev  ## run ruff
	@$(BIN)/ruff check .

imports: env-dev  ## check which packages may import which (import-linter)
	@$(BIN)/lint-imports

types: env-dev  ## run mypy in strict mode
	@$(PLACEHOLDERS) $(BIN)/mypy

migrations: env-dev  ## check that no model change lacks its migration
	@$(STORES) $(BIN)/python manage.py makemigrations --check --dry-run

bench: env-dev  ## measure Mainspring and its peers, about twenty minutes: ARGS="--quick"
	@$(LAUNCH).stores --durable -- $(BIN)/python -m benchmarks $(ARGS)

chaos: env-dev  ## kill processes and set clocks wrong for 15 minutes, then check all runs: ARGS="--minutes 2"
	@$(BIN)/python -m tests.chaos $(ARGS)

lock:  ## update both lock files to the newest allowed versions (needs uv)
	@$(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra embedded pyproject.toml -o requirements.lock
	@$(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra embedded --group test --group lint -c requirements.lock pyproject.toml -o requirements-dev.lock

env env-dev:
	@command -v $(PYTHON) >/dev/null || { echo "Mainspring needs Python 3.11 or later; $(PYTHON) was not found." \
		"On Debian or Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) scheduler_project/launch/bootstrap.py $(if $(filter env-dev,$@),dev,run)

clean:  ## remove .venv and caches, but not the data in .mainspring
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles test-artifacts
