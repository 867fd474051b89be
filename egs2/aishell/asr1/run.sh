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
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
# shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
. ./cmd.sh

teacher=bert-base-chinese
allow_download=true
stage=1
stop_stage=14
asr_config=conf/train_asr_gmot_ctc_conformer_e15_linear1024.yaml
use_lm=false
ngpu=1
inference_config=    # empty: that of the kind of system, conf/decode_*.yaml
inference_asr_model= # empty: the best by the YAML's best_model_criterion
skip_train=false
take_options teacher allow_download stage stop_stage asr_config use_lm ngpu inference_config inference_asr_model \
    skip_train -- "$@"

die() { echo "run.sh: error: $*" >&2; exit 2; }
run() { start "$@"; finish; }

for option in stage stop_stage ngpu; do
    [[ ${!option} =~ ^[0-9]+$ ]] || die "--${option} is a whole number, not '${!option}'"
done
# asr.sh says so at the stages that train: here it is before the download.
if [ "${ngpu}" -gt 0 ] && [ "${stage}" -le 11 ] && [ "${stop_stage}" -ge 7 ] && [[ ${skip_train},${cuda_cmd} == false,*run_jobs* ]]; then
    nvidia-smi -L &>/dev/null ||
        die "--ngpu ${ngpu} and this machine shows no GPU; use --ngpu 0 to try out, or --stop_stage 5 for the data"
fi
of_yaml=$(python3 -m espnet_gmot.bin.read_training_yaml "${asr_config}")
# yaml NAME: what it says about that
yaml() { sed -n "s/^$1=//p" <<< "${of_yaml}"; }

: "${inference_asr_model:=$(yaml inference_asr_model)}"
case $(yaml kind),${use_lm} in # kind of system, whether with a language model
    hybrid,true) : "${inference_config:=conf/decode_hybrid_lm.yaml}" ;;
    hybrid,*) : "${inference_config:=conf/decode_hybrid.yaml}" ;;
    *,true) : "${inference_config:=conf/decode_ctc_beam_lm.yaml}" ;;
    *) : "${inference_config:=conf/decode_ctc_greedy.yaml}" ;;
esac
# Inside an ESPnet checkout ./asr.sh is ESPnet's, which lacks --ctc_greedy: its beam search runs with beam 1.
best_path=()
if [ "$(basename "${inference_config}")" = decode_ctc_greedy.yaml ] && grep -q "^ctc_greedy=" asr.sh; then
    best_path=(--ctc_greedy true)
fi

recipe() {
    run ./asr.sh \
        --lang zh \
        --token_type char \
        --train_set train \
        --valid_set dev \
        --test_sets "dev test" \
        --audio_format flac.ark \
        --speed_perturb_factors "0.9 1.0 1.1" \
        --use_lm "${use_lm}" \
        --lm_config conf/train_lm_transformer.yaml \
        --lm_train_text data/train/text \
        --asr_config "${asr_config}" \
        --inference_config "${inference_config}" \
        --inference_asr_model "${inference_asr_model}" \
        --skip_train "${skip_train}" \
        --ngpu "${ngpu}" \
        --nj "$(env -u OMP_NUM_THREADS nproc)" \
        --python "python3 -m espnet_gmot" \
        "${best_path[@]}" "$@" "${others[@]}"
}

if [ "${stage}" -le 5 ]; then
    recipe --stage "${stage}" --stop_stage $((stop_stage < 5 ? stop_stage : 5))
fi
if [ -n "$(yaml teacher_cache)" ] && [ "${stage}" -le 11 ] && [ "${stop_stage}" -ge 10 ] &&
    [ "${skip_train}" = false ]; then
    run local/teacher.sh --teacher "${teacher}" --allow_download "${allow_download}" \
        --cache "$(yaml teacher_cache)" --projection "$(yaml projection)"
fi
if [ "${stop_stage}" -ge 6 ]; then
    recipe --stage $((stage > 6 ? stage : 6)) --stop_stage "${stop_stage}"
fi
