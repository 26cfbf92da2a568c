# Python 3.11 or newer and make are all that has to be there.
UV_VERSION := 0.13.9
UV = $(shell command -v uv || echo .bootstrap/bin/uv)
PYTHON = $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$python" && break; done)
ARGS ?=
# Where it is set, each process compiles every module that it loads anew: two seconds at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check docs guide bench clean

setup: .venv/.locked

demo: setup
	.venv/bin/taizhang demo $(ARGS)

test: setup
	.venv/bin/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

check: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/basedpyright
	.venv/bin/lint-imports

docs: setup
	.venv/bin/python -m tests.house.generated

guide: setup
	.venv/bin/python -m tests.web.guide

bench: setup
	.venv/bin/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .bootstrap .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.locked: pyproject.toml uv.lock
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed' >&2; exit 1; }
	@command -v uv >/dev/null || test -x .bootstrap/bin/uv || $(MAKE) --no-print-directory .bootstrap/bin/uv
	env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --frozen --compile-bytecode --python '$(PYTHON)'
	@touch $@

.bootstrap/bin/uv:
	'$(PYTHON)' -m venv .bootstrap
	.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
