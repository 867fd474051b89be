#!/usr/bin/env bash
# All that only a GPU can show, in nine minutes at most: tests, rows of the benchmarks' pages, a hundred training steps.
# OUT gets small files; the same OUT again goes on where the first call ended. WHEELS is a folder of wheels for a
# machine that has torch and no network: docs/gpu.md says which. Without a GPU every part says "not run".
# Usage: tools/gpu_check.sh OUT [--wheels WHEELS] [--seconds N]
set -euo pipefail

die() { echo "gpu_check.sh: error: $*" >&2; exit 1; }

[ $# -gt 0 ] && [[ $1 != -* ]] || die "usage: tools/gpu_check.sh OUT [--wheels WHEELS] [--seconds N]"
out=$(realpath -m "$1")
shift
wheels=
if [ "${1:-}" = --wheels ]; then
    [ -d "${2:-}" ] || die "--wheels: there is no folder '${2:-}'"
    wheels=$(realpath "$2")
    shift 2
fi
cd "$(dirname "$0")/.."

python=$(command -v python3) || die "there is no python3"
site=${PWD}/.gpu_check
if [ -n "${wheels}" ]; then
    of=$(cd "${wheels}" && printf '%s\n' *.whl)
    [ "${of}" != '*.whl' ] || die "there is no wheel in ${wheels}"
    if [ "$(cat "${site}/.of" 2>/dev/null)" != "${of}" ]; then
        rm -rf "${site}"
        "${python}" -m pip install --quiet --no-index --no-deps --no-compile --target "${site}" "${wheels}"/*.whl
        echo "${of}" > "${site}/.of"
    fi
fi
export PYTHONPATH=${PWD}:${site}${PYTHONPATH:+:${PYTHONPATH}} GOMP_SPINCOUNT=30000
exec "${python}" -m benchmarks.gpu_check "${out}" "$@"
