# Everything is installed into .venv. A fresh machine needs Python >= 3.10 and make.
PYTHON ?= python3
BIN := .venv/bin
# "newest" or "oldest": which versions of what bohb depends on are installed.
DEPENDENCIES ?= newest
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: demo test test-fast compat frameworks lint bench bench-full docs links clean

demo: .venv/.demo ## tune a neural network on real data
	$(BIN)/python examples/digits.py

# Threads of BLAS would be in each other's way, and hundreds of processes would each compile all.
test test-fast: export OPENBLAS_NUM_THREADS ?= 1
test test-fast: export PYTHONDONTWRITEBYTECODE :=
# Many tests wait, so there is one process more than processors.
PYTEST = $(BIN)/python -m pytest --numprocesses \
	$$($(BIN)/python -c "import os; print(os.cpu_count() + 1)")

test: .venv/.test ## run all tests, doctests, examples and the README
	$(PYTEST)

test-fast: .venv/.test ## run the tests that are not marked slow, in under two minutes
	$(PYTEST) -m "not slow"

compat: .venv/.compat ## run the tests of Optuna's installed release on studies of bohb
	$(BIN)/python tests/compat/run.py

frameworks: .venv/.frameworks ## run the tests and pages of the training frameworks, in gigabytes
	$(BIN)/python -m pytest tests/integration tests/executors/test_spark.py tests/test_documents.py \
		tests/cli/jobs/test_hypertune.py

lint: .venv/.test ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench ## measure overhead, storages, scaling, regret and searches; BOHB_YAHPO_DATA adds the surrogates
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/storage.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/regret.py --seeds 3
	$(BIN)/python benchmarks/searches.py --seeds 4

bench-full: .venv/.bench ## compare with other systems, in hours; goes on where it was ended
	$(BIN)/python benchmarks/compare.py run
	$(BIN)/python benchmarks/compare.py page

docs: .venv/.docs ## build the documentation into docs/_build
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md docs/*.md docs/concepts docs/how-to docs/coming-from bohb examples --skip "*.ipynb"
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

links: .venv/.docs ## check the links of the documentation to other sites, which needs the network
	$(BIN)/sphinx-build -b linkcheck docs docs/_build/links

clean:
	rm -rf .venv docs/_build

.venv/bin/python:
	$(PYTHON) -m venv --upgrade-deps .venv # an old pip takes twice as long

.venv/.demo: EXTRAS := sklearn,plot
.venv/.test: EXTRAS := test
.venv/.compat: EXTRAS := compat
.venv/.frameworks: EXTRAS := cli,dask,frameworks
.venv/.bench: EXTRAS := bench
.venv/.docs: EXTRAS := docs,sklearn,plot,dask,ray
.venv/.%: pyproject.toml | .venv/bin/python
ifeq ($(DEPENDENCIES),oldest)
	$(INSTALL) uv # pip cannot choose the oldest versions
	$(BIN)/uv pip install --quiet --python $(BIN)/python --resolution lowest-direct \
		--editable ".[$(EXTRAS)]"
else
	$(INSTALL) --editable ".[$(EXTRAS)]"
endif
	-$(BIN)/python -m compileall -q -j 0 -x /tests/ .venv/lib # pip has but one process for it
	touch $@
