"""Workers that are jobs of a cluster, started by a launcher of cmd.sh; they and we speak by files."""

import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet_gmot.driver.commands import CommandFailed, Commands
from espnet_gmot.driver.jobs import is_local, last_lines
from espnet_gmot.driver.parallel import Attempt, Outcome, Processes
from espnet_gmot.errors import InputError
from espnet_gmot.files import naming, temporary_directory, write_aside

MODULE = "espnet_gmot.bin.run_share"
LOOK_SECONDS = 1.0  # between two looks at how far the jobs are
PATIENCE_SECONDS = 60.0  # a network file system may show for so long what was true before


def workers_of(
    launcher: str, nj: int, logdir: str | Path, commands: Commands | None = None
) -> "Processes | Jobs":
    """Give the workers that a launcher stands for: jobs, or processes where it knows this machine alone.

    Args:
        launcher: of cmd.sh, e.g. ``train_cmd``.
        nj: number of jobs or processes.
        logdir: where jobs write their logs.
        commands: starts jobs; None starts them with the Python that runs this.

    Example:
        >>> workers_of("run.pl", 4, "dump/raw/train/logdir")
        Processes(nj=4)
    """
    return Processes(nj) if is_local(launcher) else Jobs(launcher, nj, Path(logdir), commands or Commands())


@dataclass(frozen=True)
class Jobs:
    """Jobs ``LAUNCHER JOB=1:N LOG COMMAND``, run in the directory where we are, on disks that all see.

    Args:
        launcher: of cmd.sh, e.g. ``slurm.pl``.
        nj: number of jobs.
        logdir: where they write their logs, and what they share with us.
        commands: starts them.
    """

    launcher: str
    nj: int
    logdir: Path
    commands: Commands = field(default_factory=Commands)

    def outcomes(
        self, attempt: Attempt, chunks: Sequence[Sequence[Any]], title: str, told: Callable[[int], object]
    ) -> Iterator[Outcome]:
        """As :class:`~espnet_gmot.driver.parallel.Workers` says.

        Raises:
            CommandFailed: a job died; has the end of its log.
        """
        count = min(self.nj, len(chunks))
        if count == 0:
            return
        log = self.logdir / f"{title.replace(' ', '_')}.JOB.log"
        with temporary_directory(self.logdir) as folder:
            shares = [_Share(folder, log, number) for number in range(1, count + 1)]
            for share in shares:
                share.write(attempt, chunks[share.number - 1 :: count])
            logging.info("%s, %d job(s); log: %s", title, count, str(log).replace("JOB", "*"))
            with _watched(shares, told):
                self._run(shares, log, title)
            found = [_read(share.outcomes) for share in shares]
            for number in range(len(chunks)):
                yield next(found[number % count])

    def _run(self, shares: "Sequence[_Share]", log: Path, title: str) -> None:
        words = (self.launcher, log, MODULE, shares[0].folder / "share.JOB")
        try:
            self.commands.run_jobs(*words, jobs=len(shares))
            _wait_for(shares)
        except CommandFailed as failure:
            raise CommandFailed(_what_died(shares, title) or str(failure)) from failure
        if died := _what_died(shares, title):
            raise CommandFailed(died)


class _Share:
    """What one job computes: a file of ``attempt`` and chunks, and beside it what the job writes.

    Both are streams of pickled objects, so that a job has one chunk at a time in memory.
    """

    def __init__(self, folder: Path, log: Path, number: int):
        self.folder, self.number = folder, number
        self.path = folder / f"share.{number}"
        self.outcomes, self.progress = _outcomes(self.path), _progress(self.path)
        self.log = Path(str(log).replace("JOB", str(number)))

    def write(self, attempt: Attempt, chunks: Sequence[Sequence[Any]]) -> None:
        self.log.unlink(missing_ok=True)  # of an earlier run
        self.progress.touch()
        with naming(self.path), self.path.open("wb") as stream:
            for each in (attempt, *chunks):
                pickle.dump(each, stream)


def _outcomes(share: Path) -> Path:
    return share.with_name(f"{share.name}.outcomes")


def _progress(share: Path) -> Path:
    """A file that grows by a byte with each item that is computed."""
    return share.with_name(f"{share.name}.progress")


def run_share(share: Path) -> None:
    """Compute what :class:`Jobs` put into a file, and write the outcomes beside it.

    Raises:
        InputError: the file is gone, because nobody waits for the outcomes any more.
    """
    _require_wanted(share)
    chunks = _read(share)
    attempt = next(chunks)
    with write_aside(_outcomes(share)) as aside, aside.open("wb") as stream:
        for chunk in chunks:
            pickle.dump(attempt(chunk), stream)
            _require_wanted(share)
            with _progress(share).open("ab") as done:
                done.write(b"." * len(chunk))


def _require_wanted(share: Path) -> None:
    if not _progress(share).is_file():
        raise InputError(f"{share} is gone with the run that started this job; run that again to continue")


def _read(path: Path) -> Iterator[Any]:
    with path.open("rb") as stream:
        while stream.peek(1):
            yield pickle.load(stream)


@contextmanager
def _watched(shares: Sequence[_Share], told: Callable[[int], object]) -> Iterator[None]:
    """Tell in the course of the block how many items are computed."""
    over = threading.Event()

    def look() -> None:
        seen, ended = 0, False
        while not ended:
            ended = over.wait(LOOK_SECONDS)
            files = [share.progress for share in shares]
            now = sum(file.stat().st_size for file in files if file.is_file())
            told(now - seen)
            seen = now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wait_for(shares: Sequence[_Share]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(share.outcomes.is_file() for share in shares) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _what_died(shares: Sequence[_Share], title: str) -> str | None:
    """Say which jobs left no outcomes, with the log of the first."""
    dead = [share for share in shares if not share.outcomes.is_file()]
    if not dead:
        return None
    log = dead[0].log
    told = f"{title}: {len(dead)} of {len(shares)} jobs ended before they were done; log: {log}"
    return f"{told}\n{last_lines(log)}" if log.is_file() else f"{told} (never written)"
