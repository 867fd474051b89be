#!/usr/bin/env bash
# The teacher's embeddings of all transcripts of train and dev, where a training YAML looks for them. In a
# directory whose name holds "random" they come from a randomly initialised teacher of the same architecture.
# Options: --teacher NAME_OR_DIR, --allow_download true|false, --cache DIR, --projection FILE (may be empty).
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh

teacher=bert-base-chinese
allow_download=true
cache=exp/teacher/cache
projection=exp/teacher/projection.npz
take_all_options teacher allow_download cache projection -- "$@"

random_init=false
[[ $(basename "$(dirname "${cache}")") != *random* ]] || random_init=true
local/cache_teacher.sh --teacher "${teacher}" --allow_download "${allow_download}" --random_init "${random_init}" \
    --text "data/train/text data/dev/text" --cache "${cache}" --projection "${projection}"
