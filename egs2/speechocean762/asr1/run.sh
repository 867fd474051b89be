#!/usr/bin/env bash
# speechocean762, English read by native speakers of Mandarin: one system, from the download to its word and
# character error rates. A rerun continues.
#
#   ./run.sh                                             GM-OT, on two CPU cores
#   ./run.sh --stage 6 --asr_config conf/OTHER.yaml      another system on the same data (conf/README.md)
#   ./run.sh --asr_config conf/train_gmot_gpu.yaml --ngpu 1
#                                                        a larger model, on a GPU
#   ./run.sh --token_type bpe --nbpe 300                 word pieces instead of characters
#   ./run.sh --teacher DIRECTORY                         another teacher, or one where there is no network
#
# Between stages 5 and 6 the teacher is run over all transcripts, if the YAML has a teacher_cache:
# --teacher NAME_OR_DIR, --allow_download true|false. Every other option goes to ./asr.sh.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/asr_with_teacher.sh
. local/asr_with_teacher.sh

asr_with_teacher \
    --lang en \
    --token_type char \
    --train_set train \
    --valid_set dev \
    --test_sets "dev test test_seen" \
    --audio_format wav \
    --max_wav_duration 30 \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --asr_config conf/train_gmot_cpu.yaml \
    --ngpu 0 \
    --teacher bert-base-uncased \
    --allow_download true \
    "$@"
