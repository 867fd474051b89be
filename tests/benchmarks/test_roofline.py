import pytest

from benchmarks.problems import Shape
from benchmarks.roofline import Peaks, bounds, row, work
from espnet_gmot.ot import SolverOptions

PEAKS = Peaks(flops=4e9, bandwidth=1e9, multiprocessors=4)


def test_operations_and_bytes_of_a_small_problem():
    """Five frames, three tokens, one step of one iteration, which is exact."""
    needed = work(Shape(2, 5, 3), SolverOptions(max_iter=1, sinkhorn_iter=1))
    products = 2 * 3 * 3 * 5 + 2 * 3 * 5 * 5
    squares = 4 * 5 * 5
    assert needed.flops == 2 * (products + squares + 10 * 5 * 3)
    assert needed.bytes == 2 * 4 * (5 * 3 + 5 * 5 + 3 * 3 + 5 * 3)


@pytest.mark.parametrize(("iterations", "exact"), [(1, 1), (2, 2), (20, 2), (21, 2), (22, 3), (60, 4)])
def test_exact_iterations_are_those_of_the_solver(monkeypatch, iterations, exact):
    """Counted where the torch backend makes them, whose runs the kernel shares."""
    import torch

    from espnet_gmot.ot import sinkhorn

    calls = []
    original = sinkhorn._exact_iteration
    monkeypatch.setattr(
        sinkhorn, "_exact_iteration", lambda *given, **named: calls.append(1) or original(*given, **named)
    )
    p, q = torch.full((1, 1, 3), 1 / 3), torch.full((1, 2, 1), 1 / 2)
    sinkhorn.sinkhorn(torch.rand(1, 2, 3), p.log(), q.log(), torch.zeros(1, 2, 1), iterations)
    assert len(calls) == exact
    one_step = SolverOptions(max_iter=1, sinkhorn_iter=iterations)
    edges = 2 * 2 * 2 * 3 + 2 * 2 * 3 * 3 + 4 * 3 * 3
    assert work(Shape(1, 3, 2), one_step).flops == edges + exact * 60 + (iterations - exact) * 24


def test_a_problem_has_one_multiprocessor():
    options = SolverOptions()
    one, all_of_them, more = (bounds(Shape(n, 50, 8), options, PEAKS)[0] for n in (1, 4, 5))
    assert one == all_of_them == pytest.approx(work(Shape(1, 50, 8), options).flops / 1e9)
    assert more == 2 * one


def test_the_row_has_the_share_of_the_tighter_bound():
    shape, options = Shape(4, 50, 8), SolverOptions(max_iter=5, sinkhorn_iter=60)
    tight = max(bounds(shape, options, PEAKS))
    cells = row(shape, options, PEAKS, 4 * tight, 5 * tight)
    assert cells[0] == "4×50×8, 5 × 60"
    assert cells[-3:] == [f"{4e3 * tight:.3f}", "25%", f"{5e3 * tight:.3f}"]


def test_peaks_are_those_of_the_data_sheet(monkeypatch):
    """An H100 SXM: 67 TFLOP/s and 3.35 TB/s, says NVIDIA."""
    from types import SimpleNamespace

    import torch

    gpu = SimpleNamespace(
        multi_processor_count=132, clock_rate=1_980_000, memory_clock_rate=2_619_000, memory_bus_width=5120
    )
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: gpu)
    assert Peaks.here().describe() == "66.9 TFLOP/s in float32, 3.35 TB/s, 132 multiprocessors"
