"""Which commands a recipe runs for one system, and which rows a comparison has."""

from pathlib import Path

import pytest

from espnet_gmot.driver import jobs
from espnet_gmot.driver.recipe_plan import plan_comparison, plan_system, take_options
from espnet_gmot.errors import InputError

TEACHER = """
    projection: exp/teacher/projection.npz
preprocessor_conf:
    teacher_cache: exp/teacher/cache
"""
GREEDY = "conf/decode_ctc_greedy.yaml"
SETS = ["--train_set", "train", "--valid_set", "dev"]


def write_yaml(name, weight, score, more="", max_epoch=2):
    criterion = f"best_model_criterion: [[valid, {score}, min]]"
    text = f"max_epoch: {max_epoch}\n{criterion}\nmodel_conf:\n    ctc_weight: {weight}{more}"
    Path(f"conf/{name}.yaml").write_text(text)


@pytest.fixture(autouse=True)
def recipe(tmp_path, monkeypatch):
    """A recipe's directory with our asr.sh and YAMLs of three systems."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asr.sh").write_text("#!/usr/bin/env bash\nctc_greedy=false # as in our driver\n")
    (tmp_path / "conf").mkdir()
    for name in ("ctc_greedy", "ctc_beam_lm", "hybrid", "hybrid_lm"):
        (tmp_path / "conf" / f"decode_{name}.yaml").touch()
    write_yaml("ctc", 1.0, "cer_ctc")
    write_yaml("hybrid", 0.3, "acc")
    write_yaml("gmot", 1.0, "cer_ctc", TEACHER)
    return tmp_path


def plan(system, *options, train_cmd="slurm.pl --config cpu.conf", cuda_cmd="slurm.pl"):
    arguments = ["--teacher", "bert", *SETS, "--asr_config", f"conf/{system}.yaml", *options]
    return [" ".join(command) for command in plan_system(arguments, train_cmd, cuda_cmd)]


def test_the_teacher_is_run_between_stages_5_and_6_where_the_yaml_looks_for_its_embeddings():
    data, teacher, training = plan("gmot", "--ngpu", "4", "--lang", "zh")
    assert data.startswith("./asr.sh --stage 1 --stop_stage 5 --ngpu 4 ")
    assert training.startswith("./asr.sh --stage 6 --stop_stage 14 --ngpu 4 ")
    assert data.endswith(" --lang zh")
    assert teacher == (
        "python3 -m espnet_gmot.bin.cache_teacher --teacher bert --allow_download false --random_init false "
        "--out exp/teacher/cache --text data/train/text data/dev/text "
        "--projection exp/teacher/projection.npz --cmd slurm.pl --gpu 1"
    )


def test_the_teacher_runs_as_jobs_and_takes_further_options():
    _, teacher, _ = plan("gmot", "--ngpu", "0", "--teacher_args", "--layer -2 -1 --nj 8")
    assert teacher.startswith("python3 ")  # the threads of a cluster's jobs are the cluster's matter
    assert teacher.endswith(" --cmd slurm.pl --config cpu.conf --layer -2 -1 --nj 8")
    _, teacher, _ = plan("gmot", "--ngpu", "0", train_cmd="run.pl")
    assert teacher.startswith(f"env OMP_NUM_THREADS={jobs.usable_cpus()} python3 ")
    with pytest.raises(
        InputError, match="--teacher_args --layer '6 cannot be split into words: No closing quotation; close"
    ):
        plan("gmot", "--ngpu", "0", "--teacher_args", "--layer '6")


@pytest.mark.parametrize(
    ("system", "options", "stages"),
    [
        ("ctc", [], ["1-5", "6-14"]),  # a system without a cache wants no teacher
        ("gmot", ["--stage", "12"], ["12-14"]),
        ("gmot", ["--stage", "6", "--skip_train", "true"], ["6-14"]),
        ("gmot", ["--stop-stage", "5"], ["1-5"]),
        ("gmot", ["--stage", "2", "--stop_stage", "9"], ["2-5", "6-9"]),
        ("gmot", ["--stage", "10", "--stop_stage", "10"], ["teacher", "10-10"]),
        ("gmot", ["--teacher", "", "--stage", "11"], ["11-14"]),  # the recipe has made the cache
    ],
)
def test_stages(system, options, stages):
    commands = [command.split() for command in plan(system, *options)]
    assert [f"{words[2]}-{words[4]}" if words[0] == "./asr.sh" else "teacher" for words in commands] == stages


@pytest.mark.parametrize(
    ("system", "options", "model", "decoding", "greedy"),
    [
        ("ctc", "", "valid.cer_ctc.ave", "decode_ctc_greedy", True),
        ("ctc", "--use_lm true", "valid.cer_ctc.ave", "decode_ctc_beam_lm", False),
        ("hybrid", "", "valid.acc.ave", "decode_hybrid", False),
        ("hybrid", "--use_lm true", "valid.acc.ave", "decode_hybrid_lm", False),
        ("hybrid", f"--inference_config {GREEDY}", "valid.acc.ave", "decode_ctc_greedy", True),
        ("ctc", "--inference_asr_model last.pth", "last", "decode_ctc_greedy", True),
    ],
)
def test_checkpoint_and_decoding_follow_the_yaml(recipe, system, options, model, decoding, greedy):
    (command,) = plan(system, "--stage", "11", *options.split())
    assert f"--inference_asr_model {model}.pth " in command
    assert f"--inference_config conf/{decoding}.yaml " in command
    assert f"--use_lm {str('--use_lm true' in options).lower()} " in command
    assert ("--ctc_greedy true" in command) == greedy
    (recipe / "asr.sh").write_text("#!/usr/bin/env bash\n")  # ESPnet's lacks the option
    check, command = plan(system, "--stage", "11", *options.split())
    assert check == "python3 -m espnet_gmot.bin.check_install --quick true"
    assert "--ctc_greedy" not in command


def test_the_teachers_weights_are_random_where_the_caches_directory_says_so():
    write_yaml("gmot", 1.0, "cer_ctc", TEACHER.replace("exp/teacher", "exp/teacher_random"))
    teacher, _ = plan("gmot", "--stage", "10", "--train_set", "other")
    assert "--random_init true --out exp/teacher_random/cache " in teacher
    assert "--text data/other/text data/dev/text " in teacher


def test_a_gpu_that_is_not_there_is_refused_before_the_download(monkeypatch):
    monkeypatch.setattr(jobs, "driver_gpus", list)
    with pytest.raises(InputError, match="--ngpu 1 and this machine shows no GPU; use --ngpu 0"):
        plan("ctc", cuda_cmd="run_jobs")
    for options in (["--stop_stage", "5"], ["--stage", "12"], ["--ngpu", "0"], ["--skip_train", "true"]):
        assert plan("ctc", *options, cuda_cmd="run_jobs")
    assert plan("ctc", cuda_cmd="slurm.pl")


@pytest.mark.parametrize("cuda_cmd", ["run.pl", "utils/run.pl --mem 4G", "stdout.pl"])
def test_espnets_launchers_without_a_cluster_use_this_machine_too(monkeypatch, cuda_cmd):
    monkeypatch.setattr(jobs, "driver_gpus", list)
    with pytest.raises(InputError, match="--ngpu 1 and this machine shows no GPU; use --ngpu 0"):
        plan("ctc", cuda_cmd=cuda_cmd)
    monkeypatch.setattr(jobs, "driver_gpus", lambda: ["0"])
    assert plan("ctc", cuda_cmd=cuda_cmd)


def test_as_many_jobs_run_as_there_are_processors_if_the_user_does_not_say_otherwise():
    for command in plan("ctc", "--nj", "3"):
        words = command.split()
        assert words[words.index("--inference_nj") + 1] == str(jobs.usable_cpus())
        assert [words[i + 1] for i, word in enumerate(words) if word == "--nj"] == [
            str(jobs.usable_cpus()),
            "3",
        ]


@pytest.mark.parametrize(
    ("system", "options", "message"),
    [
        ("none", [], "conf/none.yaml does not exist; name a training YAML in conf/"),
        ("ctc", ["--stage", "one"], "--stage is a whole number, not 'one'"),
        ("ctc", ["--teacher"], "--teacher needs a value"),
        (
            "hybrid",
            [],
            "conf/decode_hybrid.yaml, which decodes what conf/hybrid.yaml trains, does not exist; name",
        ),
    ],
)
def test_bad_options_are_refused(recipe, system, options, message):
    (recipe / "conf" / "decode_hybrid.yaml").unlink()
    with pytest.raises(InputError, match=message):
        plan(system, *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--teacher", "exp/no"], "--teacher exp/no does not exist"),
        (["--teacher", "/no/bert"], "--teacher /no/bert does not exist"),
        (["--allow_download", "maybe"], "--allow_download is true or false, not 'maybe'"),
    ],
)
@pytest.mark.parametrize("system", ["ctc", "gmot"])
def test_a_bad_teacher_is_refused_before_the_data(options, message, system):
    with pytest.raises(InputError) as refusal:
        plan(system, *options, "--stop_stage", "5")
    assert str(refusal.value) == message


def test_a_comparison_of_other_budgets_or_missing_yamls_is_refused():
    write_yaml("hybrid", 0.3, "acc", max_epoch=3)
    with pytest.raises(InputError, match="conf/hybrid.yaml has max_epoch: 3, but conf/ctc.yaml has 2; a"):
        list(plan_comparison(["ctc", "hybrid"], "ctc"))
    with pytest.raises(InputError, match="conf/none.yaml does not exist"):
        list(plan_comparison(["ctc", "none"], "ctc"))


def test_a_value_is_never_taken_for_an_option():
    taken, others = take_options(["--asr_args", "--ngpu 3", "--ngpu", "2"], ["ngpu"])
    assert (taken, others) == ({"ngpu": "2"}, ["--asr_args", "--ngpu 3"])
