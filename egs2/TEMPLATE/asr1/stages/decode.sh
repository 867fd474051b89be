# shellcheck shell=bash
# Stages 12 and 13: decoding and scoring of the test sets.
# The options and names come from asr.sh and names.sh; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

stage_12() {
    local dset model=${asr_exp}/${inference_asr_model} made_with lm=${lm_exp}/${inference_lm}
    local module=espnet2.bin.asr_inference options=()
    ! "${ctc_greedy}" || module=espnet_gmot.bin.asr_ctc_greedy
    [ -z "${inference_config}" ] || options=(--config "${inference_config}")
    need "${asr_exp}/config.yaml" 11
    need_model "${model}" --inference_asr_model
    options+=(--asr_train_config "${asr_exp}/config.yaml" --asr_model_file "${model}")
    made_with="${module} ${inference_args} $(model_key "${model}")"
    if "${use_lm}"; then
        need "${lm_exp}/config.yaml" 7
        need_model "${lm}" --inference_lm
        options+=(--lm_train_config "${lm_exp}/config.yaml" --lm_file "${lm}")
        made_with+=" $(model_key "${lm}")"
    fi
    for dset in ${test_sets}; do decode "${dset}" "${made_with}" "${module}" "${options[@]}"; done
}

# decode DSET KEY MODULE OPTION...
decode() {
    local dir=${asr_exp}/${inference_tag}/$1 data=${data_feats}/$1 made_from=$2 cmd=${decode_cmd} gpus=0 jobs
    need "${data}/wav.scp" 3
    made_from+=" $(key ${inference_config} "${data}/wav.scp")"
    ! is_done "${dir}" "${made_from}" || return 0
    rm -rf "${dir}"/{text,score_*} "${dir}"/logdir/asr_inference.*.log # of an earlier decoding
    if "${gpu_inference}"; then cmd=${cuda_cmd} gpus=1; fi
    jobs=$(${python} -m espnet_gmot.bin.split_scp --nj "${inference_nj}" "${data}/wav.scp" \
        "${dir}/logdir/keys.JOB.scp")
    log "stage 12: decoding $1, ${jobs} job(s); log: ${dir}/logdir/asr_inference.*.log"
    run ${cmd} --gpu "${gpus}" "JOB=1:${jobs}" "${dir}/logdir/asr_inference.JOB.log" \
        ${python} -m "$3" --ngpu "${gpus}" --data_path_and_name_and_type "${data}/wav.scp,speech,${audio_type}" \
        --key_file "${dir}/logdir/keys.JOB.scp" --output_dir "${dir}/logdir/output.JOB" "${@:4}" ${inference_args}
    run ${python} -m espnet_gmot.bin.merge_decoded --nj "${jobs}" "${dir}/logdir/output.JOB" "${dir}"
    mark_done "${dir}" "${made_from}"
}

# score DSET KIND UNIT REFERENCE HYPOTHESIS
score() {
    run ${python} -m espnet_gmot.bin.score --ref "$4" --hyp "$5" --utt2spk "${data_feats}/$1/utt2spk" \
        --token_type "$3" --out "${asr_exp}/${inference_tag}/$1/score_$2"
}

# scored_text TEXT OUT CLEANER: write the text as it is scored, cleaned and without non-linguistic symbols
scored_text() {
    run ${python} -m espnet2.bin.tokenize_text --token_type word --field 2- --input "$1" --output "$2.words" \
        --cleaner "$3" --non_linguistic_symbols "${nlsyms_txt}" --remove_non_linguistic_symbols true
    paste -d " " <(cut -d " " -f 1 "$1") "$2.words" > "$2"
    rm "$2.words"
}

stage_13() {
    local dset dir ref hyp
    for dset in ${test_sets}; do
        dir=${asr_exp}/${inference_tag}/${dset} ref=${data_feats}/${dset}/text
        hyp=${dir}/text
        need "${hyp}" 12
        if [ "${cleaner} ${nlsyms_txt}" != "none none" ]; then
            mkdir -p "${dir}/score_text"
            scored_text "${ref}" "${dir}/score_text/ref" "${cleaner}"
            scored_text "${hyp}" "${dir}/score_text/hyp" none
            ref=${dir}/score_text/ref hyp=${dir}/score_text/hyp
        fi
        score "${dset}" cer char "${ref}" "${hyp}"
        # Chinese, Japanese and the like are written without spaces between words.
        [[ ${lang} =~ ^(zh|cmn|yue|ja|jp|th)$ ]] || score "${dset}" wer word "${ref}" "${hyp}"
        if [ "${token_type}" = bpe ]; then
            mkdir -p "${dir}/score_ter"
            run ${python} -m espnet_gmot.bin.encode_bpe "${bpemodel}" "${ref}" "${dir}/score_ter/ref"
            run ${python} -m espnet_gmot.bin.encode_bpe "${bpemodel}" "${hyp}" "${dir}/score_ter/hyp"
            score "${dset}" ter word "${dir}/score_ter/ref" "${dir}/score_ter/hyp"
        fi
    done
    run ${python} -m espnet_gmot.bin.results_page --expdir "$(dirname "${asr_exp}")" --out "${results_page}"
}
