#!/usr/bin/env bash
# Be a guest: install the project into a new environment in which ESPnet works already, and end with an error if
# that changes the version of any package there. The environment is left for whoever wants to try more in it.
# Usage: tools/check_host.sh PYTHON VENV ARGUMENT ...; what pip installs as the host, e.g. espnet==202611.
# Status 1: it changes a version. 3: the host does not work by itself. 4: the project cannot be installed beside it.
set -euo pipefail

python=$(tools/find_python.sh "$1")
venv=$2
shift 2

fail() { echo "check_host.sh: error: ${*:2}" >&2; exit "$1"; }
pip() { "${venv}/bin/python" -m pip "$@"; }
versions() { pip freeze --all --exclude espnet_gmot | sort; }

"${python}" -m venv "${venv}"
if ! pip install --quiet "$@" || ! "${venv}/bin/python" -c "import espnet2.tasks.asr"; then
    fail 3 "$* does not work by itself, for the reason above"
fi
versions > "${venv}/before.txt"
pip install --quiet --editable . || fail 4 "espnet_gmot cannot be installed beside $*, for the reason above"
versions > "${venv}/after.txt"
changed=$(comm -23 "${venv}/before.txt" "${venv}/after.txt")
[ -z "${changed}" ] || fail 1 "installing espnet_gmot beside $* replaces ${changed//$'\n'/ }; loosen setup.py"
echo "A guest: the $(wc -l < "${venv}/before.txt") packages of $* stay as they are; installed beside them:" \
    "$(comm -13 "${venv}/before.txt" "${venv}/after.txt" | xargs)"
