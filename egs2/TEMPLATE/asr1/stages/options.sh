# shellcheck shell=bash
# The command line of asr.sh. What stands between "# >>> options" and "# <<< options" there is an option,
# with its default and, behind the #, its meaning.

print_options() {
    echo "Usage: $0 --train_set NAME --valid_set NAME --test_sets \"NAME ...\" [--OPTION VALUE] ..."
    echo "Options, with their defaults and meaning:"
    sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*=.*\)/  --\1/p' "$0"
}

parse_options() {
    local known name
    known=" $(sed -n '/^# >>> options/,/^# <<< options/s/^\([a-z][a-z0-9_]*\)=.*/\1/p' "$0" | xargs) "
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) print_options; exit 0 ;;
            --*=*) die "write '${1%%=*} ${1#*=}' instead of '$1' ($0 --help shows the options)" ;;
            --?*) name=${1#--}; name=${name//-/_} ;;
            *) die "'$1' is not an option; options start with -- ($0 --help shows them)" ;;
        esac
        [[ ${known} == *" ${name} "* ]] || die "unknown option --${name} ($0 --help shows the options)"
        [ $# -gt 1 ] || die "option --${name} needs a value ($0 --help shows the options)"
        [[ ! ${!name} =~ ^(true|false)$ || $2 =~ ^(true|false)$ ]] || die "--${name} is true or false, not '$2'"
        printf -v "${name}" %s "$2"
        shift 2
    done
}

# one_of OPTION CHOICE...: die unless the value of OPTION is one of the choices
one_of() {
    local name=$1; shift
    [[ " $* " == *" ${!name} "* ]] || die "--${name} is one of: $*; not '${!name}'"
}
