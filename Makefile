# PYTHON  the interpreter that .venv is made with       make demo PYTHON=python3.13
# ARGS    for pytest, instead of the whole suite        make test ARGS='-k cursor -x'
# QUICK   a short benchmark instead of the full one     make bench QUICK=1
# ONLY    parts of it; AGAIN: anew; PAIRS: rounds       make bench ONLY=drain,latency AGAIN=1 PAIRS=7
# PEERS   beside these alone                            make bench ONLY=drain PEERS=graphile

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(if \
    $(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))) python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --durations=10

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-processes check bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 15

demo: .venv/.installed ## the sample app with all it needs, in the foreground; PORT and LONGPOLL_PORT choose the ports
	@$(BIN)/python -m sample_app.demo --tied

test: check ## check, then all tests; QUEUEAPI_TEST_DSN tests another PostgreSQL than the embedded one
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	@$(MAKE) --no-print-directory $(if $(CI),--jobs=2 --output-sync=target) test-fast test-processes
endif

# Where CI is set, both at once: the one computes, the other mostly waits for real processes. What they say comes apart.
test-fast: .venv/.installed
	$(PYTEST) -m "not system and not browser"

test-processes: .venv/.installed
	$(PYTEST) -m "system or browser"

check: .venv/.installed ## what can be found wrong without running it: style, types, who imports whom
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed ## measure beside others what is missing; QUICK, ONLY, PEERS, AGAIN and PAIRS choose (see docs/benchmarks.md)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(AGAIN),--again) $(if $(PAIRS),--pairs $(PAIRS)) \
	    $(if $(PEERS),--peers $(PEERS)) $(ONLY)

clean: ## away with everything that was made here: .venv, the demo's data, caches
	@home=$$(cat .dev/postgres/elsewhere 2>/dev/null); case "$$home" in */queueapi-postgres-*) rm -rf "$$home" ;; esac
	rm -rf .venv .dev .bench dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# A file of its own says that the installation is whole: a directory is there as soon as it has begun.
.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or later is needed and $(PYTHON) is not that: install one, or name it, as in make PYTHON=python3.12" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv, or name another by PYTHON=" >&2; \
	    exit 1; }
	@echo "setting up .venv with $$($(PYTHON) --version) (a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
