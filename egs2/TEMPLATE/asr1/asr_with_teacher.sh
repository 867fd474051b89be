# shellcheck shell=bash
# One system by ./asr.sh, from the data to its error rate, and between stages 5 and 6 the teacher.
# A recipe links to it in local/; its run.sh calls asr_with_teacher with the options of its corpus, then "$@".

# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
# shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
. ./cmd.sh

die() { echo "${0##*/}: error: $*" >&2; exit 2; }
run() { start "$@"; finish; }
# yaml NAME: what the training YAML says about that
yaml() { sed -n "s/^$1=//p" <<< "${of_yaml}"; }

# asr_with_teacher OPTION...: --teacher and --allow_download are for the teacher, all others for ./asr.sh
asr_with_teacher() {
    teacher=
    allow_download=false
    stage=1
    stop_stage=14
    train_set=
    valid_set=
    asr_config=
    use_lm=false
    ngpu=1
    inference_config=    # empty: that of the kind of system, conf/decode_*.yaml
    inference_asr_model= # empty: the best by the YAML's best_model_criterion
    skip_train=false
    take_options teacher allow_download stage stop_stage train_set valid_set asr_config use_lm ngpu \
        inference_config inference_asr_model skip_train -- "$@"
    check_numbers
    check_gpu
    knows ctc_greedy || python3 -m espnet_gmot.bin.check_install --quick true # ours does so itself
    of_yaml=$(python3 -m espnet_gmot.bin.stage read_training_yaml "${asr_config}")
    choose_decoding

    if [ "${stage}" -le 5 ]; then
        asr --stage "${stage}" --stop_stage $((stop_stage < 5 ? stop_stage : 5))
    fi
    if [ -n "$(yaml teacher_cache)" ] && [ "${stage}" -le 11 ] && [ "${stop_stage}" -ge 10 ] &&
        [ "${skip_train}" = false ]; then
        cache_teacher
    fi
    if [ "${stop_stage}" -ge 6 ]; then
        asr --stage $((stage > 6 ? stage : 6)) --stop_stage "${stop_stage}"
    fi
}

check_numbers() {
    local option
    for option in stage stop_stage ngpu; do
        [[ ${!option} =~ ^[0-9]+$ ]] || die "--${option} is a whole number, not '${!option}'"
    done
}

# asr.sh says so at the stages that train: here it is before the data and the teacher.
check_gpu() {
    if [ "${ngpu}" -gt 0 ] && [ "${stage}" -le 11 ] && [ "${stop_stage}" -ge 7 ] &&
        [[ ${skip_train},${cuda_cmd} == false,*run_jobs* ]]; then
        nvidia-smi -L &>/dev/null ||
            die "--ngpu ${ngpu} and this machine shows no GPU; use --ngpu 0 to try out, or --stop_stage 5 for the data"
    fi
}

choose_decoding() {
    : "${inference_asr_model:=$(yaml inference_asr_model)}"
    case $(yaml kind),${use_lm} in # kind of system, whether with a language model
        hybrid,true) : "${inference_config:=conf/decode_hybrid_lm.yaml}" ;;
        hybrid,*) : "${inference_config:=conf/decode_hybrid.yaml}" ;;
        *,true) : "${inference_config:=conf/decode_ctc_beam_lm.yaml}" ;;
        *) : "${inference_config:=conf/decode_ctc_greedy.yaml}" ;;
    esac
    [ "${stop_stage}" -lt 12 ] || [ -f "${inference_config}" ] ||
        die "${inference_config}, which decodes what ${asr_config} trains, does not exist; name another by --inference_config"
    best_path=() # ESPnet's lacks --ctc_greedy: its beam search runs with beam 1
    if [ "$(basename "${inference_config}")" = decode_ctc_greedy.yaml ] && knows ctc_greedy; then
        best_path=(--ctc_greedy true)
    fi
}

# In a directory whose name holds "random" the teacher's weights are drawn at random: the control.
cache_teacher() {
    local cache random_init=false
    cache=$(yaml teacher_cache)
    [[ $(basename "$(dirname "${cache}")") != *random* ]] || random_init=true
    run local/cache_teacher.sh --teacher "${teacher}" --allow_download "${allow_download}" \
        --random_init "${random_init}" --text "data/${train_set}/text data/${valid_set}/text" \
        --cache "${cache}" --projection "$(yaml projection)"
}

# asr OPTION...
asr() {
    run ./asr.sh --train_set "${train_set}" --valid_set "${valid_set}" --asr_config "${asr_config}" \
        --use_lm "${use_lm}" --ngpu "${ngpu}" --nj "$(env -u OMP_NUM_THREADS nproc)" \
        --inference_config "${inference_config}" --inference_asr_model "${inference_asr_model}" \
        --skip_train "${skip_train}" --python "python3 -m espnet_gmot" \
        "${best_path[@]}" "$@" "${others[@]}"
}
