#!/usr/bin/env bash
# Make the virtual environment VENV with interpreter PYTHON and install the project with EXTRA.
# Usage: tools/make_venv.sh PYTHON VENV EXTRA. Rerun it after setup.py changes: it updates.
set -euo pipefail

python=$(tools/find_python.sh "$1")
venv=$2
extra=$3

if ! "${python}" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "make_venv.sh: error: ${python} is older than Python 3.11; set PYTHON to a newer one" >&2
    exit 1
fi
if ! "${venv}/bin/python" -m pip --version >/dev/null 2>&1; then
    "${python}" -m venv "${venv}"
fi
echo "Installing espnet_gmot[${extra}] into ${venv}: 5 GB with torch's CUDA libraries, a few minutes."
"${venv}/bin/python" -m pip install --editable ".[${extra}]"
touch "${venv}/.${extra}"
