# shellcheck shell=bash
# The directories and the arguments that several stages share, named as ESPnet names them.
# The options come from asr.sh, and the names are for the stages:
# shellcheck disable=SC2154,SC2034

name_things() {
    # The part of a name that tells language and kind of token, e.g. _zh_char
    local token_tag=_${token_type}
    [ "${token_type}" != bpe ] || token_tag=_bpe${nbpe}
    [ "${lang}" = noinfo ] || token_tag=_${lang}${token_tag}
    perturbed=
    [ -z "${speed_perturb_factors}" ] || perturbed=_sp
    name_data
    name_tokens
    name_lm "${token_tag}"
    name_asr "${feats_type}${token_tag}"
    name_decoding
}

# As ESPnet does: "--max_epoch 10" gives "_max_epoch10"
args_tag() { sed -e 's/--/_/g' -e 's/[ |=/]//g' <<< "$1"; }
# stem conf/train.yaml DEFAULT: train, or the default where there is no file
stem() { basename "${1:-$2}" .yaml; }

name_data() {
    data_feats=${dumpdir}/${feats_type}
    train_name=${train_set}${perturbed}
    audio_type=sound # as which ESPnet reads the audio
    [[ ${audio_format} != *.ark ]] || audio_type=kaldi_ark
    local train=--train_data_path_and_name_and_type valid=--valid_data_path_and_name_and_type
    data_options=("${train}" "${data_feats}/${train_name}/wav.scp,speech,${audio_type}"
        "${train}" "${data_feats}/${train_name}/text,text,text"
        "${valid}" "${data_feats}/${valid_set}/wav.scp,speech,${audio_type}"
        "${valid}" "${data_feats}/${valid_set}/text,text,text")
}

name_tokens() {
    local list_dir=data/token_list
    [ "${lang}" = noinfo ] || list_dir=data/${lang}_token_list
    bpemodel=none
    case ${token_type} in
        bpe) token_dir=${list_dir}/bpe_${bpemode}${nbpe}; bpemodel=${token_dir}/bpe.model ;;
        hugging_face)
            token_dir=${list_dir}/hugging_face_${hugging_face_model_name_or_path//\//-}
            bpemodel=${hugging_face_model_name_or_path} ;;
        *) token_dir=${list_dir}/${token_type} ;;
    esac
    token_list=${token_dir}/tokens.txt
    : "${bpe_train_text:=${data_feats}/${train_name}/text}"
    text_options=(--use_preprocessor true --bpemodel "${bpemodel}" --token_type "${token_type}"
        --token_list "${token_list}" --non_linguistic_symbols "${nlsyms_txt}" --cleaner "${cleaner}" --g2p "${g2p}")
}

name_lm() {
    : "${lm_train_text:=${data_feats}/${train_name}/text}" "${lm_dev_text:=${data_feats}/${valid_set}/text}"
    : "${lm_test_text:=${data_feats}/${test_sets%% *}/text}"
    : "${lm_tag:=$(stem "${lm_config}" train)$1$(args_tag "${lm_args}")}"
    : "${lm_stats_dir:=${expdir}/lm_stats$1}"
    : "${lm_exp:=${expdir}/lm_${lm_tag}}"
}

name_asr() {
    : "${asr_tag:=$(stem "${asr_config}" train)_$1$(args_tag "${asr_args}")${perturbed}}"
    : "${asr_stats_dir:=${expdir}/asr_stats_$1${perturbed}}"
    : "${asr_exp:=${expdir}/asr_${asr_tag}}"
    results_page=$(dirname "${asr_exp}")/RESULTS.md # of all experiments there
}

name_decoding() {
    local decoder=inference models
    ! "${ctc_greedy}" || decoder=ctc_greedy
    models=_asr_model_$(args_tag "${inference_asr_model%.*}")
    ! "${use_lm}" || models=_lm_$(basename "${lm_exp}")_$(args_tag "${inference_lm%.*}")${models}
    : "${inference_tag:=$(stem "${inference_config}" "${decoder}")$(args_tag "${inference_args}")${models}}"
}
