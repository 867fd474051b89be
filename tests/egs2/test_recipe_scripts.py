"""run.sh and run_comparison.sh of egs2/aishell: what they run, with stand-ins for all that takes long."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from processes import ended
from recipe_copy import ROOT, environment, write_program

pytestmark = pytest.mark.slow

RECIPE = ROOT / "egs2" / "aishell" / "asr1"
NOTE = 'printf "%s\\n" "${0##*/} $*" >> calls'
ASR = f"""ctc_greedy=false # as in our driver
{NOTE}
[[ " $* " != *" ${{FAIL_AT:-no such option}} "* ]]"""
PYTHON = f"""case $2 in *.compare | *.cache_teacher) {NOTE} ;; *) exec "{sys.executable}" "$@" ;; esac"""
SYSTEMS = {"ctc": (1.0, "cer_ctc"), "hybrid": (0.3, "acc"), "gmot": (1.0, "cer_ctc")}


@pytest.fixture
def recipe(tmp_path):
    """The recipe's scripts with the stand-ins, and a YAML of three systems."""
    shutil.copytree(RECIPE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("conf", "*.py"))
    (tmp_path / "asr.sh").unlink()
    write_program(tmp_path / "asr.sh", ASR, "/usr/bin/env bash")
    write_program(tmp_path / "bin" / "python3", PYTHON, "/usr/bin/env bash")
    (tmp_path / "cmd.sh").write_text("train_cmd=slurm.pl cuda_cmd=slurm.pl\n")
    (tmp_path / "conf").mkdir()
    for decoding in ("ctc_greedy", "hybrid"):
        (tmp_path / "conf" / f"decode_{decoding}.yaml").touch()
    for name, (weight, score) in SYSTEMS.items():
        keys = {"max_epoch": 2, "best_model_criterion": [["valid", score, "min"]]}
        keys["model_conf"] = {"ctc_weight": weight}
        if name == "gmot":
            keys["preprocessor_conf"] = {"teacher_cache": "exp/teacher/cache"}
        (tmp_path / "conf" / f"{name}.yaml").write_text(json.dumps(keys))
    return tmp_path


def run(recipe, *command, **more):
    done = subprocess.run(
        command, cwd=recipe, env=environment(recipe / "bin", **more), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def calls(recipe):
    path = recipe / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_run_sh_runs_what_is_planned_and_its_own_options_give_way_to_the_command_lines(recipe):
    options = ["--asr_config", "conf/gmot.yaml", "--teacher", "a bert", "--allow_download", "false"]
    status, log = run(recipe, "./run.sh", *options, "--stop-stage", "10", "--audio_format", "wav")
    assert status == 0, log
    data, teacher, training = calls(recipe)
    assert data.startswith("asr.sh --stage 1 --stop_stage 5 ")
    assert "--speed_perturb_factors 0.9 1.0 1.1 --lm_config" in data
    assert "--lm_train_text data/train/text" in data
    assert data.endswith("--audio_format wav")
    assert teacher.startswith(
        "python3 -m espnet_gmot.bin.cache_teacher --teacher a bert --allow_download false"
    )
    assert training.startswith("asr.sh --stage 6 --stop_stage 10 ")


def test_what_fails_ends_run_sh(recipe):
    assert run(recipe, "./run.sh", "--asr_config", "conf/ctc.yaml", FAIL_AT="5")[0] == 1
    assert len(calls(recipe)) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("./run.sh --asr_config conf/ctc.yaml", "run.sh: error: --ngpu 1 and this machine shows no GPU; use"),
        ("./run_comparison.sh --systems none", "run_comparison.sh: error: conf/none.yaml does not exist"),
        (
            "./run_comparison.sh --use-lm true",
            "--use-lm is set by this comparison; for another one",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_anything_runs(recipe, command, message):
    (recipe / "cmd.sh").write_text("train_cmd=run_jobs cuda_cmd=run_jobs\n")
    write_program(recipe / "bin" / "nvidia-smi", "exit 9")
    status, log = run(recipe, *command.split())
    assert (status, len(log.splitlines()), calls(recipe)) == (2, 1, [])
    assert message in log


@pytest.mark.parametrize("script", ["run.sh", "run_comparison.sh"])
def test_help_prints_what_stands_at_the_head_of_the_script(recipe, script):
    status, log = run(recipe, f"./{script}", "--help")
    assert status == 0
    assert f"./{script} " in log
    assert "shellcheck" not in log
    assert calls(recipe) == []


def test_a_comparison_has_every_system_a_hybrid_twice_all_on_one_page(recipe):
    status, log = run(recipe, "./run_comparison.sh", "--systems", "ctc hybrid", "--ngpu", "0")
    assert status == 0, log
    data, *decodings, page = calls(recipe)
    assert data.startswith("asr.sh --stage 1 --stop_stage 5 --ngpu 0 ")
    ctc, hybrid, by_ctc_alone = decodings
    assert ctc.startswith("asr.sh --stage 6 --stop_stage 13 ") and hybrid.startswith("asr.sh --stage 6 ")
    assert "--asr_exp exp/asr_ctc_raw_zh_char_sp --inference_tag decode_ctc_greedy" in ctc
    assert "--asr_exp exp/asr_hybrid_raw_zh_char_sp --inference_tag decode_hybrid" in hybrid
    assert by_ctc_alone.startswith("asr.sh --stage 12 --stop_stage 13 ")
    assert "--inference_asr_model valid.acc.ave.pth" in by_ctc_alone and "--ctc_greedy true" in by_ctc_alone
    assert "--inference_tag decode_ctc_greedy" in by_ctc_alone
    assert page.startswith(
        "python3 -m espnet_gmot.bin.compare --experiment ctc=exp/asr_ctc_raw_zh_char_sp:decode_ctc_greedy "
        "--experiment hybrid=exp/asr_hybrid_raw_zh_char_sp:decode_hybrid "
        "--experiment hybrid_by_ctc_alone=exp/asr_hybrid_raw_zh_char_sp:decode_ctc_greedy --decode"
    )
    assert "--sets dev test --complete true --published" in page


def test_with_seeds_every_system_is_trained_with_the_first_before_any_with_the_second(recipe):
    options = ["--systems", "ctc hybrid", "--ngpu", "0", "--seeds", "3 4", "--asr_args", "--max_epoch 2"]
    status, log = run(recipe, "./run_comparison.sh", *options)
    assert status == 0, log
    data, *decodings, page = calls(recipe)
    assert "--asr_args --max_epoch 2" in data and "--seed" not in data
    experiments = [call.split("--asr_exp ")[1].split()[0] for call in decodings]
    names = ["ctc", "hybrid", "hybrid"]  # the second time by its CTC alone
    assert experiments == [f"exp/asr_{name}_raw_zh_char_sp_seed{seed}" for seed in (3, 4) for name in names]
    assert all(
        call.endswith(f"--asr_args --max_epoch 2 --seed {seed}")
        for call, seed in zip(decodings, (3, 3, 3, 4, 4, 4), strict=True)
    )
    assert "--experiment ctc=exp/asr_ctc_raw_zh_char_sp_seed4:decode_ctc_greedy" in page


def test_the_sample_shares_no_set_token_list_or_experiment_with_the_corpus(recipe):
    shutil.rmtree(recipe / "conf")
    shutil.copytree(ROOT / "conf" / "aishell", recipe / "conf")
    status, log = run(
        recipe, "./run_comparison.sh", "--preset", "sample", "--local_data_opts", "--aishell a b"
    )
    assert status == 0, log
    data, *systems, page = calls(recipe)
    assert "--train_set train_sample --valid_set dev_sample" in data and "--ngpu 0" in data
    assert "--local_data_opts --preset sample --aishell a b" in data
    assert "--lang zh_sample" in data and "--test_sets dev_sample test_sample" in data
    assert "speed_perturb" not in data
    teachers = [call for call in systems if "cache_teacher" in call]
    assert ["--random_init true" in call for call in teachers] == [False, False, True]
    assert all("--text data/train_sample/text data/dev_sample/text" in call for call in teachers)
    assert all(
        f"exp/sample/teacher{end}" in call for call, end in zip(teachers, ("/", "/", "_random"), strict=True)
    )
    trained = [call for call in systems if call.startswith("asr.sh")]
    names = ["ctc", "ot", "gmot", "gmot_random_teacher"]
    for call, name in zip(trained, names, strict=True):
        assert f"--asr_exp exp/asr_train_asr_{name}_raw_zh_sample_char " in call
    assert "--published" not in page  # those are of AISHELL-1's own test set
    assert "--sets dev_sample test_sample" in page and page.endswith("--out exp/comparison_sample")


def test_a_preset_that_is_not_there_is_refused(recipe):
    status, log = run(recipe, "./run.sh", "--preset", "samples")
    assert (status, calls(recipe)) == (2, [])
    assert log == "run.sh: error: unknown --preset samples; choose full or sample\n"


def test_a_system_that_fails_does_not_keep_the_others_from_running(recipe):
    failing = {"FAIL_AT": "exp/asr_hybrid_raw_zh_char_sp"}
    status, log = run(recipe, "./run_comparison.sh", "--systems", "hybrid ctc", **failing)
    assert status == 1
    assert log.endswith("error: these failed, for the reasons above: hybrid hybrid_by_ctc_alone\n")
    *_, ctc, page = calls(recipe)
    assert "--stop_stage 13" in ctc and "conf/ctc.yaml" in ctc
    assert len(calls(recipe)) == 5  # data, hybrid, hybrid by CTC alone, ctc, page
    assert "--failed=hybrid --failed=hybrid_by_ctc_alone --decode" in page


def test_without_systems_every_training_yaml_of_the_recipe_is_compared_the_baseline_first(recipe):
    shutil.rmtree(recipe / "conf")
    shutil.copytree(ROOT / "conf" / "aishell", recipe / "conf")
    status, log = run(recipe, "./run_comparison.sh")
    assert status == 0, log
    decodings = [call for call in calls(recipe) if "--stop_stage 13" in call and call.startswith("asr.sh")]
    hybrids = [call for call in decodings if "--inference_tag decode_hybrid" in call]
    assert len(hybrids) >= 2
    assert len(decodings) == len(list(recipe.glob("conf/train_asr_*.yaml"))) + len(hybrids)
    assert "conf/train_asr_ctc_conformer_e15_linear1024.yaml" in decodings[0]


def test_the_comparison_takes_the_experiment_of_run_sh_itself(recipe):
    assert run(recipe, "./run.sh", "--asr_config", "conf/ctc.yaml")[0] == 0
    assert "--lang zh --token_type char" in calls(recipe)[-1]
    (recipe / "asr.sh").unlink()
    shutil.copytree(ROOT / "egs2" / "TEMPLATE" / "asr1", recipe, dirs_exist_ok=True)
    (recipe / "cmd.sh").write_text("train_cmd=x cuda_cmd=x decode_cmd=x\n")
    options = (
        "--stage 12 --skip_eval true --lang zh --token_type char --train_set train --valid_set dev --ngpu 0"
    )
    options += " --test_sets dev --speed_perturb_factors 0.9 --asr_config conf/ctc.yaml"
    status, log = run(recipe, "./asr.sh", *options.split())
    assert log.endswith("results are in exp/asr_ctc_raw_zh_char_sp\n")


def test_a_kill_ends_run_comparison_run_sh_and_the_driver(recipe):
    write_program(recipe / "asr.sh", "ctc_greedy=false\nsleep 30 &\necho $! > sleeping\nwait")
    command = ["./run_comparison.sh", "--systems", "ctc"]
    process = subprocess.Popen(
        command, cwd=recipe, env=environment(recipe / "bin"), stderr=subprocess.DEVNULL
    )
    sleeping, deadline = recipe / "sleeping", time.monotonic() + 60
    while not (sleeping.exists() and sleeping.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=30) == -signal.SIGTERM
    assert ended(int(sleeping.read_text()))
    assert calls(recipe) == []
