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

# cpu_build: the CPU build of torch that the index has: the locked version's, else the newest
cpu_build() {
    local builds locked
    builds=$(pip index versions torch 2>/dev/null | sed -n 's/^Available versions: //p' | tr -s ', ' '\n' | grep '+cpu$') ||
        die "pip finds no CPU build of torch (a version that ends in +cpu); set PIP_EXTRA_INDEX_URL to an index" \
            "that has one, or leave TORCH=cpu out"
    locked=$(sed -n 's/^torch==//p' "${lock}")+cpu
    if ! grep -Fx "${locked}" <<< "${builds}"; then
        head -n 1 <<< "${builds}"
        echo "NOTICE: pip finds no CPU build of torch ${locked%+cpu}, which the tests are run with;" \
            "taking $(head -n 1 <<< "${builds}")" >&2
    fi
}

# install_cpu: the lock is complete, so that nothing is resolved, and a torch without CUDA needs no CUDA packages
install_cpu() {
    local build
    build=$(cpu_build)
    grep -v -i -E '^(#|torch==|triton|cuda[-_]|nvidia[-_])' "${lock}" > "${venv}/requirements.txt"
    pip install --no-deps --requirement "${venv}/requirements.txt" "torch==${build}" --editable .
}

# what_failed LOG: the locked packages that pip's message names
what_failed() {
    grep -o -E '[A-Za-z0-9._-]+==[^ ,)]+' "$1" | sort -u | grep -Fx -f "${lock}" | xargs
}

install() {
    if [ "${torch}" = cpu ]; then
        install_cpu
    else
        pip install --constraint "${lock}" --editable ".[${extra}]"
    fi
}

[[ ${torch} =~ ^(cpu)?$ ]] || die "TORCH is cpu or empty, not '${torch}'"
if ! "${venv}/bin/python" -m pip --version >/dev/null 2>&1; then
    "${python}" -m venv "${venv}"
fi
version=$("${python}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
lock=tools/locks/python${version}.txt
[ -f "${lock}" ] || die "there is no ${lock}; set PYTHON to one of" \
    "$(basename -s .txt tools/locks/*.txt | xargs), or make it: tools/make_lock.sh python${version}"
echo "Installing espnet_gmot[${extra}] into ${venv} with the versions of ${lock}:" \
    "$([ "${torch}" = cpu ] && echo 2 || echo 5) GB, a few minutes."
if ! install 2> >(tee "${venv}/pip.log" >&2); then
    failed=$(what_failed "${venv}/pip.log" || true)
    die "${lock} cannot be installed here${failed:+: ${failed}}; pip's reason stands above, and" \
        "\`make lock\` makes the lock anew"
fi
not_locked=$(pip freeze --exclude-editable | sed 's/+[^ ]*$//' | grep -v -i -Fx -f "${lock}" || true)
[ -z "${not_locked}" ] || die "not in ${lock}: ${not_locked//$'\n'/ }; \`make lock\` makes it anew"
touch "${venv}/.${extra}"
