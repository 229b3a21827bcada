.PHONY: run test check format bench load calibration faults lock screenshots

run: .venv/installed
	.venv/bin/scaleshape analyze data/gpt3_table_h1.csv

test: .venv/installed
	.venv/bin/python -m pytest -n auto

# What CI runs.
check:
	.ci/run

format: .venv/installed
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: .venv/installed
	.venv/bin/python -m benchmarks.engines

# Writes docs/load.md.
load: .venv/installed
	.venv/bin/python -m benchmarks.service_load

# A hundred kills of each role on both databases; goes on where it was interrupted. Writes docs/reliability.md.
faults: .venv/installed
	.venv/bin/python -m benchmarks.faults.campaign

# Pictures of the pages in docs/images, and docs/pages.md.
screenshots: .venv/installed
	.venv/bin/python -m benchmarks.screenshots
	.venv/bin/python -m benchmarks.page_times

# Writes docs/calibration.md.
calibration: .venv/installed
	.venv/bin/python -m benchmarks.calibration --seed gate --turn-curves 2000

# Without the machine's pip configuration: the hashes are those of the public registry, for every platform.
compile = env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	.lock-venv/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --build-deps-for wheel --build-deps-for editable

lock:
	python3 -m venv .lock-venv
	.lock-venv/bin/pip install -q pip-tools==7.6.2
	$(compile) --output-file requirements.lock pyproject.toml
	$(compile) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

.venv/installed: requirements-dev.lock pyproject.toml
	.ci/run setup
	touch $@
