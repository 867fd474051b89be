"""Our recipes inside a stock ESPnet checkout: known options only, and ESPnet's way of calling Python."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from interchange_recipe import TOKEN_LIST, make_data, make_teacher
from recipe_copy import ROOT, THIS_PYTHON, environment, write_program

RECIPES = sorted(path.parent for path in ROOT.glob("egs2/*/asr1/run.sh"))
LISTED = Path(__file__).with_name("stock_asr_options.txt").read_text()
STOCK_OPTIONS = {name for name in LISTED.splitlines() if not name.startswith("#")}

# Stands in for ESPnet's asr.sh: notes the arguments of each call in a file of its own.
STOCK_ASR_SH = "printf '%s\\0' \"$@\" > asr_sh_call.$$"
# Stands in for Python, which has nothing to do without data; only what reads a YAML is run.
PYTHON = f"""case "$*" in *" plan_"*) exec "{sys.executable}" "$@" ;; esac
while [ $# -gt 1 ]; do [ "$1" != --out ] || mkdir -p "$2"; shift; done"""
# ${python} without quotes, as ESPnet's scripts have it: a script by its path, and a command within a command.
STOCK_CALLS = """
set -euo pipefail
python="python3 -m espnet_gmot"
${python} pyscripts/show.py --of a script
${python} -m espnet2.bin.launch --cmd "./run.pl --name exp/train.log" --log exp/train.log --ngpu 0 \
    --num_nodes 1 --init_file_prefix exp/.dist_init_ --multiprocessing_distributed true -- \
    ${python} -m espnet2.bin.asr_train --collect_stats true --use_preprocessor true --token_type char \
    --token_list TOKEN_LIST --config conf/train_gmot.yaml --output_dir exp/stats \
    --train_shape_file dump/raw/train/wav.scp --valid_shape_file dump/raw/dev/wav.scp \
    --train_data_path_and_name_and_type dump/raw/train/wav.scp,speech,sound \
    --train_data_path_and_name_and_type dump/raw/train/text,text,text \
    --valid_data_path_and_name_and_type dump/raw/dev/wav.scp,speech,sound \
    --valid_data_path_and_name_and_type dump/raw/dev/text,text,text
"""


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def run_in_stock_checkout(source, tmp_path, python):
    """Run ``run.sh`` where ``asr.sh`` is ESPnet's; return the process and the options of each call."""
    recipe = tmp_path / "asr1"
    shutil.copytree(source, recipe, ignore=shutil.ignore_patterns("data", "dump", "exp"))
    (recipe / "asr.sh").unlink()
    write_program(recipe / "asr.sh", STOCK_ASR_SH)
    with (recipe / "cmd.sh").open("a") as file:
        file.write('export cuda_cmd="run.pl"\n')  # as in ESPnet's
    write_program(tmp_path / "bin" / "python3", python)
    write_program(tmp_path / "bin" / "nvidia-smi", "echo 'GPU 0: a GPU'")  # run.sh's default is --ngpu 1
    for dset in ("train", "dev"):
        write(recipe / "data" / dset / "text", "u1 a\n")
        write(recipe / "dump" / "raw" / dset / "text", "u1 a\n")
    done = subprocess.run(
        ["./run.sh"], cwd=recipe, env=environment(tmp_path / "bin"), capture_output=True, text=True
    )
    calls = [path.read_text().removesuffix("\0").split("\0") for path in recipe.glob("asr_sh_call.*")]
    assert all(len(call) % 2 == 0 for call in calls)
    return done, [dict(zip(call[::2], call[1::2], strict=True)) for call in calls]


@pytest.fixture(params=RECIPES, ids=lambda recipe: recipe.parent.name)
def recipe(request):
    return request.param


def test_run_sh_passes_only_options_that_stock_asr_sh_knows(recipe, tmp_path):
    done, calls = run_in_stock_checkout(recipe, tmp_path, PYTHON)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(calls) >= 2
    for options in calls:
        assert {name.removeprefix("--") for name in options} <= STOCK_OPTIONS
        assert options["--python"] == "python3 -m espnet_gmot"
        assert options["--use_lm"] == "false"  # ESPnet's default is true
        assert options["--inference_asr_model"] == "valid.cer_ctc.ave.pth"


def test_run_sh_stops_at_a_broken_installation(recipe, tmp_path):
    python = PYTHON.replace("case", 'case "$*" in *.check_install*) echo broken >&2; exit 1 ;; esac\ncase', 1)
    done, calls = run_in_stock_checkout(recipe, tmp_path, python)
    assert done.returncode == 1
    assert done.stderr == "broken\n"
    assert not calls


def test_stock_stage_13_counts_the_errors_of_each_utterance(recipe, tmp_path):
    for table, line in (("text", "u1 你好"), ("utt2spk", "u1 s")):
        write(tmp_path / "dump" / "raw" / "test" / table, f"{line}\n")
    scored = tmp_path / "exp" / "asr_x" / "decode" / "test"
    write(scored / "text", "u1 你们\n")
    write(scored / "score_cer" / "result.txt", "by sclite")
    write_program(tmp_path / "bin" / "python3", THIS_PYTHON)
    command = [recipe / "local" / "score.sh", "--some", "option", "exp/asr_x"]
    for _ in range(2):  # the second time there is nothing to do
        subprocess.run(command, cwd=tmp_path, env=environment(tmp_path / "bin"), check=True)
    assert (scored / "score_cer" / "sclite.txt").read_text() == "by sclite"
    assert json.loads((scored / "score_cer" / "result.json").read_text())["total"]["substitutions"] == 1


def test_the_list_is_that_of_a_whole_script():
    assert {"stage", "train_set", "asr_config", "asr_args", "inference_asr_model"} <= STOCK_OPTIONS
    assert "ctc_greedy" not in STOCK_OPTIONS


def test_the_list_is_that_of_every_release_that_we_test_with():
    """After `make lock` read the list again, as its head says; keep the names that all releases have."""
    dated = re.findall(r"^# (\d{6}): .* of (\d{4}-\d\d-\d\d)", LISTED, re.MULTILINE)
    locks = "".join(path.read_text() for path in ROOT.glob("tools/locks/*.txt"))
    assert {release for release, _ in dated} == set(re.findall(r"^espnet==(\d+)$", locks, re.MULTILINE))
    assert all(date.startswith(f"{release[:4]}-") for release, date in dated)


@pytest.mark.slow
@pytest.mark.watch
def test_stock_calls_of_python_get_the_plugin(tmp_path, teacher_dir):
    recipe = make_teacher(make_data(tmp_path), teacher_dir)
    (recipe / "conf").mkdir()
    shutil.copy(ROOT / "conf" / "mini_mandarin" / "train_gmot_tiny.yaml", recipe / "conf" / "train_gmot.yaml")
    write_program(recipe / "bin" / "python3", THIS_PYTHON)
    write_program(recipe / "run.pl", 'shift 4\nlog=$1\nshift\n"$@" > "$log" 2>&1')
    write(recipe / "pyscripts" / "show.py", "import sys; print(sys.argv)\n")
    write(recipe / "stages.sh", STOCK_CALLS.replace("TOKEN_LIST", TOKEN_LIST))
    done = subprocess.run(
        ["bash", "stages.sh"], cwd=recipe, env=environment(recipe / "bin"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "['pyscripts/show.py', '--of', 'a', 'script']" in done.stdout
    shapes = {path.name for path in (recipe / "exp" / "stats" / "train").glob("*_shape")}
    assert shapes >= {"speech_shape", "text_shape", "teacher_shape"}
