# shellcheck shell=bash
# The options of a recipe's script, where all others go to another script; recipes link to it in local/.

# take_options NAME... -- ARGUMENT...: set the variable NAME for each --NAME VALUE; the rest is in "others".
# --help prints the head of the script.
take_options() {
    local names=" " name
    while [ "$1" != -- ]; do names+="$1 "; shift; done
    shift
    others=()
    while [ $# -gt 0 ]; do
        name=${1#--} name=${name//-/_}
        case $1 in --help | -h) sed -n -e '/^# shellcheck/d' -e '/^# [$]{/d' -e '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
        if [[ $1 == --* && ${names} == *" ${name} "* ]]; then
            [ $# -ge 2 ] || { echo "${0##*/}: error: $1 needs a value" >&2; exit 2; }
            printf -v "${name}" %s "$2"
            shift 2
        else
            others+=("$1")
            shift
        fi
    done
}

# take_all_options NAME... -- ARGUMENT...: the same where nothing may be left
take_all_options() {
    take_options "$@"
    [ ${#others[@]} -eq 0 ] || { echo "${0##*/}: error: unknown option ${others[0]}; see the head of $0" >&2; exit 2; }
}

# refuse_options CURE NAME...: end if an option of these names is among the others
refuse_options() {
    local cure=$1 option name
    shift
    for option in "${others[@]}"; do
        name=${option#--} name=${name//-/_}
        [[ ${option} != --* || " $* " != *" ${name} "* ]] || {
            echo "${0##*/}: error: ${option} is set by this comparison; ${cure}" >&2
            exit 2
        }
    done
}
