"""Run jobs on this machine in the manner of Kaldi's run.pl.

python -m espnet_gmot.bin.run_jobs [--gpu N] [--num_threads N] [--max_jobs_run N] [JOB=1:N] LOG COMMAND …
"""

import argparse
import re
import sys

from espnet_gmot.bin import _command
from espnet_gmot.bin._command import at_least
from espnet_gmot.driver.jobs import JobSpec, last_lines, run_jobs
from espnet_gmot.driver.processes import Stopped
from espnet_gmot.errors import InputError


def main() -> None:
    """Parse, run, and tell which jobs failed."""
    args = get_parser().parse_args()
    if args.num_nodes > 1:
        raise InputError(
            "run_jobs knows this machine only; set cuda_cmd to slurm.pl in cmd.sh for --num_nodes > 1"
        )
    try:
        failed = run_jobs(_job_spec(args))
    except Stopped as reason:
        sys.exit(f"run_jobs: stopped ({reason}); its jobs were ended, run the same command again to continue")
    for log in failed:
        print(f"run_jobs: a job failed; the last lines of {log}:\n{last_lines(log)}", file=sys.stderr)
    if failed:
        sys.exit(f"run_jobs: {len(failed)} job(s) failed; log: {', '.join(map(str, failed))}")


def get_parser() -> argparse.ArgumentParser:
    """The options of run.pl that have a meaning on one machine, and those that clusters need."""
    parser = argparse.ArgumentParser(prog="run_jobs", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--gpu", type=at_least(0), default=0, help="GPUs for each job")
    parser.add_argument(
        "--num_threads", type=at_least(1), help="CPU threads for each job (sets OMP_NUM_THREADS)"
    )
    parser.add_argument(
        "--max_jobs_run", type=at_least(1), help="jobs at a time (default: as the machine allows)"
    )
    parser.add_argument("--mem", help="for clusters; no meaning here")
    parser.add_argument("--name", help="for clusters; no meaning here")
    parser.add_argument("--num_nodes", type=int, default=1, help="for clusters; only 1 here")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="[JOB=1:N] LOG COMMAND ...")
    return parser


def _job_spec(args: argparse.Namespace) -> JobSpec:
    words, first, last = args.words, None, None
    match = re.fullmatch(r"JOB=(?:(\d+):)?(\d+)", words[0]) if words else None
    if match:
        first, last, words = int(match[1] or match[2]), int(match[2]), words[1:]
        if first > last:
            raise InputError(f"{match[0]} is an empty range; write for example JOB=1:4")
    if len(words) < 2:
        raise InputError("a log file and a command are needed: run_jobs [JOB=1:N] LOG COMMAND ...")
    if first is not None and last != first and "JOB" not in words[0]:
        raise InputError(f"log {words[0]} would be shared by all jobs; put JOB into its name")
    return JobSpec(words[0], words[1:], first, last, args.gpu, args.num_threads, args.max_jobs_run)


if __name__ == "__main__":
    _command.run(main)
