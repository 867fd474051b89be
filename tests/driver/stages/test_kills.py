"""Each stage, killed before a change that it makes on the disk and run again: the end is the same."""

import json
import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

import pytest

from espnet_gmot import files
from espnet_gmot.driver.plan import selected

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate")
MADE = ("data", "dump", "exp")


def run_in_a_process(recipe, stage: int, options: dict[str, object], change: int = 0) -> int:
    """Run a stage, killed before the change of that number if there is one; how the process ended."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            files._remove_orphans.cache_clear()
            die_before_change(change)
            recipe.run(stage=stage, stop_stage=stage, **options)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def die_before_change(number: int) -> None:
    """Kill this process before the change of that number; what it opens to write anew is emptied."""
    here, left = os.getcwd(), number

    def note(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(path, str) and flags & os.O_ACCMODE
            if not (writes and os.path.abspath(path).startswith(here)):
                return
        elif event not in CHANGES:
            return
        left -= 1
        if left == 0:
            if event == "open" and flags & os.O_TRUNC:
                os.close(os.open(path, flags))
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(note)


def results() -> dict[str, object]:
    """What the stages have made, but for logs and, in records, what is known by its time."""
    found = {}
    for path in (path for top in MADE for path in Path(top).rglob("*")):
        if path.name in (".begun", ".done"):
            found[str(path)] = list(json.loads(path.read_text()))
        elif path.is_file() and path.suffix != ".log":
            found[str(path)] = path.read_bytes()
    return found


def put_back(before: Path) -> None:
    for top in MADE:
        shutil.rmtree(top, ignore_errors=True)
        if (before / top).exists():
            shutil.copytree(before / top, top)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "step"),
    [
        ({}, 1),
        ({"audio_format": "flac.ark", "speed_perturb_factors": "0.9 1.0", "nj": 1}, 5),
        ({"use_lm": True, "lm_config": "conf/train_lm.yaml", "audio_format": "flac"}, 5),
    ],
)
@pytest.mark.usefixtures("no_report")
def test_a_stage_that_is_killed_anywhere_and_run_again_ends_the_same(recipe, tmp_path, options, step):
    import espnet2.tasks.asr  # noqa: F401 so that not every process imports it

    kills = 0
    for stage in (n for n in selected(recipe.options(**options)) if 1 < n < 13):
        before = tmp_path.with_name(f"{tmp_path.name}.before")
        shutil.copytree(tmp_path, before)
        assert run_in_a_process(recipe, stage, options) == 0
        expected = results()
        for change in count(1, step):
            put_back(before)
            if run_in_a_process(recipe, stage, options, change) == 0:
                assert results() == expected
                break
            assert run_in_a_process(recipe, stage, options) == 0
            assert results() == expected, f"stage {stage}, killed before change {change}"
            kills += 1
        shutil.rmtree(before)
    assert kills > 50, "the stages change more than that"
