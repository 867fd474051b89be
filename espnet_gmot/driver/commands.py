"""The commands that a stage starts: modules, alone or as jobs of cmd.sh's launchers, and trainings."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from espnet_gmot.driver.jobs import last_lines
from espnet_gmot.driver.processes import GRACE_SECONDS, Children
from espnet_gmot.driver.training_log import watch_trainings
from espnet_gmot.errors import InputError

PYTHON = f"{shlex.quote(sys.executable)} -m espnet_gmot"
LAUNCHERS_GRACE = 2 * GRACE_SECONDS  # a launcher gives its own jobs GRACE_SECONDS


def launcher_words(launcher: str) -> list[str]:
    """Split a launcher of cmd.sh into its words.

    Raises:
        InputError: there is none.
    """
    words = shlex.split(launcher)
    if not words:
        raise InputError("cmd.sh leaves a command empty; set train_cmd, cuda_cmd and decode_cmd there")
    return words


class CommandFailed(Exception):
    """A command ended with an error; what it printed or its log says why."""


def run_command(command: Sequence[str], **options: Any) -> None:
    """Run a program and wait for it; it does not outlive this process.

    Args:
        command: its words.
        options: of ``subprocess.Popen``.

    Raises:
        CommandFailed: it ended with an error.
    """
    with Children(LAUNCHERS_GRACE) as children:
        status = children.finish(children.start(command, **options))
    if status != 0:
        raise CommandFailed(f"this ended with status {status}: {shlex.join(command)}")


class Commands:
    """Starts commands and waits for them; none outlives the stage.

    Args:
        python: runs the modules: ``--python`` of asr.sh.
    """

    def __init__(self, python: str = PYTHON):
        self._python = shlex.split(python)

    def run(self, module: str, *arguments: object) -> None:
        """Run a Python module.

        Raises:
            CommandFailed: it ended with an error.
        """
        self._wait(self._module(module, *arguments))

    def run_jobs(
        self,
        launcher: str,
        log: str | Path,
        module: str,
        *arguments: object,
        jobs: int | None = None,
        gpu: int | None = None,
    ) -> None:
        """Run a Python module by a launcher of cmd.sh.

        Args:
            launcher: e.g. ``train_cmd`` of the options.
            log: the log, with ``JOB`` for the job's number.
            module: the module.
            arguments: its arguments, likewise.
            jobs: number of jobs; None for one without a number.
            gpu: GPUs of each job; None says nothing of them.

        Raises:
            CommandFailed: a job ended with an error.
            InputError: there is no launcher.
        """
        number = [] if gpu is None else ["--gpu", str(gpu)]
        number += [] if jobs is None else [f"JOB=1:{jobs}"]
        self._wait([*launcher_words(launcher), *number, str(log), *self._module(module, *arguments)])

    def train(
        self,
        launching: Sequence[object],
        module: str,
        *arguments: object,
        log: Path,
        meanwhile: Callable[[], None],
    ) -> None:
        """Run a module by ESPnet's launcher and show on the terminal how the training goes.

        Args:
            launching: arguments of espnet2.bin.launch.
            module: the module that trains.
            arguments: its arguments.
            log: the training's log; what the launcher says goes to launch.log beside it.
            meanwhile: called again and again while the training runs.

        Raises:
            CommandFailed: the training failed; has the end of its log.
        """
        training = self._module(module, *arguments)
        self._watch([*self._module("espnet2.bin.launch", *launching), "--", *training], log, meanwhile)

    def _module(self, module: str, *arguments: object) -> list[str]:
        return [*self._python, "-m", module, *map(str, arguments)]

    def _wait(self, command: Sequence[str]) -> None:
        run_command(command)

    def _watch(self, command: Sequence[str], log: Path, meanwhile: Callable[[], None]) -> None:
        said = log.with_name("launch.log")
        with said.open("w") as stream, Children(LAUNCHERS_GRACE) as children:
            process = children.start(command, stdout=stream, stderr=subprocess.STDOUT)

            def is_over() -> bool:
                meanwhile()
                return process in children.wait_a_moment()

            watch_trainings([log], is_over)
        if process.returncode != 0:
            found = last_lines(log if log.exists() else said)
            raise CommandFailed(f"training failed; log: {log}\n{found}")
