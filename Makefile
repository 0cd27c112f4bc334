# Vigie: set-up, start and tests. `make` alone lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
LOCKS := deploy/requirements
PORT ?= 8080
WORKERS ?= 3
UV := uv==0.13.9

# PYTHON=/path/to/python chooses the interpreter; else make-venv.sh finds one.
export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install run test check bench lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## set up .venv from the lock, with .venv/bin/vigie

run: install ## start with the simulator and demo content at http://127.0.0.1:8080 (PORT=)
	@$(VENV)/bin/vigie init --demo
	@exec $(VENV)/bin/vigie serve --host 127.0.0.1 --port $(PORT)

# Files in their order: else those with the fewest tests come last, and they take the longest.
test: check ## set up, check and run every test
	@deploy/install-chromium.sh
	@$(VENV)/bin/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev ## format, lint, types and imports, without the tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.installed-bench ## print the measurements
	@$(VENV)/bin/python -m tests.bench

lock: $(VENV)/.installed ## re-make the lock with the newest versions that pyproject.toml admits
	$(VENV)/bin/pip install --quiet $(UV)
	$(COMPILE) $(LOCKS)/build.in --output-file $(LOCKS)/build.txt
	$(COMPILE) pyproject.toml --output-file $(LOCKS)/run.txt
	$(COMPILE) pyproject.toml --extra dev --constraint $(LOCKS)/run.txt --output-file $(LOCKS)/dev.txt
	$(COMPILE) pyproject.toml --extra dev --extra bench --constraint $(LOCKS)/dev.txt \
		--output-file $(LOCKS)/bench.txt
	$(COMPILE) $(LOCKS)/durable.in --output-file $(LOCKS)/durable.txt

# One lock serves every system and every Python from 3.11 on.
COMPILE = $(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header

clean: ## remove .venv and caches, never data or keys
	rm -rf $(VENV) build *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache

# The stamps make each step run again only when what it is made from has changed.
$(VENV)/.installed: $(LOCKS)/build.txt $(LOCKS)/run.txt pyproject.toml deploy/make-venv.sh
	@deploy/make-venv.sh $(VENV)
	@echo 'Installing what the lock names into $(VENV) …'
	@$(VENV)/bin/pip install --quiet --require-hashes -r $(LOCKS)/build.txt -r $(LOCKS)/run.txt
	@$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed $(LOCKS)/dev.txt
	@echo 'Installing what the tests need …'
	@$(VENV)/bin/pip install --quiet --require-hashes -r $(LOCKS)/dev.txt
	@touch $@

# durable_rules is only to be had as source: without a C compiler the bench leaves it out.
$(VENV)/.installed-bench: $(VENV)/.installed-dev $(LOCKS)/bench.txt $(LOCKS)/durable.txt
	@echo 'Installing what is measured beside Vigie …'
	@$(VENV)/bin/pip install --quiet --require-hashes -r $(LOCKS)/bench.txt
	@$(VENV)/bin/pip install --quiet --require-hashes --no-build-isolation \
		-r $(LOCKS)/durable.txt || echo 'durable_rules could not be built: it is left out.'
	@touch $@
