"""How every command ends: in good order, on bad input with one line, on a fault of ours with a traceback."""

import argparse
import errno
import signal
import subprocess
import sys

import pytest

from espnet_gmot.bin._command import at_least, run
from espnet_gmot.errors import InputError


@pytest.fixture(autouse=True)
def former_handler():
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def raises(error):
    def main():
        raise error

    return main


def test_bad_input_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/score.py", "--ref", "text"])
    with pytest.raises(SystemExit) as end:
        run(raises(InputError("text is empty; run stage 1")))
    assert end.value.code == "score.py: error: text is empty; run stage 1"


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ValueError, match="a bug"):
        run(raises(ValueError("a bug")))


def test_a_full_disk_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/score.py"])
    with pytest.raises(SystemExit) as end:
        run(raises(OSError(errno.ENOSPC, "No space left on device", "exp/text")))
    assert end.value.code == (
        "score.py: error: exp/text: No space left on device; free some disk space or choose another place"
    )


def test_a_file_of_ours_that_is_missing_keeps_its_traceback():
    with pytest.raises(FileNotFoundError):
        run(raises(FileNotFoundError(errno.ENOENT, "No such file or directory", "text")))


@pytest.mark.parametrize("text", ["-1", "0", "one", "1.5", ""])
def test_numbers_below_the_least_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is no whole number from 1 up"):
        at_least(1)(text)


def test_ctrl_c_says_how_to_go_on():
    with pytest.raises(SystemExit) as end:
        run(raises(KeyboardInterrupt()))
    assert end.value.code == "interrupted; run the same command again to continue"


def test_term_removes_what_was_written_aside(tmp_path):
    code = """
import os, signal, sys
from espnet_gmot.bin._command import at_least, run
from espnet_gmot.files import write_aside

def main():
    with write_aside(sys.argv[1]) as aside:
        assert aside.exists()
        os.kill(os.getpid(), signal.SIGTERM)

run(main)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "text"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "")
    assert list(tmp_path.iterdir()) == []
