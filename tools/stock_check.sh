#!/usr/bin/env bash
# Run the recipes mini_mandarin and aishell with the asr.sh of an ESPnet checkout, then prepare, decode and score the same
# with ours, and print a table of what is equal. Status 1 if something differs that must not.
# Usage: tools/stock_check.sh ESPNET_DIR [WORK]; all files go into WORK (default: stock_check), nothing into ESPNET_DIR.
# Run it in the Python environment of the checkout, with this project and its extra "demo" installed. As ESPnet's asr.sh
# it needs sclite and sox. The corpora are tiny (AISHELL's is made up), but ESPnet is started a hundred times: it took an
# hour on two busy cores.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "stock_check.sh: error: $*" >&2; exit 2; }
say() { echo "$(date '+%H:%M:%S') $*" >&2; }

[ $# -ge 1 ] && [ $# -le 2 ] || die "usage: tools/stock_check.sh ESPNET_DIR [WORK]"
espnet=$(realpath "$1")
work=$(realpath -m "${2:-stock_check}")
export PATH=${PATH}:/usr/lib/sctk/bin # where Debian's sctk has it
export PYTHONPATH=${PWD}${PYTHONPATH:+:${PYTHONPATH}}
[ -x "${espnet}/egs2/TEMPLATE/asr1/asr.sh" ] || die "$1 is no ESPnet checkout: it has no egs2/TEMPLATE/asr1/asr.sh"
[ ! -e "${work}" ] || die "${work} is there already; remove it, or name another directory"
for program in sclite sox; do
    [ -n "$(PATH=${espnet}/tools/sctk/bin:${PATH} command -v ${program})" ] ||
        die "${program} is not on PATH; Debian has it in the package ${program/sclite/sctk}"
done
[ "$(cat "${espnet}/espnet/version.txt" 2>/dev/null)" != 202511 ] || python3 -c 'import resampy' 2>/dev/null ||
    die "Python has no resampy, which the scripts of ESPnet 202511 import; install it with pip"

# in_checkout CORPUS: the recipe where docs/interchange.md puts it; links stand for the checkout
in_checkout() {
    mkdir -p "${work}/stock/egs2/$1/asr1"
    ln -sfn "${espnet}/egs2/TEMPLATE" "${work}/stock/egs2/TEMPLATE"
    ln -sfn "${espnet}/tools" "${work}/stock/tools"
    (cd "${work}/stock/egs2" && TEMPLATE/asr1/setup.sh "$1/asr1")
    cp -rL "egs2/$1/asr1"/{run*.sh,local,conf} "${work}/stock/egs2/$1/asr1"
}

# ours CORPUS OPTION...: the data, what ESPnet's asr.sh trained decoded in its way and in ours, and the scores
ours() {
    local stock=${work}/stock/egs2/$1/asr1 experiment greedy
    cd "${work}/ours/egs2/$1/asr1"
    shift
    set -- --lang zh --token_type char --train_set train --valid_set dev --test_sets "dev test" --ngpu 0 "$@"
    ./asr.sh "$@" --stop_stage 10
    for experiment in "${stock}"/exp/asr_train*; do
        mkdir -p "exp/$(basename "${experiment}")"
        cp -L "${experiment}"/{config.yaml,valid.cer_ctc.ave.pth} "exp/$(basename "${experiment}")"
        for greedy in false true; do
            ./asr.sh "$@" --stage 12 --stop_stage 13 --asr_exp "exp/$(basename "${experiment}")" --ctc_greedy "${greedy}" \
                --inference_config conf/decode_ctc_greedy.yaml --inference_asr_model valid.cer_ctc.ave.pth \
                --inference_tag "greedy_${greedy}"
        done
    done
}

# step TITLE COMMAND...: with a log of its own
step() {
    local log
    log=${work}/${1// /_}.log
    say "$1; log: ${log}"
    ("${@:2}") &> "${log}" || { tail -n 20 "${log}" >&2; die "$1 failed; log: ${log}"; }
}

stock_mini_mandarin() { cd "${work}/stock/egs2/mini_mandarin/asr1" && ./run.sh --preset tiny; }

# The teacher is the small BERT of mini_mandarin; six epochs teach the systems the ten chords of this corpus.
stock_aishell() {
    cd "${work}/stock/egs2/aishell/asr1"
    ./run_comparison.sh --systems "tiny/train_asr_ctc tiny/train_asr_gmot" --ngpu 0 \
        --local_data_opts "--aishell ${work}/corpus" --allow_download false \
        --teacher "${work}/stock/egs2/mini_mandarin/asr1/exp/teacher/bert" \
        --asr_args "--max_epoch 6 --batch_bins 100000 --optim_conf lr=0.008 --encoder_conf output_size=32 \
--encoder_conf linear_units=64 --specaug none --use_matplotlib false"
}

make_corpus() {
    PYTHONPATH=tests:${PYTHONPATH} python3 -c \
        "import sys, pathlib, aishell_shape; aishell_shape.make_aishell(pathlib.Path(sys.argv[1]))" "${work}/corpus"
}

mkdir -p "${work}/ours"
cp -r egs2 conf "${work}/ours"
for corpus in mini_mandarin aishell; do step "setup of ${corpus}" in_checkout "${corpus}"; done
step "corpus of the shape of AISHELL" make_corpus
step "mini_mandarin stock" stock_mini_mandarin
step "mini_mandarin ours" ours mini_mandarin --audio_format wav --asr_config conf/train_ctc_tiny.yaml \
    --local_data_opts "--preset tiny --seed 0"
step "aishell stock" stock_aishell
step "aishell ours" ours aishell --audio_format flac.ark --asr_config conf/tiny/train_asr_ctc.yaml \
    --speed_perturb_factors "0.9 1.0 1.1" --local_data_opts "--aishell ${work}/corpus"
python3 tools/stock_table.py "${work}"/{stock,ours}/egs2
