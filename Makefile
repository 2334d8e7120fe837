# make run, make test, make test-heavy, make test-hosts, make test-faults, make test-mutants, make check, make messages, make bench, make bench-scale, make bench-overload, make lock: each works in a fresh checkout with Python >= 3.11.

PY ?= python3
PYTEST_ARGS ?= -n 2 --dist loadgroup
VENV := var/venv
PYTHON := $(VENV)/bin/python
# Locks are whole, so nothing is left to resolve; older pips would look for newer releases of packages with extras, and refuse those.
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
# A throw-away environment: uv resolves the locks and is needed for nothing else.
UV := var/uv/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
# So that the settings can be read where no service runs.
OFFLINE := env -u DATABASE_URL -u REDIS_URL -u SECRET_KEY

# Without its compiled modules each of the many processes takes seconds longer to start.
unexport PYTHONDONTWRITEBYTECODE

# Kills, cuts and fills, while a crowd votes, for up to a quarter of an hour. SEED= repeats a run; ONLY="web flushed" chooses scenarios;
# FROM=COMMIT adds the upgrade from there.
test-faults: $(VENV)/dev.ok
	$(PYTHON) -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) $(if $(FROM),--upgrade-from $(FROM))

# Whether the faults would find mistakes: each one in turn, which takes about half an hour.
test-mutants: $(VENV)/dev.ok
	$(PYTHON) -m tests.faults.mutants $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

.PHONY: run test test-heavy test-hosts test-faults test-mutants check messages bench bench-scale bench-overload lock
.DELETE_ON_ERROR:

run: $(VENV)/run.ok
	@$(PYTHON) -m config.embedded run --with-parent

test: $(VENV)/dev.ok
	$(PYTHON) -m pytest $(PYTEST_ARGS)

# What would take the suite beyond ten minutes: damaged backups, more kills, a flood of readers.
test-heavy: $(VENV)/dev.ok
	$(PYTHON) -m pytest $(PYTEST_ARGS) -m heavy

# Two hosts as network namespaces with control groups: as root, on Linux; elsewhere it is skipped with the reason.
test-hosts: $(VENV)/dev.ok
	HOSTS=1 $(PYTHON) -m pytest tests/functional/test_hosts.py

check: $(VENV)/dev.ok
	$(PYTHON) -m pip --disable-pip-version-check check
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy .
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(PYTHON) -m config.texts check
	$(PYTHON) -m djlint templates --check --quiet
	$(PYTHON) -m djlint templates --lint --quiet
	$(OFFLINE) $(PYTHON) -W 'ignore:Got an error checking a consistent migration history' manage.py makemigrations --check --dry-run
	@if grep -n '://' requirements*.txt; then echo 'A lock file names a host: run make lock'; exit 1; fi

# New texts of the sources go into locale/*/LC_MESSAGES/django.po, where their translations are filled in; gone ones go.
messages: $(VENV)/dev.ok
	$(PYTHON) -m config.texts update

# DATA= names a folder of vote sets; every rule is then replayed on each of them, too.
bench: $(VENV)/bench.ok
	$(PYTHON) -m benchmarks $(if $(DATA),--data '$(DATA)') $(BENCH_ARGS)

# The service with so many questions (10000, 100000, 1000000, 14197122): see docs/performance.md. SCALE_ARGS="leases load" measures parts.
bench-scale: $(VENV)/bench.ok
	$(PYTHON) -m benchmarks.scale --questions $(or $(QUESTIONS),100000) $(SCALE_ARGS)

# Ten times as many annotators as before (docs/operations.md). OVERLOAD_ARGS=--cost measures what the bounds cost, --bare the service without.
bench-overload: $(VENV)/dev.ok
	$(PYTHON) -m benchmarks.overload $(OVERLOAD_ARGS)

lock: $(UV)
	$(COMPILE) pyproject.toml --extra binary --extra embedded --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra binary --extra embedded --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt
	$(COMPILE) pyproject.toml --extra source --extra backup --constraint requirements.txt --output-file requirements-prod.txt

$(VENV)/run.ok: requirements.txt | $(PYTHON)
	@echo 'Installing what the service needs (once, about half a minute) ...'
	@$(INSTALL) -r requirements.txt
	@touch $@

# The development lock holds everything of the other one.
$(VENV)/dev.ok: requirements-dev.txt | $(PYTHON)
	@echo 'Installing what the tests need (once, about a minute) ...'
	@$(INSTALL) -r requirements-dev.txt
	@touch $(VENV)/run.ok $@

# crowd-kit and numba, which nothing but the benchmarks needs.
$(VENV)/bench.ok: requirements-bench.txt $(VENV)/dev.ok
	@echo 'Installing what the benchmarks need (once, about a minute) ...'
	@$(INSTALL) -r requirements-bench.txt
	@touch $@

$(PYTHON):
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PY=/path/to/python3'; exit 1; }
	@$(PY) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'No virtual environment could be made (Debian, Ubuntu: apt-get install python3-venv)'; exit 1; }

$(UV):
	@$(PY) -m venv var/uv
	@var/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'
