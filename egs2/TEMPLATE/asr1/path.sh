# shellcheck shell=bash
# Environment of every stage; sourced by asr.sh. python3 is the one that PATH finds.
export LC_ALL=C.UTF-8               # sort order of Kaldi tables
export PYTHONIOENCODING=UTF-8
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # many processes with a thread each; training on the CPU gets more
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-30000} # threads that spin long make training on a busy CPU many times slower
