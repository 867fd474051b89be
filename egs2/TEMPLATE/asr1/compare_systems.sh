# shellcheck shell=bash
# Several systems on the same data with equal budgets, and one page that compares them. A recipe links to it in
# local/; its run_comparison.sh calls compare_systems with what its corpus needs, then "$@".
# ${systems}, ${seeds}, ${test_sets} and ${published} hold several words or none and are split on purpose:
# shellcheck disable=SC2086

# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh

# compare_systems OPTION...:
#   --baseline NAME         in conf/NAME.yaml; it comes first where no --systems are given
#   --systems "NAME ..."    the systems, the first as the baseline; empty: the baseline, then every other train_asr_*.yaml
#   --suffix WORDS          what ./run.sh puts behind exp/asr_NAME_
#   --test_sets "NAME ..."  the sets of the page
#   --published FILE        published figures to show beside them, may be empty
#   --page NAME             the page is NAME.md (default: exp/comparison)
#   --seeds "N ..."         each system once with each seed, and their means on the page (default: once, with its YAML's)
#   --asr_args "..."        further arguments for every training
#   --at_once N             so many systems side by side, each with its share of the cores, and a log in exp/NAME.log
# All others go to ./run.sh.
compare_systems() {
    local baseline='' systems='' suffix='' test_sets='' published='' page=exp/comparison at_once=1 seeds='' asr_args='' others
    local rows row seed experiments=() failed=() names=() running=()
    take_options baseline systems suffix test_sets published page at_once seeds asr_args -- "$@"
    refuse_options "for another one run ./run.sh" stage stop_stage expdir asr_config asr_tag asr_exp use_lm \
        inference_config inference_tag inference_asr_model
    [[ ${seeds} =~ ^[0-9\ ]*$ ]] || { echo "${0##*/}: error: --seeds are numbers, not '${seeds}'" >&2; exit 2; }
    [[ ${at_once} =~ ^[1-9][0-9]*$ ]] || { echo "${0##*/}: error: --at_once is a number from 1 up, not '${at_once}'" >&2; exit 2; }

    rows=$(python3 -m espnet_gmot.bin.stage plan_comparison "$0" "${baseline}" ${systems})
    system --stop_stage 5 --asr_config "${rows%% *}"
    # Statistics and teachers are shared; two systems at once must not make them both. What fails here fails again below.
    [ "${at_once}" = 1 ] || while read -r row; do
        system --stage 10 --stop_stage 10 --asr_config "${row%% *}" || true
    done <<< "${rows}"
    for seed in ${seeds:-yaml}; do
        while read -r row; do
            compare_row ${row}
        done <<< "${rows}"
    done
    finish_rows
    names=("${failed[@]}")
    [ -z "${seeds}" ] || names=("${failed[@]%_seed*}")
    python3 -m espnet_gmot.bin.compare "${experiments[@]}" "${names[@]/#/--failed=}" --decode decode_ctc_greedy \
        --sets ${test_sets} --complete true ${published:+--published ${published}} --command ./run_comparison.sh \
        --out "${page}" || failed+=(comparison)
    if [ ${#failed[@]} -gt 0 ]; then
        echo "${0##*/}: error: these failed, for the reasons above: ${failed[*]}" >&2
        exit 1
    fi
}

# system OPTION...: one call of ./run.sh
system() { start ./run.sh "${others[@]}" --asr_args "${asr_args}" --test_sets "${test_sets}" "$@"; finish; }

# compare_row YAML ROW DECODING FIRST_STAGE: train and decode it, or start that
compare_row() {
    local exp options cores name=$2 args=${asr_args}
    exp=exp/asr_$(basename "$1" .yaml)_${suffix} # as ./run.sh calls it
    if [ "${seed}" != yaml ]; then
        exp+=_seed${seed} name+=_seed${seed} args+=" --seed ${seed}"
    fi
    experiments+=(--experiment "$2=${exp}:$3")
    options=(--stage "$4" --stop_stage 13 --use_lm false --asr_config "$1" --asr_exp "${exp}"
        --inference_config "conf/$3.yaml" --inference_tag "$3" --asr_args "${args}")
    if [ "${at_once}" = 1 ]; then
        system "${options[@]}" || failed+=("${name}")
        return
    fi
    [ "$4" != 12 ] || finish_rows # it decodes what another row trains
    cores=$(env -u OMP_NUM_THREADS nproc)
    cores=$((cores > at_once ? cores / at_once : 1))
    echo "training and decoding ${name}; logs: exp/${name}.log, ${exp}/train.log"
    start ./run.sh --nj "${cores}" --inference_nj "${cores}" "${others[@]}" --test_sets "${test_sets}" "${options[@]}" &> "exp/${name}.log"
    running+=("${name}")
    [ "${#running[@]}" -lt "${at_once}" ] || finish_rows
}

# finish_rows: wait for those that run side by side; what failed shows the end of its log
finish_rows() {
    while [ ${#running[@]} -gt 0 ]; do
        finish || { tail -n 20 "exp/${running[-1]}.log" >&2; failed+=("${running[-1]}"); }
        unset 'running[-1]'
    done
}
