# Set-up in one step each: `make demo` answers a question, `make test` runs every test.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Halves the time to compile llama.cpp; CMAKE_ARGS of your own come after it.
LLAMA := -DCMAKE_PROJECT_llama_cpp_INCLUDE='$(CURDIR)/scripts/llama.cmake'
QUESTION ?= What does self-attention do?

.PHONY: demo test fast check clean

demo: .venv/installed
	@echo "== Indexing corpus/ (the first time: about 20 seconds) and asking: $(QUESTION)"
	@$(BIN)/ragqa ask --docs corpus "$(QUESTION)"
	@echo "== For your own: $(BIN)/ragqa index FOLDER, then $(BIN)/ragqa ask QUESTION"

test: .venv/installed-dev
	@echo "== All tests, real models included: about 15 minutes on 2 cores (make fast: 2 minutes)"
	$(BIN)/python -m pytest

fast: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow"

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ragqa needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "== Installing into .venv/: about 4 minutes on 2 cores, most of it for compiling llama.cpp"
	CMAKE_ARGS="$(LLAMA) $$CMAKE_ARGS" $(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "== Installing the test tools into .venv/: about 1 minute"
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist
