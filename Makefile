.PHONY: help demo test test-matrix soak bench lint format check lock screenshots docs deb clean

PYTHON := .venv/bin/python
PIP_COMPILE := CUSTOM_COMPILE_COMMAND='make lock' .venv/bin/pip-compile --quiet --no-config \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-options \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

help:
	@echo 'make demo          open BlockDeck on a throwaway VM'
	@echo "make test          check and test everything (ARGS='-k word' for less)"
	@echo 'make test-matrix   hold the rules against QEMU 5.2, 7.2, 10.0, 11.1 (CASES=3000)'
	@echo 'make soak          many random sequences of chains of backups (SEQUENCES=200 SEED=1)'
	@echo "make bench         measure what is claimed, side by side (ARGS='--json FILE' writes it, too)"
	@echo 'make check         lints, format, types, layers'
	@echo 'make format        format the code and sort the imports'
	@echo 'make screenshots   regenerate screenshots/ from the demo'
	@echo 'make docs          build the pages of docs/ into build/site, and man/'
	@echo 'make deb           make the Debian package in dist/'
	@echo 'make lock          choose the versions of requirements/*.lock anew'
	@echo 'make clean         remove what the other commands made'

demo:
	@scripts/setup.sh demo
	@exec .venv/bin/blockdeck demo

test:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory run-checks
	$(PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

CASES := 3000
SEED := $(shell date +%s)

test-matrix:
	@scripts/setup.sh test
	$(PYTHON) -m tests.backup.matrix --cases $(CASES) --seed $(SEED) $(ARGS)

SEQUENCES := 200

soak:
	@scripts/setup.sh test
	$(PYTHON) -m tests.chain.long --sequences $(SEQUENCES) --seed $(SEED) $(ARGS)

bench:
	@scripts/setup.sh test
	$(PYTHON) -m tests.bench $(ARGS)
	$(PYTHON) -m tests.bench.guest

check: lint
lint:
	@scripts/setup.sh check
	@$(MAKE) --no-print-directory run-checks

.PHONY: run-checks
run-checks:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo

format:
	@scripts/setup.sh check
	$(PYTHON) -m ruff check --fix-only --select I .
	$(PYTHON) -m ruff format .

screenshots:
	@scripts/setup.sh screenshots
	$(PYTHON) -m tests.screenshots

deb:
	@scripts/setup.sh check
	@scripts/deb.sh

docs:
	@scripts/setup.sh check
	$(PYTHON) -m tui.backup.reference > docs/rules.md
	$(PYTHON) -m tui.ui_reference > docs/configuration.md
	$(PYTHON) -m tui.keys_reference > docs/reference/keys.md
	$(PYTHON) -m tests.manual
	$(PYTHON) -m mkdocs build --quiet

# On the oldest Python that is supported, so that its back-ports are locked too.
lock:
	@scripts/setup.sh test
	$(PYTHON) -m pip install --quiet pip-tools
	$(PIP_COMPILE) $(ARGS) --output-file requirements/run.lock pyproject.toml
	$(PIP_COMPILE) $(ARGS) --only-build-deps --build-deps-for editable \
		--output-file requirements/build.lock pyproject.toml
	$(PIP_COMPILE) $(ARGS) --output-file requirements/dev.lock requirements/dev.in
	$(PIP_COMPILE) $(ARGS) --output-file requirements/libvirt.lock requirements/libvirt.in
	$(PIP_COMPILE) $(ARGS) --output-file requirements/wheels.lock requirements/wheels.in

clean:
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find tui tests -name __pycache__ -type d -prune -exec rm -rf {} +
