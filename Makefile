# `make run` and `make test` set up what they need; the stamp files make the second time quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test acceptance fuzz bench-decide bench-probes bench-publish bench-reaction bench-dns bench-undisturbed bench-providers lint plots lock clean

# What asks a real nameserver over UDP: once more where it reads packets one by one. Databases are none of that.
ASKED := $(patsubst %,tests/nameserver/test_%.py,additional answers edns geo limiter listen lowered packets querylog subnet tsig)

run: $(VENV)/.run
	@exec $(BIN)/gslb demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadfile -m "not acceptance" --cov --cov-report=term
	GSLB_PLAIN=1 $(BIN)/pytest -n auto --dist loadfile -m "not acceptance" -k "not database" $(ASKED)

acceptance: $(VENV)/.dev
	$(BIN)/pytest -m acceptance --timeout 900 -s

# Packets against the parser, for as long as is asked for.
fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.nameserver.fuzz_packets -max_total_time=$(or $(SECONDS),60)

# But for decide and publish: root, two cores, and the Debian packages that README.md names. ARGS="--help" lists what can be asked.
bench-decide bench-probes bench-publish bench-reaction: bench-%: $(VENV)/.run
	$(BIN)/python -m benchmarks.$* $(ARGS)

# The nameserver beside others, and beside its own compiling; the same holds.
bench-dns: $(VENV)/.dev
	$(BIN)/python -m tests.bench.dns $(ARGS)

bench-undisturbed: $(VENV)/.dev
	$(BIN)/python -m tests.bench.dns.undisturbed $(ARGS)

# Changes at stand-ins of Route 53 and Cloud DNS; ARGS=--throttled lets an account with one request a second fail over.
bench-providers: $(VENV)/.dev
	$(BIN)/python -m tests.bench.providers $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The formulas of docs/scores.md.
plots: $(VENV)/.dev
	$(BIN)/python -m benchmarks.plots

lock: $(VENV)/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev -o requirements-dev.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .coverage*
