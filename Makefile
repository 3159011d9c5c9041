# Two commands do everything: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# where Python is told to keep no compiled files, each of the tests' processes would compile the package anew
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test lint fix bench soak golden docs earlier-systems clean

run: $(READY)
	$(BIN)/cryptonn run backtests/synthetic.toml

test: $(READY)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

soak: $(READY)
	$(BIN)/python -m tests.paper.soak --hours 3
	$(BIN)/python -m tests.paper.outage --minutes 10
	$(BIN)/python -m tests.paper.restarts --bars 1500
	$(BIN)/python -m tests.paper.matrix

golden: $(READY)
	$(BIN)/python -m tests.golden.rebuild

docs: $(READY)
	$(BIN)/python -m tests.docs.rebuild

earlier-systems: $(READY)
	$(BIN)/python -m tests.docs.earlier_systems

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find cryptonn strategies tests -name __pycache__ -exec rm -rf {} +
	@echo "Left as they are: candles (data/), runs and searches (backtests/results/, backtests/searches/)."

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 14))' || \
	  { echo "cryptonn needs Python 3.11, 3.12 or 3.13; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV): a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	@# as pip would, but on every core, and without what nothing here imports
	$(BIN)/python -m compileall -qq -j 0 -x '/tests/|/ccxt/(async_support|pro)/' $(VENV)/lib
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
