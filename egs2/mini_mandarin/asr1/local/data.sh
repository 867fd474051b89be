#!/usr/bin/env bash
# Stage 1: make the corpus in data/ and prove that its sets are disjoint.
# Options: --preset demo|small|long|full, --seed N, --nj N (see python3 local/prepare_mini_mandarin.py --help).
set -euo pipefail

if [ -f ./path.sh ]; then
    # shellcheck source=/dev/null
    . ./path.sh
fi

python3 local/prepare_mini_mandarin.py --out data "$@"
python3 local/check_mini_mandarin.py --data data
