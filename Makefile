# make demo   sets up and shows the main job on the embedded local registry
# make test   sets up and runs every check: lint, types, tests
# make fast   the same without the tests marked slow
# make chaos  an hour of runs that are killed under random faults; make chaos MINUTES=5 KILLS=20 SEED=7
# make fuzz   a million damaged documents; make fuzz DOCUMENTS=10000
# make guided a million documents by a fuzzer that watches the code (atheris, installed for it)
# make soak   a hundred nights of change; make soak NIGHTS=10
# make every-step  a writer of a store in a bucket, and a repair, die at every single step; the tests take some of them
# make bench  what a start of the command costs, and what a crawl costs beside the least that it could cost
# make bench-queries  what each query costs over a store of a million images, which it builds first (some minutes)
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test fast chaos fuzz guided soak every-step bench bench-queries lint types tests constraints clean

demo: $(READY)
	$(VENV)/bin/indexer demo

test: lint types tests

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY)
	$(VENV)/bin/mypy

tests: $(READY)
	$(VENV)/bin/pytest

fast: lint types
	$(VENV)/bin/pytest -m "not slow"

chaos: $(READY)
	PYTHONPATH=tests $(VENV)/bin/python -m endurance.chaos --minutes $(or $(MINUTES),60) --kills $(or $(KILLS),200) $(if $(SEED),--seed $(SEED))

fuzz: $(READY)
	PYTHONPATH=tests $(VENV)/bin/python -m endurance.fuzz --documents $(or $(DOCUMENTS),1000000) $(if $(SEED),--seed $(SEED))

guided: $(READY)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	PYTHONPATH=tests $(VENV)/bin/python -m endurance.guided --documents $(or $(DOCUMENTS),1000000) $(if $(SEED),--seed $(SEED))

soak: $(READY)
	PYTHONPATH=tests $(VENV)/bin/python -m endurance.soak --nights $(or $(NIGHTS),100) $(if $(SEED),--seed $(SEED))

every-step: $(READY)
	$(VENV)/bin/pytest tests/store -k "dying or dies" --every-step --timeout 3600

bench: $(READY)
	$(VENV)/bin/python benchmarks/start.py
	$(VENV)/bin/python benchmarks/crawl.py

bench-queries: $(READY)
	$(VENV)/bin/python benchmarks/queries.py

# Every package in constraints.txt, at that version and with one of those hashes, then the checkout itself.
$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

# Takes the newest versions that fit pyproject.toml; for maintainers.
constraints: $(READY)
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --quiet --extra dev pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) demo-store
