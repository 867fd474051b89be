"""Kill a recipe with SIGKILL at random moments, run it again, and compare the end with that of a quiet run.

    python tools/storm.py                   # 40 kills over mini_mandarin --preset tiny, an hour on two cores
    python tools/storm.py --kills 3 --seed 7 --work /tmp/storm --quiet /tmp/storm/quiet

All processes of the run die at once, as when a machine fails. After each kill no file may be half. A run that
ends before its kill comes is compared with the quiet one, and the next begins from nothing; the last one is
left to end. It needs Linux, and uses the Python that runs it. A quiet run of another day must have had as
many cores: the last digits of a training follow the number of its threads.
"""

import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from same_results import MADE, differences, half_files

ROOT = Path(__file__).parents[1]
MARK = "ESPNET_GMOT_STORM"  # an environment variable, by which the processes of a run are known
LAUNCHERS = ("espnet_gmot.bin.run_jobs", "espnet2.bin.launch")  # what they have started says more
SHOWN = 12  # faults that are told at once
# The latest moment of a kill, in durations of a run with all done: then what goes on gets beyond any stage
REACH = 4.0


@dataclass
class Run:
    """A recipe in a copy of its checkout, run again and again until it ends well.

    Args:
        checkout: the copy.
        recipe: the recipe's directory, from the checkout's root.
        command: what runs there.
    """

    checkout: Path
    recipe: Path
    command: Sequence[str]

    @property
    def directory(self) -> Path:
        """Where it runs."""
        return self.checkout / self.recipe

    @property
    def log(self) -> Path:
        """What it has printed, in all its starts."""
        return self.checkout / "run.log"

    def copy(self, root: Path) -> None:
        """Copy recipes and YAMLs as a fresh clone has them."""
        shutil.rmtree(self.checkout, ignore_errors=True)
        left_out = shutil.ignore_patterns(*MADE, "downloads")
        for folder in ("egs2", "conf"):
            shutil.copytree(root / folder, self.checkout / folder, symlinks=True, ignore=left_out)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command once more."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        modules = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env=os.environ | {"PATH": path, "PYTHONPATH": modules, MARK: str(self.checkout)},
            )  # fmt: skip

    def kill(self) -> list[list[str]]:
        """Kill every process of it at once; return their command lines."""
        commands = {}
        while fresh := [process for process in self._processes() if process not in commands]:
            for process in fresh:  # stopped first, so that none sees another's death
                commands[process] = _command(process)
                _signal(process, signal.SIGSTOP)
        while processes := self._processes():
            for process in processes:
                _signal(process, signal.SIGKILL)
            time.sleep(0.01)
        return [command for command in commands.values() if command]

    def _processes(self) -> list[int]:
        wanted = f"{MARK}={self.checkout}".encode()
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (directory / "environ").read_bytes().split(b"\0"):
                    found.append(int(directory.name))
            except OSError:  # ended, or another user's
                continue
        return found


def _command(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def at_work(commands: Sequence[Sequence[str]]) -> str:
    """Name what was running: modules and scripts, without what only starts others."""
    stages, others = set(), set()
    for command in commands:
        modules = [command[i + 1] for i in range(len(command) - 1) if command[i] == "-m"]
        module = next((name for name in modules if name != "espnet_gmot"), "")
        if module == "espnet_gmot.bin.stage":
            stages.add(f"stage {command[command.index(module) + 1]}")
        elif module and module not in LAUNCHERS:
            others.add(module.rpartition(".")[2] + (" (statistics)" if "--collect_stats" in command else ""))
        elif len(command) > 1 and command[1].endswith(".py"):
            others.add(Path(command[1]).stem)
    return " + ".join(sorted(others or stages)) or "shell"


class Storm:
    """Kills runs of a recipe and keeps count.

    Args:
        work: directory for the copies.
        root: checkout to copy.
        recipe: the recipe's directory, from the checkout's root.
        command: what runs there.
        rng: draws the moments.

    Attributes:
        kills: how many there were.
        hits: how often what was at work.
        faults: what was half, did not end well or differs.
    """

    def __init__(
        self, work: Path, root: Path, recipe: Path, command: Sequence[str], rng: random.Random
    ) -> None:
        self._work, self._root, self._recipe, self._command, self._rng = work, root, recipe, command, rng
        self.kills = 0
        self.hits: Counter[str] = Counter()
        self.faults: list[str] = []

    def quiet(self, checkout: Path) -> tuple[Run, float]:
        """A run that nothing disturbs, unless it is there, and the seconds of another one with all done."""
        run = Run(checkout, self._recipe, self._command)
        if not run.directory.exists():
            run.copy(self._root)
            self._end(run, "quiet run")
        return run, self._end(run, "quiet run, with all done")

    def break_loose(self, kills: int, quiet: Run, longest: float) -> None:
        """Kill runs, each until it ends before its kill comes, and compare what they made.

        Args:
            kills: how many.
            quiet: what to compare with.
            longest: latest moment of a kill, in seconds from a start.
        """
        number = 0
        while self.kills < kills:
            number += 1
            run = Run(self._work / f"run{number}", self._recipe, self._command)
            run.copy(self._root)
            print(f"run {number}: log {run.log}", flush=True)
            while (status := self._run(run, kills, longest)) is None:
                self._note(half_files(run.directory))
            faults = [f"{run.log} ended with status {status}"] if status else []
            faults += differences(quiet.directory, run.directory)
            print(f"run {number}: ended, {len(faults) or 'no'} fault(s)", flush=True)
            self._note(faults)
            if not faults:
                shutil.rmtree(run.checkout)

    def _end(self, run: Run, told: str) -> float:
        """Run it to its end; the seconds that takes."""
        begin = time.monotonic()
        status = run.start().wait()
        seconds = time.monotonic() - begin
        print(f"{told}: {seconds:.0f} s, log: {run.log}", flush=True)
        if status != 0:
            sys.exit(f"storm: error: the quiet run ended with status {status}, log: {run.log}")
        return seconds

    def _run(self, run: Run, kills: int, longest: float) -> int | None:
        """Start it and kill it, unless it ends before or all kills are done; its status, None if killed."""
        moment = self._rng.uniform(0, longest) if self.kills < kills else None
        process = run.start()
        try:
            return process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            hit = at_work(run.kill())
            process.wait()
        self.kills += 1
        self.hits[hit] += 1
        print(f"kill {self.kills} of {kills}: after {moment:.1f} s, at {hit}", flush=True)
        return None

    def _note(self, faults: Sequence[str]) -> None:
        self.faults += faults
        for fault in faults[:SHOWN]:
            print(f"  FAULT: {fault}", flush=True)
        if len(faults) > SHOWN:
            print(f"  and {len(faults) - SHOWN} more", flush=True)


def main() -> None:
    """Parse, storm, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40, help="how many (default: 40)")
    parser.add_argument("--seed", type=int, help="of the moments (default: drawn, and printed)")
    parser.add_argument("--work", type=Path, help="directory for the copies (default: a new one)")
    parser.add_argument(
        "--quiet", type=Path, help="copy with the quiet run; made if missing (default: in --work)"
    )
    parser.add_argument("--checkout", type=Path, default=ROOT, help="what to copy (default: this one)")
    parser.add_argument(
        "--recipe", type=Path, default=Path("egs2/mini_mandarin/asr1"), help="in the checkout"
    )
    parser.add_argument("--command", type=shlex.split, default=["./run.sh", "--preset", "tiny"])
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    work = (args.work or Path(tempfile.mkdtemp(prefix="storm."))).resolve()
    print(f"storm: {args.kills} kills, seed {seed}, copies and logs in {work}", flush=True)
    storm = Storm(work, args.checkout, args.recipe, args.command, random.Random(seed))
    quiet, seconds = storm.quiet((args.quiet or work / "quiet").resolve())
    storm.break_loose(args.kills, quiet, REACH * seconds)
    print("\nkills  at")
    for hit, count in storm.hits.most_common():
        print(f"{count:5d}  {hit}")
    print(f"{len(storm.faults) or 'no'} fault(s); copies and logs in {work}")
    sys.exit(bool(storm.faults))


if __name__ == "__main__":
    main()
