#!/usr/bin/env bash
# Stage driver with the stage numbers, option names and directories of ESPnet's asr.sh. It needs
# only pip-installed packages, and runs in a recipe's directory: ./asr.sh --help lists its options.
# The stages themselves are beside this file: stages/data.sh (1 to 5), lm.sh (6 to 8), asr.sh (10 and 11),
# decode.sh (12 and 13), pack.sh (14); stages/names.sh names the directories.
# Most options are used there:
# shellcheck disable=SC2034
set -euo pipefail

# >>> options
stage=1                # First stage to run.
stop_stage=14          # Last stage to run.
skip_data_prep=false   # Skip stages 1 to 5.
skip_train=false       # Skip stages 6 to 11.
skip_eval=false        # Skip stages 12 and 13.
skip_packing=true      # Skip stage 14.
ngpu=1                 # Number of GPUs per node for training ("0" uses the CPU).
num_nodes=1            # Number of nodes for training.
nj=$(env -u OMP_NUM_THREADS nproc) # Number of parallel jobs, and of threads when training on the CPU.
inference_nj=${nj}     # Number of parallel jobs in decoding.
gpu_inference=false    # Whether to decode on the GPU.
dumpdir=dump           # Directory for formatted data.
expdir=exp             # Directory for experiments.
python="python3 -m espnet_gmot" # Command that runs Python modules, here with the plugin registered.
local_data_opts=       # Options for local/data.sh.
speed_perturb_factors= # Speeds of training data, e.g. "0.9 1.0 1.1" (separated by space).
feats_type=raw         # Kind of features; only raw.
audio_format=wav       # Audio format of formatted data: wav, flac or flac.ark.
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
use_lm=false           # Train a language model (stages 6 to 8) and decode with it.
use_ngram=false        # Decode with an n-gram (not in this driver yet).
lm_tag=                # Suffix of the language model's directory.
lm_exp=                # Directory of the language model; overrides --lm_tag.
lm_stats_dir=          # Directory of the language model's statistics.
lm_config=             # Configuration of the language model and its training.
lm_args=               # Further arguments for training the language model.
lm_fold_length=150     # Tokens at which batch_type folded halves a batch of the language model.
lm_train_text=         # Text for token list and language model (default: that of the training set).
lm_dev_text=           # Validation text of the language model (default: that of the validation set).
lm_test_text=          # Text for the perplexity (default: that of the first test set).
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
inference_lm=valid.loss.ave.pth # Language model file for decoding.
inference_asr_model=valid.acc.ave.pth # Model file for decoding; with ctc_weight 1.0 valid.cer_ctc.ave.pth.
train_set=             # Name of the training set (required).
valid_set=             # Name of the validation set (required).
test_sets=             # Names of the test sets (required; separated by space).
nlsyms_txt=none        # List of non-linguistic symbols.
cleaner=none           # Text cleaner.
g2p=none               # Grapheme-to-phoneme method.
lang=noinfo            # Language of the corpus, e.g. zh.
# <<< options

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")") # a recipe's asr.sh is a link to this file
for part in children stages/{options,names,guards,data,training,lm,asr,decode,pack}; do
    # shellcheck source=/dev/null
    . "${here}/${part}.sh"
done

stage_names=([1]="data preparation" "speed perturbation" "formatting of audio" "removal of long and short data"
    "token list" "language model statistics" "language model training" "perplexity" "n-gram" "statistics"
    "training" "decoding" "scoring" "packing" "upload")

log() { echo "$(date '+%Y-%m-%dT%H:%M:%S') (asr.sh) $*" >&2; }
die() { log "Error: $*"; exit 2; }
# run COMMAND: for the stages; die if it fails
run() { start "$@"; finish || die "stage ${current} (${stage_names[current]}) failed; the reason stands above"; }

check_options() {
    local name
    for name in stage stop_stage ngpu num_nodes nj inference_nj nbpe; do
        [[ ${!name} =~ ^[0-9]+$ ]] || die "--${name} is a whole number, not '${!name}'"
    done
    for name in num_nodes nj inference_nj; do
        [ "${!name}" -ge 1 ] || die "--${name} is at least 1"
    done
    for name in train_set valid_set test_sets; do
        [ -n "${!name}" ] || die "--${name} is required"
    done
    one_of feats_type raw
    one_of audio_format wav flac flac.ark
    one_of token_type char word bpe hugging_face
    one_of bpemode unigram bpe
    one_of feats_normalize global_mvn none
    [[ ${fs} =~ ^[0-9]+k?$ ]] || die "--fs is a sampling rate such as 16k or 16000, not '${fs}'"
    [[ ${token_type} != hugging_face || -n ${hugging_face_model_name_or_path} ]] ||
        die "--token_type hugging_face needs --hugging_face_model_name_or_path"
    ! "${use_ngram}" || die "stage 9 (n-gram) is not in this driver yet; use --use_ngram false"
    "${use_lm}" || return 0
    [ "${token_type}" != hugging_face ] ||
        die "ESPnet's language models have no --token_type hugging_face; use --use_lm false"
    ! "${ctc_greedy}" || die "--ctc_greedy true decodes without a language model; choose it or --use_lm true"
}

check_stages() {
    local name
    [ "${stage}" -le "${stop_stage}" ] || die "--stage ${stage} comes after --stop_stage ${stop_stage}"
    [[ ${stage} -ge 1 && ${stage} -le 15 ]] || die "--stage is 1 to 15, not ${stage}"
    for name in "${stage}" "${stop_stage}"; do
        case ${name} in
            9 | 15) die "stage ${name} (${stage_names[name]}) is not in this driver yet" ;;
        esac
    done
    [[ ${stage} -lt 6 || ${stop_stage} -gt 8 ]] || "${use_lm}" ||
        die "stage ${stage} (${stage_names[stage]}) needs --use_lm true"
    [ "${stage}" -ne 14 ] || ! "${skip_packing}" || die "stage 14 (packing) needs --skip_packing false"
    ! selected 1 || [ -x local/data.sh ] ||
        die "local/data.sh is missing or not executable; run in a recipe's directory"
    if selected 6 || selected 7; then need_option lm_config "stages 6 and 7"; fi
    if selected 10 || selected 11; then need_option asr_config "stages 10 and 11"; fi
    [ -z "${inference_config}" ] || ! selected 12 || need_option inference_config "stage 12"
    if selected 7 || selected 11; then check_devices; fi
}

check_devices() {
    if [[ ${cuda_cmd} == *run_jobs* ]]; then
        [ "${num_nodes}" -eq 1 ] || die "--num_nodes ${num_nodes} needs slurm.pl or queue.pl as cuda_cmd in cmd.sh"
        [ "${ngpu}" -eq 0 ] || nvidia-smi -L &>/dev/null ||
            die "--ngpu ${ngpu} and this machine shows no GPU; use --ngpu 0"
    fi
}

# need_option NAME STAGES: die unless the option names a file
need_option() {
    [ -n "${!1}" ] || die "--$1 is required for $2"
    [ -f "${!1}" ] || die "--$1 ${!1} does not exist"
}

# selected N: true if stage N is to run
selected() {
    local skip=true
    case $1 in
        [1-5]) skip=${skip_data_prep} ;;
        [6-8]) ! "${use_lm}" || skip=${skip_train} ;;
        10 | 11) skip=${skip_train} ;;
        12 | 13) skip=${skip_eval} ;;
        14) skip=${skip_packing} ;;
    esac
    [[ $1 -ge ${stage} && $1 -le ${stop_stage} && ${skip} = false ]]
}

main() {
    local name
    parse_options "$@"
    for name in path.sh cmd.sh; do
        [ -f ./${name} ] || die "./${name} is missing; run in a recipe's directory"
    done
    # shellcheck source=egs2/TEMPLATE/asr1/path.sh
    . ./path.sh
    # shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
    . ./cmd.sh
    check_options
    check_stages
    ! selected 1 || ${python} -m espnet_gmot.bin.check_install --quick true || exit 2
    name_things
    for current in "${!stage_names[@]}"; do
        selected "${current}" || continue
        log "stage ${current}: ${stage_names[current]}"
        "stage_${current}"
    done
    log "stages ${stage} to ${stop_stage} are done; models and results are in ${asr_exp}"
}

main "$@"
