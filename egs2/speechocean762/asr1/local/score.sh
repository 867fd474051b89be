#!/usr/bin/env bash
# Counts of each utterance's errors where asr.sh is ESPnet's (see egs2/TEMPLATE/asr1/score.sh); in English the space
# between two words is a character.
set -euo pipefail

python3 -m espnet_gmot.bin.stage score_decoded_sets "${*: -1}" --spaces true
