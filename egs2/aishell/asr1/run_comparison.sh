#!/usr/bin/env bash
# Train and decode every system on the same data with equal budgets, and write one page that compares them:
# exp/comparison.md (of a sample exp/comparison_sample.md). A rerun continues; what ./run.sh has trained with its
# defaults is not trained again.
#
#   ./run_comparison.sh                                      all systems of conf/
#   ./run_comparison.sh --systems "train_asr_a train_asr_b"  these, from conf/NAME.yaml; the first is the baseline
#   ./run_comparison.sh --seeds "0 1 2"                      three trainings of each, and their means
#   ./run_comparison.sh --preset sample                      those of conf/sample, on a small corpus (see ./run.sh)
#
# A hybrid system is decoded twice, the second time by its CTC alone. A system that fails does not keep the
# others from running. Every other option goes to ./run.sh.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/compare_systems.sh
. local/compare_systems.sh

preset=full # or sample
take_options preset -- "$@"
if [ "${preset}" = sample ]; then
    systems="sample/train_asr_ctc sample/train_asr_ot sample/train_asr_gmot sample/train_asr_gmot_random_teacher"
    chosen=(--systems "${systems}" --suffix raw_zh_sample_char --test_sets "dev_sample test_sample" --page exp/comparison_sample)
else # published figures are of the whole corpus
    chosen=(--baseline train_asr_ctc_conformer_e15_linear1024 --suffix raw_zh_char_sp --test_sets "dev test" \
        --published local/published.tsv)
fi
compare_systems "${chosen[@]}" --preset "${preset}" "${others[@]}"
