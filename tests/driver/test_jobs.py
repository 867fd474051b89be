import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ended

from espnet_gmot.driver.jobs import JobSpec, run_jobs
from espnet_gmot.driver.processes import Stopped
from espnet_gmot.errors import InputError

SLEEPER = [sys.executable, "-c", "import os,time; print(os.getpid(), flush=True); time.sleep(60)"]


def launcher(*words: str | Path, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "espnet_gmot.bin.run_jobs", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


def pid_in(log: Path) -> int:
    """The process id that the sleeper has written to its log."""
    deadline = time.time() + 20
    while time.time() < deadline:
        lines = log.read_text().splitlines() if log.exists() else []
        if len(lines) > 3:
            return int(lines[3])
        time.sleep(0.05)
    raise AssertionError(f"the job did not start: {log}")


def test_log_has_command_output_and_ending_in_run_pl_manner(tmp_path: Path) -> None:
    spec = JobSpec(f"{tmp_path}/a.JOB.log", ["sh", "-c", "echo job JOB; echo bad >&2"], first=2, last=3)
    assert run_jobs(spec) == []
    lines = (tmp_path / "a.2.log").read_text().splitlines()
    assert lines[0] == "# sh -c 'echo job 2; echo bad >&2'"
    assert lines[1].startswith("# Started at ")
    assert lines[3:5] == ["job 2", "bad"]
    assert lines[-2].startswith("# Accounting: time=")
    assert lines[-1].startswith("# Ended (code 0) at ")
    assert (tmp_path / "a.3.log").exists()


def test_failed_jobs_are_named_and_the_others_run(tmp_path: Path) -> None:
    done = launcher("JOB=1:3", tmp_path / "a.JOB.log", "sh", "-c", "echo said JOB; exit $((JOB == 2))")
    _, message = done.communicate()
    assert done.returncode == 1
    assert f"the last lines of {tmp_path}/a.2.log" in message
    assert "said 2" in message
    assert "said 1" not in message
    assert f"1 job(s) failed; log: {tmp_path}/a.2.log" in message
    assert "# Ended (code 0)" in (tmp_path / "a.3.log").read_text()


def test_no_more_jobs_than_asked_run_at_a_time(tmp_path: Path) -> None:
    script = (
        f"ls {tmp_path} | grep -c running; touch {tmp_path}/running.JOB; sleep 0.3; rm {tmp_path}/running.JOB"
    )
    run_jobs(JobSpec(f"{tmp_path}/a.JOB.log", ["sh", "-c", script], 1, 4, max_jobs_run=2))
    seen = [int((tmp_path / f"a.{job}.log").read_text().splitlines()[3]) for job in range(1, 5)]
    assert max(seen) <= 1
    seen_alone = JobSpec(f"{tmp_path}/b.JOB.log", ["sh", "-c", script], 1, 2, max_jobs_run=1)
    run_jobs(seen_alone)
    assert "\n0\n" in (tmp_path / "b.2.log").read_text()


def test_threads_and_devices_reach_the_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    command = ["sh", "-c", "echo $OMP_NUM_THREADS $CUDA_VISIBLE_DEVICES; sleep 0.3"]
    run_jobs(JobSpec(f"{tmp_path}/a.JOB.log", command, 1, 2, gpu=1, num_threads=3))
    used = {(tmp_path / f"a.{job}.log").read_text().splitlines()[3] for job in (1, 2)}
    assert used == {"3 4", "3 5"}


def test_more_gpus_than_visible_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(InputError, match=r"2 GPU\(s\) are asked for and this machine shows 1; lower --ngpu"):
        run_jobs(JobSpec(str(tmp_path / "log"), ["true"], gpu=2))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_jobs_and_their_children(tmp_path: Path, number: int) -> None:
    nested = ["sh", "-c", '"$0" "$@"; true', *SLEEPER]
    process = launcher(tmp_path / "log", *nested)
    pid = pid_in(tmp_path / "log")
    process.send_signal(number)
    _, message = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "run the same command again to continue" in message
    assert ended(pid)


def test_signal_while_a_job_is_started_does_not_lose_it(tmp_path: Path, monkeypatch) -> None:
    start_process = subprocess.Popen

    def start_and_signal(*args, **options):
        process = start_process(*args, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_signal)
    with pytest.raises(Stopped, match="SIGTERM"):
        run_jobs(JobSpec(str(tmp_path / "log"), SLEEPER))
    assert "# Ended (code" in (tmp_path / "log").read_text()


def test_jobs_end_when_the_process_that_launched_them_dies(tmp_path: Path) -> None:
    outer = subprocess.Popen(
        [
            "sh",
            "-c",
            '"$0" "$@"; true',
            sys.executable,
            "-m",
            "espnet_gmot.bin.run_jobs",
            tmp_path / "log",
            *SLEEPER,
        ],
        stderr=subprocess.DEVNULL,
    )
    pid = pid_in(tmp_path / "log")
    os.kill(outer.pid, signal.SIGKILL)
    outer.wait()
    assert ended(pid)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["JOB=1:2", "a.log", "true"], "put JOB into its name"),
        (["JOB=3:2", "a.JOB.log", "true"], "JOB=3:2 is an empty range"),
        (["a.log"], "a log file and a command are needed"),
        (["--num_nodes", "2", "a.log", "true"], "set cuda_cmd to slurm.pl in cmd.sh"),
        (["a.log", "no-such-program"], "cannot start no-such-program"),
    ],
)
def test_senseless_calls_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    process = launcher(*words, cwd=tmp_path)
    _, told = process.communicate()
    assert process.returncode == 1
    assert message in told
