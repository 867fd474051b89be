#!/usr/bin/env bash
# Make a teacher of the experiments in exp/teacher_NAME, with its cache and projection; what is there is kept.
#   experiment_teacher.sh PRESET NAME EVERY RANDOM_INIT [OPTION ...]
# It learns from every EVERY-th line of the text, with these options of pretrain_teacher; without options it is
# the one of local/teacher.sh. With RANDOM_INIT true it is that one with weights drawn at random.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh

preset=$1 name=$2 every=$3 random_init=$4
shift 4
out=exp/teacher_${name}
run() { start "$@"; finish; }
OMP_NUM_THREADS=$(env -u OMP_NUM_THREADS nproc)
export OMP_NUM_THREADS
base() {
    local size=${preset}
    [ "${preset}" != small ] || size=demo # the same teacher for both
    run local/teacher.sh --preset "${size}" --out exp/teacher_base
}

bert=${out}/bert
if "${random_init}"; then
    base
    bert=exp/teacher_base/bert
elif [ $# -eq 0 ]; then
    base
else
    [ "${preset}" != tiny ] || set -- --preset tiny
    mkdir -p "${out}"
    awk -v "every=${every}" 'NR % every == 0' data/local/teacher.txt > "${out}/text.txt"
    run python3 local/pretrain_teacher.py \
        --text "${out}/text.txt" --out "${bert}" "$@"
fi
run python3 -m espnet_gmot.bin.cache_teacher --teacher "${bert}" --random_init "${random_init}" \
    --text dump/raw/{train,dev}/text --out "${out}/cache" --projection "${out}/projection.npz"
