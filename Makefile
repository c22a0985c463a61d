# One target for each task of a developer or a newcomer. `make help` lists them.

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

.PHONY: help run admin demo test test-system test-postgresql test-full dates mutants fuzz lint format check pin audit bench soak tour clean database

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

run: database  ## run the site on this machine, from a clean clone (PORT=8000)
	@echo
	@echo "  the guide          http://127.0.0.1:$(PORT)/"
	@echo "  an example parcel  http://127.0.0.1:$(PORT)/examples/in-customs/"
	@echo "  the staff's desk   http://127.0.0.1:$(PORT)/admin/   (first: make admin, to choose a name and password)"
	@echo
	@$(MANAGE) runserver 127.0.0.1:$(PORT)

admin: database  ## create a name and password for the staff's desk
	@$(MANAGE) createsuperuser

demo:  ## run the site with a stand-in for Japan Post: every situation, no network (PORT=8000)
	@scripts/setup
	@DEBUG=True $(BIN) -m tests.support.standin.demo --port $(PORT)

test:  ## all tests except those of the next targets, with coverage; ARGS="tests/values/test_numbers.py -k spaced" to select
	@scripts/setup dev browser
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	$(PYTEST) --ignore tests/browser -m "not system" --cov --cov-report=
	$(PYTEST) tests/browser
endif

test-system:  ## tests with real servers: gunicorn, PostgreSQL, Valkey, HAProxy, Caddy, nginx; systemd's units
	@scripts/setup dev servers mutants
	$(PYTEST) --dist loadfile $(or $(ARGS),tests/system)

test-postgresql:  ## the tests that use the database most, on PostgreSQL instead of SQLite
	@scripts/setup dev servers
	$(BIN) -m tests.tools.on_postgresql -n 2 $(ARGS)

test-full:  ## every situation on every screen, and `make dates`; run it before a change of pages is merged
	@scripts/setup dev browser
	MATRIX=full $(PYTEST) tests/browser/public/test_scenarios.py
	@$(MAKE) dates

dates:  ## the tests without servers at nine special dates: a leap day, New Year, each change of the clocks
	@scripts/setup dev
	@$(BIN) -m tests.tools.dates $(ARGS)

mutants:  ## mutation tests, half an hour; ARGS="gate --show" for one module and its surviving mutants
	@scripts/setup dev mutants
	@$(BIN) -m tests.tools.mutants $(ARGS)

fuzz:  ## look for texts on which reading Japan Post's pages fails (MINUTES=10)
	@scripts/setup dev fuzz
	@$(BIN) -m tests.tools.fuzz $(MINUTES) $(ARGS)

lint:  ## check style, types, rooms, missing migrations and the settings for production
	@scripts/setup dev
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	DEBUG=True $(BIN) -m mypy
	.venv/bin/lint-imports --no-cache --no-logo
	$(MANAGE) makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN) manage.py check --deploy --fail-level WARNING

format:  ## let ruff fix what it can, and format all code
	@scripts/setup dev
	$(BIN) -m ruff check --fix .
	$(BIN) -m ruff format .

check: lint  ## lint and the fast tests: no browser, no servers, no coverage
	$(PYTEST) --ignore tests/browser -m "not browser and not system"

pin:  ## write the requirements files from pyproject.toml (ARGS=--upgrade also renews packages it does not name)
	@scripts/pin $(ARGS)

audit:  ## check the pinned packages for known vulnerabilities, if the network allows it
	@scripts/setup
	@scripts/audit

bench:  ## benchmarks, page weights included (BENCH_PARCELS=1000000)
	@scripts/setup dev browser load
	DEBUG=True $(BIN) -m tests.tools.bench $(ARGS)
	@DEBUG=True $(BIN) -m tests.tools.bench_desk

soak:  ## run the site at half load for ten minutes and watch for leaks (MINUTES=10)
	@scripts/setup dev
	@DEBUG=True $(BIN) -m tests.tools.soak $(MINUTES)

tour:  ## update docs/tour.md with its pictures, and the pictures of docs/wording.md
	@scripts/setup dev browser
	@DEBUG=True $(BIN) -m tests.tools.tour
	@DEBUG=True $(BIN) -m tests.tools.desk_tour

clean:  ## delete everything that can be built again, but not the database
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* staticfiles test.sqlite3*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

database:
	@scripts/setup
	@$(MANAGE) migrate --verbosity 0
