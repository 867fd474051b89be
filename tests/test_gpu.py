"""What needs a CUDA GPU: messages of assertions on the device, a step without waiting, the CPU's loss.

``tools/gpu_check.sh`` runs these; elsewhere they are skipped.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from small_training import make_batch

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

BAD_LENGTH = """
import torch
from espnet_gmot import ot

X, Z = torch.rand(2, 6, 4, device="cuda"), torch.rand(2, 3, 4, device="cuda")
D, A, B = ot.cosine_node_cost(X, Z), ot.cosine_edge_cost(X), ot.cosine_edge_cost(Z)
ot.fused_gromov_wasserstein(D, A, B, torch.tensor([6, 7], device="cuda"), None)
torch.cuda.synchronize()
"""


def test_a_bad_length_on_the_device_is_named():
    """In a process of its own: after an assertion on the device its context is of no more use."""
    command = [sys.executable, "-c", BAD_LENGTH]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "lengths_a must lie between 1 and 6, the padded size" in ended.stdout + ended.stderr


def waits(call):
    """Count by name the calls that wait for the device, and the copies that come back from it.

    Not ``cudaDeviceSynchronize``: the profiler itself calls that.
    """
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        call()
    names = (event.name for event in profiler.events())
    found = Counter(name for name in names if "Synchronize" in name or "DtoH" in name)
    del found["cudaDeviceSynchronize"]
    return found


@pytest.fixture(scope="module")
def training():
    """GM-OT with its aligned batch, after a step in which Triton compiled."""
    from benchmarks.training_step_measure import GMOTTraining, Setting
    from benchmarks.training_step_models import SMALL

    training = GMOTTraining(SMALL, Setting("cuda"))
    training.step(seed=0)
    return training


def test_the_profiler_sees_a_wait():
    value = torch.ones((), device="cuda")
    assert waits(value.item) - waits(lambda: None)


def test_the_alignment_does_not_wait_for_the_gpu(training):
    """Forward and backward pass, from the encoder's output to its gradient."""
    criterion, inputs = training.model.criterion_align, training.inputs

    def align():
        sum(criterion.weighted_terms(criterion(*inputs)).values()).backward()

    align()
    assert waits(align) == waits(lambda: None)


def test_a_step_waits_six_times_more_than_espnets(training):
    """Three tensors of the teacher go to the device; ``alignment/too_short.py`` asks three times."""
    from benchmarks.training_step_measure import Setting, Training
    from benchmarks.training_step_models import SMALL

    stock = Training("espnet", SMALL, Setting("cuda"))
    stock.step(seed=0)
    counts = [
        sum(
            number
            for name, number in waits(lambda each=each: each.step(seed=1)).items()
            if "Synchronize" in name
        )
        for each in (training, stock)
    ]
    assert counts[0] - counts[1] <= 6


@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
def test_losses_and_gradients_are_those_of_the_cpu(build_model, bfloat16):
    """The CPU's are of float32, and TF32 is off. On the CPU bfloat16 is 0.13 % away from it."""
    torch.backends.cudnn.allow_tf32 = False
    tolerance = 2e-2 if bfloat16 else 1e-4
    batch = make_batch([9600, 8000, 6400], [5, 3, 4])
    model = build_model({"ctc_weight": 1.0}).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    found = {}
    for device in ("cpu", "cuda"):
        model.zero_grad()
        model.to(device)
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16 and device == "cuda"):
            loss, stats, _ = model(**{name: value.to(device) for name, value in batch.items()})
        loss.backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())
        norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
        found[device] = [
            float(loss.detach()),
            float(stats["loss_fgw"]),
            float(stats["loss_align"]),
            float(norm),
        ]
    assert found["cuda"] == pytest.approx(found["cpu"], rel=tolerance)
