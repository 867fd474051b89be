# shellcheck shell=bash
# Commands that end when the script is signalled; sourced by asr.sh, and by recipes as local/children.sh.
# bash holds a signal back while a foreground command runs, but not while it waits for a background one.
children=()

# start COMMAND: in the background, in a process group of its own, so that all of it can be ended
start() {
    set -m
    "$@" </dev/null &
    children+=($!)
    set +m
}

# finish: wait for the command started last; its exit status
finish() {
    local status=0
    wait "${children[-1]}" || status=$?
    unset 'children[-1]'
    return "${status}"
}

end_children() {
    local child
    trap - INT TERM HUP
    for child in "${children[@]}"; do kill -TERM -- "-${child}" 2>/dev/null || true; done
    wait || true
    echo "${0##*/}: stopped; run the same command again to continue" >&2
    kill -"$1" "${BASHPID}"
}
trap 'end_children INT' INT
trap 'end_children TERM' TERM
trap 'end_children HUP' HUP
