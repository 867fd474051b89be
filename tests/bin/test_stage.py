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
    assert done.stdout == "selected: 2 3 4 5\nasr_exp: exp/asr_train_raw_char\n"


def test_a_stage_that_cannot_run_says_why_in_one_line_as_asr_sh_does(arguments, tmp_path):
    done = run(tmp_path, "format_audio", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"[\d:T-]+ \(asr.sh\) Error: data/train/wav.scp does not exist; run stage 1 first\n", done.stderr
    )


def test_check_gives_the_words_of_data_sh_as_bash_reads_them(arguments, tmp_path):
    done = run(tmp_path, "check", *arguments, "--local_data_opts", "--text 'my corpus'  --seed 1")
    assert done.stdout.splitlines()[-1] == "local_data_opts: --text 'my corpus' --seed 1"


def test_a_stage_names_a_file_that_a_later_one_will_lack(arguments, tmp_path):
    done = run(tmp_path, "perturb_speed", *arguments, "--nlsyms_txt", "data/mistyped")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: --nlsyms_txt data/mistyped does not exist\n")


def test_a_stage_logs_under_its_number(arguments, tmp_path):
    done = run(tmp_path, "perturb_speed", *arguments)
    assert re.fullmatch(
        r"[\d:T-]+ \(asr.sh\) stage 2: no --speed_perturb_factors, nothing to do\n", done.stderr
    )
    assert done.returncode == 0


def test_a_recipe_runs_what_its_plan_prints(tmp_path):
    (tmp_path / "train.yaml").write_text("model_conf: {ctc_weight: 1.0}\n")
    (tmp_path / "asr.sh").write_text("ctc_greedy=false\n")
    options = ["--asr_config", "train.yaml", "--ngpu", "0", "--stop_stage", "5", "--lm_args", "a b"]
    (line,) = run(tmp_path, "plan_system", "./run.sh", "run.pl", "run.pl", *options).stdout.splitlines()
    assert line.startswith("run ./asr.sh --stage 1 --stop_stage 5 ")
    assert "--inference_asr_model valid.loss.ave.pth" in line
    assert line.endswith("--lm_args 'a b'")


def test_other_budgets_are_refused_in_one_line_in_the_scripts_name(tmp_path):
    (tmp_path / "conf").mkdir()
    for name, epochs in (("a", 1), ("b", 1), ("c", 2)):
        conf = {"max_epoch": epochs, "model_conf": {"ctc_weight": 1.0}}
        (tmp_path / "conf" / f"{name}.yaml").write_text(yaml.safe_dump(conf))
    done = run(tmp_path, "plan_comparison", "./run_comparison.sh", "a", "a", "b")
    assert done.stdout.splitlines() == [
        "conf/a.yaml a decode_ctc_greedy 6",
        "conf/b.yaml b decode_ctc_greedy 6",
    ]
    done = run(tmp_path, "plan_comparison", "./run_comparison.sh", "a", "a", "c")
    assert done.returncode == 2
    refusal = "run_comparison.sh: error: conf/c.yaml has max_epoch: 2, but conf/a.yaml has 1"
    assert done.stderr.startswith(refusal)


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
    for name in ("check", "plan_comparison", "watch_training", *IN_PYTHON):
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
