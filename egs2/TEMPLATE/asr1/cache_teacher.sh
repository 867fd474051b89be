#!/usr/bin/env bash
# Run the teacher once over all transcripts: a cache of its embeddings, and the projection fitted to them.
# A rerun continues where it stopped, and with nothing to do it ends at once. Recipes link to it in local/.
# Options: --teacher NAME_OR_DIR, --allow_download true|false, --random_init true|false,
# --text "KALDI_TEXT ..." (speed-perturbed copies share an entry), --cache DIR, --projection FILE (may be empty).
# ${text} holds several words and is split on purpose:
# shellcheck disable=SC2086
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh

teacher=
allow_download=false
random_init=false # whether the teacher's weights are drawn at random: the control without language knowledge
text=
cache=
projection=
take_all_options teacher allow_download random_init text cache projection -- "$@"
for file in ${text}; do
    [ -s "${file}" ] || { echo "cache_teacher.sh: error: ${file} is missing or empty; run stages 1 to 5" >&2; exit 2; }
done

weights=
[ ! -d "${teacher}" ] || weights=$(find -L "${teacher}" -type f -printf '%P %s %T@\n' | sort | cksum) # without reading them
made_from="${teacher} ${weights} ${random_init} $(cat ${text} | cksum)"
if [ "$(cat "${cache}/.done" 2>/dev/null)" != "${made_from}" ]; then
    if [ ! -f "${cache}/meta.json" ] && [ "$(dirname "${projection}")" = "$(dirname "${cache}")" ]; then
        rm -f "${projection}" # made here too, from a cache that is gone
    fi
    OMP_NUM_THREADS=$(env -u OMP_NUM_THREADS nproc) python3 -m espnet_gmot.bin.cache_teacher --teacher "${teacher}" --allow_download "${allow_download}" \
        --random_init "${random_init}" --text ${text} --out "${cache}"
    echo "${made_from}" > "${cache}/.done"
fi
if [ -n "${projection}" ] && [ ! -f "${projection}" ]; then
    python3 -m espnet_gmot.bin.fit_projection --cache "${cache}" --out "${projection}"
fi
