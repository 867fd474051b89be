#!/usr/bin/env bash
# Counts of each utterance's errors, which comparisons need and sclite does not give. ESPnet's own asr.sh runs
# local/score.sh at the end of stage 13 with the model's directory; ours counts them itself. Recipes link to it.
# sclite's result.txt is kept as sclite.txt.
set -euo pipefail

python3 -m espnet_gmot.bin.stage score_decoded_sets "${*: -1}"
