# shellcheck shell=bash
# What a stage needs, and whether it was done before from the same inputs.
# The options come from asr.sh, as does current, the running stage; what holds several words is split on purpose:
# shellcheck disable=SC2154,SC2086

# need FILE STAGE: die unless the file that an earlier stage makes is there
need() { [ -s "$1" ] || die "$1 is missing or empty; run stage $2 first"; }
# need_model FILE OPTION: the same for a checkpoint that the option names
need_model() {
    [ -f "$1" ] || die "$1 does not exist; $2 names one of:" \
        "$(find "$(dirname "$1")" -maxdepth 1 -name 'valid.*.pth' -printf '%f ')"
}

# key FILE...: a short text that changes when the files do; dir_key does so for a data directory, linked or not
key() { cat "$@" | cksum; }
dir_key() { find -L "$1" -maxdepth 1 -type f ! -name '.*' -print0 | sort -z | xargs -0 cat | cksum; }
# text_key: the same for the options by which text becomes tokens
text_key() { echo "${text_options[*]} $([ "${nlsyms_txt}" = none ] || key "${nlsyms_txt}")"; }
# training_key training|front_end YAML ARGUMENT...: the same for that part of the configuration and its files
training_key() { ${python} -m espnet_gmot.bin.training_inputs "$@" || die "the reason stands above"; }
# model_key FILE: the same for a checkpoint, without reading it
model_key() { stat -Lc '%s %Y' "$1"; }

# is_done DIRECTORY KEY: true if mark_done was called with the same key
is_done() {
    [ -f "$1/.done" ] || return 1
    if [ "$(<"$1/.done")" != "$2" ]; then
        log "stage ${current}: the inputs of $1 have changed; making it again"
        rm "$1/.done"
        return 1
    fi
    log "stage ${current}: already done (remove $1/.done to redo)"
}
mark_done() { echo "$2" > "$1/.done"; }

min() { printf '%s\n' "$@" | sort -n | head -n 1; }
lines() { wc -l < "$1"; }
unique() { printf '%s\n' "$@" | awk '!seen[$0]++'; }
