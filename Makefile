# Everything runs in a virtual environment of its own; nothing else need be installed but Python 3.10 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := $(VENV)/.extras

.PHONY: demo test test-long lint bench chaos clean

$(STAMP): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install -e '.[dev]'
	touch $(STAMP)

$(EXTRAS): $(STAMP)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install -e '.[dev,kerberos,credssp]'
	touch $(EXTRAS)

demo: $(STAMP)
	$(BIN)/winmigrate lab demo

# Three at once on two processors: a third of the time a test waits (for a silent host, for a process to end).
test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long" -q

test-long: $(EXTRAS)
	$(BIN)/python -m pytest -m long -q

lint: $(STAMP)
	$(BIN)/ruff check winmigrate tests benchmarks
	$(BIN)/mypy -p winmigrate
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks

chaos: $(STAMP)
	$(BIN)/python -m tests.chaos --kills 200

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
