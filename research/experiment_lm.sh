#!/usr/bin/env bash
# Train the language model of the experiments in exp/lm, on the text that the teachers learn from.
#   experiment_lm.sh PRESET
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh

text=exp/lm_train.txt # a fragment between two commas a line
[ -s "${text}" ] || sed 's/，/\n/g' data/local/teacher.txt | awk '{printf "lm%07d %s\n", NR, $0}' > "${text}"
start "$(dirname "$0")"/experiment_asr.sh --stage 6 --stop_stage 8 --use_lm true --lm_config "conf/train_lm_$1.yaml" \
    --lm_train_text "${text}"
finish
