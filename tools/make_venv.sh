#!/usr/bin/env bash
# Make the virtual environment VENV with interpreter PYTHON and install the project with EXTRA, every package in
# the version of tools/locks. Rerun it after a change of setup.py or of the lock: it updates.
# Usage: tools/make_venv.sh PYTHON VENV EXTRA [cpu]; with cpu torch is a build without CUDA.
set -euo pipefail

python=$(tools/find_python.sh "$1")
venv=$2
extra=$3
torch=${4:-}

die() { echo "make_venv.sh: error: $*" >&2; exit 1; }
pip() { "${venv}/bin/python" -m pip "$@"; }

# what_failed: the locked packages that pip's message names
what_failed() {
    sed -n -E 's/.*(The user requested \(constraint\)|No matching distribution found for) ([^ ]+).*/\2/p' \
        "${venv}/pip.log" | sort -u | grep -Fx -f "${lock}" | xargs
}

install() {
    # What pip builds from source is built with locked versions too: it reads this name until 25.2, that one since.
    PIP_CONSTRAINT=${lock} PIP_BUILD_CONSTRAINT=${lock} pip install --log "${venv}/pip.log" "${cpu_builds[@]}" \
        --editable ".[${extra}]"
}

# not_locked: installed packages that the lock does not have in this version
not_locked() {
    pip freeze --local --exclude-editable | sed 's/+[^ ]*$//' | grep -v -i -Fx -f "${lock}" | xargs
}

[[ ${torch} =~ ^(cpu)?$ ]] || die "TORCH is cpu or empty, not '${torch}'"
version=$("${python}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
lock=tools/locks/python${version}.txt
[ -f "${lock}" ] || die "there is no ${lock}; set PYTHON to one of" \
    "$(basename -s .txt tools/locks/python?.*[0-9].txt | xargs)"
if ! "${venv}/bin/python" -m pip --version >/dev/null 2>&1; then
    "${python}" -m venv "${venv}"
fi
"${venv}/bin/python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '${version}')" ||
    die "${venv} was made with another Python than ${python}; remove it, or set VENV"
cpu_builds=() # of torchaudio too: the other build of it needs CUDA's libraries
[ "${torch}" != cpu ] || mapfile -t cpu_builds < <(sed -n -E 's/^torch(audio)?==.*/&+cpu/p' "${lock}")
echo "Installing espnet_gmot[${extra}] into ${venv} with the versions of ${lock}:" \
    "$([ "${torch}" = cpu ] && echo 2 || echo 6) GB, a few minutes."
: > "${venv}/pip.log"
if ! install; then
    failed=$(what_failed || true)
    [[ ${torch} != cpu || ${failed} != torch* ]] || die "pip does not find ${cpu_builds[*]}; set PIP_EXTRA_INDEX_URL" \
        "to an index that has both, or leave TORCH=cpu out"
    die "${lock} cannot be installed here${failed:+: ${failed}}; pip's reason stands above, and" \
        "\`make lock\` makes the lock anew"
fi
unknown=$(not_locked || true)
[ -z "${unknown}" ] || die "not in ${lock}: ${unknown}; \`make lock\` makes it anew, and if something else installed" \
    "them, remove ${venv}"
"${venv}/bin/python" -m espnet_gmot.bin.check_install --quick true
touch "${venv}/.${extra}"
