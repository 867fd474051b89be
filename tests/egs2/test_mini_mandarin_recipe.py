"""The whole tiny recipe, from synthesis to error rate, killed in every stage and started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from recipe_copy import ROOT, THIS_PYTHON, clone, environment, write_program
from warm_server import warm_python

pytestmark = pytest.mark.slow

SYSTEMS = ("train_ctc_tiny", "train_gmot_tiny")
# A file that appears while the stage runs, the moment to kill it: by Ctrl-C (SIGINT to the group) or by
# kill (SIGTERM to run.sh alone).
KILL_WHEN = {
    "synthesis": ("data/local/wav/train/*.wav", signal.SIGINT),
    "token list": ("data/zh_token_list/char/tokens.log", signal.SIGTERM),
    "teacher": ("exp/teacher/bert.partial/pretrain.log", signal.SIGTERM),
    "statistics": ("exp/asr_stats_raw_zh_char/logdir/stats.1.log", signal.SIGINT),
    "training": ("exp/asr_train_ctc_tiny/1epoch.pth", signal.SIGTERM),
    "decoding": ("exp/asr_train_ctc_tiny/decode_ctc_greedy/dev/logdir/*.log", signal.SIGINT),
}


# Where a test kills nothing, a Python that has ESPnet imported already runs the plugin's commands.
WARM = f"""case "$1 $2" in
    "-m espnet_gmot") shift 2; exec warm_python "$@" ;;
    "-m espnet_gmot."*) exec warm_python "$@" ;;
esac
{THIS_PYTHON}"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A copy of the recipe, as a fresh clone has it, with this interpreter as python3 on PATH."""
    return clone(tmp_path_factory.mktemp("clone")) / "egs2" / "mini_mandarin" / "asr1"


def programs(recipe):
    return recipe.parents[2] / "bin"


def start(recipe, log, *options):
    return subprocess.Popen(
        ["./run.sh", "--preset", "tiny", *options], cwd=recipe, env=environment(programs(recipe)),
        stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        # Tests that run in the background ignore SIGINT, and what they start would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def run(recipe, *options):
    log = recipe / "run.log"
    with log.open("w") as file:
        status = start(recipe, file, *options).wait(timeout=900)
    return status, log.read_text()


def processes_in(directory):
    """Command lines of the processes that run in ``directory``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == directory:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # ended, or another user's
            continue
    return found


@pytest.fixture(scope="module")
def finished(recipe):
    """The recipe after being killed once in each stage and then run to its end."""
    for stage, (marker, kind) in KILL_WHEN.items():
        log = recipe / f"killed_{stage.replace(' ', '_')}.log"
        with log.open("w") as file:
            process = start(recipe, file)
            deadline = time.monotonic() + 300
            while process.poll() is None and not list(recipe.glob(marker)):
                assert time.monotonic() < deadline, f"{marker} never came:\n{log.read_text()}"
                time.sleep(0.05)
            assert process.poll() is None, f"it ended before {marker} came:\n{log.read_text()}"
            (os.killpg if kind == signal.SIGINT else os.kill)(process.pid, kind)
            assert process.wait(timeout=60) != 0
        deadline = time.monotonic() + 20  # a worker may still be removing what it was writing
        while left := processes_in(recipe):
            assert time.monotonic() < deadline, f"these processes outlive the {stage}: {left}"
            time.sleep(0.1)
    with warm_python(programs(recipe), environment(programs(recipe))):
        write_program(programs(recipe) / "python3", WARM)
        status, log = run(recipe)
        assert status == 0, log
        yield log


@pytest.mark.once
def test_a_storm_ends_with_the_same_results(recipe, finished, tmp_path):
    options = ["--kills", "2", "--quiet", recipe.parents[2], "--work", tmp_path]
    storm = subprocess.run(
        [sys.executable, ROOT / "tools" / "storm.py", *options], capture_output=True, text=True
    )
    print(storm.stdout)  # with the seed
    assert storm.returncode == 0, storm.stdout + storm.stderr
    assert "kill 2 of 2: after" in storm.stdout and "no fault(s)" in storm.stdout


def table_of(recipe):
    """The page's first table, which is the one that is printed too."""
    return (recipe / "exp" / "comparison.md").read_text().split("\n\n")[1]


def test_table_has_a_row_for_each_system_and_set(recipe, finished):
    rows = json.loads((recipe / "exp" / "comparison.json").read_text())
    expected = {(system, dset) for system in SYSTEMS for dset in ("dev", "test")}
    assert {(row["system"], row["set"]) for row in rows} == expected
    assert len(rows) == 4
    for row in rows:
        reference = (recipe / "dump" / "raw" / row["set"] / "text").read_text()
        assert row["chars"] == sum(len(line.split(None, 1)[1]) for line in reference.splitlines())
        assert row["cer"] == pytest.approx(100 * (row["sub"] + row["del"] + row["ins"]) / row["chars"])
        assert row["seconds_train"] > 0
        assert row["rtf"] > 0  # also of the decoding that was killed and continued
        assert row["system"] in finished
    assert table_of(recipe) in finished


def test_alignment_losses_are_in_the_log_and_finite(recipe, finished):
    logs = "".join(path.read_text() for path in (recipe / "exp" / "asr_train_gmot_tiny").glob("train*.log"))
    statistics = "loss_ctc loss_fgw loss_align fgw_node fgw_edge coupling_entropy token_spread"
    assert not [name for name in statistics.split() if f"{name}=" not in logs]
    assert "nan" not in logs.split("epoch results")[-1].split("[valid]")[0]


def test_teacher_is_in_no_checkpoint(recipe, finished):
    state = torch.load(recipe / "exp" / "asr_train_gmot_tiny" / "valid.cer_ctc.ave.pth", map_location="cpu")
    baseline = torch.load(recipe / "exp" / "asr_train_ctc_tiny" / "valid.cer_ctc.ave.pth", map_location="cpu")
    assert state.keys() - baseline.keys() == {"align_steps"}


def test_picture_and_pages_are_there(recipe, finished):
    experiment = recipe / "exp" / "asr_train_gmot_tiny"
    assert (experiment / "coupling.png").stat().st_size > 10_000
    first = (recipe / "dump" / "raw" / "dev" / "text").read_text().split()[0]
    assert f"couplings of {first}: " in (experiment / "coupling.log").read_text()  # says plot_coupling
    page = (recipe / "exp" / "RESULTS.md").read_text()
    assert "asr_train_gmot_tiny" in page
    assert "espnet_gmot.bin.asr_ctc_greedy" in page


def test_pictures_of_nothing_are_refused(recipe, finished, monkeypatch):
    from espnet_gmot.errors import InputError
    from espnet_gmot.trained.coupling_panels import coupling_panels

    monkeypatch.chdir(recipe)
    ctc, gmot = ((system, f"exp/asr_{system}") for system in SYSTEMS)
    checkpoint = "valid.cer_ctc.ave.pth"
    with pytest.raises(InputError, match="train_ctc_tiny was trained without alignment; name a GM-OT model"):
        coupling_panels([ctc], checkpoint, "dump/raw/dev", "any")
    with pytest.raises(InputError, match="dump/raw/dev/text has no utterance any"):
        coupling_panels([gmot], checkpoint, "dump/raw/dev", "any")
    unseen = (recipe / "dump" / "raw" / "test" / "text").read_text().split()[0]
    with pytest.raises(InputError, match=f"{unseen} is not in the teacher cache exp/teacher/cache"):
        coupling_panels([gmot], checkpoint, "dump/raw/test", unseen)


def test_decoding_needs_neither_teacher_nor_transformers(recipe, finished, tmp_path):
    (tmp_path / "transformers.py").write_text("raise ImportError('transformers is not installed')\n")
    experiment = recipe / "exp" / "asr_train_gmot_tiny"
    moved = recipe / "exp" / "teacher_away"
    (recipe / "exp" / "teacher").rename(moved)
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    command = f"{sys.executable} -m espnet_gmot.bin.asr_ctc_greedy --output_dir {tmp_path}/out"
    command += f" --asr_train_config {experiment}/config.yaml"
    command += f" --asr_model_file {experiment}/valid.cer_ctc.ave.pth"
    command += " --data_path_and_name_and_type dump/raw/test/wav.scp,speech,sound"
    try:
        done = subprocess.run(command.split(), cwd=recipe, env=here, capture_output=True, text=True)
    finally:
        moved.rename(recipe / "exp" / "teacher")
    assert done.returncode == 0, done.stderr
    ours = (tmp_path / "out" / "1best_recog" / "text").read_text()
    assert ours == (experiment / "decode_ctc_greedy" / "test" / "text").read_text()


def test_a_rerun_only_prints_the_table(recipe, finished):
    before = {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")}
    status, log = run(recipe)
    assert status == 0, log
    assert {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")} == before
    assert table_of(recipe) in log


def test_other_data_without_true_times_gets_its_picture_too(recipe, finished):
    picture = recipe / "exp" / "asr_train_gmot_tiny" / "coupling.png"
    script, ctm = recipe / "local" / "data.sh", recipe / "data" / "dev" / "ctm"
    before = picture.read_bytes(), script.read_text(), ctm.read_text()
    picture.unlink()
    script.write_text("#!/bin/sh\n")
    ctm.unlink()
    try:
        status, log = run(recipe)
        assert status == 0, log
        assert picture.read_bytes() != before[0]  # without the times
    finally:
        for path, content in zip((script, ctm), before[1:], strict=True):
            path.write_text(content)


def test_a_teacher_from_a_directory_takes_the_small_ones_place(recipe, finished):
    status, log = run(recipe, "--teacher", "exp/teacher/bert", "--skip_train", "true", "--skip_eval", "true")
    assert (recipe / "exp" / "teacher_bert" / "projection.npz").exists(), log
    assert "train_gmot_tiny_bert" in log
    assert "not run" in log
    assert status == 0


@pytest.mark.parametrize(
    ("options", "expected", "messages"),
    [
        (["--teacher", "exp/none"], 2, ["--teacher exp/none does not exist"]),
        (["--seed", "1"], 2, ["another preset or seed"]),
        (
            ["--asr_args", "--max_epoch 9"],
            1,
            [
                "exp/asr_train_ctc_tiny holds a training from other inputs",
                "run.sh: error: train_ctc_tiny failed; log: exp/train_ctc_tiny.log",
            ],
        ),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_nothing(recipe, finished, options, expected, messages):
    status, log = run(recipe, *options)
    assert status == expected
    assert not [message for message in messages if message not in log]
    assert not (recipe / "exp" / "teacher_none").exists()


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="needs a machine without a GPU")
def test_training_on_a_gpu_that_is_not_there_is_refused(recipe, finished):
    status, log = run(recipe, "--ngpu", "1")
    assert status == 2
    assert "--ngpu 1 and this machine shows no GPU; use --ngpu 0" in log
    assert "training and decoding train_ctc_tiny" not in log  # one after the other, not side by side


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "huge"], "unknown --preset huge; choose demo, small, long, full or tiny"),
        (["--preset"], "--preset needs a value"),
        (["--speed-perturb-factors", "0.9 1.0"], "--speed-perturb-factors is set by this comparison"),
        (["--expdir", "mine"], "--expdir is set by this comparison; for another one run ./asr.sh"),
        (["--no_such_option", "1"], "unknown option --no_such_option"),
    ],
)
def test_wrong_options_are_refused_at_once(recipe, options, message):
    status, log = run(recipe, *options)
    assert status == 2
    assert message in log
