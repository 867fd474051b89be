"""Stage 11 of asr.sh gives ESPnet's launcher what starts the plugin on several GPUs and nodes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).parents[2] / "egs2" / "TEMPLATE" / "asr1"
TRAINING = "python3 -m espnet_gmot -m espnet2.bin.asr_train --resume true --output_dir exp"
SAYS_HOW_IT_WAS_CALLED = '#!/bin/sh\necho "${0##*/} $*" > called\n'


@pytest.fixture
def recipe(tmp_path):
    """A recipe with what stage 10 leaves, and launchers that start nothing."""
    for name in ("asr.sh", "path.sh"):
        (tmp_path / name).symlink_to(TEMPLATE / name)
    for name in ("slurm.pl", "queue.pl", "local.pl"):
        (tmp_path / name).write_text(SAYS_HOW_IT_WAS_CALLED)
        (tmp_path / name).chmod(0o755)
    files = {"train.yaml": "max_epoch: 1\n", "data/token_list/char/tokens.txt": "<blank>\n<unk>\n<sos/eos>\n"}
    for part in ("train", "valid"):
        files |= {f"stats/{part}/{name}": "utt 1\n" for name in ("speech_shape", "text_shape.char")}
    for name in ("train", "dev"):
        files |= {f"dump/raw/{name}/text": "utt a\n", f"dump/raw/{name}/wav.scp": "utt utt.wav\n"}
    files["stats/train/feats_stats.npz"] = "statistics"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def launched(recipe, launcher, *options):
    """Run stage 11 and return how the launcher was called."""
    commands = " ".join(f'{name}="{launcher}"' for name in ("train_cmd", "cuda_cmd", "decode_cmd"))
    (recipe / "cmd.sh").write_text(f"export {commands}\n")
    stage = ["./asr.sh", "--stage", "11", "--stop_stage", "11", "--asr_config", "train.yaml"]
    stage += ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test"]
    stage += ["--asr_stats_dir", "stats", "--asr_exp", "exp", *options]
    path = f"{recipe}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        stage, cwd=recipe, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return (recipe / "called").read_text().strip()


@pytest.mark.parametrize(
    ("launcher", "starter"), [("slurm.pl", "srun --export=ALL"), ("queue.pl", "mpirun -np 2")]
)
def test_several_nodes(recipe, launcher, starter):
    called = launched(recipe, launcher, "--num_nodes", "2", "--ngpu", "4")
    before, after = called.split(TRAINING)
    assert before == f"{launcher} --name exp --gpu 4 --num_threads 4 --num_nodes 2 exp/train.log {starter} "
    dist_launcher = {"slurm.pl": "slurm", "queue.pl": "mpi"}[launcher]
    assert (
        f"--ngpu 4 --multiprocessing_distributed true --dist_launcher {dist_launcher} "
        f"--dist_init_method file://{recipe}/exp/.dist_init_"
    ) in after


def test_several_gpus_of_one_node(recipe):
    called = launched(recipe, "local.pl", "--ngpu", "4")
    before, after = called.split(TRAINING)
    assert before == "local.pl --name exp --gpu 4 exp/train.log "
    assert after.endswith(" --ngpu 4 --multiprocessing_distributed True")
