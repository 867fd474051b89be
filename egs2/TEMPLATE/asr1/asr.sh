#!/usr/bin/env bash
# Stage driver with the stage numbers, option names and directories of ESPnet's asr.sh. It needs
# only pip-installed packages, and runs in a recipe's directory: ./asr.sh --help lists its options.
# ${python}, ${train_cmd} and the *_args options hold several words and are split on purpose:
# shellcheck disable=SC2086
set -euo pipefail

# >>> options
stage=1                # First stage to run.
stop_stage=13          # Last stage to run.
skip_data_prep=false   # Skip stages 1 to 5.
skip_train=false       # Skip stages 6 to 11.
skip_eval=false        # Skip stages 12 and 13.
ngpu=1                 # Number of GPUs per node for training ("0" uses the CPU).
num_nodes=1            # Number of nodes for training.
nj=$(getconf _NPROCESSORS_ONLN) # Number of parallel jobs, and of threads when training on the CPU.
inference_nj=${nj}     # Number of parallel jobs in decoding.
gpu_inference=false    # Whether to decode on the GPU.
dumpdir=dump           # Directory for formatted data.
expdir=exp             # Directory for experiments.
python="python3 -m espnet_gmot" # Command that runs Python modules, here with the plugin registered.
local_data_opts=       # Options for local/data.sh.
speed_perturb_factors= # Speeds of training data, e.g. "0.9 1.0 1.1" (separated by space).
feats_type=raw         # Kind of features; only raw.
audio_format=wav       # Audio format of formatted data: wav or flac.
fs=16k                 # Sampling rate.
min_wav_duration=0.1   # Minimum duration in seconds of training and validation data.
max_wav_duration=20    # Maximum duration in seconds of training and validation data.
token_type=char        # Kind of tokens: char, word, bpe or hugging_face.
nbpe=30                # Number of bpe tokens.
bpemode=unigram        # Kind of bpe: unigram or bpe.
bpe_train_text=        # Text to train bpe on (default: that of the training set).
bpe_input_sentence_size=100000000 # Number of sentences to train bpe on.
bpe_nlsyms=            # Symbols that bpe never splits, separated by commas.
bpe_char_cover=1.0     # Share of the characters that bpe covers.
hugging_face_model_name_or_path= # Model whose tokens to use with --token_type hugging_face.
use_lm=false           # Decode with a language model (not in this driver yet).
use_ngram=false        # Decode with an n-gram (not in this driver yet).
lm_tag=                # Suffix of the language model's directory.
lm_exp=                # Directory of the language model.
lm_stats_dir=          # Directory of the language model's statistics.
lm_config=             # Configuration of the language model.
lm_args=               # Further arguments for training the language model.
lm_train_text=         # Text for the token list (default: that of the training set).
lm_dev_text=           # Validation text of the language model.
lm_test_text=          # Test text of the language model.
asr_tag=               # Suffix of the model's directory.
asr_exp=               # Directory of the model; overrides --asr_tag.
asr_stats_dir=         # Directory of the statistics.
asr_config=            # Configuration of the model and its training.
asr_args=              # Further arguments for training, e.g. "--max_epoch 10".
feats_normalize=global_mvn # Normalisation of features: global_mvn, or none to leave it to the configuration.
asr_speech_fold_length=800 # Frames (10 ms) at which batch_type folded halves a batch.
asr_text_fold_length=150   # Tokens at which batch_type folded halves a batch.
ctc_greedy=false       # Decode by the best CTC path instead of espnet2.bin.asr_inference.
inference_tag=         # Name of the decoding directory.
inference_config=      # Configuration of decoding.
inference_args=        # Further arguments for decoding, e.g. "--ctc_weight 0.3".
inference_asr_model=valid.acc.ave.pth # Model file for decoding; with ctc_weight 1.0 valid.cer_ctc.ave.pth.
train_set=             # Name of the training set (required).
valid_set=             # Name of the validation set (required).
test_sets=             # Names of the test sets (required; separated by space).
nlsyms_txt=none        # List of non-linguistic symbols.
cleaner=none           # Text cleaner.
g2p=none               # Grapheme-to-phoneme method.
lang=noinfo            # Language of the corpus, e.g. zh.
# <<< options

log() { echo "$(date '+%Y-%m-%dT%H:%M:%S') (asr.sh) $*" >&2; }
die() { log "Error: $*"; exit 2; }

print_options() {
    echo "Usage: $0 --train_set NAME --valid_set NAME --test_sets \"NAME ...\" [--OPTION VALUE] ..."
    echo "Options, with their defaults and meaning:"
    sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*=.*\)/  --\1/p' "${BASH_SOURCE[0]}"
}

parse_options() {
    local known name
    known=" $(sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*\)=.*/\1/p' "${BASH_SOURCE[0]}" | xargs) "
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) print_options; exit 0 ;;
            --*=*) die "write '${1%%=*} ${1#*=}' instead of '$1' ($0 --help shows the options)" ;;
            --?*) name=${1#--}; name=${name//-/_} ;;
            *) die "'$1' is not an option; options start with -- ($0 --help shows them)" ;;
        esac
        [[ ${known} == *" ${name} "* ]] || die "unknown option --${name} ($0 --help shows the options)"
        [ $# -gt 1 ] || die "option --${name} needs a value ($0 --help shows the options)"
        [[ ! ${!name} =~ ^(true|false)$ || $2 =~ ^(true|false)$ ]] || die "--${name} is true or false, not '$2'"
        printf -v "${name}" %s "$2"
        shift 2
    done
}

# one_of OPTION CHOICE...: die unless the value of OPTION is one of the choices
one_of() {
    local name=$1; shift
    [[ " $* " == *" ${!name} "* ]] || die "--${name} is one of: $*; not '${!name}'"
}

check_options() {
    local name
    for name in stage stop_stage ngpu num_nodes nj inference_nj nbpe; do
        [[ ${!name} =~ ^[0-9]+$ ]] || die "--${name} is a whole number, not '${!name}'"
    done
    for name in num_nodes nj inference_nj; do [ "${!name}" -ge 1 ] || die "--${name} is at least 1"; done
    for name in train_set valid_set test_sets; do [ -n "${!name}" ] || die "--${name} is required"; done
    one_of feats_type raw
    one_of audio_format wav flac
    one_of token_type char word bpe hugging_face
    one_of bpemode unigram bpe
    one_of feats_normalize global_mvn none
    [[ ${fs} =~ ^[0-9]+k?$ ]] || die "--fs is a sampling rate such as 16k or 16000, not '${fs}'"
    [[ ${token_type} != hugging_face || -n ${hugging_face_model_name_or_path} ]] ||
        die "--token_type hugging_face needs --hugging_face_model_name_or_path"
    ! "${use_lm}" || die "stages 6 to 8 (language model) are not in this driver yet; use --use_lm false"
    ! "${use_ngram}" || die "stage 9 (n-gram) is not in this driver yet; use --use_ngram false"
    [ -z "${lm_tag}${lm_exp}${lm_stats_dir}${lm_config}${lm_args}${lm_dev_text}${lm_test_text}" ] ||
        log "the options of the language model have no effect without --use_lm true"
}

stage_names=([1]="data preparation" "speed perturbation" "formatting of audio" "removal of long and short data"
    "token list" "language model statistics" "language model training" "perplexity" "n-gram" "statistics"
    "training" "decoding" "scoring" "packing" "upload")

check_stages() {
    local name
    [ "${stage}" -le "${stop_stage}" ] || die "--stage ${stage} comes after --stop_stage ${stop_stage}"
    [[ ${stage} -ge 1 && ${stage} -le 15 ]] || die "--stage is 1 to 15, not ${stage}"
    for name in "${stage}" "${stop_stage}"; do
        case ${name} in
            6 | 7 | 8 | 9 | 14 | 15) die "stage ${name} (${stage_names[name]}) is not in this driver yet" ;;
        esac
    done
    ! selected 1 || [ -x local/data.sh ] ||
        die "local/data.sh is missing or not executable; run in a recipe's directory"
    if selected 10 || selected 11; then
        [ -n "${asr_config}" ] || die "--asr_config is required for stages 10 and 11"
        [ -f "${asr_config}" ] || die "--asr_config ${asr_config} does not exist"
    fi
    if selected 12; then
        [[ -z ${inference_config} || -f ${inference_config} ]] ||
            die "--inference_config ${inference_config} does not exist"
    fi
    if selected 11 && [ "${ngpu}" -gt 0 ] && [[ ${cuda_cmd} == *run_jobs* ]]; then
        nvidia-smi -L &>/dev/null || die "--ngpu ${ngpu} and this machine shows no GPU; use --ngpu 0"
    fi
}

# selected N: true if stage N is to run
selected() {
    local skip=${skip_eval}
    [ "$1" -gt 11 ] || skip=${skip_train}
    [ "$1" -gt 5 ] || skip=${skip_data_prep}
    [[ $1 -ge ${stage} && $1 -le ${stop_stage} && ${skip} = false ]]
}

# As ESPnet does: "--max_epoch 10" gives "_max_epoch10"
args_tag() { sed -e 's/--/_/g' -e 's/[ |=/]//g' <<< "$1"; }

name_things() {
    local lang_part=_${lang} type=${token_type} perturbed=
    [ "${lang}" != noinfo ] || lang_part=
    [ "${token_type}" != bpe ] || type=bpe${nbpe}
    [ -z "${speed_perturb_factors}" ] || perturbed=_sp
    data_feats=${dumpdir}/${feats_type}
    train_name=${train_set}${perturbed}
    : "${lm_train_text:=${data_feats}/${train_name}/text}" "${bpe_train_text:=${data_feats}/${train_name}/text}"
    local list_dir=data/${lang_part:+${lang}_}token_list
    bpemodel=none
    case ${token_type} in
        bpe) token_dir=${list_dir}/bpe_${bpemode}${nbpe}; bpemodel=${token_dir}/bpe.model ;;
        hugging_face)
            token_dir=${list_dir}/hugging_face_${hugging_face_model_name_or_path//\//-}
            bpemodel=${hugging_face_model_name_or_path} ;;
        *) token_dir=${list_dir}/${token_type} ;;
    esac
    token_list=${token_dir}/tokens.txt
    local data_tag=${feats_type}${lang_part}_${type}
    : "${asr_tag:=$(basename "${asr_config:-train}" .yaml)_${data_tag}$(args_tag "${asr_args}")${perturbed}}"
    : "${asr_stats_dir:=${expdir}/asr_stats_${data_tag}${perturbed}}"
    : "${asr_exp:=${expdir}/asr_${asr_tag}}"
    local decoder=inference
    ! "${ctc_greedy}" || decoder=ctc_greedy
    [ -z "${inference_config}" ] || decoder=$(basename "${inference_config}" .yaml)
    : "${inference_tag:=${decoder}$(args_tag "${inference_args}")_asr_model_$(args_tag "${inference_asr_model%.*}")}"
    text_options=(--use_preprocessor true --bpemodel "${bpemodel}" --token_type "${token_type}"
        --token_list "${token_list}" --non_linguistic_symbols "${nlsyms_txt}" --cleaner "${cleaner}" --g2p "${g2p}")
    local train=--train_data_path_and_name_and_type valid=--valid_data_path_and_name_and_type
    data_options=("${train}" "${data_feats}/${train_name}/wav.scp,speech,sound"
        "${train}" "${data_feats}/${train_name}/text,text,text"
        "${valid}" "${data_feats}/${valid_set}/wav.scp,speech,sound"
        "${valid}" "${data_feats}/${valid_set}/text,text,text")
}

# start COMMAND: in the background, in a process group of its own, so that a signal to this script can end all of it
children=()
start() {
    set -m
    "$@" </dev/null &
    children+=($!)
    set +m
}
# run COMMAND: bash holds signals back behind a foreground command, but not behind wait
run() {
    start "$@"
    wait "${children[-1]}" || die "stage ${current} (${stage_names[current]}) failed; the reason stands above"
    children=()
}
end_children() {
    local child
    trap - INT TERM HUP
    for child in "${children[@]}"; do kill -TERM -- "-${child}" 2>/dev/null || true; done
    wait || true
    log "stopped; run the same command again to continue"
    kill -"$1" $$
}

# key FILE...: a short text that changes when the files do; dir_key does so for a data directory
key() { cat "$@" | cksum; }
dir_key() { find "$1" -maxdepth 1 -type f ! -name '.*' -print0 | sort -z | xargs -0 cat | cksum; }
# is_done DIRECTORY KEY: true if mark_done was called with the same key
is_done() {
    [ -f "$1/.done" ] || return 1
    if [ "$(<"$1/.done")" != "$2" ]; then
        log "stage ${current}: the inputs of $1 have changed; making it again"
        rm "$1/.done"
        return 1
    fi
    log "stage ${current}: already done (remove $1/.done to redo)"
}
mark_done() { echo "$2" > "$1/.done"; }

# need FILE STAGE
need() { [ -s "$1" ] || die "$1 is missing or empty; run stage $2 first"; }
min() { printf '%s\n' "$@" | sort -n | head -n 1; }
lines() { wc -l < "$1"; }
# Training and validation data are filtered in stage 4 and go there through org/.
formatted_dir() {
    case $1 in "${train_name}" | "${valid_set}") echo "${data_feats}/org/$1" ;; *) echo "${data_feats}/$1" ;; esac
}
unique() { printf '%s\n' "$@" | awk '!seen[$0]++'; }

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
    made_from="${cleaner} ${g2p} ${bpe_nlsyms} ${bpe_char_cover} $(key ${text})"
    ! is_done "${token_dir}" "${made_from}" || return 0
    mkdir -p "${token_dir}"
    cat ${text} > "${token_dir}/train.txt"
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

stage_10() {
    local train=${data_feats}/${train_name} valid=${data_feats}/${valid_set}
    local logdir=${asr_stats_dir}/logdir made_from part job jobs inputs=()
    need "${train}/wav.scp" 4
    need "${valid}/wav.scp" 4
    need "${token_list}" 5
    made_from="${fs} $(key {"${train}","${valid}"}/{wav.scp,text,utt2num_samples} "${token_list}")"
    ! is_done "${asr_stats_dir}" "${made_from}" || return 0
    jobs=$(min "${nj}" "$(lines "${train}/wav.scp")" "$(lines "${valid}/wav.scp")")
    ${python} -m espnet_gmot.bin.split_scp --nj "${jobs}" "${train}/wav.scp" "${logdir}/train.JOB.scp" > /dev/null
    ${python} -m espnet_gmot.bin.split_scp --nj "${jobs}" "${valid}/wav.scp" "${logdir}/valid.JOB.scp" > /dev/null
    log "stage 10: ${jobs} job(s); log: ${logdir}/stats.*.log"
    run ${train_cmd} "JOB=1:${jobs}" "${logdir}/stats.JOB.log" \
        ${python} -m espnet2.bin.asr_train --collect_stats true --config "${asr_config}" \
        --frontend_conf "fs=${fs}" "${text_options[@]}" "${data_options[@]}" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/valid.JOB.scp" \
        --output_dir "${logdir}/stats.JOB" ${asr_args}
    for job in $(seq "${jobs}"); do inputs+=(--input_dir "${logdir}/stats.${job}"); done
    run ${train_cmd} "${logdir}/aggregate.log" \
        ${python} -m espnet2.bin.aggregate_stats_dirs "${inputs[@]}" --output_dir "${asr_stats_dir}"
    for part in train valid; do
        run ${python} -m espnet_gmot.bin.append_vocabulary_size --token_list "${token_list}" \
            "${asr_stats_dir}/${part}/text_shape" "${asr_stats_dir}/${part}/text_shape.${token_type}"
    done
    mark_done "${asr_stats_dir}" "${made_from}"
}

stage_11() {
    local made_from shapes=${asr_stats_dir} text_shape=text_shape.${token_type} normalize=() threads=
    need "${shapes}/train/${text_shape}" 10
    made_from="${asr_args} $(key "${asr_config}" "${token_list}" "${shapes}"/{train,valid}/{speech_shape,"${text_shape}"})"
    ! is_done "${asr_exp}" "${made_from}" || return 0
    [ "${feats_normalize}" = none ] ||
        normalize=(--normalize=global_mvn --normalize_conf "stats_file=${shapes}/train/feats_stats.npz")
    [ "${ngpu}" -gt 0 ] || threads="--num_threads ${nj}"
    mkdir -p "${asr_exp}"
    ${python} -m espnet_gmot.bin.check_checkpoint "${asr_exp}/checkpoint.pth"
    log "stage 11: training; log: ${asr_exp}/train.log"
    start ${python} -m espnet2.bin.launch --cmd "${cuda_cmd} --name $(basename "${asr_exp}") ${threads}" \
        --log "${asr_exp}/train.log" --ngpu "${ngpu}" --num_nodes "${num_nodes}" \
        --init_file_prefix "${asr_exp}/.dist_init_" --multiprocessing_distributed true -- \
        ${python} -m espnet2.bin.asr_train --config "${asr_config}" --frontend_conf "fs=${fs}" "${normalize[@]}" \
        "${text_options[@]}" "${data_options[@]}" --resume true --output_dir "${asr_exp}" \
        --train_shape_file "${shapes}/train/speech_shape" --train_shape_file "${shapes}/train/${text_shape}" \
        --valid_shape_file "${shapes}/valid/speech_shape" --valid_shape_file "${shapes}/valid/${text_shape}" \
        --fold_length "$((asr_speech_fold_length * 100))" --fold_length "${asr_text_fold_length}" \
        ${asr_args} &> "${asr_exp}/launch.log"
    local training=${children[-1]}
    start ${python} -m espnet_gmot.bin.watch_training --log "${asr_exp}/train.log" --pid "${training}"
    wait "${training}" || {
        wait "${children[-1]}" || true
        tail -n 20 "${asr_exp}/train.log" 2>/dev/null || tail -n 20 "${asr_exp}/launch.log"
        die "training failed; log: ${asr_exp}/train.log"
    }
    wait "${children[-1]}" || true
    children=()
    mark_done "${asr_exp}" "${made_from}"
}

stage_12() {
    local dset dir data jobs made_from model=${asr_exp}/${inference_asr_model} cmd=${decode_cmd} gpus=0
    local decoder=(espnet2.bin.asr_inference)
    ! "${ctc_greedy}" || decoder=(espnet_gmot.bin.asr_ctc_greedy)
    [ -z "${inference_config}" ] || decoder+=(--config "${inference_config}")
    need "${asr_exp}/config.yaml" 11
    [ -f "${model}" ] || die "${model} does not exist; --inference_asr_model names one of:" \
        "$(find "${asr_exp}" -maxdepth 1 -name 'valid.*.pth' -printf '%f ')"
    if "${gpu_inference}"; then cmd=${cuda_cmd} gpus=1; fi
    for dset in ${test_sets}; do
        dir=${asr_exp}/${inference_tag}/${dset} data=${data_feats}/${dset}
        need "${data}/wav.scp" 3
        made_from="${inference_args} $(stat -Lc '%s %Y' "${model}") $(key ${inference_config} "${data}/wav.scp")"
        ! is_done "${dir}" "${made_from}" || continue
        jobs=$(${python} -m espnet_gmot.bin.split_scp --nj "${inference_nj}" "${data}/wav.scp" \
            "${dir}/logdir/keys.JOB.scp")
        log "stage 12: decoding ${dset}, ${jobs} job(s); log: ${dir}/logdir/asr_inference.*.log"
        run ${cmd} --gpu "${gpus}" "JOB=1:${jobs}" "${dir}/logdir/asr_inference.JOB.log" \
            ${python} -m "${decoder[@]}" --ngpu "${gpus}" \
            --data_path_and_name_and_type "${data}/wav.scp,speech,sound" --key_file "${dir}/logdir/keys.JOB.scp" \
            --asr_train_config "${asr_exp}/config.yaml" --asr_model_file "${model}" \
            --output_dir "${dir}/logdir/output.JOB" ${inference_args}
        run ${python} -m espnet_gmot.bin.merge_decoded --nj "${jobs}" "${dir}/logdir/output.JOB" "${dir}"
        mark_done "${dir}" "${made_from}"
    done
}

# score DSET KIND UNIT REFERENCE HYPOTHESIS
score() {
    run ${python} -m espnet_gmot.bin.score --ref "$4" --hyp "$5" --utt2spk "${data_feats}/$1/utt2spk" \
        --token_type "$3" --out "${asr_exp}/${inference_tag}/$1/score_$2"
}

stage_13() {
    local dset dir ref part
    for dset in ${test_sets}; do
        dir=${asr_exp}/${inference_tag}/${dset} ref=${data_feats}/${dset}/text
        need "${dir}/text" 12
        score "${dset}" cer char "${ref}" "${dir}/text"
        # Chinese, Japanese and the like are written without spaces between words.
        [[ ${lang} =~ ^(zh|cmn|yue|ja|jp|th)$ ]] || score "${dset}" wer word "${ref}" "${dir}/text"
        if [ "${token_type}" = bpe ]; then
            mkdir -p "${dir}/score_ter"
            run ${python} -m espnet_gmot.bin.encode_bpe "${bpemodel}" "${ref}" "${dir}/score_ter/ref"
            run ${python} -m espnet_gmot.bin.encode_bpe "${bpemodel}" "${dir}/text" "${dir}/score_ter/hyp"
            score "${dset}" ter word "${dir}/score_ter/ref" "${dir}/score_ter/hyp"
        fi
    done
    run ${python} -m espnet_gmot.bin.results_page --expdir "${expdir}" --out "${expdir}/RESULTS.md"
}

main() {
    local name
    parse_options "$@"
    for name in path.sh cmd.sh; do [ -f ./${name} ] || die "./${name} is missing; run in a recipe's directory"; done
    # shellcheck source=egs2/TEMPLATE/asr1/path.sh
    . ./path.sh
    # shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
    . ./cmd.sh
    check_options
    check_stages
    name_things
    trap 'end_children INT' INT
    trap 'end_children TERM' TERM
    trap 'end_children HUP' HUP
    for current in 1 2 3 4 5 10 11 12 13; do
        selected "${current}" || continue
        log "stage ${current}: ${stage_names[current]}"
        "stage_${current}"
    done
    log "stages ${stage} to ${stop_stage} are done; models and results are in ${asr_exp}"
}

main "$@"
