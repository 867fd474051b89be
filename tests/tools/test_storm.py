"""The storm over recipes of a few lines: one that bears it, and others with the faults that it looks for."""

import signal
import sys
import time
from pathlib import Path

import pytest
import storm

BEGIN, END = "#!/bin/bash\nset -e\nmkdir -p data exp\n", "sleep 0.3\ndate +%N > exp/times.log\n"
WHOLE = """
for n in 1 2 3; do
    [ ! -f data/$n ] || continue
    sleep 0.1
    seq $n > data/.aside.$n
    mv data/.aside.$n data/$n
done
"""
# A kill comes while these sleep.
IN_PLACE = "[ -f data/text ] || { printf half > data/text; sleep 1.5; echo ' and half' >> data/text; }\n"
ORPHANS = "[ -f data/text ] || { echo > data/.aside.$$; sleep 1.5; mv data/.aside.$$ data/text; }\n"
COUNTS = "echo start >> data/starts\nsleep 0.3\n"
STUMBLES = "[ ! -f data/begun ] || exit 3\necho > data/begun\nsleep 1.5\nrm data/begun\n"


@pytest.fixture
def run_storm(tmp_path, monkeypatch, capsys):
    """Storm over a recipe of these lines; the exit status, or the error, and what it prints."""

    def run(script: str, *options: str) -> tuple[object, str]:
        recipe = tmp_path / "checkout" / "egs2" / "some" / "asr1"
        recipe.mkdir(parents=True)
        (tmp_path / "checkout" / "conf").mkdir()
        (recipe / "run.sh").write_text(BEGIN + script + END)
        (recipe / "run.sh").chmod(0o755)
        (recipe / "data").mkdir()
        (recipe / "data" / "of_an_earlier_run").touch()
        places = [
            "--checkout",
            str(tmp_path / "checkout"),
            "--recipe",
            "egs2/some/asr1",
            "--work",
            str(tmp_path),
        ]
        monkeypatch.setattr(sys, "argv", ["storm", "--seed", "1", "--command", "./run.sh", *places, *options])
        with pytest.raises(SystemExit) as end:
            storm.main()
        return end.value.code, capsys.readouterr().out

    return run


def marked(directory: Path) -> list[Path]:
    """Processes of a storm in this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"{storm.MARK}={directory}".encode() in environment:
            found.append(process)
    return found


def test_a_recipe_that_bears_it(run_storm, tmp_path):
    status, told = run_storm(WHOLE, "--kills", "3")
    assert not status, told
    assert [line for line in told.splitlines() if line.startswith("kill 3 of 3: after ")]
    assert "seed 1, copies and logs in" in told and "no fault(s)" in told
    assert "    3  shell" in told
    made = tmp_path / "quiet" / "egs2" / "some" / "asr1" / "data"
    assert sorted(path.name for path in made.iterdir()) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (IN_PLACE, "data/text is half (ValueError: its last line is cut off)"),
        (ORPHANS, "is left over"),
        (COUNTS, "data/starts differs"),
        (STUMBLES, "run.log ended with status 3"),
    ],
)
@pytest.mark.slow
def test_a_fault_is_told_and_ends_with_status_1(run_storm, tmp_path, script, fault):
    status, told = run_storm(script, "--kills", "3")
    assert status == 1
    assert any(line.startswith("  FAULT: ") and fault in line for line in told.splitlines()), told
    assert list(tmp_path.glob("run*")), "the copy is kept"


def test_a_quiet_run_that_fails_ends_it(run_storm):
    status, _ = run_storm("exit 3\n")
    assert str(status).startswith("storm: error: the quiet run ended with status 3, log: ")


def test_whatever_it_has_started_dies_at_once(tmp_path):
    run = storm.Run(tmp_path, Path("."), ["bash", "-c", "setsid sleep 77 & exec sleep 78"])
    process, deadline = run.start(), time.monotonic() + 20
    while len(marked(tmp_path)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)  # until bash is sleep
    commands = run.kill()
    assert sorted(command[:2] for command in commands) == [["sleep", "77"], ["sleep", "78"]]
    assert process.wait() == -signal.SIGKILL
    assert not marked(tmp_path)


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        (["bash ./run.sh"], "shell"),
        (["bash ./run.sh", "python3 -m espnet_gmot.bin.stage asr_train --fs 16k"], "stage asr_train"),
        (
            [
                "python3 -m espnet_gmot -m espnet_gmot.bin.stage asr_stats",
                "python3 -m espnet_gmot.bin.run_jobs a.log python3 -m espnet_gmot -m espnet2.bin.asr_train",
                "python3 -m espnet_gmot -m espnet2.bin.asr_train --collect_stats true",
            ],
            "asr_train (statistics)",
        ),
        (["python3 local/prepare.py --out data", "python3 -c print()"], "prepare"),
        (["python3 -m a.b", "python3 -m c.a"], "a + b"),
    ],
)
def test_what_was_at_work(commands, told):
    assert storm.at_work([command.split() for command in commands]) == told
