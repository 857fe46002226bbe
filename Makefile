# `make demo` and `make test` are all that a fresh machine needs: both set up what is missing first, and do so only once.

BIN := .venv/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo lint format test pytest bench clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

setup:  ## virtual environment, packages, libfluidsynth
	@./setup

demo: setup  ## rewrite bars of two chorales; scores, pictures, sound and a report in demo/
	@$(BIN)/python examples/demo.py

lint: setup  ## ruff, mypy and the import contract
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy examples
	$(BIN)/lint-imports

format: setup  ## let ruff put the code in order
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

test: setup  ## what CI runs: lint and the tests side by side (PYTEST_ARGS="-m slow" for the long ones)
	@$(MAKE) --no-print-directory --jobs 2 lint pytest

pytest: setup  ## the tests alone
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(PYTEST_ARGS)

bench: setup  ## every benchmark in tests/bench, one after the other
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; done

clean:  ## remove the virtual environment, caches and results of the demo
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
