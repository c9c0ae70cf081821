# Everything a newcomer needs: make run, make test. Python 3.11 or newer with venv, and make; nothing else.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
LOCKS := requirements/base.txt requirements/dev.txt
DEMO ?= on
TRY := DEBUG=on DEMO=$(DEMO)
# Tests run on SQLite without any server unless a target says otherwise.
TESTING := DEBUG=on LOG_LEVEL=WARNING
WORKERS ?= auto
# Processes of browser tests, each with a product of its own.
BROWSERS ?= 2
BENCH ?= path issuing
LOCALE ?= de

HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= $(CURDIR)/var
export HOST PORT DATA_DIR

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-services test-e2e lint messages lock bench docs clean

help: ## What there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; found: $$(python3 --version 2>&1 || echo none)."; exit 1; }
	@echo "• Making the virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.base: requirements/base.txt | $(VENV)/bin/python
	@echo "• Installing what the product runs on"
	@$(PIP) install --require-hashes --quiet --progress-bar on -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "• Installing what tests and checks need (about a minute)"
	@$(PIP) install --require-hashes --quiet --progress-bar on -r requirements/dev.txt
	@touch $@ $(VENV)/.base

setup: $(VENV)/.base ## The environment only, in .venv

setup-dev: $(VENV)/.dev

run: setup ## Set up, migrate, load the demo once, serve (PORT, HOST, DATA_DIR, DEMO=off)
	@$(TRY) $(PY) manage.py serve

test: setup-dev ## The tests, on SQLite, with no server running
	@mkdir -p var
	@$(TESTING) DATABASE_URL= REDIS_URL= CELERY_BROKER_URL= $(PY) -m pytest -m "not services and not e2e" -n $(WORKERS) $(ARGS)

test-services: setup-dev ## The tests on PostgreSQL and Redis, with real concurrent processes
	@mkdir -p var
	@. .ci/services && $(TESTING) $(PY) -m pytest -m "not services and not e2e" -n $(WORKERS) $(ARGS)
	@. .ci/services && $(TESTING) $(PY) -m pytest -m services $(ARGS)

test-e2e: setup-dev ## Real pages in a real browser
	@.ci/browser
	@mkdir -p var
	@$(TESTING) DJANGO_ALLOW_ASYNC_UNSAFE=true DATABASE_URL= REDIS_URL= CELERY_BROKER_URL= $(PY) -m pytest -m e2e \
		-n $(BROWSERS) --dist loadfile $(ARGS)

lint: setup-dev ## Style, types, templates, layers, migrations, locks
	@.ci/gettext
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/djlint --quiet --check --lint templates
	@$(VENV)/bin/lint-imports
	@$(TESTING) $(PY) manage.py makemigrations --check --dry-run
	@$(TESTING) $(PY) manage.py check
	@$(TESTING) $(VENV)/bin/mypy
	@! grep -nE 'https?://|file:' $(LOCKS) || { echo "A lock names an address."; exit 1; }

messages: setup-dev ## Collect the messages for translation, and compile them (LOCALE)
	@.ci/gettext
	@$(TESTING) $(PY) manage.py makemessages --locale $(LOCALE) --no-location \
		--ignore $(VENV) --ignore tests --ignore benchmarks --ignore staticfiles --ignore var
	@$(TESTING) $(PY) manage.py compilemessages --locale $(LOCALE) --ignore $(VENV)

lock: setup-dev ## Renew the hashed locks from requirements/*.in
	@for name in base dev; do $(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-header --no-emit-index-url --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt; done

bench: setup-dev ## Figures, as ratios measured in one run, on PostgreSQL (BENCH, ARGS)
	@. .ci/services && for name in $(BENCH); do $(TESTING) $(PY) -m benchmarks.$$name $(ARGS) || exit 1; done

docs: setup-dev ## Screenshots of the manuals, made by the browser tests
	@.ci/browser
	@mkdir -p var
	@$(TESTING) DJANGO_ALLOW_ASYNC_UNSAFE=true SCREENSHOTS=docs/images DATABASE_URL= REDIS_URL= $(PY) -m pytest -m e2e tests/e2e $(ARGS)

clean: ## Remove the environment and the local data
	rm -rf $(VENV) var staticfiles
