"""Real commands: what is said when one fails, and that none outlives the stage."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ended

from espnet_gmot.driver.commands import CommandFailed, Commands
from espnet_gmot.errors import InputError

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Commands of modules in a directory of their own."""
    monkeypatch.chdir(tmp_path)
    Path("fails.py").write_text("import sys; print('no luck'); sys.exit(3)\n")
    Path("says.py").write_text("import sys; print(*sys.argv[1:])\n")
    return Commands(PYTHON)


def test_a_module_that_fails_is_named_with_its_arguments(commands):
    commands.run("says", "hello")
    with pytest.raises(CommandFailed, match=r"this ended with status 3: .* -m fails --why 'not so'"):
        commands.run("fails", "--why", "not so")


def test_jobs_run_by_the_launcher_of_cmd_sh(commands):
    launcher = f"{PYTHON} -m espnet_gmot.bin.run_jobs --max_jobs_run 1"
    commands.run_jobs(launcher, "log.JOB", "says", "part.JOB", jobs=2)
    assert "part.2" in Path("log.2").read_text()
    with pytest.raises(CommandFailed):
        commands.run_jobs(launcher, "log", "fails")
    with pytest.raises(InputError, match="cannot start no-such-launcher"):
        commands.run_jobs("no-such-launcher", "log", "says")


def test_a_training_that_fails_shows_the_end_of_its_log(commands):
    launching = ["--cmd", f"{PYTHON} -m espnet_gmot.bin.run_jobs", "--log", "train.log", "--ngpu", "0"]
    calls = []
    with pytest.raises(CommandFailed, match="(?s)training failed; log: train.log\n.*no luck"):
        commands.train(launching, "fails", log=Path("train.log"), meanwhile=lambda: calls.append(1))
    assert calls


def test_a_training_that_does_not_start_shows_what_the_launcher_says(commands):
    with pytest.raises(CommandFailed, match="(?s)training failed; log: train.log\n.*no-such-launcher"):
        commands.train(["--cmd", "no-such-launcher"], "says", log=Path("train.log"), meanwhile=lambda: None)


STAGE = f"""
from espnet_gmot.driver.commands import Commands
launcher = {PYTHON!r} + " -m espnet_gmot.bin.run_jobs"
Commands({PYTHON!r}).run_jobs(launcher, "log", "sleeps")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_stage_ends_launcher_and_job(commands, number):
    Path("sleeps.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)\n")
    stage = subprocess.Popen([sys.executable, "-c", STAGE], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (Path("log").exists() and len(Path("log").read_text().splitlines()) > 3):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stage.send_signal(number)
    assert stage.wait(timeout=30) != 0
    assert ended(int(Path("log").read_text().splitlines()[3]))
