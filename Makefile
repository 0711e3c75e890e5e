# `make demo` and `make test` start from a bare Python 3.10+ with pip and make their own .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT := demo-out

.PHONY: demo test test-ffmpeg lint bench clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# A stamp for each set of packages, renewed when setup.cfg changes.
$(VENV)/.demo: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	touch $@

demo: $(VENV)/.demo
	$(BIN)/awct2 convert tests/tiny/checkpoint $(DEMO_OUT)/model --force
	$(BIN)/awct2 run tests/sample/corpus --model $(DEMO_OUT)/model --output $(DEMO_OUT)/transcripts --overwrite
	$(BIN)/awct2 eval $(DEMO_OUT)/transcripts tests/sample/references.jsonl --max-cer 5

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not ffmpeg'

# What is heard beside what the `ffmpeg` command hears; Debian's packages ffmpeg, lame and flac make the files.
test-ffmpeg: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m ffmpeg tests/reports

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The CPU part; `python -m benchmarks.gpu` is the GPU's. An hour or so: the peers are part of it.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.frontend
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.vad
	$(BIN)/python -m benchmarks.mixed
	$(BIN)/python -m benchmarks.retries
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.ray_overhead
	$(BIN)/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.render

clean:
	rm -rf $(VENV) $(DEMO_OUT) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
