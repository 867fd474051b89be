#!/usr/bin/env bash
# One run of ./run_experiments.sh: train, decode, score, measure the coupling, keep the results.
#   run_experiment.sh RESULTS ROW SEED CONFIG EXPDIR DECODING
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh

results=$1 row=$2 seed=$3 config=$4 expdir=$5 decoding=$6
model=${expdir}/asr decode=decode_${decoding} log=${expdir}/${row}.log
run() { start "$@" &>> "${log}"; finish; }
say() { echo "$(date '+%Y-%m-%dT%H:%M:%S') ${row} seed ${seed}: $*"; }

case ${decoding} in
    ctc_greedy) search=(--ctc_greedy true) ;;
    ctc_beam_lm) search=(--use_lm true) ;;
esac
mkdir -p "${expdir}"
exec 9> "${expdir}/lock"
flock --nonblock 9 || { # two rows may share a model
    say "waits for another run in ${expdir}"
    flock 9
}
say "starts; log: ${log}"
work() {
    run local/experiment_asr.sh --stage 11 --stop_stage 13 --expdir "${expdir}" --asr_exp "${model}" \
        --asr_config "${config}" --inference_config "conf/${decode}.yaml" --inference_tag "${decode}" "${search[@]}" &&
        if grep -q "^model: gmot" "${config}" && [ ! -f "${model}/coupling.json" ]; then
            run python3 -m espnet_gmot.bin.measure_coupling --experiment "${model}" --data dump/raw/dev \
                --ctm data/dev/ctm --out "${model}/coupling.json"
        fi &&
        run python3 -m espnet_gmot.bin.keep_experiment --results "${results}" --row "${row}" --seed "${seed}" \
            --config "${config}" --experiment "${model}" --decode "${decode}" --sets dev test
}
work || {
    say "FAILED; log: ${log}"
    exit 1
}
say "done"
