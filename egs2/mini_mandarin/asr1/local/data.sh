#!/usr/bin/env bash
# Stage 1: make the corpus in data/ and prove that its sets are disjoint.
# Options: --preset demo|full, --seed N, --nj N (see python3 -m espnet_gmot.bin.prepare_mini_mandarin --help).
set -euo pipefail

if [ -f ./path.sh ]; then
    # shellcheck source=/dev/null
    . ./path.sh
fi

python3 -m espnet_gmot.bin.prepare_mini_mandarin --out data "$@"
python3 -m espnet_gmot.bin.check_mini_mandarin --data data
