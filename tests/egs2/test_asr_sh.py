"""asr.sh itself: its options, the order of the stages, what becomes of a failed or a killed one."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ended
from warm_server import write_program

from espnet_gmot.driver.options import Options
from espnet_gmot.driver.plan import IN_PYTHON, STAGES

TEMPLATE = Path(__file__).parents[2] / "egs2" / "TEMPLATE" / "asr1"
RUN = [STAGES[0], *IN_PYTHON.values()]
SETS = ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test", "--ngpu", "0"]
# Stands in for ${python}: notes each stage with its arguments; only the check is run.
PYTHON = f"""case "$2 $3" in
    *check_install*) ${{BROKEN_INSTALLATION:-true}}; exit ;;
    *stage\\ check) exec "{sys.executable}" "$@" ;;
esac
stage=$3
shift 3
printf '%s ' "$stage" "$@" >> calls
echo >> calls
[ "$stage" != "${{SLEEP_IN:-}}" ] || {{ sleep 60 & echo $! > sleeping; wait; }}
[ "$stage" != "${{FAIL_IN:-}}" ]"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("asr.sh", "cmd.sh", "path.sh"):
        (tmp_path / name).symlink_to(TEMPLATE / name)
    return tmp_path


@pytest.fixture
def noted(recipe: Path) -> Path:
    """The recipe with local/data.sh and YAMLs, where stages are noted and not run."""
    (recipe / "local").mkdir()
    write_program(recipe / "local" / "data.sh", 'echo "local/data.sh $*" >> calls')
    write_program(recipe / "noting_python", PYTHON)
    (recipe / "train.yaml").write_text("max_epoch: 1\n")
    return recipe


NOTED = [*SETS, "--python", "./noting_python", "--asr_config", "train.yaml", "--lm_config", "train.yaml"]


def start(recipe: Path, *options: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        ["./asr.sh", *options],
        cwd=recipe, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def asr_sh(recipe: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    process = start(recipe, *options, **environment)
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(options, process.returncode, stdout, stderr)


def calls(recipe: Path) -> list[str]:
    """The stages that were run."""
    noted = recipe / "calls"
    return [line.split()[0] for line in noted.read_text().splitlines()] if noted.exists() else []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--foo", "1"], "unknown option --foo (./asr.sh --help shows the options)"),
        (["--root", "1"], "unknown option --root"),
        (["--names", "1"], "unknown option --names"),
        ([*SETS, "--stage"], "option --stage needs a value"),
        (["--stage=3"], "write '--stage 3' instead of '--stage=3'"),
        (["train"], "'train' is not an option; options start with --"),
        ([*SETS, "--use_lm", "maybe"], "--use_lm is true or false, not 'maybe'"),
        ([*SETS, "--token_type", "phn"], "--token_type is one of: char word bpe hugging_face; not 'phn'"),
        ([*SETS, "--stage", "one"], "--stage is a whole number, not 'one'"),
        ([*SETS, "--stage", "9"], "stage 9 (n-gram) is not in this driver yet"),
        ([], "--train_set is required"),
        (SETS, "local/data.sh is missing or not executable"),
        ([*SETS, "--stage", "10"], "--asr_config is required for stages 10 and 11"),
    ],
)
def test_wrong_options_give_one_line_and_status_2(recipe: Path, options: list[str], message: str) -> None:
    done = asr_sh(recipe, *options)
    assert done.returncode == 2
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT[\d:]+ \(asr.sh\) Error: .*{re.escape(message)}.*\n", done.stderr
    )
    assert done.stdout == ""


def test_outside_a_recipe_nothing_runs(recipe: Path) -> None:
    (recipe / "cmd.sh").unlink()
    done = asr_sh(recipe, *SETS)
    assert done.returncode == 2
    assert done.stderr.endswith("Error: ./cmd.sh is missing; run in a recipe's directory\n")


def test_help_shows_every_option_that_the_script_knows(recipe: Path) -> None:
    done = asr_sh(recipe, "--help")
    assert done.returncode == 0
    shown = [line.split("=")[0].strip() for line in done.stdout.splitlines() if line.startswith("  --")]
    assert [f"--{name}" for name in Options.__annotations__] == [
        *shown,
        "--train_cmd",
        "--cuda_cmd",
        "--decode_cmd",
    ]
    for default in ("--stop_stage=14 ", "--inference_asr_model=valid.acc.ave.pth ", "--lang=noinfo "):
        assert default in done.stdout
    for option in shown:
        assert f"option {option} needs a value" in asr_sh(recipe, option).stderr


def test_the_script_lists_the_stages_of_the_plan() -> None:
    listed = re.findall(r'^    stage (\d+) "(.*)" (?:in_python (\w+)|local/data.sh)', _script(), re.MULTILINE)
    assert listed == [(str(stage.number), stage.title, stage.name) for stage in RUN]


def _script() -> str:
    return (TEMPLATE / "asr.sh").read_text()


def test_all_stages_run_in_order_with_all_options(noted: Path) -> None:
    options = [
        "--use_lm",
        "true",
        "--skip_packing",
        "false",
        "--lm-tag",
        "mine",
        "--asr_args",
        "--max_epoch 3",
    ]
    done = asr_sh(noted, *NOTED, *options, "--local_data_opts", "--corpus small")
    assert done.returncode == 0, done.stderr
    assert calls(noted) == ["local/data.sh", *IN_PYTHON]
    first, second, *_ = (noted / "calls").read_text().splitlines()
    assert first == "local/data.sh --corpus small"
    assert "--lm_tag mine " in second  # options may be written with dashes, as in Kaldi
    assert "--asr_args --max_epoch 3 " in second
    assert "--cuda_cmd python3 -m espnet_gmot.bin.run_jobs " in second
    titles = re.findall(r"\(asr.sh\) stage (\d+): (.*)", done.stderr)
    assert titles == [(str(stage.number), stage.title) for stage in RUN]
    end = "stages 1 to 14 are done; models and results are in exp/asr_train_raw_char_max_epoch3\n"
    assert done.stderr.endswith(end)


def test_quotes_keep_the_blanks_of_data_shs_options(noted: Path) -> None:
    write_program(noted / "local" / "data.sh", "printf '[%s]' \"$@\" > words")
    given = """--text 'my corpus' --name "it's" --price \\$5 --glob * --empty ''"""
    done = asr_sh(noted, *NOTED, "--stop_stage", "1", "--local_data_opts", given)
    assert done.returncode == 0, done.stderr
    words = "[--text][my corpus][--name][it's][--price][$5][--glob][*][--empty][]"
    assert (noted / "words").read_text() == words


@pytest.mark.parametrize("name", ["my dump", '数据 $HOME `x` "y" it\'s *'])
def test_odd_names_reach_every_stage_whole(noted: Path, name: str) -> None:
    options = [word for option in ("--dumpdir", "--expdir", "--asr_tag") for word in (option, name)]
    done = asr_sh(noted, *NOTED, *options)
    assert done.returncode == 0, done.stderr
    assert calls(noted) == ["local/data.sh", *(n for n in IN_PYTHON if n[:2] != "lm" and n != "pack")]
    assert (noted / "calls").read_text().count(f"--dumpdir {name} --expdir {name} ") == len(calls(noted)) - 1


@pytest.mark.parametrize(
    ("options", "stages"),
    [
        (["--stage", "1", "--stop-stage", "1"], ["local/data.sh"]),
        (["--stage", "3", "--stop_stage", "5"], ["format_audio", "filter_lengths", "token_list"]),
        (["--skip_data_prep", "true", "--skip_eval", "true"], ["asr_stats", "asr_train"]),
        (["--stage", "12", "--skip_eval", "true"], []),
    ],
)
def test_the_options_choose_the_stages(noted: Path, options: list[str], stages: list[str]) -> None:
    assert asr_sh(noted, *NOTED, *options).returncode == 0
    assert calls(noted) == stages


def test_a_broken_installation_is_noticed_before_there_is_any_data_and_then_alone(noted: Path) -> None:
    broken = {"BROKEN_INSTALLATION": "false"}
    assert asr_sh(noted, *NOTED, **broken).returncode == 2
    assert calls(noted) == []
    assert asr_sh(noted, *NOTED, "--stage", "5", "--stop_stage", "5", **broken).returncode == 0


def test_a_failed_stage_is_named_and_the_others_do_not_run(noted: Path) -> None:
    done = asr_sh(noted, *NOTED, "--stage", "5", FAIL_IN="asr_stats")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: stage 10 (statistics) failed; the reason stands above\n")
    assert calls(noted) == ["token_list", "asr_stats"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_ends_the_stages_processes_at_once(noted: Path, number: int) -> None:
    sleeping = noted / "sleeping"
    driver = start(noted, *NOTED, "--stage", "10", SLEEP_IN="asr_train")
    deadline = time.monotonic() + 30
    while not (sleeping.exists() and sleeping.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    driver.send_signal(number)
    said = driver.communicate(timeout=20)[1]
    assert driver.returncode == -number
    assert said.endswith("asr.sh: stopped; run the same command again to continue\n")
    assert ended(int(sleeping.read_text()))


def test_a_python_that_prints_before_it_runs_hides_no_stage(noted: Path) -> None:
    write_program(noted / "talking_python", 'echo "Loading module cuda/12"; exec ./noting_python "$@"')
    done = asr_sh(noted, *NOTED, "--python", "./talking_python", "--stage", "2", "--stop_stage", "4")
    assert done.returncode == 0, done.stderr
    assert calls(noted) == ["perturb_speed", "format_audio", "filter_lengths"]


def test_a_check_that_says_nothing_of_stages_ends_the_run(noted: Path) -> None:
    write_program(noted / "silent_python", "echo nothing")
    done = asr_sh(noted, *NOTED, "--python", "./silent_python", "--stage", "2", "--stop_stage", "4")
    assert done.returncode == 2
    assert "check said only: nothing" in done.stderr


def test_a_cmd_sh_without_a_command_that_is_not_needed_runs(noted: Path) -> None:
    (noted / "cmd.sh").unlink()
    (noted / "cmd.sh").write_text("export train_cmd=run.pl cuda_cmd=run.pl\n")
    done = asr_sh(noted, *NOTED, "--stage", "2", "--stop_stage", "4")
    assert done.returncode == 0, done.stderr
