#!/usr/bin/env bash
# One run of ./run_experiments.sh: train, decode, score, measure encoder and coupling, keep the results.
#   run_experiment.sh RESULTS ROW SEED CONFIG EXPDIR DECODING
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh

results=$1 row=$2 seed=$3 config=$4 expdir=$5 decoding=$6
model=${expdir}/asr decode=decode_${decoding} log=${expdir}/${row}.log
run() { start "$@" &>> "${log}"; finish; }
say() { echo "$(date '+%Y-%m-%dT%H:%M:%S') ${row} seed ${seed}: $*"; }

recognise() {
    local search
    case ${decoding} in
        ctc_greedy) search=(--ctc_greedy true) ;;
        ctc_beam_lm) search=(--use_lm true) ;;
    esac
    run "$(dirname "$0")"/experiment_asr.sh --stage 11 --stop_stage 13 --expdir "${expdir}" --asr_exp "${model}" \
        --asr_config "${config}" --inference_config "conf/${decode}.yaml" --inference_tag "${decode}" "${search[@]}"
}

measure() { # within "if", where set -e does not count
    [ -f "${model}/context.json" ] || run python3 -m research.bin.probe_context --experiment "${model}" \
        --teacher_cache exp/teacher_base/cache --train_data dump/raw/train --train_ctm data/train/ctm \
        --test_data dump/raw/dev --test_ctm data/dev/ctm --out "${model}/context.json" || return
    grep -q "^model: gmot" "${config}" && [ ! -f "${model}/coupling.json" ] || return 0
    run python3 -m research.bin.measure_coupling --experiment "${model}" --data dump/raw/dev --ctm data/dev/ctm \
        --out "${model}/coupling.json"
}

keep() {
    run python3 -m research.bin.keep_experiment --results "${results}" --row "${row}" --seed "${seed}" \
        --config "${config}" --experiment "${model}" --decode "${decode}" --sets dev test
}

# bash reads all of main before it begins: see run_experiments.sh
main() {
    mkdir -p "${expdir}"
    exec 9> "${expdir}/lock"
    flock --nonblock 9 || { # two rows may share a model
        say "waits for another run in ${expdir}"
        flock 9
    }
    say "starts; log: ${log}"
    if ! { recognise && measure && keep; }; then
        say "FAILED; log: ${log}"
        exit 1
    fi
    say "done"
    exit 0
}
main
