#!/usr/bin/env bash
# Stage driver with the stage numbers, option names and directories of ESPnet's asr.sh. It needs
# only pip-installed packages, and runs in a recipe's directory: ./asr.sh --help lists its options.
# What the stages do is in Python: espnet_gmot/driver/stages.
# Options are handed over by name; what holds several words is split on purpose:
# shellcheck disable=SC2034,SC2086
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
local_data_opts=       # Options for local/data.sh; here and in --*_args quotes keep blanks in a word.
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
bpe_nlsyms=            # Symbols that bpe never splits, separated by commas, or a file with one a line.
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
ctc_impossible=auto    # Utterances of more labels than frames: drop or keep them; auto drops few, refuses many.
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

# A recipe's asr.sh is a link to this file.
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/children.sh"

run_stages() {
    stage 1 "data preparation" local/data.sh "${data_options[@]}"
    stage 2 "speed perturbation" in_python perturb_speed
    stage 3 "formatting of audio" in_python format_audio
    stage 4 "removal of long and short data" in_python filter_lengths
    stage 5 "token list" in_python token_list
    stage 6 "language model statistics" in_python lm_stats
    stage 7 "language model training" in_python lm_train
    stage 8 "perplexity" in_python lm_perplexity
    stage 10 "statistics" in_python asr_stats
    stage 11 "training" in_python asr_train
    stage 12 "decoding" in_python decode
    stage 13 "scoring" in_python score
    stage 14 "packing" in_python pack
}

log() { echo "$(date '+%Y-%m-%dT%H:%M:%S') (asr.sh) $*" >&2; }
die() { log "Error: $*"; exit 2; }
names=" $(sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*\)=.*/\1/p' "$0" | xargs) "

# stage NUMBER TITLE COMMAND...: run it if the stage is selected
stage() {
    [[ " ${selected} " == *" $1 "* ]] || return 0
    log "stage $1: $2"
    start "${@:3}"
    finish || die "stage $1 ($2) failed; the reason stands above"
}

# in_python NAME: that stage in Python, which gets every option
in_python() {
    local name options=()
    for name in ${names} train_cmd cuda_cmd decode_cmd; do options+=("--${name}" "${!name-}"); done
    exec ${python} -m espnet_gmot.bin.stage "$1" "${options[@]}"
}

print_options() {
    echo "Usage: $0 --train_set NAME --valid_set NAME --test_sets \"NAME ...\" [--OPTION VALUE] ..."
    echo "Options, with their defaults and meaning:"
    sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*=.*\)/  --\1/p' "$0"
}

parse_options() {
    local name
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) print_options; exit 0 ;;
            --*=*) die "write '${1%%=*} ${1#*=}' instead of '$1' ($0 --help shows the options)" ;;
            --?*) name=${1#--}; name=${name//-/_} ;;
            *) die "'$1' is not an option; options start with -- ($0 --help shows them)" ;;
        esac
        [[ ${names} == *" ${name} "* ]] || die "unknown option --${name} ($0 --help shows the options)"
        [ $# -gt 1 ] || die "option --${name} needs a value ($0 --help shows the options)"
        [[ ! ${!name} =~ ^(true|false)$ || $2 =~ ^(true|false)$ ]] || die "--${name} is true or false, not '$2'"
        printf -v "${name}" %s "$2"
        shift 2
    done
}

main() {
    local name plan model_dir data_options
    parse_options "$@"
    for name in path.sh cmd.sh; do
        [ -f ./${name} ] || die "./${name} is missing; run in a recipe's directory"
    done
    # shellcheck source=egs2/TEMPLATE/asr1/path.sh
    . ./path.sh
    # shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
    . ./cmd.sh
    plan=$(in_python check) || exit 2
    selected=$(sed -n 's/^selected: //p' <<< "${plan}")
    model_dir=$(sed -n 's/^asr_exp: //p' <<< "${plan}")
    eval "data_options=($(sed -n 's/^local_data_opts: //p' <<< "${plan}"))" # words, quoted by Python
    [ -n "${model_dir}" ] || die "${python} -m espnet_gmot.bin.stage check said only: ${plan}"
    [[ " ${selected} " != *" 1 "* ]] || ${python} -m espnet_gmot.bin.check_install --quick true || exit 2
    run_stages
    log "stages ${stage} to ${stop_stage} are done; models and results are in ${model_dir}"
}

main "$@"
