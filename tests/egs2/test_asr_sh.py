"""The option errors of asr.sh, for machines without bats; asr_sh.bats tests the stages too."""

import subprocess
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "egs2" / "TEMPLATE" / "asr1"
SETS = ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test", "--ngpu", "0"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("asr.sh", "cmd.sh", "path.sh"):
        (tmp_path / name).symlink_to(TEMPLATE / name)
    return tmp_path


def asr_sh(recipe: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(["./asr.sh", *options], cwd=recipe, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--foo", "1"], "unknown option --foo (./asr.sh --help shows the options)"),
        ([*SETS, "--stage"], "option --stage needs a value"),
        ([*SETS, "--use_lm", "maybe"], "--use_lm is true or false, not 'maybe'"),
        ([*SETS, "--token_type", "phn"], "--token_type is one of: char word bpe hugging_face; not 'phn'"),
        ([*SETS, "--stage", "9"], "stage 9 (n-gram) is not in this driver yet"),
        ([], "--train_set is required"),
        (SETS, "local/data.sh is missing or not executable"),
        ([*SETS, "--stage", "10"], "--asr_config is required for stages 10 and 11"),
    ],
)
def test_wrong_options_give_one_line_and_status_2(recipe: Path, options: list[str], message: str) -> None:
    done = asr_sh(recipe, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_help_shows_every_option_that_the_script_knows(recipe: Path) -> None:
    done = asr_sh(recipe, "--help")
    assert done.returncode == 0
    shown = {line.split("=")[0].strip() for line in done.stdout.splitlines() if line.startswith("  --")}
    assert {"--stage", "--asr_config", "--speed_perturb_factors", "--inference_nj", "--lang"} <= shown
    for option in shown:
        assert f"option {option} needs a value" in asr_sh(recipe, option).stderr
