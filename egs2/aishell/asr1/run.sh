#!/usr/bin/env bash
# AISHELL-1, 178 hours of Mandarin: one system, from the download to its error rate. A rerun continues.
#
#   ./run.sh                                             GM-OT on ESPnet's CTC conformer, one GPU
#   ./run.sh --stage 6 --asr_config conf/OTHER.yaml      another system on the same data (conf/README.md)
#   ./run.sh --stage 6 --use_lm true                     with a language model (stages 6 to 8)
#   ./run.sh --stage 14 --skip_packing false             the trained model in one archive
#
# Between stages 5 and 6 the teacher is run over all transcripts, if the YAML has a teacher_cache:
# --teacher NAME_OR_DIR, --allow_download true|false. Every other option goes to ./asr.sh.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/asr_with_teacher.sh
. local/asr_with_teacher.sh

asr_with_teacher \
    --lang zh \
    --token_type char \
    --train_set train \
    --valid_set dev \
    --test_sets "dev test" \
    --audio_format flac.ark \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --lm_config conf/train_lm_transformer.yaml \
    --lm_train_text data/train/text \
    --asr_config conf/train_asr_gmot_ctc_conformer_e15_linear1024.yaml \
    --teacher bert-base-chinese \
    --allow_download true \
    "$@"
