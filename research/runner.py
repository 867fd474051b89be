"""Commands in turn, and runs side by side; all end with this process."""

import fcntl
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import humanfriendly

from espnet_gmot.driver.processes import GRACE_SECONDS, Children
from espnet_gmot.errors import InputError
from research.commands import Command
from research.runs import Run

STAGES_GRACE = 3 * GRACE_SECONDS  # a stage gives its launchers 2 * GRACE_SECONDS


def run_in_turn(commands: Iterable[Command]) -> None:
    """Run commands one after the other; their output goes where ours goes.

    Raises:
        InputError: one failed.
        Stopped: a signal came; what ran has ended.
    """
    with Children(STAGES_GRACE) as children:
        for command in commands:
            if children.finish(children.start(command)):
                cure = "the reason stands above; run the same command again to go on"
                raise InputError(f"{command[0]} failed; {cure}")


def run_side_by_side(runs: Sequence[Run], at_once: int, commands: Callable[[Run], Iterator[Command]]) -> int:
    """Carry out runs, and tell of each when it starts and how it ended.

    Args:
        runs: in the order in which they start.
        at_once: how many at a time.
        commands: gives what a run does, command by command.

    Returns:
        How many failed.

    Raises:
        Stopped: a signal came; what ran has ended.
    """
    with Children(STAGES_GRACE) as children:
        queue = _Queue(children, at_once, [_Job(run, commands(run)) for run in runs])
        while queue.waiting or queue.running:
            queue.start_waiting()
            queue.go_on()
    return queue.failed


def seconds_left(took: Sequence[float], going: Sequence[float], waiting: int, at_once: int) -> float | None:
    """Guess how long runs will take, all being alike: (m · (waiting + going) − Σ min(going, m)) / at_once.

    Args:
        took: seconds of each run that ended well, with mean m.
        going: seconds that each running one has had.
        waiting: how many have not started.
        at_once: how many run at a time.

    Returns:
        Seconds, None as long as none has ended well.

    Example:
        >>> seconds_left(took=[60.0], going=[30.0], waiting=2, at_once=2)
        75.0
    """
    if not took:
        return None
    mean = sum(took) / len(took)
    return (mean * (waiting + len(going)) - sum(min(each, mean) for each in going)) / at_once


@dataclass(eq=False)
class _Job:
    """A run on its way: the commands that are still to come, its log, the lock of its directory."""

    run: Run
    commands: Iterator[Command]
    started: float = 0.0
    log: TextIO | None = None
    lock: TextIO | None = None
    told: bool = False  # that it waits

    def take(self) -> bool:
        """Begin, unless another run is in the directory: two rows, or two users, may want the same model."""
        self.run.expdir.mkdir(parents=True, exist_ok=True)
        lock = (self.run.expdir / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self.lock, self.started = lock, time.monotonic()
        self.log = self.log_path.open("a", encoding="utf-8")
        return True

    def release(self) -> None:
        """Close the log and leave the directory to others."""
        for file in (self.log, self.lock):
            if file is not None:
                file.close()

    @property
    def log_path(self) -> Path:
        return self.run.expdir / f"{self.run.row.name}.log"

    def seconds(self) -> float:
        return time.monotonic() - self.started


@dataclass
class _Queue:
    """Runs that wait, run and have ended."""

    children: Children
    at_once: int
    waiting: list[_Job]
    running: dict[subprocess.Popen[Any], _Job] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)  # seconds of those that ended well
    failed: int = 0

    def start_waiting(self) -> None:
        """Start what there is room for, in order; a run whose directory is in use lets others go first."""
        for job in list(self.waiting):
            if len(self.running) >= self.at_once:
                return
            if job.take():
                self.waiting.remove(job)
                _say(f"{job.run.name}: starts; log: {job.log_path}")
                self._advance(job)
            elif not job.told:
                job.told = True
                _say(f"{job.run.name}: waits for another run in {job.run.expdir}")

    def go_on(self) -> None:
        """Wait a moment, and take the runs further whose command has ended."""
        for process in self.children.wait_a_moment():
            job = self.running.pop(process)
            if process.returncode:
                self._end(job, failed=True)
            else:
                self._advance(job)

    def _advance(self, job: _Job) -> None:
        try:
            command = next(job.commands, None)
            if command is None:
                self._end(job, failed=False)
            else:
                # with the lock, which so is held as long as the command lives, should this process be killed
                locks = () if job.lock is None else (job.lock.fileno(),)
                process = self.children.start(
                    command, stdout=job.log, stderr=subprocess.STDOUT, pass_fds=locks
                )
                self.running[process] = job
        except Exception:  # whatever it is, the other runs go on
            traceback.print_exc(file=job.log)
            self._end(job, failed=True)

    def _end(self, job: _Job, failed: bool) -> None:
        if failed:
            self.failed += 1
        else:
            self.took.append(job.seconds())
        state = f"FAILED; log: {job.log_path}" if failed else "done"
        job.release()
        _say(f"{job.run.name}: {state}; {self._progress()}")

    def _progress(self) -> str:
        ended, to_come = self.failed + len(self.took), len(self.waiting) + len(self.running)
        going = [job.seconds() for job in self.running.values()]
        left = seconds_left(self.took, going, len(self.waiting), self.at_once)
        text = f"{ended} of {ended + to_come}"
        if not to_come or left is None:
            return text
        return f"{text}, about {humanfriendly.format_timespan(max(60, left), max_units=2)} left"


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)
