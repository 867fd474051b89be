#!/usr/bin/env bash
# Train and decode CTC and GM-OT on your corpus with equal budgets, and write one page that compares them:
# exp/comparison.md. A rerun continues.
#
#   ./run_comparison.sh                                      train_ctc_full and train_gmot_full of conf/
#   ./run_comparison.sh --systems "train_a train_b"          these, from conf/NAME.yaml; the first is the baseline
#   ./run_comparison.sh --seeds "0 1 2"                      three trainings of each, and their means
#
# Every other option goes to ./run.sh. --suffix raw_LANG_TOKENS: what run.sh's --lang and --token_type make of it.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/compare_systems.sh
. local/compare_systems.sh

compare_systems --systems "train_ctc_full train_gmot_full" --suffix raw_zh_char --test_sets test "$@"
