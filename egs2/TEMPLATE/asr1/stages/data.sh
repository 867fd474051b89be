# shellcheck shell=bash
# Stages 1 to 5: from the corpus to formatted data and a token list.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

stage_1() { run local/data.sh ${local_data_opts}; }

stage_2() {
    [ -n "${speed_perturb_factors}" ] || { log "stage 2: no --speed_perturb_factors, nothing to do"; return 0; }
    local source=data/${train_set} target=data/${train_name} made_from
    need "${source}/wav.scp" 1
    made_from="${speed_perturb_factors} ${audio_format} $(dir_key "${source}")"
    ! is_done "${target}" "${made_from}" || return 0
    run ${python} -m espnet_gmot.bin.perturb_speed --factors "${speed_perturb_factors}" --nj "${nj}" \
        --audio_format "${audio_format}" "${source}" "${target}"
    mark_done "${target}" "${made_from}"
}

# Training and validation data are filtered in stage 4 and go there through org/.
formatted_dir() {
    case $1 in "${train_name}" | "${valid_set}") echo "${data_feats}/org/$1" ;; *) echo "${data_feats}/$1" ;; esac
}

stage_3() {
    local dset target made_from
    for dset in $(unique "${train_name}" "${valid_set}" ${test_sets}); do
        target=$(formatted_dir "${dset}")
        need "data/${dset}/wav.scp" 1
        made_from="${audio_format} ${fs} $(dir_key "data/${dset}")"
        ! is_done "${target}" "${made_from}" || continue
        run ${python} -m espnet_gmot.bin.format_wav_scp --nj "${nj}" --audio_format "${audio_format}" --fs "${fs}" \
            "data/${dset}" "${target}"
        mark_done "${target}" "${made_from}"
    done
}

stage_4() {
    local dset
    for dset in "${train_name}" "${valid_set}"; do
        need "${data_feats}/org/${dset}/utt2num_samples" 3
        run ${python} -m espnet_gmot.bin.filter_data_dir --fs "${fs}" --min_wav_duration "${min_wav_duration}" \
            --max_wav_duration "${max_wav_duration}" "${data_feats}/org/${dset}" "${data_feats}/${dset}"
    done
}

stage_5() {
    local text=${lm_train_text} made_from file
    [ "${token_type}" != bpe ] || text=${bpe_train_text}
    for file in ${text}; do need "${file}" 4; done
    made_from="$(text_key) ${bpe_nlsyms} ${bpe_char_cover} ${bpe_input_sentence_size} $(key ${text})"
    is_done "${token_dir}" "${made_from}" || make_token_list ${text}
    report_unknown_tokens
}

# make_token_list TEXT...
make_token_list() {
    mkdir -p "${token_dir}"
    cat "$@" > "${token_dir}/train.txt"
    case ${token_type} in
        bpe)
            run ${python} -m espnet_gmot.bin.train_bpe --text "${token_dir}/train.txt" --out "${token_dir}" \
                --nbpe "${nbpe}" --bpemode "${bpemode}" --bpe_nlsyms "${bpe_nlsyms}" \
                --bpe_char_cover "${bpe_char_cover}" --bpe_input_sentence_size "${bpe_input_sentence_size}" ;;
        hugging_face)
            run ${train_cmd} "${token_dir}/tokens.log" \
                ${python} -m espnet2.bin.hugging_face_export_vocabulary \
                --model_name_or_path "${hugging_face_model_name_or_path}" --output "${token_list}.aside" ;;
        *)
            run ${train_cmd} "${token_dir}/tokens.log" \
                ${python} -m espnet2.bin.tokenize_text --token_type "${token_type}" --field 2- \
                --input "${token_dir}/train.txt" --output "${token_list}.aside" \
                --non_linguistic_symbols "${nlsyms_txt}" --cleaner "${cleaner}" --g2p "${g2p}" \
                --write_vocabulary true --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1" ;;
    esac
    [ "${token_type}" = bpe ] || mv "${token_list}.aside" "${token_list}"
    mark_done "${token_dir}" "${made_from}"
    log "stage 5: $(lines "${token_list}") tokens in ${token_list}"
}

report_unknown_tokens() {
    local dset texts=() dir=${token_dir}/unknown_tokens made_from
    for dset in $(unique "${train_name}" "${valid_set}" ${test_sets}); do texts+=("${data_feats}/${dset}/text"); done
    made_from="$(text_key) $(key "${token_list}" "${texts[@]}")"
    ! is_done "${dir}" "${made_from}" || return 0
    mkdir -p "${dir}"
    run ${python} -m espnet_gmot.bin.report_unknown_tokens --token_list "${token_list}" \
        --token_type "${token_type}" --bpemodel "${bpemodel}" --cleaner "${cleaner}" \
        --non_linguistic_symbols "${nlsyms_txt}" "${texts[@]}"
    mark_done "${dir}" "${made_from}"
}
