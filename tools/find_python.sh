#!/usr/bin/env bash
# Print the path of a Python interpreter that runs: one on PATH, or one that pyenv keeps.
# Usage: tools/find_python.sh python3.12 [python3.13 ...]; the first that is found wins.
set -euo pipefail

for name in "$@"; do
    if path=$(command -v "${name}") && "${path}" -c "" 2>/dev/null; then
        "${path}" -c "import sys; print(sys.executable)"
        exit 0
    fi
    for path in "${PYENV_ROOT:-${HOME}/.pyenv}"/versions/"${name#python}".*/bin/python; do
        if [ -x "${path}" ]; then
            echo "${path}"
            exit 0
        fi
    done
done
echo "find_python.sh: error: no interpreter $* on PATH or in pyenv; install one or set PYTHON" >&2
exit 1
