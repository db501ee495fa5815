HOST ?= 127.0.0.1
PORT ?= 7860
PYTHON ?= python3
BIN := .venv/bin
# A package index that carries PyTorch's CPU build, such as the one PyTorch's site names; empty for the default.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run build test check bench quality train screenshot clean

run: build ## Serve the app on http://HOST:PORT
	$(BIN)/python app.py --host $(HOST) --port $(PORT)

build: .venv/run ## Build the index, or refresh what changed
	$(BIN)/playbook-qa build

test: .venv/test ## Run every test
	$(BIN)/python -m pytest

check: .venv/test ## Lint, types, architecture, and the chapters' form and code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py
	$(BIN)/playbook-qa verify --edition content/edition.json
	$(BIN)/python tests/code_blocks.py

bench: .venv/test ## Time build and questions beside sentence-transformers
	$(BIN)/python -m benchmarks.speed

quality: .venv/train ## Put the golden sets to this house and its peers; writes docs/quality.md
	$(BIN)/python -m benchmarks.quality

train: .venv/train ## Adapt the encoder to the edition's questions and teach the grader; writes qa/models/
	$(BIN)/python -m training.encoder
	$(BIN)/python -m training.grader

screenshot: .venv/test ## Take docs/ask.png from the running app
	$(BIN)/python -m benchmarks.screenshot

clean: ## Remove the environment and the index
	rm -rf .venv index/[!R]*

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; run make with PYTHON=python3.12 or the like")'
	$(PYTHON) -m venv .venv

.venv/run: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable .
	touch $@

.venv/test: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[test]'
	touch $@ .venv/run

.venv/train: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[test,train]'
	touch $@ .venv/run .venv/test
