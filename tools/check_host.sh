#!/usr/bin/env bash
# Be a guest: install the project into a new environment in which ESPnet works already, and end with an error if
# that changes the version of any package there. The environment is left for whoever wants to try more in it.
# Usage: tools/check_host.sh PYTHON VENV REQUIREMENT ...; the requirements make the host, e.g. espnet==202611.
set -euo pipefail

python=$(tools/find_python.sh "$1")
venv=$2
shift 2

versions() { "${venv}/bin/python" -m pip freeze --all --exclude-editable | sort; }

"${python}" -m venv "${venv}"
"${venv}/bin/python" -m pip install --quiet "$@"
"${venv}/bin/python" -c "import espnet2.tasks.asr"
versions > "${venv}/before.txt"
"${venv}/bin/python" -m pip install --quiet --editable .
versions > "${venv}/after.txt"
changed=$(comm -23 "${venv}/before.txt" "${venv}/after.txt")
if [ -n "${changed}" ]; then
    echo "check_host.sh: error: installing espnet_gmot beside $* replaces ${changed//$'\n'/ }; loosen setup.py" >&2
    exit 1
fi
echo "A guest: $* with $(wc -l < "${venv}/before.txt") packages stays as it is; installed beside it:" \
    "$(comm -13 "${venv}/before.txt" "${venv}/after.txt" | xargs)"
"${venv}/bin/python" -m espnet_gmot.bin.check_install
