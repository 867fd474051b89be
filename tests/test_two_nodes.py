"""ESPnet's launcher resumes a training on two nodes of Slurm, whose commands two scripts stand in for.

The processes, gloo between them and all that they write are real; both run on this machine's CPU.
"""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from small_corpus import TRANSCRIPTS
from small_training import write_config

pytestmark = pytest.mark.slow

UTTERANCES = {f"utt{number}": TRANSCRIPTS[number % 3] for number in range(6)}

SLURM_PL = """#!/bin/sh
# slurm.pl OPTION VALUE ... LOG COMMAND ...
while [ "${1#--}" != "$1" ]; do shift 2; done
log=$1; shift
exec "$@" > "$log" 2>&1
"""
# Each node has a disk of its own, so that it shows who writes what.
SRUN = """#!/bin/sh
# srun --export=ALL COMMAND ...
shift
export SLURM_NTASKS=2 SLURM_STEP_NUM_NODES=2 SLURM_STEP_NODELIST='node[0-1]' SLURM_LOCALID=0
(cd node1 && SLURM_PROCID=1 SLURM_NODEID=1 exec "$@") &
(cd node0 && SLURM_PROCID=0 SLURM_NODEID=0 exec "$@") && wait $!
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory, teacher_dir):
    """Six utterances with their teacher cache, a configuration, and the commands of Slurm."""
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    made = tmp_path_factory.mktemp("two_nodes")
    rng = np.random.default_rng(0)
    for number, name in enumerate(UTTERANCES):
        soundfile.write(made / f"{name}.wav", rng.normal(scale=0.1, size=8000 - 200 * number), 16000)
    (made / "wav.scp").write_text("".join(f"{name} {made}/{name}.wav\n" for name in UTTERANCES))
    (made / "text").write_text("".join(f"{name} {text}\n" for name, text in UTTERANCES.items()))
    tokenizer = load_tokenizer(str(teacher_dir), allow_download=False)
    build_cache(UTTERANCES.items(), FrozenTeacher.load(str(teacher_dir)), tokenizer, made / "cache")
    write_config(
        made / "train.yaml",
        {"ctc_weight": 0.3, "warmup_steps": 10},
        preprocessor="gmot",
        preprocessor_conf={"teacher_cache": str(made / "cache")},
        optim_conf={"lr": 0.01},
        batch_type="unsorted",
        batch_size=3,
        accum_grad=2,
        num_workers=0,
        num_att_plot=0,
        use_tensorboard=False,
        use_matplotlib=False,
    )
    for name, script in (("slurm.pl", SLURM_PL), ("srun", SRUN)):
        (made / "bin").mkdir(exist_ok=True)
        (made / "bin" / name).write_text(script)
        (made / "bin" / name).chmod(0o755)
    return made


def training_options(directory, max_epoch):
    options = ["--config", f"{directory}/train.yaml", "--output_dir", "exp", "--max_epoch", str(max_epoch)]
    options += ["--resume", "true"]
    for part in ("train", "valid"):
        options += [f"--{part}_shape_file", f"{directory}/wav.scp"]
        for file, key, kind in (("wav.scp", "speech", "sound"), ("text", "text", "text")):
            options += [f"--{part}_data_path_and_name_and_type", f"{directory}/{file},{key},{kind}"]
    return options


@pytest.fixture(scope="module")
def trained(directory):
    """One epoch in this process, then, resumed on both nodes, another; the log of the latter."""
    from espnet_gmot.task import GMOTTask

    (directory / "node0").mkdir()
    (directory / "node1" / "exp").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory / "node0")
        GMOTTask.main(cmd=[*training_options(directory, max_epoch=1), "--ngpu", "0"])
    shutil.copy(directory / "node0" / "exp" / "checkpoint.pth", directory / "node1" / "exp")
    launch(directory, *training_options(directory, max_epoch=2), "--use_amp", "true")
    return (directory / "train.log").read_text()


def launch(directory, *options):
    """Train with these options on two nodes, through ESPnet's launcher."""
    python = [sys.executable, "-m", "espnet_gmot", "-m"]
    command = [*python, "espnet2.bin.launch", "--cmd", "slurm.pl --name exp", "--log", "train.log"]
    command += ["--ngpu", "0", "--num_nodes", "2", "--init_file_prefix", "exp/.dist_init_"]
    command += ["--multiprocessing_distributed", "true", "--", *python, "espnet2.bin.asr_train"]
    environment = {
        **os.environ,
        "PATH": f"{directory}/bin:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    # timeout ends the whole process group: a node by itself would wait half an hour for the other
    launched = subprocess.run(
        ["timeout", "300", *command, *options], cwd=directory, env=environment, capture_output=True, text=True
    )
    assert launched.returncode == 0, launched.stderr


def test_training_resumes_on_two_nodes(trained, directory):
    states = [torch.load(directory / f"node0/exp/{epoch}epoch.pth", weights_only=False) for epoch in (1, 2)]
    # Two mini-batches an epoch, whatever the number of nodes, and one step of the optimiser
    assert [state["align_steps"].item() for state in states] == [2, 4]
    weight = "encoder.after_norm.weight"
    assert (states[0][weight] != states[1][weight]).any()
    assert "The training was resumed using exp/checkpoint.pth" in trained


def test_the_first_node_alone_writes(trained, directory):
    assert {path.name for path in (directory / "node1" / "exp").iterdir()} == {"checkpoint.pth"}
    assert trained.count("The training was finished at 2 epochs") == 1


def test_checkpoint_holds_the_recogniser_and_no_teacher(trained, directory):
    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args(["--config", str(directory / "train.yaml"), "--model", "espnet"])
    args.model_conf = {"ctc_weight": 0.3}
    stock = GMOTTask.build_model(args)
    checkpoint = torch.load(directory / "node0/exp/checkpoint.pth", weights_only=False)
    assert checkpoint["model"].keys() - {"align_steps"} == stock.state_dict().keys()
    (optimizer,) = checkpoint["optimizers"]
    assert len(optimizer["param_groups"][0]["params"]) == len(list(stock.parameters()))


def test_mixed_precision_is_off_on_the_cpu(trained):
    assert "CUDA is not available" in trained
