# shellcheck shell=bash
# Stage 14: everything that decoding needs in one archive, as ESPnet's model zoo has it.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

stage_14() {
    local model=${asr_exp}/${inference_asr_model} packed option options=() extras=()
    packed=${asr_exp}/$(basename "${asr_exp}")_${inference_asr_model%.*}.zip
    need "${asr_exp}/config.yaml" 11
    need_model "${model}" --inference_asr_model
    need "${results_page}" 13
    if "${use_lm}"; then
        need_model "${lm_exp}/${inference_lm}" --inference_lm
        options=(--lm_train_config "${lm_exp}/config.yaml" --lm_file "${lm_exp}/${inference_lm}")
        extras+=("${lm_exp}/perplexity_test/ppl" "${lm_exp}/images")
    fi
    extras+=("${results_page}" "${token_list}" "${asr_exp}/images" "${bpemodel}" "${nlsyms_txt}")
    [ "${feats_normalize}" = none ] || extras+=("${asr_stats_dir}/train/feats_stats.npz")
    for option in "${extras[@]}"; do [ ! -e "${option}" ] || options+=(--option "${option}"); done
    run ${train_cmd} "${asr_exp}/pack.log" \
        ${python} -m espnet2.bin.pack asr --asr_train_config "${asr_exp}/config.yaml" --asr_model_file "${model}" \
        "${options[@]}" --outpath "${packed%.zip}.aside.zip"
    mv "${packed%.zip}.aside.zip" "${packed}"
    log "stage 14: $(du -h "${packed}" | cut -f 1) in ${packed}"
}
