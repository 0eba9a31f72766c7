# One command a job; `make` alone lists them. Everything runs from .venv, made on first use from PyPI.
VENV ?= .venv
WORKERS ?= 2
WHICH ?= short
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
# What decides the content of .venv: the parts of pyproject.toml above [tool], and the pins.
NEEDS := $(shell { sed '/^\[tool/,$$d' pyproject.toml; cat constraints.txt; } | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(NEEDS)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt docs evidence clean

help:  ## list the jobs
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

setup: $(READY)  ## make .venv, or bring it up to date

$(READY): | $(VENV)/bin/python
	@echo "setup: installing into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e . --group test --group lint
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get install -qq -y chromium >/dev/null 2>&1; } || echo "setup: no chromium: the page is not tested"
	@rm -f $(VENV)/.ready-*
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

demo: $(READY)  ## train on the Python sources of this machine, and ask the model
	@$(BIN)/thrifty demo

test: $(READY)  ## all tests, from an empty kernel cache wherever a kernel changed
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

check: $(READY)  ## lint, format, floors, types, and pages that are up to date
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pyrefly check --output-format min-text
	@$(BIN)/python -m tools.gallery --check
	@echo "check: all passed"

fmt: $(READY)  ## format, and mend what the linter can mend
	@$(BIN)/ruff check --fix --exit-zero
	@$(BIN)/ruff format

docs: $(READY)  ## write the pages that come from the code
	@$(BIN)/python -m tools.gallery
	@echo "docs: wrote docs/methods.md"

evidence: $(READY)  ## measure again; WHICH=long or WHICH=gpu for what takes longer
	@$(BIN)/python -m tools.evidence $(WHICH)

clean:  ## remove what the jobs made, .venv included
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .ruff_cache .import_linter_cache
	find src tests evidence tools -name __pycache__ -prune -exec rm -rf {} +
