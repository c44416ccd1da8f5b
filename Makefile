# `make help` lists every command. Needs Python >= 3.11 and make only.
# PYTHON is the first of these that starts and is new enough: a name on the PATH may be a shim with nothing behind it.
PYTHON ?= $(shell for python in python3.13 python3.14 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test check hooks chaos outages bench conformance synth emulate pins clean
help:
	@echo 'Use vaxline'
	@echo '  make demo         exports of three clinics, through to the acknowledgments of a simulated CT WiZ'
	@echo '                    EXPORTS=path: your own files; CONFIG=clinics.toml; JSON=1: totals as JSON on the last line'
	@echo '                    ENDPOINT=url: an IIS on this machine in the place of the simulated CT WiZ'
	@echo 'Change vaxline (CONTRIBUTING.md)'
	@echo '  make test         sets up and runs all tests; ARGS="tests/shared -k ack" runs some of them'
	@echo '  make check        lint, types, import contracts, docs, bandit, and pip-audit where its data can be reached'
	@echo '  make hooks        runs lint, types, contracts and the docs check before each of your commits'
	@echo '  make chaos        plays a thousand random schedules of failures and checks the promises'
	@echo '                    SCHEDULES=n, SEED=n: how many, and from which seed'
	@echo '  make outages      plays outages of eight hours and writes docs/outages.md; some minutes'
	@echo '  make conformance  compares our check of a message with the checker of NIST (needs ../shared)'
	@echo '  make bench        speed beside other libraries, as a table and as build/bench.json; some ten minutes'
	@echo 'Deploy vaxline (docs/deploy.md)'
	@echo '  make synth        the CloudFormation templates of both stages, in build/cdk.out'
	@echo '  make emulate      deploys the template to a local AWS emulator and runs an export through it'
	@echo 'Maintain'
	@echo '  make pins         compiles the pinned requirements again'
	@echo '  make clean        removes the virtual environments and build/'

$(BIN)/uv: requirements/tools.txt
	@echo 'Setting up $(VENV) …' >&2
	@test -n '$(PYTHON)' || { echo 'vaxline needs Python 3.11 or newer; name one with make PYTHON=…' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@touch $@

$(VENV)/.local: $(BIN)/uv requirements/local.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/local.txt
	@printf '#!%s\nimport sys\n\nsys.path.insert(0, "%s")\n\nfrom console.main import main\n\nmain()\n' \
		"$(abspath $(BIN)/python)" "$(CURDIR)" > $(BIN)/vaxline
	@chmod +x $(BIN)/vaxline
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

# Bytecode is kept in the virtual environment, also where PYTHONDONTWRITEBYTECODE is set: processes start in half the time.
demo test: export PYTHONDONTWRITEBYTECODE :=
demo test: export PYTHONPYCACHEPREFIX := $(abspath $(VENV))/bytecode

demo: $(VENV)/.local
	@$(BIN)/python -m console.demo $(if $(EXPORTS),--exports '$(EXPORTS)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(ENDPOINT),--endpoint '$(ENDPOINT)') $(if $(JSON),--json) $(ARGS)

# A file stays on one worker, since its tests share fixtures. The order of the folders puts short files last, which balances
# the workers.
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m console.documentation --check
	@$(BIN)/bandit --quiet -ll --recursive shared functions console local infra app.py requirements
	@$(BIN)/python requirements/audit.py

hooks: $(VENV)/.dev
	@$(BIN)/pre-commit install

chaos: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos.soak $(if $(SEED),--seed $(SEED)) $(if $(SCHEDULES),--schedules $(SCHEDULES)) $(ARGS)

outages: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos.outages

conformance: $(VENV)/.dev
	@VAXLINE_CONFORMANCE_RECORDS=$(or $(RECORDS),2000) $(BIN)/python -m pytest -q --timeout 1800 tests/conformance $(ARGS)

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

synth: $(VENV)/.dev
	@CDK_OUTDIR=build/cdk.out $(BIN)/python app.py

emulate: $(VENV)/.dev
	@$(BIN)/python -m local.emulator.emulate

pins: $(BIN)/uv
	@PATH="$(abspath $(BIN)):$$PATH" requirements/compile

clean:
	rm -rf build cdk.out $(VENV) .venv-emulate
