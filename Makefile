# make run: everything on this machine, with the demo workspace. make test: the whole suite.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN = .venv/bin
PORT ?= 8000
# Of the tests. On two cores: one of them is always waiting for a browser or a database.
WORKERS ?= 3

.PHONY: run test lint types check install stop clean

run: install
	@exec $(BIN)/python manage.py up --port $(PORT)

test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

check: lint types
	$(BIN)/python manage.py makemigrations --check --dry-run

install: .venv/installed

.venv/installed: requirements.txt requirements-production.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

stop:
	@$(BIN)/python -m crm.embedded stop

clean:
	rm -rf .venv staticfiles
