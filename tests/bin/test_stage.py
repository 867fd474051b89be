"""``python3 -m espnet_gmot.bin.stage``: what it says, and how it ends."""

import re
import subprocess
import sys

import pytest
import yaml

from espnet_gmot.bin import stage
from espnet_gmot.driver.plan import IN_PYTHON


def run(directory, *words):
    command = [sys.executable, "-m", "espnet_gmot.bin.stage", *words]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True)


@pytest.fixture
def arguments(asr_sh_options):
    """Every option of asr.sh as it hands them over."""
    own = {"train_set": "train", "valid_set": "dev", "test_sets": "test", "ngpu": "0", "stage": "2"}
    own |= {"stop_stage": "5"} | dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "run.pl")
    return [word for name, value in (asr_sh_options | own).items() for word in (f"--{name}", value)]


def test_check_prints_the_stages_and_the_models_directory(arguments, tmp_path):
    done = run(tmp_path, "check", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 3 4 5\nexp/asr_train_raw_char\n"


def test_a_stage_that_cannot_run_says_why_in_one_line_as_asr_sh_does(arguments, tmp_path):
    done = run(tmp_path, "format_audio", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"[\d:T-]+ \(asr.sh\) Error: data/train/wav.scp does not exist; run stage 1 first\n", done.stderr
    )


def test_a_stage_logs_under_its_number(arguments, tmp_path):
    done = run(tmp_path, "perturb_speed", *arguments)
    assert re.fullmatch(
        r"[\d:T-]+ \(asr.sh\) stage 2: no --speed_perturb_factors, nothing to do\n", done.stderr
    )
    assert done.returncode == 0


def test_what_a_recipe_must_know_of_a_yaml(tmp_path):
    (tmp_path / "train.yaml").write_text("model_conf: {ctc_weight: 1.0}\n")
    assert run(tmp_path, "read_training_yaml", "train.yaml").stdout.splitlines() == [
        "kind=ctc", "inference_asr_model=valid.loss.ave.pth", "teacher_cache=", "projection="
    ]  # fmt: skip


def test_other_budgets_are_refused_in_one_line(tmp_path):
    for name, epochs in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"max_epoch": epochs}))
    assert run(tmp_path, "check_budgets", "a.yaml", "b.yaml").returncode == 0
    done = run(tmp_path, "check_budgets", "a.yaml", "c.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("stage.py: error: c.yaml has max_epoch: 2, but a.yaml has 1")


def test_trainings_are_watched_until_their_processes_end(tmp_path):
    log = tmp_path / "train.log"
    training = subprocess.Popen(["sh", "-c", f"echo '1/2epoch started' > {log}; sleep 1"])
    command = [sys.executable, "-m", "espnet_gmot.bin.stage", "watch_training"]
    command += ["--log", str(log), "--pid", str(training.pid)]
    watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    training.wait()
    assert "training starts" in watcher.communicate(timeout=30)[1]
    assert watcher.returncode == 0


def test_help_names_every_subcommand():
    shown = stage.get_parser().format_help()
    for name in ("check", "check_budgets", "watch_training", *IN_PYTHON):
        assert re.search(rf"^ +{name}\b", shown, re.MULTILINE)


@pytest.mark.parametrize("words", [["--help"], ["decode", "--help"]])
def test_help_is_no_error(words, tmp_path):
    assert run(tmp_path, *words).returncode == 0


def test_stages_are_light(tmp_path):
    """A stage with nothing to do is over in a moment, as it imports neither torch nor ESPnet's tasks."""
    modules = ", ".join(f"espnet_gmot.driver.stages.{stage.module}" for stage in IN_PYTHON.values())
    shown = "print('torch' in sys.modules, 'espnet2.tasks' in sys.modules)"
    imported = f"import sys, espnet_gmot.bin.stage, {modules}; {shown}"
    done = subprocess.run([sys.executable, "-c", imported], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr
