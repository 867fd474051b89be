# shellcheck shell=bash
# Stages 6 to 8: the language model, on the training set's text unless --lm_train_text names another.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

lm_data_options() {
    lm_options=(--config "${lm_config}" "${text_options[@]}"
        --train_data_path_and_name_and_type "${lm_stats_dir}/train.txt,text,text"
        --valid_data_path_and_name_and_type "${lm_dev_text},text,text")
}

stage_6() {
    local file made_from lm_options
    for file in ${lm_train_text} "${lm_dev_text}"; do need "${file}" 4; done
    need "${token_list}" 5
    made_from="$(text_key) $(key ${lm_train_text} "${lm_dev_text}" "${token_list}")"
    ! is_done "${lm_stats_dir}" "${made_from}" || return 0
    mkdir -p "${lm_stats_dir}"
    awk 'NF > 1' ${lm_train_text} > "${lm_stats_dir}/train.txt"
    lm_data_options
    collect_stats espnet2.bin.lm_train "${lm_stats_dir}" "${lm_stats_dir}/train.txt" "${lm_dev_text}" \
        "${lm_options[@]}" ${lm_args}
    mark_done "${lm_stats_dir}" "${made_from}"
}

stage_7() {
    local configuration made_from lm_options shapes=${lm_stats_dir} text_shape=text_shape.${token_type}
    need "${shapes}/train/${text_shape}" 6
    configuration=$(training_key training "${lm_config}" ${lm_args}) || exit
    made_from="${lm_args} ${configuration} $(text_key) $(key "${token_list}" "${shapes}/train.txt" "${lm_dev_text}" \
        "${shapes}"/{train,valid}/"${text_shape}")"
    refuse_other_training "${lm_exp}" "${made_from}"
    ! is_done "${lm_exp}" "${made_from}" || return 0
    lm_data_options
    train espnet2.bin.lm_train "${lm_exp}" "${made_from}" "${lm_options[@]}" \
        --train_shape_file "${shapes}/train/${text_shape}" --valid_shape_file "${shapes}/valid/${text_shape}" \
        --fold_length "${lm_fold_length}" ${lm_args}
    mark_done "${lm_exp}" "${made_from}"
}

stage_8() {
    local dir=${lm_exp}/perplexity_test model=${lm_exp}/${inference_lm} made_from
    need "${lm_exp}/config.yaml" 7
    need_model "${model}" --inference_lm
    need "${lm_test_text}" 4
    made_from="$(model_key "${model}") $(key "${lm_test_text}")"
    if ! is_done "${dir}" "${made_from}"; then
        run ${cuda_cmd} --gpu "${ngpu}" "${dir}/lm_calc_perplexity.log" \
            ${python} -m espnet2.bin.lm_calc_perplexity --ngpu "${ngpu}" --output_dir "${dir}" \
            --data_path_and_name_and_type "${lm_test_text},text,text" \
            --train_config "${lm_exp}/config.yaml" --model_file "${model}"
        mark_done "${dir}" "${made_from}"
    fi
    log "stage 8: perplexity of ${lm_test_text}: $(<"${dir}/ppl")"
}
