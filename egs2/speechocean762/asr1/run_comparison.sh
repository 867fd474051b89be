#!/usr/bin/env bash
# Train and decode CTC and GM-OT on the same data with equal budgets, and write one page that compares them:
# exp/comparison.md. A rerun continues; what ./run.sh has trained with its defaults is not trained again.
#
#   ./run_comparison.sh                                 on two CPU cores, both systems side by side: two hours
#   ./run_comparison.sh --seeds "0 1 2"                 three trainings of each, and their means
#   ./run_comparison.sh --systems "train_ctc_gpu train_gmot_gpu" --ngpu 1 --at_once 1
#                                                       larger models, on a GPU, one after the other
#   ./run_comparison.sh --token_type bpe --nbpe 300 --suffix raw_en_bpe300_sp
#                                                       word pieces; the suffix is that of exp/asr_*
#
# --systems names YAMLs in conf/, the first as the baseline. A system that fails does not keep the others from
# running. Every other option goes to ./run.sh.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/compare_systems.sh
. local/compare_systems.sh

compare_systems --systems "train_ctc_cpu train_gmot_cpu" --suffix raw_en_char_sp --test_sets "dev test test_seen" \
    --at_once 2 "$@"
