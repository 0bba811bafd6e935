# The two commands of the README are `make demo` and `make test`. Both work on a machine with Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
OUT    ?= demo

.PHONY: help demo test lint bench lock clean
help:
	@echo "make demo    plan emotion regulation on the embedded head; the last line names the report"
	@echo "make test    run every test"
	@echo "make lint    style, formatting, types, import contracts"
	@echo "make bench   speed and accuracy, measured on this machine"
	@echo "make lock    renew requirements.lock"
	@echo "make clean   remove the environment and what was made"

demo: $(VENV)/.installed
	$(BIN)/assuage plan --head colin27 --circuit emotion_regulation --techniques tms,tes --out $(OUT) --force

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks

lock: $(VENV)/.installed-test
	$(PIP) install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra test --extra lint --extra bench --no-emit-index-url --no-annotate -o requirements.lock pyproject.toml

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "assuage needs Python 3.11 to 3.13, this is %d.%d; name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(BIN)/python
	@echo "installing assuage into $(VENV) (once)"
	$(PIP) install --no-compile --progress-bar on -c requirements.lock -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml requirements.lock | $(BIN)/python
	@echo "installing assuage and its test tools into $(VENV) (once)"
	$(PIP) install --no-compile --progress-bar on -c requirements.lock -e '.[test,lint,bench]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
