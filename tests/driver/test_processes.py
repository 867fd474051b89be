"""A block's processes end with it, and no signal is lost."""

import os
import signal
import subprocess
import sys
import time

import pytest
from processes import ended

from espnet_gmot.driver.processes import Children, Stopped

# A launcher that ends at once when asked to, and its job, which takes a second to end well.
LAUNCHER = "trap 'exit 0' TERM; {job} & wait"
JOB = "sh -c 'trap \"sleep 1; touch ended; exit\" TERM; echo $$ > pid; while :; do sleep 0.1; done'"


def until(path):
    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(path.read_text())


def test_what_a_process_started_may_end_in_good_order(tmp_path):
    with pytest.raises(KeyError), Children() as children:
        children.start(["sh", "-c", LAUNCHER.format(job=JOB)], cwd=tmp_path)
        pid = until(tmp_path / "pid")
        raise KeyError
    assert (tmp_path / "ended").exists()
    assert ended(pid)


def test_what_does_not_end_is_killed(tmp_path):
    with pytest.raises(KeyError), Children(grace_seconds=0.3) as children:
        children.start(["sh", "-c", LAUNCHER.format(job=JOB)], cwd=tmp_path)
        pid = until(tmp_path / "pid")
        raise KeyError
    assert not (tmp_path / "ended").exists()
    assert ended(pid)


def test_a_signal_at_the_very_end_still_stops():
    with pytest.raises(Stopped, match="SIGTERM"), Children() as children:
        children.finish(children.start(["true"]))
        os.kill(os.getpid(), signal.SIGTERM)


def test_finish_gives_the_status_and_heeds_signals():
    with pytest.raises(Stopped, match="SIGTERM"), Children() as children:
        assert children.finish(children.start(["sh", "-c", "exit 3"])) == 3
        children.finish(children.start(["sh", "-c", f"kill -TERM {os.getpid()}; exec sleep 60"]))
        pytest.fail("the signal was passed over")


def test_handlers_are_those_of_before():
    before = signal.getsignal(signal.SIGINT)
    with Children():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("shell", ["", "trap '' HUP; "])
def test_nohup_is_heeded(shell):
    script = (
        "import os, signal; from espnet_gmot.driver.processes import Children\n"
        "with Children():\n    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')"
    )
    done = subprocess.run(
        ["sh", "-c", f'{shell}exec "$0" -c "$1"', sys.executable, script], capture_output=True, text=True
    )
    assert (done.stdout == "went on\n") == bool(shell)
