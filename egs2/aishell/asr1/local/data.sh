#!/usr/bin/env bash
# Stage 1: AISHELL-1 as Kaldi data directories in data/; AISHELL in db.sh, or --aishell DIR, says where it is.
# Options: --aishell DIR, --nj N, --url MIRROR, --preset full|sample (see python3 local/prepare_aishell.py --help).
set -euo pipefail

for file in ./db.sh ./path.sh; do
    if [ -f "${file}" ]; then
        # shellcheck source=/dev/null
        . "${file}"
    fi
done

python3 local/prepare_aishell.py --aishell "${AISHELL:-}" --out data "$@"
