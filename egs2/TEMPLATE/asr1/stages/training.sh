# shellcheck shell=bash
# What the training of language model and recogniser have in common.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

# collect_stats MODULE DIRECTORY TRAIN_KEYS VALID_KEYS OPTION...: lengths and statistics of all data
collect_stats() {
    local module=$1 stats=$2 train_keys=$3 valid_keys=$4 logdir=$2/logdir jobs job part inputs=()
    shift 4
    jobs=$(min "${nj}" "$(lines "${train_keys}")" "$(lines "${valid_keys}")")
    ${python} -m espnet_gmot.bin.split_scp --nj "${jobs}" "${train_keys}" "${logdir}/train.JOB.scp" > /dev/null
    ${python} -m espnet_gmot.bin.split_scp --nj "${jobs}" "${valid_keys}" "${logdir}/valid.JOB.scp" > /dev/null
    log "stage ${current}: ${jobs} job(s); log: ${logdir}/stats.*.log"
    run ${train_cmd} "JOB=1:${jobs}" "${logdir}/stats.JOB.log" \
        ${python} -m "${module}" --collect_stats true --output_dir "${logdir}/stats.JOB" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/valid.JOB.scp" "$@"
    for job in $(seq "${jobs}"); do inputs+=(--input_dir "${logdir}/stats.${job}"); done
    run ${train_cmd} "${logdir}/aggregate.log" \
        ${python} -m espnet2.bin.aggregate_stats_dirs "${inputs[@]}" --output_dir "${stats}"
    for part in train valid; do
        run ${python} -m espnet_gmot.bin.append_vocabulary_size --token_list "${token_list}" \
            "${stats}/${part}/text_shape" "${stats}/${part}/text_shape.${token_type}"
    done
}

# check_checkpoint EXPERIMENT: mend what a kill cut off, die if the checkpoint is of another vocabulary
check_checkpoint() {
    run ${python} -m espnet_gmot.bin.check_checkpoint --token_list "${token_list}" "$1/checkpoint.pth"
}

# refuse_other_training EXPERIMENT KEY: die if the directory holds one that began from other inputs
refuse_other_training() {
    local begun=$1/.begun
    [[ -f $1/checkpoint.pth && -f ${begun} && $(<"${begun}") != "$2" ]] || return 0
    check_checkpoint "$1"
    [ ! -f "$1/checkpoint.pth" ] ||
        die "$1 holds a training from other inputs: remove it or train under another tag;" \
            "to go on with it all the same (with more epochs, say), remove ${begun}"
}

# train MODULE EXPERIMENT KEY OPTION...: through ESPnet's launcher; a training that was stopped goes on
train() {
    local module=$1 experiment=$2 made_from=$3 training status=0 threads=
    shift 3
    [ "${ngpu}" -gt 0 ] || threads="--num_threads ${nj}"
    mkdir -p "${experiment}"
    check_checkpoint "${experiment}"
    echo "${made_from}" > "${experiment}/.begun"
    log "stage ${current}: training; log: ${experiment}/train.log"
    start ${python} -m espnet2.bin.launch --cmd "${cuda_cmd} --name $(basename "${experiment}") ${threads}" \
        --log "${experiment}/train.log" --ngpu "${ngpu}" --num_nodes "${num_nodes}" \
        --init_file_prefix "${experiment}/.dist_init_" --multiprocessing_distributed true -- \
        ${python} -m "${module}" --resume true --output_dir "${experiment}" "$@" &> "${experiment}/launch.log"
    training=${children[-1]}
    start ${python} -m espnet_gmot.bin.watch_training --log "${experiment}/train.log" --pid "${training}"
    wait "${training}" || status=$?
    finish || true
    children=()
    [ "${status}" -eq 0 ] || {
        tail -n 20 "${experiment}/train.log" 2>/dev/null || tail -n 20 "${experiment}/launch.log"
        die "training failed; log: ${experiment}/train.log"
    }
}
