# Every command works on a fresh machine with Python 3.11 or later and nothing else: the first one makes .venv.
# More arguments go in ARGS:  make test ARGS="tests/schedules -k dst"   make manage ARGS="changepassword admin"

ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && exit; \
	done; echo python3)
endif
UV ?= uv
ARGS ?=
# Real processes and a real browser wait more than they work: more of them than there are cores.
WAITING := tests/acceptance tests/browser

BIN := .venv/bin
LAUNCH := $(BIN)/python -m scheduler_project.launch
STORES := $(LAUNCH).stores --
# What settings.py asks for, where no server is needed.
PLACEHOLDERS := SECRET_KEY=none DATABASE_URL=postgres://none:none@127.0.0.1:1/none BROKER_URL=redis://127.0.0.1:1/0

.DEFAULT_GOAL := help
.PHONY: help run manage test static check format format-check lint imports types migrations bench chaos lock env env-dev clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: env  ## start everything on this machine; the addresses are printed; Ctrl+C stops it
	@$(LAUNCH).run

manage: env  ## run manage.py on the data of `make run`, also while that runs: ARGS="changepassword admin"
	@$(LAUNCH).run manage $(ARGS)

test: env-dev  ## run the tests, with servers of their own: ARGS="tests/schedules -k dst"
ifdef ARGS
	@MAINSPRING_DB_POOL=0 $(STORES) $(BIN)/python -m pytest $(ARGS)
else
	@MAINSPRING_DB_POOL=0 $(STORES) $(BIN)/python -m pytest -n auto --maxprocesses=4 --dist=loadfile $(addprefix --ignore=,$(WAITING))
	@MAINSPRING_DB_POOL=0 $(STORES) $(BIN)/python -m pytest -n 3 --dist=loadfile --no-loadscope-reorder -m "not alone" $(WAITING)
	@MAINSPRING_DB_POOL=0 $(STORES) $(BIN)/python -m pytest -m alone $(WAITING)
endif

static: format-check lint imports types migrations  ## all checks but the tests

check: static test  ## all that must pass before a change goes in

format: env-dev  ## rewrite the code in the one format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

format-check: env-dev
	@$(BIN)/ruff format --check .

lint: env-dev  ## ruff
	@$(BIN)/ruff check .

imports: env-dev  ## the rules of who may import whom
	@$(BIN)/lint-imports

types: env-dev  ## mypy, strict
	@$(PLACEHOLDERS) $(BIN)/mypy

migrations: env-dev  ## are the migrations in step with the models?
	@$(STORES) $(BIN)/python manage.py makemigrations --check --dry-run

bench: env-dev  ## measure this project beside its peers
	@$(LAUNCH).stores --durable -- $(BIN)/python -m benchmarks $(ARGS)

chaos: env-dev  ## kill everything at random for 15 minutes, then look at the books: ARGS="--minutes 2"
	@$(BIN)/python -m tests.chaos $(ARGS)

lock:  ## choose the newest allowed versions (needs uv)
	@$(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra embedded pyproject.toml -o requirements.lock
	@$(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra embedded --group test --group lint -c requirements.lock pyproject.toml -o requirements-dev.lock

env env-dev:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed, and no $(PYTHON) was found." \
		"On Debian or Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) scheduler_project/launch/bootstrap.py $(if $(filter env-dev,$@),dev,run)

clean:  ## remove the environment and caches; the data in .mainspring stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles test-artifacts
