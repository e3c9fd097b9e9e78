# myDESKlive: `make run` starts the whole product, `make test` checks it.

PYTHON ?= python3
PORT ?= 8000
LOCAL ?= $(CURDIR)/.local
TESTS ?=
SOAK ?=
ADVISORIES ?=
export PORT LOCAL ADVISORIES

BIN := .venv/bin
SETUP := $(PYTHON) -m mydesklive.local.install
SOURCES := manage.py accounts agencies appointments bench mydesklive reports tests videocalls
PYTHON_SOURCES = $(wildcard $(SOURCES))
COMPILE := ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --no-emit-package pip
# Commands that only read the code need valid settings, but no running services. The demo needs no keys.
LOOK := DJANGO_SETTINGS_MODULE=mydesklive.settings EMAIL_URL=dummymail: SITE_URL=http://localhost MYDESK_DEMO=1

.PHONY: run test pictures lint fmt messages bench soak audit lock clean

run: ## run the product with invented data at http://localhost:8000 (PORT, LOCAL, DATABASE_URL, REDIS_URL)
	@$(SETUP) run
	@exec $(BIN)/python -m mydesklive.local.run

test: ## run every test, or some: TESTS="tests/appointments/booking -k race"
	@$(SETUP) test
	$(BIN)/pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal $(TESTS)

pictures: ## take all pictures of the guides anew, into docs/images
	@$(SETUP) test
	$(BIN)/pytest tests/pictures/citizens.py tests/pictures/officers.py tests/pictures/officials.py

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
	$(LOOK) $(BIN)/python -m tests.upgrading.bearable

fmt: ## sort imports and format the code
	@$(SETUP) lint
	$(BIN)/ruff check --fix-only --quiet $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

messages: ## update locale/el with the texts of the code
	@$(SETUP) lint
	$(LOOK) $(BIN)/python -m tests.messages update

bench: ## measure the speed and write bench/RESULTS.md
	@$(SETUP) run
	$(BIN)/python -m bench

soak: ## ten minutes of people, while each part is stopped, hung, slowed and killed in turn: SOAK="--short", SOAK="--causes 'hang redis'"
	@$(SETUP) test
	$(BIN)/python -m bench.soak $(SOAK)

audit: ## compare what is locked with known vulnerabilities; ADVISORIES=folder with PyPI.zip and npm.zip of osv.dev needs no network
	@$(SETUP) lint
	$(BIN)/python deploy/audit.py

lock: ## lock the newest versions that fit requirements/*.in and package.json
	@$(SETUP) lint
	cd requirements && for name in runtime local dev node; do $(COMPILE) --upgrade $$name.in -o $$name.txt || exit 1; done
	npm update --package-lock-only

clean: ## remove everything that make made in the checkout, also the data of the local stack
	rm -rf .venv node_modules .local staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find locale -name '*.mo' -delete 2>/dev/null || true
