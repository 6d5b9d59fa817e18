# Every target sets up what it needs from a fresh clone and says plainly what is missing.
#   make book     environment, execution of every chapter, site
#   make test     everything that proves it
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
# every process would compile the library anew, and the tests rewrite all their assertions
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV ?= .venv
# torch: "make TORCH_INDEX=<address of a wheel index>" chooses a build (CPU, CUDA); the default is pip's own.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
PYTEST ?=
MARKS ?= not clone and not weekly
JOBS ?= 2

BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.ready-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d" " -f1)
SAY = @printf '\n== %s\n'

.PHONY: help env kernels book test test-all test-clone cost verdicts links lab bench lint chapter text notebook pages lock clean distclean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Missing: '$(PYTHON)'. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) --version). Name another: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(SAY) "1/3 environment in $(VENV) (about two minutes and 2 GB the first time)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment: on Debian or Ubuntu install the package python3-venv."; exit 1; }
	@$(PY) -c 'import torch, sys; sys.exit(torch.__version__.split("+")[0] != "$(TORCH)".split("==")[-1])' 2>/dev/null \
	  || $(PY) -m pip install --progress-bar on $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(SAY) "2/3 locked packages, every file checked against its hash"
	@$(PY) -m pip install --progress-bar off --require-hashes --no-deps -r requirements.lock \
	  | awk -v n="$$(grep -c '==' requirements.lock)" '/^(Collecting|Requirement already)/ { i++; if (i % 25 == 0 || i == n) print "   " i " of " n " packages" } /^Installing/ { print "   installing" } { fflush() }'
	$(SAY) "3/3 paralg itself, editable"
	@$(PY) -m pip install -q --no-deps --no-build-isolation -e .
	@$(PY) -m pip check
	@rm -f $(VENV)/.ready-*; touch $@

env: $(STAMP) ## the locked environment in .venv

kernels: $(STAMP) ## compile and cache the numba kernels (outside every time budget)
	@$(PY) -m paralg.warm

book: kernels ## execute every chapter and build the site into _build/html
	@$(PY) book/_ext/build.py --jobs $(JOBS)

test: book ## all tests, with coverage of paralg
	@$(PY) tests/browser.py
	@$(BIN)/ruff check --quiet paralg tests book benchmarks
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m "$(MARKS)" --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST)

test-all: ## what `make test` does, and all that is checked again only to be sure
	@PARALG_EXAMINE=all $(MAKE) --no-print-directory test MARKS="not clone"

cost: $(STAMP) ## what every chapter costs: lines, words, seconds, beside its budgets
	@$(PY) tests/cost.py

verdicts: $(STAMP) ## keep what the last `make test` found of pages: it is not looked at again until they change
	@$(PY) tests/verdicts.py

test-clone: $(STAMP) ## clone the last commit elsewhere and run the README's commands there, from nothing
	@$(PY) -m pytest -m clone -s tests/project

links: book ## every link to the outside, checked over the network
	@$(PY) book/_ext/build.py --links

lab: kernels ## JupyterLab on copies of the open notebooks, in lab/
	@$(PY) book/_tools/lab.py

bench: kernels ## every chapter against its peers, in one run; results go to a page of the book
	@for b in benchmarks/bench_*.py; do printf '\n== %s\n' "$$b"; $(PY) -m benchmarks.$$(basename $$b .py) $(BENCH) || exit 1; done
	@echo; echo "Results are in benchmarks/results/; 'make book' puts them on the benchmark page."

lint: $(STAMP) ## ruff
	@$(BIN)/ruff check paralg tests book benchmarks

chapter: $(STAMP) ## PART=… PAPER=… [EXPERIMENTS=1]: a new chapter from the template, or its page of experiments
	@$(PY) book/_tools/new_chapter.py "$(PART)" "$(PAPER)" $(if $(EXPERIMENTS),--experiments)

text: $(STAMP) ## NB=notebooks/….ipynb: write it as MyST text beside it, to edit in any editor
	@test -f "$(NB)" || { echo "Name a notebook: make text NB=notebooks/recurrences/mamba.ipynb"; exit 2; }
	@test ! -e "$(NB:.ipynb=.md)" || { echo "$(NB:.ipynb=.md) is there already: read it back with 'make notebook NB=$(NB)', or delete it."; exit 2; }
	@$(PY) book/_tools/nb.py to-text "$(NB)" "$(NB:.ipynb=.md)"

notebook: $(STAMP) ## NB=notebooks/….ipynb: read the edited text back, keeping cell ids
	@test -f "$(NB:.ipynb=.md)" || { echo "There is no text to read back: make text NB=notebooks/recurrences/mamba.ipynb comes first"; exit 2; }
	@$(PY) book/_tools/nb.py from-text "$(NB:.ipynb=.md)" "$(NB)" && rm "$(NB:.ipynb=.md)"

pages: book ## notebooks/open: every chapter as a notebook for Jupyter, Binder and Colab, references resolved
	@$(PY) book/_tools/pages.py

lock: $(STAMP) ## resolve requirements.lock anew from pyproject.toml
	@$(PY) book/_tools/lock.py

clean: ## everything that was built (the environment stays)
	@rm -rf _build build *.egg-info .pytest_cache .hypothesis .ruff_cache .coverage .coverage.* htmlcov
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## the environment too
	@rm -rf $(VENV)
