# `make run` and `make test` are all that a fresh machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/proton
WORKERS ?= auto
REFERENCE := tests/reference/proton
GUARDED := --models all --detector proton --runs 1 --no-resume --quiet

.PHONY: help install run test test-quick fuzz lint docs map figures bench retrain reference guard clean

help:
	@echo "make run    set up .venv and compare all models on the embedded proton data"
	@echo "make test   set up .venv and run the tests"
	@echo "make test-quick  the tests less the slow ones, in a minute"
	@echo "make fuzz   the fuzz tests with a hundred times as many inputs, at random (TIMES=100)"
	@echo "make lint   ruff and mypy (strict)"
	@echo "make docs   the documentation as a web site, in site/"
	@echo "make map    the picture of the rooms, in docs/_static"
	@echo "make figures  the pictures of the Monte Carlo and of the cascade, in docs/_static"
	@echo "make bench  speed, as ratios measured side by side (pytest-benchmark)"
	@echo "make guard  run our own models and compare them with the committed reference result"
	@echo "make reference  make that reference result anew, after an intended change of the weights"
	@echo "make retrain MODEL=gan DETECTOR=proton  train a shipped model anew; resumes"
	@echo "make clean  remove .venv and caches"

install: $(VENV)/.installed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,lint]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

run: $(VENV)/.installed
	$(BIN)/simbench run --models all --detector proton --executor processes --out $(OUT)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

TIMES ?= 100
fuzz: $(VENV)/.installed-test
	SIMBENCH_FUZZ=$(TIMES) $(BIN)/python -m pytest -n 0 tests/harness/fuzz tests/plugins/readers/test_mutated.py

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Warnings, broken links among them, are errors.
docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -b html docs site

map: $(VENV)/.installed
	$(BIN)/python docs/rooms.py

figures: $(VENV)/.installed
	$(BIN)/python docs/monte_carlo.py
	$(BIN)/python docs/cascade_figure.py

bench: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-disable-gc --benchmark-columns=median,iqr,rounds

# A result small enough to be committed: its units are what a later run, with the same seed, is compared with.
reference: $(VENV)/.installed
	rm -rf $(REFERENCE)
	$(BIN)/simbench run $(GUARDED) --out $(REFERENCE)
	$(BIN)/python -m simbench.harness.record.slim $(REFERENCE)
	@du -sh $(REFERENCE)

# A model that fails is the comparison's to report (status 1 of the run).
guard: $(VENV)/.installed
ifeq ($(wildcard $(REFERENCE)/result.json),)
	@echo "make guard: SKIPPED, there is no reference result in $(REFERENCE) yet; make reference makes one"
else
	@rm -f runs/guard/comparison.*
	$(BIN)/simbench run $(GUARDED) --out runs/guard || [ $$? -eq 1 ]
	$(BIN)/simbench compare $(REFERENCE) runs/guard --tolerance ws=2% --format table --format markdown --out runs/guard \
	|| { status=$$?; cat runs/guard/comparison.txt; exit $$status; }
	@cat runs/guard/comparison.txt
endif

# The mixtures' weights lie in expertsim/trained, all others in baselines/trained.
MODEL ?= gan
DETECTOR ?= proton
HOME_OF_WEIGHTS = $(if $(filter expertsim-%,$(MODEL)),expertsim,baselines)/trained
retrain: $(VENV)/.installed
	$(BIN)/simbench train $(MODEL) --detector $(DETECTOR) --out runs/retrained/$(DETECTOR)-$(MODEL)
	cp runs/retrained/$(DETECTOR)-$(MODEL)/weights.safetensors $(HOME_OF_WEIGHTS)/$(DETECTOR)-$(MODEL).safetensors

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache *.egg-info
