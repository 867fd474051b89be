#!/usr/bin/env bash
# The teacher: train a small BERT unless --teacher names one, then cache its embeddings of the training
# and dev transcripts and fit the projection to them. Finished parts are kept; a BERT of another text, which
# may hold this corpus's test sentences, is refused.
# Options: --preset demo|full|tiny, --seed N, --teacher NAME_OR_DIR (may be empty), --allow_download true|false,
# --out DIR.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh

preset=demo
seed=0
teacher=
allow_download=false
out=exp/teacher
take_all_options preset seed teacher allow_download out -- "$@"
case "${preset}" in
    demo) size=() ;; # the defaults: two minutes on two cores
    full) size=(--layers 4 --hidden_size 256 --heads 4 --steps 15000 --batch_size 64 --lr 1e-3 --min_count 5) ;;
    tiny) size=(--layers 1 --hidden_size 16 --heads 2 --steps 20) ;;
    *)
        echo "teacher.sh: error: unknown --preset ${preset}; choose demo, full or tiny" >&2
        exit 2
        ;;
esac

if [ -z "${teacher}" ]; then
    teacher=${out}/bert
    [ -d "${teacher}" ] ||
        echo "teacher: training a small BERT; log: ${teacher}.partial/pretrain.log, then ${teacher}/pretrain.log"
    OMP_NUM_THREADS=$(env -u OMP_NUM_THREADS nproc) python3 local/pretrain_teacher.py \
        --text data/local/teacher.txt --out "${teacher}" --seed "${seed}" "${size[@]}"
fi
local/cache_teacher.sh --teacher "${teacher}" --allow_download "${allow_download}" \
    --text "dump/raw/train/text dump/raw/dev/text" --cache "${out}/cache" --projection "${out}/projection.npz"
