"""A launcher in the manner of Kaldi's run.pl: jobs side by side on this machine, one log each.

Standard library only, because it stands between the shell and every training process.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from espnet_gmot.errors import InputError

LAST_LINES = 20
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1


class Stopped(BaseException):
    """A signal, or the death of the parent process, asked the launcher to stop."""


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
    process: subprocess.Popen | None = None
    started: float = 0.0


def run_jobs(spec: JobSpec) -> list[Path]:
    """Run the jobs and return the logs of those that failed; told apart by exit status.

    Raises:
        InputError: more GPUs are asked for than this machine shows.
        Stopped: on SIGINT, SIGTERM, SIGHUP or when the parent process has died; no job survives it.
    """
    jobs = spec.jobs()
    free = _device_slots(spec.gpu)
    at_once = spec.max_jobs_run or (
        len(free) if spec.gpu else max(1, usable_cpus() // (spec.num_threads or 1))
    )
    waiting, running, failed, parent = list(jobs), [], [], os.getppid()
    with _signals_noted() as signals, _none_survives(running):
        while waiting or running:
            while waiting and len(running) < at_once and (free or not spec.gpu):
                job = waiting.pop(0)
                job.devices = free.pop(0) if spec.gpu else []
                _start(job, spec.num_threads)
                running.append(job)
            time.sleep(POLL_SECONDS)
            if signals:
                raise Stopped(signals[0].name)
            if os.getppid() != parent:
                raise Stopped("the parent process has died")
            for job in [job for job in running if job.process.poll() is not None]:
                running.remove(job)
                free += [job.devices] if spec.gpu else []
                if _finish(job) != 0:
                    failed.append(job.log)
                _report(len(jobs), len(waiting) + len(running), job.log)
    return failed


def last_lines(log: Path) -> str:
    """The last lines of a log, as one text."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


def _report(total: int, open_jobs: int, log: Path) -> None:
    if total > 1:
        print(f"run_jobs: {total - open_jobs} of {total} jobs done ({log})", file=sys.stderr, flush=True)


def _start(job: _Job, num_threads: int | None) -> None:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    job.started = time.time()
    environment = dict(os.environ)
    if num_threads is not None:
        environment["OMP_NUM_THREADS"] = str(num_threads)
    if job.devices:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(job.devices)
    with job.log.open("w", encoding="utf-8") as log:
        log.write(f"# {shlex.join(job.command)}\n# Started at {time.ctime()}\n#\n")
        log.flush()
        try:
            job.process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise InputError(f"cannot start {job.command[0]}: {error}; correct the command") from error


def _finish(job: _Job) -> int:
    code = job.process.wait()
    elapsed = round(time.time() - job.started)
    with job.log.open("a", encoding="utf-8") as log:
        log.write(f"# Accounting: time={elapsed} threads=1\n")
        log.write(f"# Ended (code {code}) at {time.ctime()}, elapsed time {elapsed} seconds\n")
    return code


@contextmanager
def _signals_noted() -> Iterator[list[signal.Signals]]:
    """Collect signals instead of raising: an exception while a job is started would lose it."""
    received: list[signal.Signals] = []

    def note(number: int, _frame: object) -> None:
        received.append(signal.Signals(number))

    former = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _none_survives(running: list[_Job]) -> Iterator[None]:
    """End the process groups of the jobs still running when the block is left by an exception."""
    try:
        yield
    finally:
        for job in running:
            _signal_group(job, signal.SIGTERM)
        deadline = time.time() + GRACE_SECONDS
        while any(job.process.poll() is None for job in running) and time.time() < deadline:
            time.sleep(POLL_SECONDS)
        for job in running:
            _signal_group(job, signal.SIGKILL)
            _finish(job)


def _signal_group(job: _Job, number: signal.Signals) -> None:
    try:
        os.killpg(job.process.pid, number)
    except ProcessLookupError:  # the whole group has ended
        return


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


def driver_gpus() -> list[str]:
    """The numbers of the GPUs that the NVIDIA driver lists; none where there is no driver."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [str(index) for index, line in enumerate(listing.splitlines()) if line.startswith("GPU ")]
