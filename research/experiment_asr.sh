#!/usr/bin/env bash
# ./asr.sh with the options that all experiments have in common; run in research/exp/PRESET.
set -euo pipefail

threads=${experiment_threads:-1} ngpu=${experiment_ngpu:-0}
# ESPnet draws its curves anew after each epoch, an eighth of the time here; they stand in TensorBoard too
exec ./asr.sh --lang zh --token_type char --train_set train --valid_set dev --test_sets "dev test" \
    --ngpu "${ngpu}" --nj "${threads}" --inference_nj "${threads}" --audio_format wav --python "python3 -m espnet_gmot" \
    --asr_stats_dir exp/asr_stats --lm_exp exp/lm --asr_args "--use_matplotlib false" \
    --inference_asr_model valid.cer_ctc.ave.pth "$@"
