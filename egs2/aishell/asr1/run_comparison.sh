#!/usr/bin/env bash
# Train and decode every system on the same data with equal budgets, and write one page that compares them:
# exp/comparison.md. A rerun continues; what ./run.sh has trained with its defaults is not trained again.
#
#   ./run_comparison.sh                                      all systems of conf/
#   ./run_comparison.sh --systems "train_asr_a train_asr_b"  these, from conf/NAME.yaml; the first is the baseline
#
# A hybrid system is decoded twice, the second time by its CTC alone. A system that fails does not keep the
# others from running. Every other option goes to ./run.sh.
# ${systems} and ${test_sets} hold several words and are split on purpose:
# shellcheck disable=SC2086
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh

systems= # empty: the baseline, then every other training YAML of conf/
test_sets="dev test"
take_options systems test_sets -- "$@"
refuse_options "for another one run ./run.sh" stage stop_stage expdir asr_config asr_tag asr_exp use_lm \
    inference_config inference_tag inference_asr_model

rows=$(python3 -m espnet_gmot.bin.stage plan_comparison "$0" train_asr_ctc_conformer_e15_linear1024 ${systems})
system() { start ./run.sh "${others[@]}" --test_sets "${test_sets}" "$@"; finish; }

system --stop_stage 5 --asr_config "${rows%% *}"
experiments=()
failed=()
while read -r yaml row decoding stage; do
    exp=exp/asr_$(basename "${yaml}" .yaml)_raw_zh_char_sp # as ./run.sh calls it
    experiments+=(--experiment "${row}=${exp}:${decoding}")
    system --stage "${stage}" --stop_stage 13 --use_lm false --asr_config "${yaml}" --asr_exp "${exp}" \
        --inference_config "conf/${decoding}.yaml" --inference_tag "${decoding}" || failed+=("${row}")
done <<< "${rows}"

python3 -m espnet_gmot.bin.compare "${experiments[@]}" "${failed[@]/#/--failed=}" --decode decode_ctc_greedy --sets ${test_sets} \
    --complete true --published local/published.tsv --command ./run_comparison.sh --out exp/comparison || failed+=(comparison)
if [ ${#failed[@]} -gt 0 ]; then
    echo "run_comparison.sh: error: these failed, for the reasons above: ${failed[*]}" >&2
    exit 1
fi
