#!/usr/bin/env bash
# Stage 1: speechocean762 as Kaldi data directories in data/; SPEECHOCEAN762 in db.sh, or --corpus DIR, says where it is.
# Options: --corpus DIR, --url MIRROR (see python3 local/prepare_speechocean762.py --help).
set -euo pipefail

for file in ./db.sh ./path.sh; do
    if [ -f "${file}" ]; then
        # shellcheck source=/dev/null
        . "${file}"
    fi
done

python3 local/prepare_speechocean762.py --corpus "${SPEECHOCEAN762:-}" --out data "$@"
