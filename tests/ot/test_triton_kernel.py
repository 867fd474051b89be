"""The Triton kernel against the torch backend, on a GPU or else in the interpreter; and its compilation."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from espnet_gmot.ot.mirror_descent import Solution, mirror_descent
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import make_problem

triton_kernel = pytest.importorskip("espnet_gmot.ot.triton_kernel", exc_type=ImportError)
if triton_kernel.TOO_OLD:
    pytest.skip("the kernel wants Triton 3.4", allow_module_level=True)
ROOT = Path(__file__).parents[2]
DEVICE = "cpu" if triton_kernel.INTERPRETED else "cuda"

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, of log 0 and NaN

# Frames and tokens; in the interpreter the large ones take minutes.
SIZES = [(40, 7), *([] if DEVICE == "cpu" else [(160, 20), (250, 30), (400, 50)])]
SHARP = {"epsilon": 0.003, "max_iter": 5, "sinkhorn_iter": 60, "overrelaxation": 1.9}

# L1 norm of the difference of plans; the largest seen was 2.6e-6, at alpha 1.
TOLERANCE = 1e-5


@pytest.fixture
def batch(make_batch):
    return make_batch(2, T=20, N=18, dtype=torch.float32)  # two tiles of frames and of tokens


def solve(problem, options):
    problem = type(problem)(*(field if field is None else field.to(DEVICE) for field in problem))
    assert triton_kernel.hindrance(problem) is None
    return Solution(*(field.cpu() for field in triton_kernel.solve_on_gpu(problem, options)))


def assert_equals_torch(problem, **settings):
    options = SolverOptions(**{"max_iter": 3, "sinkhorn_iter": 4, **settings})
    solution, expected = solve(problem, options), mirror_descent(problem, options)
    assert float((solution.plan - expected.plan).abs().sum((1, 2)).max()) < TOLERANCE
    empty = (problem.p == 0)[:, :, None] | (problem.q == 0)[:, None]
    assert (solution.plan[empty] == 0).all()
    assert torch.equal(solution.n_iter, expected.n_iter)
    assert torch.equal(solution.converged, expected.converged)
    torch.testing.assert_close(solution.error, expected.error, rtol=0, atol=TOLERANCE)
    return solution


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_equals_torch(batch, alpha, scheme, rho_a):
    assert_equals_torch(make_problem(*batch), alpha=alpha, scheme=scheme, rho_a=rho_a)


@pytest.mark.parametrize("settings", [{}, {"rho_a": 0.2}, SHARP], ids=["default", "relaxed", "sharp"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equals_torch_in_float64(make_speech, size, settings):
    """Whole solves. Sharp ones of 400 × 50 leave float32 itself, in torch too, 6e-4 away."""
    batch = make_speech(2, *size).to(torch.float32)
    options = SolverOptions(tol=0.0, **settings)
    expected = mirror_descent(make_problem(*batch.to(torch.float64)), options).plan
    errors = [
        float((plan.double() - expected).abs().sum((1, 2)).max())
        for plan in (
            solve(make_problem(*batch), options).plan,
            mirror_descent(make_problem(*batch), options).plan,
        )
    ]
    assert errors[0] < max(TOLERANCE, 2 * errors[1])


def test_overrelaxed_iterations_equal_torch(batch):
    assert_equals_torch(make_problem(*batch), sinkhorn_iter=12, overrelaxation=1.8)


@pytest.mark.parametrize("sinkhorn_iter", [1, 21, 22])
@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_exact_iterations_come_where_torch_has_them(batch, sinkhorn_iter, rho_a):
    assert_equals_torch(make_problem(*batch), max_iter=1, sinkhorn_iter=sinkhorn_iter, rho_a=rho_a)


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_warm_start(batch, scheme):
    first = mirror_descent(make_problem(*batch), SolverOptions(scheme=scheme)).plan
    start = torch.where(first > 1e-3, first, 0.0)
    start /= start.sum((1, 2), keepdim=True)
    assert_equals_torch(make_problem(*batch, start=start), scheme=scheme)


@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_frames_and_tokens_without_weight(batch, make_marginals, rho_a):
    p, q = make_marginals(0, batch)
    p[:, 3], q[:, 4] = 0, 0
    valid = batch.masks()[0]
    p, q = p * valid.any(2), q * valid.any(1)
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    assert_equals_torch(make_problem(*batch, p=p, q=q), rho_a=rho_a)


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (1, 4)])
def test_one_frame_or_one_token(make_batch, size):
    problem = make_problem(*make_batch(2, *size, dtype=torch.float32))
    solution = assert_equals_torch(problem)
    torch.testing.assert_close(solution.plan, problem.p[:, :, None] * problem.q[:, None])


def test_padding_is_ignored_whatever_it_holds(batch):
    options = SolverOptions(max_iter=2, sinkhorn_iter=3)
    spoiled = [
        torch.where(mask, cost, torch.nan) for mask, cost in zip(batch.masks(), batch[:3], strict=True)
    ]
    plan = solve(make_problem(*spoiled, *batch[3:]), options).plan
    assert torch.equal(plan, solve(make_problem(*batch), options).plan)
    assert (plan[~batch.masks()[0]] == 0).all()


def test_nan_stays_in_its_own_problem(batch):
    options = SolverOptions(max_iter=2, sinkhorn_iter=3, tol=0.5)
    clean = solve(make_problem(*batch), options)
    batch.A[1, 0, 1] = torch.nan
    solution = solve(make_problem(*batch), options)
    assert torch.equal(solution.plan[0], clean.plan[0])
    assert solution.plan[1].isnan().any()
    assert solution.converged.tolist() == [True, False]


def test_problems_stop_one_by_one(make_batch):
    batch = make_batch(4, 12, 5, dtype=torch.float32)
    solution = assert_equals_torch(make_problem(*batch), scheme="entropic", epsilon=0.2, tol=1e-2, max_iter=7)
    assert len(set(solution.n_iter.tolist())) > 2
    assert set(solution.converged.tolist()) == {True, False}


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_steep_costs(batch, alpha, rho_a):
    problem = make_problem(*batch)
    assert_equals_torch(problem, alpha=alpha, rho_a=rho_a, epsilon=1e-3)
    steeper = problem._replace(node=1e6 * problem.node, edge_a=1e6 * problem.edge_a)
    plan = solve(steeper, SolverOptions(alpha, rho_a=rho_a, epsilon=1e-3, max_iter=3, sinkhorn_iter=3)).plan
    torch.testing.assert_close(plan.sum(1), problem.q, atol=1e-6, rtol=0)


def test_half_precision_costs_without_contiguous_memory_and_integer_options(make_batch):
    batch = make_batch(2, 12, 6)
    half = batch.to(torch.float16)
    problem = make_problem(half.D.mT.contiguous().mT, *half[1:])
    assert not problem.node.is_contiguous()
    solution = assert_equals_torch(problem, alpha=1, epsilon=1, tol=0)
    assert solution.plan.is_contiguous()


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU")
def test_nothing_waits_for_the_gpu(batch):
    problem = make_problem(*(field.to(DEVICE) for field in batch))
    options = SolverOptions()
    triton_kernel.solve_on_gpu(problem, options)  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        triton_kernel.solve_on_gpu(problem, options)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def hindrance_of(node):
    return triton_kernel.hindrance(SimpleNamespace(node=node))


def test_hindrances(monkeypatch):
    assert hindrance_of(torch.zeros(1, 256, 64, device=DEVICE)) is None
    assert "frames times tokens" in hindrance_of(torch.zeros(1, 513, 64, device=DEVICE))
    assert "computes in float32" in hindrance_of(torch.zeros(1, 4, 3, device=DEVICE, dtype=torch.float64))
    monkeypatch.setattr(triton_kernel, "INTERPRETED", False)
    assert "runs on a GPU and the problem is on cpu" in hindrance_of(torch.zeros(1, 4, 3))


@pytest.fixture
def gpu(monkeypatch):
    """Stand for a GPU of some kind: returns what the kernel says to a problem of the largest block on it."""

    def make(kibibytes=227, major=9):
        properties = SimpleNamespace(shared_memory_per_block_optin=1024 * kibibytes, major=major, minor=0)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
        node = SimpleNamespace(shape=(1, 512, 64), dtype=torch.float32, is_cuda=True, device="cuda:0")
        return hindrance_of(node)

    return make


def test_largest_block_depends_on_the_gpu(gpu):
    assert gpu(kibibytes=227) is gpu(kibibytes=163) is None  # H100, A100
    assert "takes at most" in gpu(kibibytes=99)  # L4


def test_old_gpus_and_missing_compilers_are_named(gpu, monkeypatch):
    assert gpu(major=7) == "needs compute capability 8.0 and cuda:0 has 7.0"
    monkeypatch.setattr(triton_kernel.shutil, "which", lambda _: None)
    assert "needs a C compiler" in gpu()


COMPILE = """
import json, sys
from benchmarks.kernel_resources import compile_kernel

for capability, *block, flags in json.loads(sys.argv[1]):
    compiled = compile_kernel(capability, block, flags.split())
    print(compiled.metadata.shared, len(compiled.asm["cubin"]))
"""


def compile_for(cases):
    """Compile for GPUs that need not be here; return the bytes of shared memory and of code for each case."""
    triton = pytest.importorskip("triton")
    if not (Path(triton.__file__).parent / "backends/nvidia/bin/ptxas").exists():
        pytest.skip("this Triton comes without ptxas")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", COMPILE, json.dumps(cases)]
    output = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout
    return [[int(number) for number in line.split()] for line in output.splitlines()]


@pytest.mark.slow
def test_every_option_compiles():
    flags = ["EDGES PROXIMAL RELAXED START", "EDGES START", "PROXIMAL RELAXED", "START"]
    assert all(code > 0 for _, code in compile_for([(90, 16, 16, chosen) for chosen in flags]))


@pytest.mark.slow
def test_usual_and_largest_blocks_fit_shared_memory():
    usual, largest, largest_a100 = compile_for(
        [(90, 32, 256, "EDGES PROXIMAL"), (90, 64, 512, "EDGES PROXIMAL"), (80, 64, 512, "EDGES PROXIMAL")]
    )
    assert usual[0] <= 113 * 1024  # two blocks a multiprocessor
    assert largest[0] <= 227 * 1024
    assert largest_a100[0] <= 163 * 1024
