#!/usr/bin/env bash
# Synthetic Mandarin: train a CTC baseline and its GM-OT twin with equal budgets, decode both greedily,
# print the table that compares them. A rerun continues; with all done it only prints the table.
#
#   ./run.sh                              two cores, under 20 minutes; both systems train side by side
#   ./run.sh --preset full --ngpu 1       hours of speech, larger models, one after the other
#   ./run.sh --teacher bert-base-chinese --allow_download true
#                                         a real teacher (name or directory) instead of the small BERT
#   ./run.sh --seed 1 --asr_args "--max_epoch 40"
#                                         another draw of corpus, teacher and training; options of both trainings
#
# Every other option goes to ./asr.sh (see ./asr.sh --help), but for those that the comparison itself sets.
# ${train_cmd} and ${test_sets} hold several words and are split on purpose:
# shellcheck disable=SC2086
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh

preset=demo # corpus and models: demo, full, or tiny for the tests
teacher=    # name or directory of the teacher; empty trains a small BERT on the corpus's remaining text
seed=0      # of corpus, teacher and training
allow_download=false # whether the model hub may be asked for --teacher
ngpu=0      # GPUs for training
asr_args=   # further arguments for training, for both systems, e.g. "--max_epoch 40"

take_options preset teacher seed allow_download ngpu asr_args -- "$@"
refuse_options "for another one run ./asr.sh (see ./asr.sh --help)" stage stop_stage train_set valid_set test_sets \
    token_type speed_perturb_factors local_data_opts dumpdir expdir asr_config asr_tag asr_exp asr_stats_dir \
    inference_tag inference_asr_model
if [ ! -f "conf/train_ctc_${preset}.yaml" ]; then
    echo "run.sh: error: unknown --preset ${preset}; choose demo, full or tiny" >&2
    exit 2
fi
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
# shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
. ./cmd.sh

test_sets="dev test"
inference_tag=decode_ctc_greedy
# Inside an ESPnet checkout ./asr.sh is ESPnet's: its beam search runs with beam 1, and it does not check the installation.
best_path=()
if knows ctc_greedy; then
    best_path=(--ctc_greedy true)
else
    python3 -m espnet_gmot.bin.check_install --quick true
fi
teacher_dir=exp/teacher${teacher:+_$(basename "${teacher}")}

# run COMMAND: a signal to this script, whether Ctrl-C or kill, ends the command too
run() { start "$@"; finish; }

recipe() {
    run ./asr.sh --lang zh --token_type char --train_set train --valid_set dev --test_sets "${test_sets}" \
        --ngpu "${ngpu}" --audio_format wav --use_lm false --python "python3 -m espnet_gmot" \
        --local_data_opts "--preset ${preset} --seed ${seed}" \
        --inference_config conf/decode_ctc_greedy.yaml --inference_asr_model valid.cer_ctc.ave.pth \
        --inference_tag "${inference_tag}" "${best_path[@]}" "$@" "${others[@]}"
}

tag_of() { echo "train_$1_${preset}$([ "$1" = ctc ] || echo "${teacher:+_$(basename "${teacher}")}")"; }

# recognise SYSTEM OPTION...: train, decode, score; may run in the background, with children of its own
recognise() {
    local system=$1 args="--seed ${seed}"
    shift
    # shellcheck source=egs2/TEMPLATE/asr1/children.sh
    . local/children.sh
    if [ "${system}" = gmot ]; then
        args+=" --preprocessor_conf teacher_cache=${teacher_dir}/cache"
        args+=" --model_conf projection=${teacher_dir}/projection.npz"
    fi
    recipe --stage 11 --stop_stage 13 --asr_config "conf/train_${system}_${preset}.yaml" \
        --asr_tag "$(tag_of "${system}")" --asr_args "${args}${asr_args:+ ${asr_args}}" "$@"
}

recognise_side_by_side() {
    local cores system log logs=() pids=() failed=
    cores=$(env -u OMP_NUM_THREADS nproc)
    local share=$((cores > 1 ? cores / 2 : 1))
    for system in ctc gmot; do
        log=exp/$(tag_of "${system}").log
        start recognise "${system}" --nj "${share}" --inference_nj "${share}" &> "${log}"
        pids+=("${children[-1]}")
        logs+=("exp/asr_$(tag_of "${system}")/train.log")
        echo "training and decoding $(tag_of "${system}"); logs: ${log}, ${logs[-1]}"
    done
    run python3 -m espnet_gmot.bin.stage watch_training --log "${logs[@]}" --pid "${pids[@]}"
    for system in gmot ctc; do # finish takes the last first
        finish || failed=${system}
    done
    [ -z "${failed}" ] || {
        tail -n 20 "exp/$(tag_of "${failed}").log" >&2
        echo "run.sh: error: $(tag_of "${failed}") failed; log: exp/$(tag_of "${failed}").log" >&2
        exit 1
    }
}

recipe --stage 1 --stop_stage 5
run local/teacher.sh --preset "${preset}" --seed "${seed}" --teacher "${teacher}" \
    --allow_download "${allow_download}" --out "${teacher_dir}"
recipe --stage 10 --stop_stage 10 --asr_config "conf/train_ctc_${preset}.yaml" --asr_args "${asr_args}"
if [ "${ngpu}" -gt 0 ]; then
    recognise ctc
    recognise gmot
else
    recognise_side_by_side
fi
experiments=()
for system in ctc gmot; do
    experiments+=(--experiment "$(tag_of "${system}")=exp/asr_$(tag_of "${system}")")
done

model=exp/asr_$(tag_of gmot)
picture=${model}/coupling.png
if [ -f "${model}/valid.cer_ctc.ave.pth" ] && [ ! "${picture}" -nt "${model}/valid.cer_ctc.ave.pth" ]; then
    utt_id=$(head -n 1 dump/raw/dev/text | cut -d " " -f 1)
    spoken=() # other data has no true times
    [ ! -f data/dev/ctm ] || spoken=(--ctm data/dev/ctm)
    run ${train_cmd} "${model}/coupling.log" python3 -m espnet_gmot.bin.plot_coupling "${experiments[@]}" \
        --data dump/raw/dev "${spoken[@]}" --utt_id "${utt_id}" --out "${picture}"
fi
python3 -m espnet_gmot.bin.compare "${experiments[@]}" --decode "${inference_tag}" \
    --sets ${test_sets} --out exp/comparison
echo "table: $(pwd)/exp/comparison.md, exp/comparison.json; results page: exp/RESULTS.md"
echo "couplings: $(pwd)/${picture}; logs: exp/asr_*/train.log, ${teacher_dir}/bert/pretrain.log"
