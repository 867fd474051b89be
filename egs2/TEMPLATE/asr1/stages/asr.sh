# shellcheck shell=bash
# Stages 10 and 11: statistics and training of the recogniser.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

stage_10() {
    local train=${data_feats}/${train_name} valid=${data_feats}/${valid_set} made_from front_end
    need "${train}/wav.scp" 4
    need "${valid}/wav.scp" 4
    need "${token_list}" 5
    front_end=$(training_key front_end "${asr_config}" ${asr_args}) || exit
    made_from="${fs} ${front_end} $(text_key) $(key {"${train}","${valid}"}/{wav.scp,text,utt2num_samples} "${token_list}")"
    ! is_done "${asr_stats_dir}" "${made_from}" || return 0
    collect_stats espnet2.bin.asr_train "${asr_stats_dir}" "${train}/wav.scp" "${valid}/wav.scp" \
        --config "${asr_config}" --frontend_conf "fs=${fs}" "${text_options[@]}" "${data_options[@]}" ${asr_args}
    mark_done "${asr_stats_dir}" "${made_from}"
}

stage_11() {
    local configuration made_from shapes=${asr_stats_dir} text_shape=text_shape.${token_type} statistics=() normalize=()
    need "${shapes}/train/${text_shape}" 10
    need "${data_feats}/${train_name}/text" 4
    need "${data_feats}/${valid_set}/text" 4
    configuration=$(training_key training "${asr_config}" ${asr_args}) || exit
    if [ "${feats_normalize}" = global_mvn ]; then
        statistics=("${shapes}/train/feats_stats.npz")
        normalize=(--normalize=global_mvn --normalize_conf "stats_file=${statistics[0]}")
    fi
    made_from="${asr_args} ${configuration} ${normalize[*]} $(text_key) $(key "${token_list}" "${statistics[@]}" \
        "${data_feats}"/{"${train_name}","${valid_set}"}/text \
        "${shapes}"/{train,valid}/{speech_shape,"${text_shape}"})"
    refuse_other_training "${asr_exp}" "${made_from}"
    ! is_done "${asr_exp}" "${made_from}" || return 0
    train espnet2.bin.asr_train "${asr_exp}" "${made_from}" --config "${asr_config}" --frontend_conf "fs=${fs}" "${normalize[@]}" \
        "${text_options[@]}" "${data_options[@]}" \
        --train_shape_file "${shapes}/train/speech_shape" --train_shape_file "${shapes}/train/${text_shape}" \
        --valid_shape_file "${shapes}/valid/speech_shape" --valid_shape_file "${shapes}/valid/${text_shape}" \
        --fold_length "$((asr_speech_fold_length * 100))" --fold_length "${asr_text_fold_length}" ${asr_args}
    mark_done "${asr_exp}" "${made_from}"
}
