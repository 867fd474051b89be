"""A launcher in the manner of Kaldi's run.pl: jobs side by side on this machine, one log each.

Standard library only, because it stands between the shell and every training process.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet_gmot.driver.processes import Children
from espnet_gmot.errors import InputError
from espnet_gmot.files import append_text, naming

LAST_LINES = 20
# Launchers without a cluster: ours, and those of ESPnet's cmd.sh for cmd_backend local and stdout
ON_THIS_MACHINE = ("espnet_gmot.bin.run_jobs", "run_jobs", "run.pl", "stdout.pl")


@dataclass(frozen=True)
class JobSpec:
    """What to run.

    Args:
        log: log file; ``JOB`` in it stands for the job's number.
        command: program and arguments; ``JOB`` likewise.
        first: number of the first job; None without ``JOB=1:N``.
        last: number of the last job.
        gpu: GPUs for each job.
        num_threads: CPU threads for each job (OMP_NUM_THREADS).
        max_jobs_run: how many jobs run at a time; None fits the machine.
    """

    log: str
    command: Sequence[str]
    first: int | None = None
    last: int | None = None
    gpu: int = 0
    num_threads: int | None = None
    max_jobs_run: int | None = None

    def jobs(self) -> "list[_Job]":
        """The single jobs, with ``JOB`` replaced by the number."""
        if self.first is None or self.last is None:
            return [_Job(Path(self.log), list(self.command))]
        numbers = [str(number) for number in range(self.first, self.last + 1)]
        return [
            _Job(Path(self.log.replace("JOB", n)), [word.replace("JOB", n) for word in self.command])
            for n in numbers
        ]


@dataclass
class _Job:
    log: Path
    command: list[str]
    devices: list[str] = field(default_factory=list)
    started: float = 0.0


def run_jobs(spec: JobSpec) -> list[Path]:
    """Run the jobs and return the logs of those that failed; told apart by exit status.

    Raises:
        InputError: more GPUs are asked for than this machine shows.
        Stopped: on SIGINT, SIGTERM, SIGHUP or when the parent process has died; no job survives it.
    """
    waiting = spec.jobs()
    total, free = len(waiting), _device_slots(spec.gpu)
    at_once = spec.max_jobs_run or (
        len(free) if spec.gpu else max(1, usable_cpus() // (spec.num_threads or 1))
    )
    running: dict[subprocess.Popen[Any], _Job] = {}
    failed = []
    try:
        with Children() as children:
            while waiting or running:
                while waiting and len(running) < at_once and (free or not spec.gpu):
                    job = waiting.pop(0)
                    job.devices = free.pop(0) if spec.gpu else []
                    running[_start(job, children, spec.num_threads)] = job
                for process in children.wait_a_moment():
                    job = running.pop(process)
                    free += [job.devices] if spec.gpu else []
                    _write_ending(job, process.returncode)
                    if process.returncode != 0:
                        failed.append(job.log)
                    _report(total, len(waiting) + len(running), job.log)
    finally:
        for process, job in running.items():
            _write_ending(job, process.returncode)
    return failed


def last_lines(log: Path) -> str:
    """The last lines of a log, as one text."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


def _report(total: int, open_jobs: int, log: Path) -> None:
    if total > 1:
        print(f"run_jobs: {total - open_jobs} of {total} jobs done ({log})", file=sys.stderr, flush=True)


def _start(job: _Job, children: Children, num_threads: int | None) -> subprocess.Popen[Any]:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    job.started = time.time()
    environment = dict(os.environ)
    if num_threads is not None:
        environment["OMP_NUM_THREADS"] = str(num_threads)
    if job.devices:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(job.devices)
    with naming(job.log), job.log.open("w", encoding="utf-8") as log:
        log.write(f"# {shlex.join(job.command)}\n# Started at {time.ctime()}\n#\n")
        log.flush()
        return children.start(job.command, stdout=log, stderr=subprocess.STDOUT, env=environment)


def _write_ending(job: _Job, code: int) -> None:
    elapsed = round(time.time() - job.started)
    append_text(
        job.log,
        f"# Accounting: time={elapsed} threads=1\n"
        f"# Ended (code {code}) at {time.ctime()}, elapsed time {elapsed} seconds\n",
    )


def usable_cpus() -> int:
    """Count the CPUs that this process may use, fewer than the machine's on a cluster."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device_slots(gpu: int) -> list[list[str]]:
    """Split the visible GPUs into groups of ``gpu``."""
    if gpu == 0:
        return []
    devices = _visible_gpus()
    if len(devices) < gpu:
        raise InputError(
            f"{gpu} GPU(s) are asked for and this machine shows {len(devices)}; "
            "lower --ngpu (0 uses the CPU) or set CUDA_VISIBLE_DEVICES"
        )
    return [devices[start : start + gpu] for start in range(0, len(devices) - gpu + 1, gpu)]


def _visible_gpus() -> list[str]:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [device for device in chosen.split(",") if device.strip()]
    return driver_gpus()


def is_local(launcher: str) -> bool:
    """Tell whether a launcher of cmd.sh starts jobs on this machine alone.

    Example:
        >>> is_local("python3 -m espnet_gmot.bin.run_jobs --max_jobs_run 2"), is_local("slurm.pl")
        (True, False)
    """
    return not {Path(word).name for word in launcher.split()}.isdisjoint(ON_THIS_MACHINE)


def lacks_gpus(ngpu: int, cuda_cmd: str) -> bool:
    """Tell whether GPUs are asked for and a launcher that starts jobs on this machine alone would find none.

    Example:
        >>> lacks_gpus(0, "run.pl"), lacks_gpus(1, "slurm.pl --config conf/slurm.conf")
        (False, False)
    """
    return ngpu > 0 and is_local(cuda_cmd) and not driver_gpus()


def driver_gpus() -> list[str]:
    """The numbers of the GPUs that the NVIDIA driver lists; none where there is no driver."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [str(index) for index, line in enumerate(listing.splitlines()) if line.startswith("GPU ")]
