# The tasks of developers and of a first look, one target each. `make help` lists them.

PYTHON ?= python3
PORT ?= 8000
MINUTES ?= 10

BIN := .venv/bin/python
MANAGE := DEBUG=True $(BIN) manage.py
PRODUCTION := DEBUG=False ALLOWED_HOSTS=shop.example SECURE_SSL_REDIRECT=True \
	SITE_URL=https://shop.example TRUSTED_PROXIES=1 \
	EMAIL_URL=smtp+tls://user:password@mail.shop.example:587 DEFAULT_FROM_EMAIL=parcels@shop.example \
	SECRET_KEY="$$($(BIN) -c 'import secrets; print(secrets.token_urlsafe(64))')"

export PYTHON

# The browser tests run without coverage: its tracer doubles their time, and cannot be switched off for single tests
# while a server runs in another thread. Small chunks let both workers end at about the same time.
PYTEST := $(BIN) -m pytest -n 2 --maxschedchunk 4

.PHONY: help run admin demo test test-system test-postgresql test-full dates mutants lint audit bench soak tour clean database

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

run: database  ## the site on this machine, from nothing (PORT=8000)
	@echo
	@echo "  the guide          http://127.0.0.1:$(PORT)/"
	@echo "  an example parcel  http://127.0.0.1:$(PORT)/examples/in-customs/"
	@echo "  the staff's desk   http://127.0.0.1:$(PORT)/admin/   (first: make admin, to choose a name and password)"
	@echo
	@$(MANAGE) runserver 127.0.0.1:$(PORT)

admin: database  ## a name and password for the staff's desk
	@$(MANAGE) createsuperuser

demo:  ## the site beside a stand-in for Japan Post: every situation, no network (PORT=8000)
	@scripts/setup
	@DEBUG=True $(BIN) -m tests.support.standin.demo --port $(PORT)

test:  ## all tests but those of the next targets, from nothing, with coverage; ARGS="tests/values/test_numbers.py -k spaced" for a few
	@scripts/setup dev browser
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	$(PYTEST) --ignore tests/browser -m "not system" --cov --cov-report=
	$(PYTEST) tests/browser
endif

test-system:  ## the site in real servers: gunicorn, PostgreSQL, Valkey, HAProxy, Caddy, nginx; systemd's units
	@scripts/setup dev servers mutants
	$(PYTEST) --dist loadfile $(or $(ARGS),tests/system)

test-postgresql:  ## what asks the database most, on PostgreSQL in place of SQLite
	@scripts/setup dev servers
	$(BIN) -m tests.tools.on_postgresql -n 2 $(ARGS)

test-full:  ## every situation on every screen, and the tests on awkward dates; before a change of pages lands
	@scripts/setup dev browser
	MATRIX=full $(PYTEST) tests/browser/public/test_scenarios.py
	@$(MAKE) dates

dates:  ## the tests that start no server at nine awkward moments: a leap day, New Year, each change of the clocks
	@scripts/setup dev
	@$(BIN) -m tests.tools.dates $(ARGS)

mutants:  ## do the tests notice when the code is wrong? half an hour; ARGS="gate --show" for one module and its survivors
	@scripts/setup dev mutants
	@$(BIN) -m tests.tools.mutants $(ARGS)

lint:  ## style, types, missing migrations, settings fit for production
	@scripts/setup dev
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	DEBUG=True $(BIN) -m mypy
	.venv/bin/lint-imports --no-cache --no-logo
	$(MANAGE) makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN) manage.py check --deploy --fail-level WARNING

audit:  ## known vulnerabilities of the pinned packages, where the network allows to ask
	@scripts/setup
	@scripts/audit

bench:  ## the benchmarks, page weights included (BENCH_PARCELS=1000000)
	@scripts/setup dev browser load
	DEBUG=True $(BIN) -m tests.tools.bench $(ARGS)
	@DEBUG=True $(BIN) -m tests.tools.bench_desk

soak:  ## ten minutes at half of what the machine can do: does anything pile up? (MINUTES=10)
	@scripts/setup dev
	@DEBUG=True $(BIN) -m tests.tools.soak $(MINUTES)

tour:  ## docs/tour.md and its pictures, and those of docs/wording.md, taken again
	@scripts/setup dev browser
	@DEBUG=True $(BIN) -m tests.tools.tour
	@DEBUG=True $(BIN) -m tests.tools.desk_tour

clean:  ## remove what can be made again; the database stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* staticfiles test.sqlite3*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

database:
	@scripts/setup
	@$(MANAGE) migrate --verbosity 0
