#!/usr/bin/env bash
# Counts of each utterance's errors, which comparisons need and sclite does not give. ESPnet's own asr.sh runs
# local/score.sh at the end of stage 13 with the model's directory; ours counts them itself. Recipes link to it.
# sclite's result.txt is kept as sclite.txt.
set -euo pipefail

for hyp in "${*: -1}"/*/*/text; do
    dir=$(dirname "${hyp}")
    data=dump/raw/$(basename "${dir}")
    if [ ! "${dir}/score_cer/result.json" -nt "${hyp}" ]; then
        [ ! -f "${dir}/score_cer/result.txt" ] || mv "${dir}/score_cer/result.txt" "${dir}/score_cer/sclite.txt"
        python3 -m espnet_gmot.bin.score --ref "${data}/text" --hyp "${hyp}" --utt2spk "${data}/utt2spk" \
            --out "${dir}/score_cer"
    fi
done
