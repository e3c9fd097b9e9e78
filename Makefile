# myDESKlive: `make run` starts the whole product, `make test` checks it.

PYTHON ?= python3
PORT ?= 8000
LOCAL ?= $(CURDIR)/.local
TESTS ?=
export PORT LOCAL

BIN := .venv/bin
SETUP := $(PYTHON) -m mydesklive.local.install
SOURCES := manage.py accounts agencies appointments bench mydesklive reports tests videocalls
PYTHON_SOURCES = $(wildcard $(SOURCES))
COMPILE := ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --no-emit-package pip
# Commands that only look at the code need settings that are right, not ones that work.
LOOK := DJANGO_SETTINGS_MODULE=mydesklive.settings SECRET_KEY=unused EMAIL_URL=dummymail: SITE_URL=http://localhost MYDESK_DEMO=0

.PHONY: run test lint fmt messages bench lock clean

run: ## the product with invented data at http://localhost:8000 (PORT, LOCAL, DATABASE_URL, REDIS_URL)
	@$(SETUP) run
	@exec $(BIN)/python -m mydesklive.local.run

test: ## every test (TESTS="tests/booking -k race" for some)
	@$(SETUP) test
	$(BIN)/pytest --numprocesses=auto --maxprocesses=8 $(TESTS)

lint:
	@$(SETUP) lint
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/lint-imports --no-cache
	$(if $(wildcard templates),$(BIN)/djlint templates --lint --quiet)
	$(BIN)/mypy
	$(LOOK) $(BIN)/python manage.py check --fail-level WARNING
	$(LOOK) $(BIN)/python -m tests.messages check
	$(LOOK) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

fmt: ## order and format the code
	@$(SETUP) lint
	$(BIN)/ruff check --fix-only --quiet $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

messages: ## bring locale/el up to date with the code's texts
	@$(SETUP) lint
	$(LOOK) $(BIN)/python -m tests.messages update

bench: ## figures of speed, written to bench/RESULTS.md
	@$(SETUP) run
	$(BIN)/python -m bench

lock: ## newest versions that fit requirements/*.in and package.json
	@$(SETUP) lint
	cd requirements && for name in runtime local dev node; do $(COMPILE) --upgrade $$name.in -o $$name.txt || exit 1; done
	npm update --package-lock-only

clean: ## everything that make made in the checkout, data of the local stack included
	rm -rf .venv node_modules .local staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find locale -name '*.mo' -delete 2>/dev/null || true
