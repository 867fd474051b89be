"""The driver of the GPU parts, on parts of its own that need no GPU."""

import json
import os
import time
from pathlib import Path

import pytest

from benchmarks import gpu_check
from benchmarks.gpu_check import FAILED, NOT_RUN, PARTS, PASSED, ROOT, Part, check, hindrance
from espnet_gmot.errors import InputError

MARK = """
import pathlib, sys
with open(sys.argv[1] + "/order", "a") as order:
    order.write(sys.argv[2])
print(f"{sys.argv[2]} written")
"""
FAIL_ONCE = """
import pathlib, sys
seen = pathlib.Path(sys.argv[1], "seen")
if not seen.exists():
    seen.touch()
    sys.exit("out of luck")
print("f written")
"""
CHILD = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
open(sys.argv[1] + "/child", "w").write(str(child.pid))
child.wait()
"""


def part(name, program=MARK, seconds=60, says=" written", needs=()):
    return Part(name, seconds, needs, ("-c", program, "OUT", name), says)


@pytest.fixture
def gpu(monkeypatch):
    """Let every part run, as on a machine with a GPU."""
    monkeypatch.setattr(gpu_check, "hindrance", lambda part: None)


def statuses(outcomes):
    return {name: outcome.status for name, outcome in outcomes.items()}


def test_without_a_gpu_nothing_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu_check.torch.cuda, "is_available", lambda: False)
    outcomes = check([part("a"), part("b")], tmp_path, 60)
    assert {(outcome.status, outcome.told) for outcome in outcomes.values()} == {
        (NOT_RUN, "no CUDA GPU here")
    }
    assert not (tmp_path / "order").exists()
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
        ["a", "not", "run"],
        ["b", "not", "run"],
    ]


def test_a_missing_module_is_named(monkeypatch):
    monkeypatch.setattr(gpu_check.torch.cuda, "is_available", lambda: True)
    assert hindrance(part("a", needs=("json", "no_such_module"))) == "not installed: no_such_module"
    assert hindrance(part("a", needs=("json",))) is None


def test_a_part_that_fails_or_times_out_does_not_stop_the_others(gpu, tmp_path):
    parts = [
        part("raises", "raise ValueError('no luck')"),
        part("sleeps", "import time; time.sleep(60)", seconds=1),
        part("silent", "print('1 skipped')"),
        part("works", "print('works written\\nsys:1: a warning')"),
    ]
    outcomes = check(parts, tmp_path, 600)
    assert statuses(outcomes) == {"raises": FAILED, "sleeps": FAILED, "silent": FAILED, "works": PASSED}
    assert outcomes["raises"].told == "status 1: ValueError: no luck"
    assert "Traceback" in outcomes["raises"].tail
    assert outcomes["sleeps"].told == "timed out after 1 s"
    assert outcomes["silent"].told == "its end has no 'written': 1 skipped"
    assert json.loads((tmp_path / "report.json").read_text())["works"]["told"] == "works written"


def test_processes_of_a_part_end_with_it(gpu, tmp_path):
    check([part("parent", CHILD, seconds=2)], tmp_path, 60)
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        try:
            state = Path(f"/proc/{child}/stat").read_text().split()[2]
        except FileNotFoundError:
            return
        if state == "Z":  # its new parent has not asked for it yet
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("the part's child lives on")


def test_a_second_call_does_what_is_missing_and_then_what_failed(gpu, tmp_path, capsys):
    parts = [part("f", FAIL_ONCE), part("a"), part("b")]
    outcomes = check(parts[:2], tmp_path, 60)
    assert statuses(outcomes) == {"f": FAILED, "a": PASSED}
    capsys.readouterr()
    outcomes = check(parts, tmp_path, 60)
    assert statuses(outcomes) == {"f": PASSED, "a": PASSED, "b": PASSED}
    assert (tmp_path / "order").read_text() == "ab"
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["b", "f", "a"]
    assert list(json.loads((tmp_path / "report.json").read_text())) == ["f", "a", "b"]


def test_time_is_shared(gpu, tmp_path):
    """The first part is cut off by the whole call's end, not by its own limit; the second does not begin."""
    parts = [part("long", "import time; time.sleep(60)", seconds=3), part("late", seconds=30)]
    outcomes = check(parts, tmp_path, 2)
    assert outcomes["long"].status == NOT_RUN
    assert outcomes["long"].told == "cut off after 2 s, when time was up; call again"
    assert (outcomes["late"].status, outcomes["late"].told) == (NOT_RUN, "0 s are left; call again")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {"status": "passed", "speed": 3}}', '{"a": 3}'])
def test_another_file_as_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=r"report\.json is no report of this command"):
        check([], tmp_path, 1)


def test_the_parts_name_tests_and_benchmarks_that_are_there():
    assert len({part.name for part in PARTS}) == len(PARTS) == 8
    for each in PARTS:
        paths = [argument for argument in each.arguments if argument.endswith(".py")]
        modules = [argument for argument in each.arguments if argument.startswith("benchmarks.")]
        assert [
            (ROOT / path).is_file() for path in paths + [m.replace(".", "/") + ".py" for m in modules]
        ] == [True]
    assert max(part.seconds for part in PARTS) < gpu_check.SECONDS


def test_there_are_no_more_files_than_parts():
    """Eight files come back from some machines: the report, and one of each benchmark."""
    files = [argument for part in PARTS for argument in part.arguments if argument.startswith("OUT/")]
    assert len(set(files)) == len(files) == 5
