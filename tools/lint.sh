#!/usr/bin/env bash
# What every commit passes: style, layout, types (settings in pyproject.toml) and the shell. `make lint` runs it with
# the locked versions, and so does pre-commit.
set -euo pipefail
cd "$(dirname "$0")/.."

ruff check .
ruff format --check .
mypy
mapfile -t shell_files < <(git ls-files '*.sh' .ci/run)
shellcheck -x "${shell_files[@]}"
