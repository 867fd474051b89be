# shellcheck shell=bash
# How jobs are started; sourced by asr.sh. Each command takes run.pl's arguments:
#   COMMAND [--gpu N] [--num_threads N] [JOB=1:N] LOG PROGRAM ...
# On a cluster, copy this file into your recipe and put Kaldi's slurm.pl or queue.pl in its place, for example
#   train_cmd="slurm.pl --config conf/slurm.conf"
# and likewise for the other two. Stage 1 runs where the script runs.
cmd_backend=local

if [ "${cmd_backend}" = local ]; then
    export train_cmd="python3 -m espnet_gmot.bin.run_jobs"  # audio, statistics, teacher on CPUs
    export cuda_cmd="python3 -m espnet_gmot.bin.run_jobs"   # training, teacher and decoding on GPUs
    export decode_cmd="python3 -m espnet_gmot.bin.run_jobs" # decoding on the CPU
fi
