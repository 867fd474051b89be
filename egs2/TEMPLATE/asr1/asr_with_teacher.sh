# shellcheck shell=bash
# One system, from the data to its error rate: ./asr.sh to stage 5, the teacher if training needs one, ./asr.sh from
# stage 6. A recipe links to it in local/; its run.sh calls asr_with_teacher with the options of its corpus, then "$@".

# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
# shellcheck source=egs2/TEMPLATE/asr1/cmd.sh
. ./cmd.sh

run() { start "$@"; finish; }

# asr_with_teacher OPTION...: --teacher, --allow_download and --teacher_args are for the teacher, all others for ./asr.sh
asr_with_teacher() {
    local commands others
    take_options -- "$@" # for --help alone
    commands=$(python3 -m espnet_gmot.bin.stage plan_system "$0" "${train_cmd}" "${cuda_cmd}" "$@")
    eval "${commands}" # run COMMAND, line by line
}
