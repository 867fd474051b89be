#!/usr/bin/env bash
# Train, decode and keep the rows of research/experiments.yaml with several seeds (docs/experiments/protocol.md). What is
# finished stands in research/results/PRESET and is not run again; a rerun continues. A run that fails does not keep the
# others from running.
#
#   ./run_experiments.sh                               all rows, the most important first
#   ./run_experiments.sh --rows "ctc gmot" --seeds 0   these
#   ./run_experiments.sh --preset full --ngpu 1        hours of speech, the rows of research/experiments_full.yaml
#
# Corpus, teachers and models are made in research/exp/PRESET, apart from the demo's.
# ${rows} and ${seeds} hold several words and are split on purpose:
# shellcheck disable=SC2086
set -euo pipefail
research=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
recipe=${research}/../egs2/mini_mandarin/asr1
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. "${recipe}/local/children.sh"
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. "${recipe}/local/take_options.sh"

preset=small  # sizes of corpus and models: small, full, or tiny for the tests
rows=         # empty: all
seeds="0 1 2" # of initialisation and data order
ngpu=0        # GPUs of each training
jobs=         # runs at a time, they share the machine's threads; empty: as many as cores, with GPUs one
take_all_options preset rows seeds ngpu jobs -- "$@"
corpus_seed=1 # not the demo's: other sentences in dev and test

die() { echo "run_experiments.sh: error: $*" >&2; exit 2; }
# run COMMAND: a signal to this script, whether Ctrl-C or kill, ends the command too
run() { start "$@"; finish; }

plan() { python3 -m research.bin.plan_experiments "$@" --preset "${preset}" --results "${results}" --rows ${rows}; }

# enter: a recipe's directory of its own, so that the demo's data and models stay what they are
enter() {
    local name
    results=${research}/results/${preset}
    mkdir -p "${research}/exp/${preset}/exp"
    cd "${research}/exp/${preset}"
    export PYTHONPATH=${research%/*}${PYTHONPATH:+:${PYTHONPATH}}
    for name in asr.sh cmd.sh path.sh conf local; do ln -sfn "${recipe}/${name}" "${name}"; done
}

prepare() {
    local teacher
    plan teachers > exp/teachers.txt
    run "${research}"/experiment_asr.sh --stage 1 --stop_stage 5 --local_data_opts "--preset ${preset} --seed ${corpus_seed}"
    run "${research}"/experiment_asr.sh --stage 10 --stop_stage 10 --asr_config "conf/train_ctc_${preset}.yaml"
    while read -r teacher; do
        run "${research}"/experiment_teacher.sh "${preset}" ${teacher}
    done < exp/teachers.txt
    plan runs --seeds ${seeds} > exp/queue.txt
    ! grep -q "ctc_beam_lm$" exp/queue.txt || run "${research}"/experiment_lm.sh "${preset}"
}

# bash reads all of main before it begins, so that a change of this file does not disturb the hours that follow
main() {
    enter
    # shellcheck source=egs2/TEMPLATE/asr1/path.sh
    . ./path.sh
    local cores
    cores=$(env -u OMP_NUM_THREADS nproc)
    [[ ${ngpu} =~ ^[0-9]+$ && ${jobs:-1} =~ ^[1-9][0-9]*$ ]] || die "--ngpu is a number, --jobs one above 0"
    : "${jobs:=$((ngpu > 0 ? 1 : cores))}"
    [[ ${ngpu} -eq 0 || ${jobs} -eq 1 ]] || die "with --ngpu all runs would take the first GPU; use --jobs 1"
    export experiment_ngpu=${ngpu} experiment_threads=$((jobs < cores ? cores / jobs : 1))
    prepare
    echo "run_experiments.sh: $(wc -l < exp/queue.txt) run(s) to do, ${jobs} at a time; results: ${results}"
    run xargs --no-run-if-empty -a exp/queue.txt -P "${jobs}" -L 1 "${research}"/run_experiment.sh "${results}" || {
        echo "run_experiments.sh: error: some runs failed, see above; run the same command again to retry them" >&2
        exit 1
    }
    echo "run_experiments.sh: all done; page: python3 -m research.bin.experiments_page --help"
    exit 0
}
main
