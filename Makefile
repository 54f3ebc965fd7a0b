# Everything runs from .venv in this checkout; `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test oracle check lint types docs cards messages train bench clean

# The first of these that is Python 3.11 to 3.13, or whatever PYTHON says.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
HOME_DIR ?= barograph-home
PORT ?= 8501
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Create .venv and install what constraints.txt pins

.venv/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "barograph needs Python 3.11, 3.12 or 3.13: install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up .venv with $$($(PYTHON) --version): some hundred MB to fetch, which takes minutes"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@echo "compiling the matcher, about 20 s, so that the first run need not"
	@$(BIN)/python -c 'import lexicons, polars; lexicons.match(polars.DataFrame({"post_id": ["1"], "text": ["fine"]}), lexicons.load("joy_en"))'
	@touch $@

# What lexicons are learned with and measured against. nade's own requirement would overwrite fasttext-predict.
.venv/.bench: .venv/.ready
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@$(BIN)/python -m pip install --quiet --no-deps nade==0.3.1
	@touch $@

run: setup ## Watch a simulated population: http://localhost:8501 (Ctrl-C stops it)
	@$(BIN)/barograph up --source simulated --home $(HOME_DIR) --port $(PORT)

# Two at once, a file each, in the order of the folders, so that long files are not left for the end.
test: setup ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

oracle: setup ## Hold the matcher against the slow one on a million random posts (half an hour)
	@BAROGRAPH_RANDOM_POSTS=1000000 $(BIN)/python -m pytest --timeout 7200 tests/lexicons/test_match.py -k generated

check: setup lint types test docs ## Lint, types, tests, docs

lint: setup ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## Check types
	@$(BIN)/mypy

docs: setup ## Check that the generated pages say what the code does
	@$(BIN)/python -m docs.generate --check

cards: setup ## Fill what was measured into the cards of lexicons and tasks
	@$(BIN)/python -m lexicons.cards
	@$(BIN)/python -m benchmarks.annotator_cards

# No line numbers: a translation changes only where a sentence does.
messages: setup ## Gather the sentences that pages say into barograph/locale, for translators
	@$(BIN)/pybabel -q extract -F babel.cfg -k noted -k noted_pair:1,2 --no-location --sort-output --omit-header -o .venv/messages.pot .
	@$(BIN)/pybabel -q update -i .venv/messages.pot -o barograph/locale/es.po -l es --no-fuzzy-matching --omit-header --ignore-obsolete

train: setup ## Train the house model on the daily series beside the project, half an hour
	@$(BIN)/python -m forecasting.train

# Speed is measured on the posts in data/posts of BAROGRAPH_SHARED, else on simulated ones; the archive takes 6 GB of
# memory. Forecasts take the series in data/series, validity and base rates the labelled sets in data/labelled there.
bench: setup .venv/.bench ## Measure speed, forecasts, and how well lexicons agree with human labels
	@$(BIN)/python -m benchmarks.pipeline
	@$(BIN)/python -m benchmarks.matching
	@$(BIN)/python -m benchmarks.backfill
	@$(BIN)/python -m benchmarks.delivery
	@$(BIN)/python -m benchmarks.streaming
	@$(BIN)/python -m benchmarks.killed
	@$(BIN)/python -m benchmarks.correction
	@$(BIN)/python -m benchmarks.annotate
	@if command -v chromium >/dev/null; then $(BIN)/python -m benchmarks.dashboard; \
	else echo "no Chromium: the page is not measured; apt-get install chromium"; fi
	@if [ -f "$${BAROGRAPH_SHARED:-../shared}/data/series/markers_daily.parquet" ]; then \
		$(BIN)/python -m benchmarks.forecasting && $(BIN)/python -m benchmarks.unseen && $(BIN)/python -m benchmarks.alerts && $(BIN)/python -m benchmarks.gaps; \
	else echo "no daily series: forecasts are not measured; set BAROGRAPH_SHARED to the folder that holds data/series"; fi
	@if [ -d "$${BAROGRAPH_SHARED:-../shared}/data/labelled" ]; then \
		$(BIN)/python -m benchmarks.base_rates && $(BIN)/python -m benchmarks.validity && \
		$(BIN)/python -m benchmarks.annotators --annotator nade; \
	else echo "no labelled sets: validity is not measured; set BAROGRAPH_SHARED to the folder that holds data/labelled"; fi

clean: ## Remove .venv and caches (never a home)
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
