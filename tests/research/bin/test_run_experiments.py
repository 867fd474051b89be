"""run_experiments, commands and runner, with stand-ins for asr.sh and for the Python that they call."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from processes import ended

from research.kept_files import finished_configs

ROOT = Path(__file__).parents[3]
ASR = """#!/usr/bin/env bash
set -eu
declare -A option
while [ $# -gt 0 ]; do option[${1#--}]=$2; shift 2; done
case ${option[stage]} in
    1)
        mkdir -p data/local data/dev dump/raw/train dump/raw/dev
        [ -n "${WITHOUT_TIMES:-}" ] || touch data/dev/ctm
        printf 'A，B\\nC\\n' > data/local/teacher.txt
        echo "u1 A" | tee dump/raw/train/text > dump/raw/dev/text ;;
    11)
        name=$(basename "${option[expdir]}")
        mkdir "${option[expdir]}/busy" # one at a time in each directory
        sleep 0.2
        rmdir "${option[expdir]}/busy"
        mkdir -p "${option[asr_exp]}"
        touch "${option[asr_exp]}/valid.cer_ctc.ave.pth"
        [[ ${name} != "${FAIL_IN:-none}"* ]] || exit 2
        [[ ${name} != "${SLEEP_IN:-none}"* ]] || { sleep 60 & echo $! > "${CALLS}.sleeping"; wait; } ;;
esac
echo "asr ${option[stage]}-${option[stop_stage]} $(basename "${option[expdir]:-none}")" \\
    "${option[asr_config]:-none} ngpu=${option[ngpu]} nj=${option[nj]} greedy=${option[ctc_greedy]:-false}" \\
    "lm=${option[use_lm]:-false} ${option[inference_tag]:-}" >> "${CALLS}"
"""
PYTHON = """#!/usr/bin/env bash
set -eu
[ "$1" != -m ] || shift
module=$(basename "$1" .py)
shift
echo "${module##*.} $*" >> "${CALLS}"
[ "${module##*.}" != "${FAIL_IN:-none}" ] || exit 3
declare -A option
while [ $# -gt 1 ]; do option[${1#--}]=$2; shift; done
case ${module##*.} in
    pretrain_teacher)
        [ ! -d "${option[out]}" ] || exit 0
        mkdir -p "${option[out]}"
        touch "${option[out]}/config.json" ;;
    cache_teacher) mkdir -p "${option[out]}"; echo '{"hidden_size": 16}' > "${option[out]}/meta.json" ;;
    measure_coupling|probe_context) mkdir -p "$(dirname "${option[out]}")"; touch "${option[out]}" ;;
    keep_experiment) exec "REAL" "$(dirname "$0")/keep.py" "${option[results]}" "${option[row]}" \\
        "${option[seed]}" "${option[config]}" ;;
esac
"""
KEEP = """import sys
from pathlib import Path
import yaml
from research.kept_files import KeptRun, add_run
results, row, seed, config = sys.argv[1:]
config, texts = yaml.safe_load(Path(config).read_text()), {"dev": {"u1": "A"}}
add_run(Path(results), KeptRun(row, int(seed), {"sets": {"dev": {}}}, config, {1: {"x": 0.0}}, texts), texts)
"""
TABLE = {
    "teachers": {"base": {}, "random": {"random_init": True}, "weak": {"every": 2, "pretrain": "--steps 7"}},
    "rows": [
        {"name": "ctc", "config": "ctc", "tests": "baseline"},
        {"name": "gmot", "config": "gmot", "tests": "method", "teacher": "base"},
        {"name": "control", "config": "gmot", "tests": "control", "teacher": "random"},
        {"name": "weak", "config": "gmot", "tests": "teacher", "teacher": "weak"},
        {"name": "branch", "config": "gmot", "tests": "branch", "teacher": "base", "start": "ctc"},
        {"name": "ctc_lm", "config": "ctc", "tests": "LM", "decoding": "ctc_beam_lm", "model_of": "ctc"},
    ],
}  # fmt: skip


@pytest.fixture
def recipe(tmp_path):
    """A copy of the recipe with the stand-ins."""
    for folder in ("egs2", "conf", "research"):
        ignore = shutil.ignore_patterns("data", "dump", "exp", "results")
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=ignore)
    directory = tmp_path / "research"
    (directory / "experiments.yaml").write_text(yaml.safe_dump(TABLE))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/keep.py").write_text(KEEP)
    asr = tmp_path / "egs2/TEMPLATE/asr1/asr.sh"
    for path, script in ((asr, ASR), (tmp_path / "bin/python3", PYTHON.replace("REAL", sys.executable))):
        path.write_text(script)
        path.chmod(0o755)
    return directory


def start(recipe, *options, **environment):
    path = f"{recipe.parent / 'bin'}:{os.environ['PATH']}"
    given = {"PATH": path, "CALLS": str(recipe / "calls"), "PYTHONPATH": f"{recipe.parent}:{ROOT}"}
    command = [sys.executable, "-m", "research.bin.run_experiments", "--preset", "tiny", *options]
    return subprocess.Popen(
        command, cwd=recipe.parent, text=True,
        env={**os.environ, **given, **environment}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def run(recipe, *options, **environment):
    (recipe / "calls").write_text("")
    process = start(recipe, *options, **environment)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def calls(recipe, kind):
    return [line for line in (recipe / "calls").read_text().splitlines() if line.startswith(kind)]


def kept(recipe):
    return sorted(f"{row}/seed{seed}" for row, seed in finished_configs(recipe / "results" / "tiny"))


def test_runs_go_by_row_then_seed_and_are_not_repeated(recipe):
    status, output = run(recipe, "--rows", "gmot ctc", "--seeds", "0 2", "--jobs", "1")
    assert status == 0, output
    assert kept(recipe) == ["ctc/seed0", "ctc/seed2", "gmot/seed0", "gmot/seed2"]
    trained = [line.split()[2] for line in calls(recipe, "asr 11-13")]
    assert trained == ["ctc_seed0", "ctc_seed2", "gmot_seed0", "gmot_seed2"]
    assert len(calls(recipe, "measure_coupling")) == 2  # of rows with alignment
    assert len(calls(recipe, "probe_context")) == 4
    assert "4 run(s) to do, 1 at a time" in output
    assert "ctc seed 0: starts; log: exp/runs/ctc_seed0/ctc.log" in output
    assert "ctc seed 2: done; 2 of 4, about 1 minute left" in output
    assert "gmot seed 2: done; 4 of 4\n" in output
    assert run(recipe, "--rows", "gmot ctc", "--seeds", "0 2")[0] == 0
    assert calls(recipe, "asr 11-13") == []


def test_a_table_may_be_of_another_recipe_whose_corpus_has_no_times_and_whose_teacher_is_a_wheels(recipe):
    corpus = {
        "recipe": "egs2/speechocean762/asr1", "yaml": "conf/train_{config}_cpu.yaml", "train": "train",
        "local_data_opts": "", "options": "--lang en --token_type char", "sets": ["dev", "test", "test_seen"],
    }  # fmt: skip
    teachers = {"base": {"wheel": "english", "layer": 6}, "random": {"wheel": "english", "random_init": True}}
    table = {"corpus": corpus, "teachers": teachers, "rows": TABLE["rows"][:3]}
    (recipe / "experiments_tiny.yaml").write_text(yaml.safe_dump(table))
    status, output = run(
        recipe, "--seeds", "0", "--local_data_opts", "--corpus /my/corpus", WITHOUT_TIMES="yes"
    )
    assert status == 0, output
    assert kept(recipe) == ["control/seed0", "ctc/seed0", "gmot/seed0"]
    assert calls(recipe, "probe_context") == []
    measured = calls(recipe, "measure_coupling")
    assert len(measured) == 2 and not [call for call in measured if "--ctm" in call]  # CTC tells the times
    base, random = calls(recipe, "cache_teacher")
    assert "--teacher exp/wheel_english --random_init false --layer 6 --text dump/raw/train/text" in base
    assert "--teacher exp/wheel_english --random_init true --text" in random
    assert calls(recipe, "keep_experiment")[0].endswith("--sets dev test test_seen")
    config = yaml.safe_load((recipe / "exp/tiny/exp/runs/gmot_seed0/train.yaml").read_text())
    assert config["encoder_conf"] == {
        **yaml.safe_load((ROOT / "conf/speechocean762/train_gmot_cpu.yaml").read_text())["encoder_conf"]
    }
    assert (recipe / "exp/tiny/db.sh").resolve().parent.name == "asr1"


def test_each_run_gets_its_own_yaml_and_greedy_decoding(recipe):
    run(recipe, "--rows", "ctc", "--seeds", "5")
    (call,) = calls(recipe, "asr 11-13")
    assert call.endswith("greedy=true lm=false decode_ctc_greedy")
    config = yaml.safe_load((recipe / "exp/tiny" / call.split()[3]).read_text())
    original = yaml.safe_load((ROOT / "conf/mini_mandarin/train_ctc_tiny.yaml").read_text())
    assert config == original | {"seed": 5}


def test_a_failure_leaves_the_others_running_and_is_retried(recipe):
    status, output = run(recipe, "--rows", "ctc gmot", "--seeds", "0", "--jobs", "1", FAIL_IN="ctc")
    assert status == 1
    assert kept(recipe) == ["gmot/seed0"]
    assert "ctc seed 0: FAILED; log: exp/runs/ctc_seed0/ctc.log; 1 of 2\n" in output
    assert "1 run(s) failed, see above; run the same command again" in output
    assert run(recipe, "--rows", "ctc gmot", "--seeds", "0")[0] == 0
    assert kept(recipe) == ["ctc/seed0", "gmot/seed0"]
    assert len(calls(recipe, "asr 11-13")) == 1


def test_branches_begin_with_a_model_that_is_trained_once(recipe):
    status, output = run(recipe, "--rows", "branch", "--seeds", "0 1")
    assert status == 0, output
    trained = [call.split()[1:3] for call in calls(recipe, "asr 11")]
    assert sorted(trained[:2]) == [["11-11", "ctc_seed0"], ["11-11", "ctc_seed1"]]
    assert sorted(trained[2:]) == [
        ["11-13", f"{row}_seed{seed}"] for row in ("branch", "ctc") for seed in (0, 1)
    ]
    assert kept(recipe) == ["branch/seed0", "branch/seed1", "ctc/seed0", "ctc/seed1"]
    assert "first 2 training(s) that others begin with" in output


def test_a_start_whose_model_is_on_another_machine_is_trained_again(recipe):
    assert run(recipe, "--rows", "ctc", "--seeds", "0")[0] == 0
    shutil.rmtree(recipe / "exp")
    assert run(recipe, "--rows", "branch", "--seeds", "0")[0] == 0
    assert [call.split()[1:3] for call in calls(recipe, "asr 11")] == [
        ["11-11", "ctc_seed0"],
        ["11-13", "branch_seed0"],
    ]


def test_a_start_that_fails_keeps_no_other_row_from_running(recipe):
    status, output = run(recipe, "--rows", "gmot branch", "--seeds", "0", FAIL_IN="ctc")
    assert status == 1
    assert "gmot/seed0" in kept(recipe) and "ctc/seed0" not in kept(recipe)
    assert output.count("ctc seed 0: FAILED; log: exp/runs/ctc_seed0/ctc.log") == 2  # then as a row


def test_language_model_is_trained_on_the_teachers_text_and_shares_the_ctc_model(recipe):
    status, output = run(recipe, "--rows", "ctc ctc_lm", "--seeds", "0", "--jobs", "2")
    assert status == 0, output
    assert len(calls(recipe, "asr 6-8")) == 1
    greedy, beam = sorted(calls(recipe, "asr 11-13"), key=lambda call: "lm=true" in call)
    assert greedy.split()[2] == beam.split()[2]
    assert beam.endswith("greedy=false lm=true decode_ctc_beam_lm")
    text = (recipe / "exp/tiny/exp/lm_train.txt").read_text()
    assert text == "lm0000001 A\nlm0000002 B\nlm0000003 C\n"


def test_teachers_are_made_once_as_the_table_says(recipe):
    status, output = run(recipe, "--rows", "control weak", "--seeds", "0")
    assert status == 0, output
    trained = {call.split("--out ")[1].split()[0]: call for call in calls(recipe, "pretrain_teacher")}
    assert trained.keys() == {"exp/teacher_base/bert", "exp/teacher_weak/bert"}
    assert "--text data/local/teacher.txt" in trained["exp/teacher_base/bert"]
    assert "--text exp/teacher_weak/text.txt" in trained["exp/teacher_weak/bert"]
    assert (recipe / "exp/tiny/exp/teacher_weak/text.txt").read_text() == "C\n"
    (random,) = [call for call in calls(recipe, "cache_teacher") if "--random_init true" in call]
    assert "--teacher exp/teacher_base/bert" in random
    assert "--out exp/teacher_random/cache" in random
    texts = "--text dump/raw/train/text dump/raw/dev/text"
    assert texts in random
    assert "--projection exp/teacher_random/projection.npz" in random
    before = {kind: calls(recipe, kind) for kind in ("pretrain_teacher", "cache_teacher")}
    run(recipe, "--rows", "control weak", "--seeds", "1")
    for kind, called in before.items():  # they see for themselves whether all that they make is there
        assert {call for call in called if "base/cache" not in call} <= set(calls(recipe, kind))


def test_a_measure_that_fails_leaves_the_run_unfinished(recipe):
    status, output = run(recipe, "--rows", "ctc gmot", "--seeds", "0", FAIL_IN="probe_context")
    assert (status, kept(recipe)) == (1, [])
    assert output.count("FAILED") == 2
    assert run(recipe, "--rows", "ctc gmot", "--seeds", "0")[0] == 0
    assert kept(recipe) == ["ctc/seed0", "gmot/seed0"]


@pytest.mark.parametrize(("jobs", "threads"), [("1", os.cpu_count()), (str(os.cpu_count()), 1), ("99", 1)])
def test_jobs_share_the_threads(recipe, jobs, threads):
    run(recipe, "--rows", "ctc", "--seeds", "0", "--jobs", jobs)
    assert f" nj={threads} " in calls(recipe, "asr 11-13")[0]


def test_a_preset_may_have_a_table_of_its_own_and_a_gpu_trains_one_at_a_time(recipe):
    (recipe / "experiments_tiny.yaml").write_text(yaml.safe_dump(TABLE | {"rows": TABLE["rows"][:1]}))
    status, output = run(recipe, "--ngpu", "1")
    assert status == 0, output
    assert kept(recipe) == ["ctc/seed0", "ctc/seed1", "ctc/seed2"]
    assert "3 run(s) to do, 1 at a time" in output
    assert all(f" ngpu=1 nj={os.cpu_count()} " in call for call in calls(recipe, "asr 11-13"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--rows", "gmt", "no row is called gmt; choose from ctc, gmot"),
        ("--row", "ctc", "unrecognized arguments: --row ctc"),
        ("--jobs", "0", "argument --jobs: 0 is not a whole number above 0"),
        ("--ngpu", "one", "argument --ngpu: invalid int value: 'one'"),
    ],
)
def test_a_mistyped_option_is_refused_before_any_training(recipe, option, value, message):
    status, output = run(recipe, option, value)
    assert status != 0
    assert message in output
    assert calls(recipe, "asr 11-13") == []


def start_until_asleep(recipe, *options):
    """Start experiments of which gmot's training sleeps; give the process and that of the sleep."""
    sleeping = recipe / "calls.sleeping"
    process = start(recipe, *options, SLEEP_IN="gmot")
    deadline = time.monotonic() + 60
    while not sleeping.exists() or not sleeping.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, int(sleeping.read_text())


def test_a_kill_ends_what_runs_and_a_rerun_continues(recipe):
    process, sleeper = start_until_asleep(recipe, "--rows", "ctc gmot", "--seeds", "0", "--jobs", "1")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "run_experiments: stopped (SIGTERM); run the same command again to continue" in output
    assert ended(sleeper)
    assert kept(recipe) == ["ctc/seed0"]
    assert run(recipe, "--rows", "ctc gmot", "--seeds", "0")[0] == 0
    assert kept(recipe) == ["ctc/seed0", "gmot/seed0"]


def test_what_outlives_a_runner_that_was_killed_keeps_its_directory(recipe):
    options = ["--rows", "gmot", "--seeds", "0"]
    first, sleeper = start_until_asleep(recipe, *options)
    first.kill()
    first.wait()
    second = start(recipe, *options)
    said = next(line for line in second.stdout if "waits for another run in exp/runs/gmot_seed0" in line)
    assert "gmot seed 0" in said
    os.kill(sleeper, signal.SIGKILL)
    second.communicate(timeout=60)
    assert kept(recipe) == ["gmot/seed0"]
