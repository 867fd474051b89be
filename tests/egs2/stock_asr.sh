#!/usr/bin/env bash
# Stands in for ESPnet's asr.sh: data, models, hypotheses, scores and pages lie where that one puts them, and hold what
# costs nothing. The validation set has an utterance that stage 4 leaves out. Each call is noted in a file of its own.
# LEAVE_OUT names a set that is not decoded.
set -euo pipefail

printf '%s\0' "$@" > "asr_sh_call.$$"
stage=1 stop_stage=10000 skip_train=false skip_eval=false train_set='' valid_set='' test_sets=''
asr_config=train.yaml asr_tag='' asr_exp='' lang='' speed_perturb_factors='' inference_tag=decode
while [ $# -gt 0 ]; do printf -v "${1#--}" %s "$2"; shift 2; done
train_set+=${speed_perturb_factors:+_sp}
tag=$(basename "${asr_config}" .yaml)_raw_${lang}_char${speed_perturb_factors:+_sp}
exp=${asr_exp:-exp/asr_${asr_tag:-${tag}}}
decoded=()
for dset in ${test_sets}; do
    [ "${dset}" != "${valid_set}" ] || dset=org/${dset}
    [ "${dset}" = "${LEAVE_OUT-}" ] || decoded+=("${dset}")
done

# runs NUMBER: whether that stage is asked for
runs() { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; }

# data DIRECTORY NUMBER: that many utterances
data() {
    mkdir -p "$1"
    seq -f "u%g 今天天气很好" "$2" > "$1/text"
    seq -f "u%g s" "$2" > "$1/utt2spk"
}

if runs 3; then
    for dset in "org/${train_set}" "org/${valid_set}" ${test_sets/${valid_set}/}; do data "dump/raw/${dset}" 3; done
fi
if runs 4; then data "dump/raw/${train_set}" 3; data "dump/raw/${valid_set}" 2; fi
if runs 11 && ! "${skip_train}"; then
    mkdir -p "${exp}"
    [ ! -f "${exp}/train.log" ] || mv "${exp}/train.log" "${exp}/train.1.log"
    echo "INFO: 1/1epoch started" > "${exp}/train.log"
    echo "INFO: 1epoch results: [train] loss=9.1, time=3 seconds, total_count=1, [valid] loss=8.0, time=1 second" \
        >> "${exp}/train.log"
    echo "frontend_conf: {fs: 16k}" > "${exp}/config.yaml"
fi
if runs 12 && ! "${skip_eval}"; then
    for dset in "${decoded[@]}"; do
        mkdir -p "${exp}/${inference_tag}/${dset}/logdir"
        sed '1s/好$/坏/' "dump/raw/${dset}/text" > "${exp}/${inference_tag}/${dset}/text"
    done
fi
if runs 13 && ! "${skip_eval}"; then
    for dset in "${decoded[@]}"; do
        page=${exp}/${inference_tag}/${dset}/score_cer/result.txt
        mkdir -p "$(dirname "${page}")"
        echo > "${page}"
        sed 's/.*/Scores: (#C #S #D #I) 6 0 0 0/; 1s/6 0/5 1/' "dump/raw/${dset}/text" >> "${page}"
    done
    local/score.sh "${exp}"
    echo "# RESULTS" > "${exp}/RESULTS.md"
fi
