"""Recipes where asr.sh is ESPnet's, of which tests/egs2/stock_asr.sh has the places of all files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recipe_copy import ROOT, environment, write_program

pytestmark = pytest.mark.slow

STOCK_ASR_SH = Path(__file__).with_name("stock_asr.sh")
# What plans, watches, scores and compares is run; all else would need a model or the teacher.
PYTHON = f"""case "$*" in *" plan_"* | *.stage\\ score_decoded_sets* | *watch_training* | *.compare*)
    exec "{sys.executable}" "$@" ;;
esac
while [ $# -gt 1 ]; do [ "$1" != --out ] || mkdir -p "$2"; shift; done"""
NO_GPU, ONE_GPU = "exit 9", "echo 'GPU 0: a GPU'"


@pytest.fixture
def checkout(tmp_path):
    """Make a recipe's directory as docs/interchange.md says; gives what runs a script in it."""

    def make(corpus, gpus=NO_GPU):
        recipe = tmp_path / "asr1"
        shutil.copytree(ROOT / "egs2" / corpus / "asr1", recipe)
        for name in ("asr.sh", "path.sh", "cmd.sh"):
            (recipe / name).unlink()
        shutil.copy(STOCK_ASR_SH, recipe / "asr.sh")
        (recipe / "path.sh").write_text("export LC_ALL=C\n")
        (recipe / "cmd.sh").write_text("export train_cmd=run.pl cuda_cmd=run.pl decode_cmd=run.pl\n")
        write_program(tmp_path / "bin" / "python3", PYTHON, "/usr/bin/env bash")
        write_program(tmp_path / "bin" / "nvidia-smi", gpus)

        def run(script, *options, **more):
            done = subprocess.run(
                [f"./{script}", *options], cwd=recipe, env=environment(tmp_path / "bin", **more), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            return done.returncode, done.stdout

        return recipe, run

    return make


def rows(recipe):
    """Errors and characters of each system on each set, as the comparison has them."""
    records = json.loads((recipe / "exp" / "comparison.json").read_text())
    return {(row["system"], row["set"]): (row["sub"], row["chars"]) for row in records}


def calls(recipe):
    """The options of each call of asr.sh, in no order."""
    found = [path.read_text().removesuffix("\0").split("\0") for path in recipe.glob("asr_sh_call.*")]
    return [dict(zip(call[::2], call[1::2], strict=True)) for call in found]


def test_the_comparison_has_the_validation_set_too_with_all_its_utterances(checkout):
    recipe, run = checkout("mini_mandarin")
    status, log = run("run.sh", "--preset", "tiny")
    assert status == 0, log
    systems = ("train_ctc_tiny", "train_gmot_tiny")
    assert rows(recipe) == {(system, dset): (1, 18) for system in systems for dset in ("dev", "test")}
    scored = recipe / "exp" / "asr_train_gmot_tiny" / "decode_ctc_greedy" / "org" / "dev" / "score_cer"
    assert "Sum/Avg" in (scored / "result.txt").read_text()
    assert "Scores: (#C #S #D #I) 5 1 0 0" in (scored / "sclite.txt").read_text()
    assert "sclite" not in log  # it has the same totals


def test_pages_of_results_are_named_where_they_are(checkout):
    recipe, run = checkout("mini_mandarin")
    log = run("run.sh", "--preset", "tiny")[1]
    pages = [word for word in log.split() if word.endswith("RESULTS.md")]
    assert pages == ["exp/asr_train_ctc_tiny/RESULTS.md", "exp/asr_train_gmot_tiny/RESULTS.md"]
    assert all((recipe / page).is_file() for page in pages)


def test_trainings_are_shown_while_they_run(checkout):
    _, run = checkout("mini_mandarin")
    for _ in range(2):  # the second time a log is there already
        log = run("run.sh", "--preset", "tiny")[1]
        for system in ("ctc", "gmot"):
            assert f"asr_train_{system}_tiny: epoch 1/1: train loss=9.1 | valid loss=8.0" in log


def test_no_call_leaves_the_number_of_processes_to_espnets_default(checkout):
    for corpus, script, options in (
        ("mini_mandarin", "run.sh", ["--preset", "tiny"]),
        ("aishell", "run_comparison.sh", ["--systems", "tiny/train_asr_ctc", "--ngpu", "0"]),
    ):
        recipe, run = checkout(corpus)
        assert run(script, *options)[0] == 0
        assert len(calls(recipe)) >= 2
        for call in calls(recipe):
            assert int(call["--nj"]) < 32 and int(call["--inference_nj"]) < 32
        shutil.rmtree(recipe)


@pytest.mark.parametrize("left_out", ["org/dev", "test"])
@pytest.mark.parametrize(
    ("corpus", "script", "options", "system"),
    [
        ("mini_mandarin", "run.sh", ["--preset", "tiny"], "train_ctc_tiny"),
        ("aishell", "run_comparison.sh", ["--systems", "tiny/train_asr_ctc"], "train_asr_ctc"),
    ],
)
def test_a_page_that_lacks_a_row_is_an_error(checkout, corpus, script, options, system, left_out):
    recipe, run = checkout(corpus)
    status, log = run(script, *options, "--ngpu", "0", LEAVE_OUT=left_out)
    assert status != 0
    assert f"lacks {system} on {Path(left_out).name}" in log
    page = (recipe / "exp" / "comparison.md").read_text()
    assert f"not run: {system} on {Path(left_out).name}: " in page
    assert {dset for (_, dset), (_, chars) in rows(recipe).items() if chars} == {"dev", "test"} - {
        Path(left_out).name
    }


def test_rows_that_the_user_left_out_may_be_missing(checkout):
    recipe, run = checkout("mini_mandarin")
    assert run("run.sh", "--preset", "tiny", LEAVE_OUT="test")[0] != 0
    status, log = run("run.sh", "--preset", "tiny", "--skip-eval", "true")
    assert (status, rows(recipe)["train_ctc_tiny", "test"]) == (0, (None, None)), log


@pytest.mark.parametrize(
    ("corpus", "options"),
    [("mini_mandarin", ["--ngpu", "1"]), ("aishell", ["--asr_config", "conf/tiny/train_asr_ctc.yaml"])],
)
def test_a_gpu_that_is_not_there_is_missed_before_anything_is_trained(checkout, corpus, options):
    recipe, run = checkout(corpus)
    status, log = run("run.sh", *options)
    assert status == 2
    # The data of mini_mandarin need no GPU and come before.
    assert [call["--stop_stage"] for call in calls(recipe)] == (["5"] if corpus == "mini_mandarin" else [])
    assert "run.sh: error: --ngpu 1 and this machine shows no GPU; use --ngpu 0" in log
    shutil.rmtree(recipe)
    recipe, run = checkout(corpus, ONE_GPU)
    assert run("run.sh", *options)[0] == 0
