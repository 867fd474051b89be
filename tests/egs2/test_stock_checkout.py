"""Recipes where asr.sh is ESPnet's, of which tests/egs2/stock_asr.sh has the places of all files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recipe_copy import MADE_BY_RUNS, ROOT, environment, write_program

from espnet_gmot.driver.jobs import usable_cpus

pytestmark = pytest.mark.slow

STOCK_ASR_SH = Path(__file__).with_name("stock_asr.sh")
# What plans, watches, scores and compares is run; all else would need a model or the teacher.
PYTHON = f"""case "$*" in *" plan_"* | *.stage\\ score_decoded_sets* | *watch_training* | *.compare*)
    exec "{sys.executable}" "$@" ;;
esac
while [ $# -gt 1 ]; do [ "$1" != --out ] || mkdir -p "$2"; shift; done"""
NO_GPU, ONE_GPU = "exit 9", "echo 'GPU 0: a GPU'"


def make(directory, corpus, gpus=NO_GPU):
    """Make a recipe's directory as docs/interchange.md says."""
    recipe = directory / "asr1"
    shutil.copytree(ROOT / "egs2" / corpus / "asr1", recipe, ignore=MADE_BY_RUNS)
    for name in ("asr.sh", "path.sh", "cmd.sh"):
        (recipe / name).unlink()
    shutil.copy(STOCK_ASR_SH, recipe / "asr.sh")
    (recipe / "path.sh").write_text("export LC_ALL=C\n")
    (recipe / "cmd.sh").write_text("export train_cmd=run.pl cuda_cmd=run.pl decode_cmd=run.pl\n")
    write_program(directory / "bin" / "python3", PYTHON, "/usr/bin/env bash")
    write_program(directory / "bin" / "nvidia-smi", gpus)
    return recipe


def run(recipe, script, *options, **more):
    """Run a script of the recipe; return its exit status and what it printed."""
    done = subprocess.run(
        [f"./{script}", *options], cwd=recipe, env=environment(recipe.parent / "bin", **more), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """mini_mandarin after run.sh has run twice; gives its directory and what the second run printed."""
    recipe = make(tmp_path_factory.mktemp("checkout"), "mini_mandarin")
    for _ in range(2):
        status, log = run(recipe, "run.sh", "--preset", "tiny")
        assert status == 0, log
    return recipe, log


def rows(recipe):
    """Errors and characters of each system on each set, as the comparison has them."""
    records = json.loads((recipe / "exp" / "comparison.json").read_text())
    return {(row["system"], row["set"]): (row["sub"], row["chars"]) for row in records}


def calls(recipe):
    """The options of each call of asr.sh, in no order."""
    found = [path.read_text().removesuffix("\0").split("\0") for path in recipe.glob("asr_sh_call.*")]
    return [dict(zip(call[::2], call[1::2], strict=True)) for call in found]


def test_the_comparison_has_the_validation_set_too_with_all_its_utterances(finished):
    recipe, log = finished
    systems = ("train_ctc_tiny", "train_gmot_tiny")
    assert rows(recipe) == {(system, dset): (1, 18) for system in systems for dset in ("dev", "test")}
    scored = recipe / "exp" / "asr_train_gmot_tiny" / "decode_ctc_greedy" / "org" / "dev" / "score_cer"
    assert "Sum/Avg" in (scored / "result.txt").read_text()
    assert "Scores: (#C #S #D #I) 5 1 0 0" in (scored / "sclite.txt").read_text()
    assert "sclite" not in log  # it has the same totals


def test_pages_of_results_are_named_where_they_are(finished):
    recipe, log = finished
    pages = [word for word in log.split() if word.endswith("RESULTS.md")]
    assert pages == ["exp/asr_train_ctc_tiny/RESULTS.md", "exp/asr_train_gmot_tiny/RESULTS.md"]
    assert all((recipe / page).is_file() for page in pages)


def test_trainings_are_shown_while_they_run_also_where_an_earlier_log_lies(finished):
    for system in ("ctc", "gmot"):
        assert f"asr_train_{system}_tiny: epoch 1/1: train loss=9.1 | valid loss=8.0" in finished[1]


def test_no_call_leaves_the_number_of_processes_to_espnet(finished, tmp_path):
    aishell = make(tmp_path, "aishell")
    options = ["--systems", "tiny/train_asr_ctc", "--ngpu", "0"]
    assert run(aishell, "run_comparison.sh", *options)[0] == 0  # two calls, ESPnet's default being 32
    for call in [*calls(finished[0]), *calls(aishell)]:
        assert int(call["--nj"]) <= usable_cpus() and int(call["--inference_nj"]) <= usable_cpus()
    assert len(calls(aishell)) == 2


@pytest.mark.parametrize(
    ("corpus", "script", "options", "system", "left_out"),
    [
        ("mini_mandarin", "run.sh", ["--preset", "tiny"], "train_ctc_tiny", "org/dev"),
        ("aishell", "run_comparison.sh", ["--systems", "tiny/train_asr_ctc"], "train_asr_ctc", "test"),
    ],
)
def test_a_page_that_lacks_a_row_is_an_error(tmp_path, corpus, script, options, system, left_out):
    recipe = make(tmp_path, corpus)
    status, log = run(recipe, script, *options, "--ngpu", "0", LEAVE_OUT=left_out)
    dset = Path(left_out).name
    assert status != 0
    assert f"lacks {system} on {dset}" in log
    assert f"not run: {system} on {dset}: " in (recipe / "exp" / "comparison.md").read_text()
    assert {each for (_, each), (_, chars) in rows(recipe).items() if chars} == {"dev", "test"} - {dset}


def test_rows_that_the_user_left_out_may_be_missing(tmp_path):
    recipe = make(tmp_path, "mini_mandarin")
    assert run(recipe, "run.sh", "--preset", "tiny", LEAVE_OUT="test")[0] != 0
    status, log = run(recipe, "run.sh", "--preset", "tiny", "--skip-eval", "true")
    assert (status, rows(recipe)["train_ctc_tiny", "test"]) == (0, (None, None)), log


@pytest.mark.parametrize(
    ("corpus", "options"),
    [("mini_mandarin", ["--ngpu", "1"]), ("aishell", ["--asr_config", "conf/tiny/train_asr_ctc.yaml"])],
)
def test_a_gpu_that_is_not_there_is_missed_before_anything_is_trained(tmp_path, corpus, options):
    recipe = make(tmp_path, corpus)
    status, log = run(recipe, "run.sh", *options)
    assert status == 2
    assert "run.sh: error: --ngpu 1 and this machine shows no GPU; use --ngpu 0" in log
    # The data of mini_mandarin need no GPU and come before.
    assert [call["--stop_stage"] for call in calls(recipe)] == (["5"] if corpus == "mini_mandarin" else [])
    make(tmp_path / "with_gpu", corpus, ONE_GPU)
    assert run(tmp_path / "with_gpu" / "asr1", "run.sh", *options)[0] == 0
