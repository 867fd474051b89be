#!/usr/bin/env bash
# Stands in for ${python} in the tests of asr.sh: notes each call, and makes only the files that later
# stages look for.
set -euo pipefail
module=$2
shift 2
[ "${module}" != espnet_gmot.bin.check_install ] || { ${BROKEN_INSTALLATION:-true}; exit; }
[ "${module}" != espnet_gmot.bin.training_inputs ] || exec python3 -m "${module}" "$@"
echo "${module} $*" >> calls
[ "${module}" != "${FAIL_IN:-}" ] || exit 3
[ "${module}" != "${SLEEP_IN:-}" ] || { sleep 30 & echo $! > sleeping; wait; }
option() { # option NAME ARGUMENT...: the value of --NAME
    local name=$1
    while [ "$2" != "--${name}" ]; do shift; done
    echo "$3"
}
tokens() { printf '%s\n' '<blank>' '<unk>' a '<sos/eos>' > "$1"; }
case ${module##*.} in
    format_wav_scp | filter_data_dir | perturb_speed)
        target=${*: -1} source=${*: -2:1}
        mkdir -p "${target}"
        cp "${source}"/{wav.scp,text,utt2spk} "${target}"
        echo "u1 800" > "${target}/utt2num_samples" ;;
    tokenize_text) tokens "$(option output "$@")" ;;
    train_bpe) tokens "$(option out "$@")/tokens.txt"; touch "$(option out "$@")/bpe.model" ;;
    split_scp) mkdir -p "$(dirname "${*: -1}")"; echo 1 ;;
    aggregate_stats_dirs)
        stats=$(option output_dir "$@")
        mkdir -p "${stats}"/{train,valid}
        touch "${stats}"/{train,valid}/speech_shape "${stats}/train/feats_stats.npz" ;;
    append_vocabulary_size) echo "u1 5,4" > "${*: -1}" ;;
    launch)
        exp=$(option output_dir "$@")
        case $* in *lm_train*) touch "${exp}/valid.loss.ave.pth" ;; *) touch "${exp}/valid.acc.ave.pth" ;; esac
        echo "model: espnet" > "${exp}/config.yaml" ;;
    lm_calc_perplexity) mkdir -p "$(option output_dir "$@")"; echo 7.5 > "$(option output_dir "$@")/ppl" ;;
    pack) echo zip > "$(option outpath "$@")" ;;
    results_page) echo RESULTS > "$(option out "$@")" ;;
    merge_decoded) echo "u1 a" > "${*: -1}/text" ;;
esac
