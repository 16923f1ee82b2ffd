# Two commands do everything on a fresh machine: make demo, make test.
# Nothing is assumed but Python 3.11+, make and a package registry.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test lint bench torture lock clean
help:
	@echo "make demo     the whole story on an embedded AWS and a real PostgreSQL, no account needed"
	@echo "make test     the tests"
	@echo "make lint     ruff, mypy, import contracts"
	@echo "make bench    the measured figures"
	@echo "make torture  the slow tests: kill -9 everywhere"
	@echo "make lock     resolve the locked versions anew (needs uv)"

$(READY): requirements/lock.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes -r requirements/lock.txt
	$(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)
	$(BIN)/migrate demo run

# In the order of their files: the long stories come first, so that no worker ends alone with one.
test: $(READY)
	$(BIN)/python -m pytest -q -m "not torture" -n 3 --dist loadfile --no-loadscope-reorder

# The slice that CI runs: kill -9, proofs switched off, refusals, an account that nobody here drew, and one whole story each
# of uploads, bridge, DNS, databases, their passwords, what legacy takes late, replication, a copied shape.
SLICE := $(addprefix tests/crash/test_,kill.py replicated_database.py objects_killed.py) \
	$(addprefix tests/acceptance/test_,switched_off.py bridge.py dns_switch.py database_story.py aurora_story.py password_story.py password_undone.py late_writes_story.py refusals.py copied_shape_story.py) \
	tests/acceptance/test_foreign_account.py::test_an_account_nobody_drew_is_moved_proved_and_rolled_back_at_a_plain_endpoint \
	tests/acceptance/test_public_shapes.py::test_an_upload_bucket_that_calls_a_function \
	$(addprefix tests/organisation/test_strict.py::test_,a_run_that_is_killed_makes_each_account_once \
		an_address_that_someone_else_has_is_said_and_stops_only_what_needs_it a_rollback_leaves_parked_accounts_and_nothing_else) \
	tests/flows/test_flows.py \
	tests/kinds/test_rds_replication.py::test_killed_at_many_points_it_goes_on_and_no_row_is_lost_or_doubled

torture: $(READY)
	$(BIN)/python -m pytest -q -m torture -n 2 --dist loadfile $(if $(filter slice,$(TORTURE)),$(SLICE))

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m bench $(if $(filter quick,$(BENCH)),--quick)

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --all-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements/lock.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
