#!/usr/bin/env bash
# The teacher: train a small BERT unless --teacher names one, then cache its embeddings of the training
# and dev transcripts and fit the projection to them. Finished parts are kept; a BERT of another text, which
# may hold this corpus's test sentences, is refused.
# Options: --preset demo|small|long|full|tiny, --seed N, --teacher NAME_OR_DIR (may be empty),
# --allow_download true|false, --out DIR.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh

preset=demo
seed=0
teacher=
allow_download=false
out=exp/teacher
take_all_options preset seed teacher allow_download out -- "$@"
OMP_NUM_THREADS=$(env -u OMP_NUM_THREADS nproc)
export OMP_NUM_THREADS

if [ -z "${teacher}" ]; then
    teacher=${out}/bert
    python3 local/pretrain_teacher.py --preset "${preset}" --seed "${seed}" --text data/local/teacher.txt --out "${teacher}"
fi
python3 -m espnet_gmot.bin.cache_teacher --teacher "${teacher}" --allow_download "${allow_download}" \
    --text dump/raw/{train,dev}/text --out "${out}/cache" --projection "${out}/projection.npz"
