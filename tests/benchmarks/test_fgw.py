"""The benchmark of the solvers: its problems, its judgement, its page."""

import functools
import sys
from dataclasses import asdict, replace
from importlib.util import find_spec
from itertools import pairwise

import pytest
import torch

from benchmarks import fgw, machine, measure, peers
from benchmarks.claims import check_claims
from benchmarks.page import Run, format_page
from benchmarks.peers import POT_BATCH, POT_CONDITIONAL_GRADIENT, Contender
from benchmarks.problems import DIMENSION, KINDS, Batch, Shape, _frames, speech_batch
from benchmarks.results import Row, Table, excess, speedup
from espnet_gmot.errors import InputError
from espnet_gmot.ot import BACKENDS, SolverOptions, cosine_costs, fused_gromov_wasserstein

TINY = Shape(2, 12, 4)
SETTING = "ε 0.02, 20 × 50"
needs_pot_batch = pytest.mark.skipif(
    find_spec("ot.batch") is None, reason="POT has a batch solver since 0.9.6, which the bench extra asks for"
)


def made_up(name, seconds, cost=1.0, error=0.0, device="cpu", setting=SETTING, **facts):
    contender = Contender(name, setting, lambda batch: None, name in BACKENDS, device)
    return Row(
        contender,
        None,
        seconds,
        2 * seconds,
        torch.tensor([cost, cost]),
        torch.tensor([error, error]),
        **facts,
    )


@pytest.fixture
def tables():
    """Two ragged and two equal-size tables; numba is 5 and 6 times as fast as conditional gradient."""
    missing = Row(Contender("triton", SETTING, lambda batch: None, True, "cuda"), "not run: no CUDA GPU")
    ragged = [
        Table(Shape(32, 160, 20), [made_up(POT_CONDITIONAL_GRADIENT, 0.5), made_up("numba", 0.1), missing]),
        Table(Shape(64, 250, 30), [made_up(POT_CONDITIONAL_GRADIENT, 3.0), made_up("numba", 0.5), missing]),
    ]
    equal = [
        Table(
            table.shape, [table.rows[0], made_up(POT_BATCH, 10 * table.rows[1].seconds, 9.0), *table.rows[1:]]
        )
        for table in ragged
    ]
    return ragged, equal


def with_rows(tables, *rows):
    return [Table(table.shape, [*table.rows, *rows]) for table in tables]


def test_problems_are_ragged_in_proportion_and_seeded():
    shape = Shape(16, 60, 12)
    batch = speech_batch(shape, seed=3)
    assert batch.D.shape == (16, 60, 12)
    assert batch.lengths_a[0] == 60
    assert 30 <= batch.lengths_a.min() < batch.lengths_a.max() <= 60
    torch.testing.assert_close(batch.lengths_b.float(), batch.lengths_a / 5, atol=0.5, rtol=0)
    assert all(map(torch.equal, batch, speech_batch(shape, seed=3)))
    assert not torch.equal(batch.D, speech_batch(shape, seed=4).D)
    full = speech_batch(shape, ragged=False)
    assert (full.lengths_a == 60).all() and (full.lengths_b == 12).all()


def test_frames_speak_their_tokens_in_order():
    spoken = speech_batch(Shape(1, 200, 8)).D[0, 20:180].argmin(1).tolist()  # without the silent edges
    steps = [later - earlier for earlier, later in pairwise(spoken)]
    assert set(steps) <= {0, 1}
    assert len(set(spoken)) >= 6


@pytest.mark.parametrize("kind", KINDS)
def test_frames_have_of_their_token_what_their_kind_says(kind):
    """Tokens so long that the noise is nothing beside them, and all alike."""
    token = torch.full((DIMENSION,), 1e4)
    settings = KINDS[kind]._replace(neighbour=0.0)
    frames = _frames(token.expand(5, -1).clone(), token, 60, settings, torch.Generator().manual_seed(0))
    length = frames.norm(dim=1) / token.norm()
    noise_alone = length < 0.01
    assert int(noise_alone.sum()) == {"early": 30, "middle": 15, "late": 0}[kind]
    expected = torch.full((60 - int(noise_alone.sum()),), {"early": 0.5, "middle": 0.75, "late": 1.0}[kind])
    torch.testing.assert_close(length[~noise_alone], expected, atol=1e-3, rtol=0)


def test_the_kinds_differ_in_smoothing_and_only_late_is_that_of_earlier_pages():
    assert {name: kind.neighbour for name, kind in KINDS.items()} == {
        "early": 0.0,
        "middle": 0.125,
        "late": 0.25,
    }
    batch = speech_batch(Shape(3, 20, 5))
    measured = torch.stack([batch.D.double().sum(), batch.A.double().sum()])
    torch.testing.assert_close(measured, torch.tensor([196.1893, 715.9572]).double(), atol=1e-3, rtol=0)


def test_earlier_frames_are_further_from_their_tokens():
    nearest = [
        speech_batch(Shape(4, 100, 10), False, 0, kind).D.amin(2).mean()
        for kind in ("early", "middle", "late")
    ]
    assert nearest[0] > nearest[1] > nearest[2]


@pytest.mark.parametrize("text", ["32x160", "axbxc", "0x10x10", "4x1x3"])
def test_a_bad_shape_is_refused(text):
    with pytest.raises(InputError, match="32x160x20"):
        Shape.parse(text)


def test_couplings_are_judged_by_the_definition():
    batch = speech_batch(TINY)
    plans = [
        torch.rand(costs[0].shape, generator=torch.Generator().manual_seed(i)).double()
        for i, costs in enumerate(batch.singles())
    ]
    value, error = measure.judge(plans, batch, alpha=0.3)
    for i, ((D, A, B), plan) in enumerate(zip(batch.singles(), plans, strict=True)):
        squared = (A[:, None, :, None] - B[None, :, None, :]) ** 2  # (t, n, t, n)
        edge = torch.einsum("ijkl,ij,kl->", squared, plan, plan)
        torch.testing.assert_close(value[i], 0.7 * (D * plan).sum() + 0.3 * edge)
        t, n = plan.shape
        expected = (plan.sum(1) - 1 / t).abs().sum() + (plan.sum(0) - 1 / n).abs().sum()
        torch.testing.assert_close(error[i], expected)


def test_solvers_take_turns_and_a_slow_one_runs_once():
    order = []
    names = ("quick", "slow", "steady")
    calls = {name: lambda name=name: order.append(name) for name in names}
    first = {"quick": 0.1, "slow": 2 * measure.PATIENCE, "steady": 0.1}
    medians = measure.interleaved_medians(calls, first, 3, lambda text: None)
    assert order == ["quick", "steady"] * 3
    assert medians["slow"] == 2 * measure.PATIENCE
    assert medians["quick"] < 0.1


def test_ratios_and_excess():
    slow, quick = made_up("POT", 0.6, cost=2.0), made_up("numba", 0.2, cost=2.1)
    assert speedup(quick, slow) == pytest.approx(3)
    assert excess(quick, slow) == pytest.approx((5, 5))
    assert speedup(quick, None) is None


def test_claims_take_the_slowest_shape(tables):
    claims = check_claims(*tables, gpu=None)
    assert [claim.verdict for claim in claims] == ["met", "met", "not run", "not run"]
    assert claims[0].measured == f"5.0 on 32×160×20, 6.0 on 64×250×30 (numba, {SETTING})"
    assert claims[1].measured.startswith("10.0 on 32×160×20, 10.0")


@pytest.mark.parametrize("fault", [{"cost": 1.002}, {"error": 2e-3}])
def test_speed_without_quality_does_not_count(tables, fault):
    ragged, equal = tables
    ragged[1].rows[1] = made_up("numba", 0.5, **fault)
    claim = check_claims(ragged, equal, gpu=None)[0]
    assert claim[1:] == ("no setting reaches the quality on every shape", "not met")


def test_each_kind_has_its_target(tables):
    ragged, equal = tables
    slow = [made_up(POT_CONDITIONAL_GRADIENT, 0.5), made_up("numba", 0.2)]
    claims = check_claims([Table(TINY, slow, "early"), *ragged], equal, gpu=None)
    assert [(claim.target.split(":")[0], claim.verdict) for claim in claims[:2]] == [
        ("two CPU cores, early", "not met"),
        ("two CPU cores, late", "met"),
    ]


def test_a_slow_row_does_not_meet_the_target(tables):
    ragged, equal = tables
    ragged[1].rows[1] = made_up("numba", 1.0)
    assert check_claims(ragged, equal, gpu=None)[0].verdict == "not met"


def test_claims_on_a_gpu(tables):
    ragged, equal = tables
    triton = made_up("triton", 0.0009, device="cuda", setting="ε 1")
    ragged = with_rows(ragged, triton)
    equal = with_rows(equal, triton, made_up(POT_BATCH, 0.018, device="cuda", setting="ε 1"))
    claims = check_claims(ragged, equal, gpu="NVIDIA H100")
    assert [claim.verdict for claim in claims] == ["met"] * 4
    assert claims[2].measured.startswith("20.0 on")
    assert claims[3].measured == "0.90 ms on NVIDIA H100 (triton, ε 1)"
    assert check_claims(ragged, equal, gpu="another")[3].verdict == "not run"


def test_nothing_is_claimed_without_pot(tables):
    without = [[Table(table.shape, table.rows[-2:]) for table in some] for some in tables]
    assert {claim.verdict for claim in check_claims(*without, gpu=None)} == {"not run"}


def test_page_shows_rows_claims_and_the_profile(tables):
    ragged, equal = tables
    claims = check_claims(ragged, equal, gpu=None)
    kinds = [ragged[0]._replace(kind="early"), *ragged]
    run = Run("python x", "2030-01-02", {"CPU": "abacus"}, 3, 0.5, kinds, equal, claims)
    page = format_page(run, "## What the profile showed\n\nTime.\n")
    assert "This one was `python x` on 2030-01-02." in page
    assert "- CPU: abacus" in page
    times, quality = "100.00 | 5.00 | 200.00", "1.00000 | +0.000 | +0.000 | 0.0e+00 | 0.0e+00"
    numba = f"| **numba** | CPU | {SETTING} | {times} | {quality}"
    assert "### 32×160×20, late\n\n| solver |" in page
    assert "### 32×160×20, early\n\n| solver |" in page
    assert page.count(f"{numba} |\n") == 2  # late and early
    assert "In *early* batches a frame has 0.5 of its token, 50 % of the frames are noise alone" in page
    assert f"{numba} | 10.00 |\n" in page
    assert f"| **triton** | GPU | {SETTING} | not run: no CUDA GPU | – | – | – | – | – | – | – |\n" in page
    assert page.endswith("## What the profile showed\n\nTime.\n")


def test_the_licence_is_what_the_installed_package_says(monkeypatch):
    monkeypatch.setattr(machine, "version", lambda package: "1.2")
    facts = {"License": "Academic Use", "License-Expression": None}
    monkeypatch.setattr(machine, "metadata", lambda package: facts)
    described = machine.describe_machine()
    assert described["torchgw"] == "1.2, licence: Academic Use"
    assert described["POT"] == "1.2"
    facts["License-Expression"] = "Apache-2.0"
    assert machine.describe_machine()["torchgw"] == "1.2, licence: Apache-2.0"


def test_every_backend_has_rows():
    assert {*peers.BACKEND_DEVICES, "pot"} == set(BACKENDS)


@needs_pot_batch
def test_command_writes_a_page_and_says_what_is_missing(tmp_path, monkeypatch, capsys):
    find_spec = peers.find_spec
    missing = ("ott", "torchgw")
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name in missing else find_spec(name))
    target = tmp_path / "fgw.md"
    arguments = ["fgw", "--shapes", "2x12x4", "--repeats", "1", "--output", str(target)]
    monkeypatch.setattr(sys, "argv", arguments)
    fgw.main()
    assert capsys.readouterr().out == f"benchmark page: {target}\n"

    forward = {}  # solver: its column "forward, ms" in each row on the CPU
    for line in target.read_text(encoding="utf-8").splitlines():
        cells = line.split(" | ")
        if len(cells) > 4 and cells[1] == "CPU":
            forward.setdefault(cells[0].strip("|* "), []).append(cells[3])
    assert (
        forward["OTT-JAX"] == forward["torchgw, one by one"] == ["not installed"] * 3
    )  # late, early, middle
    assert forward["POT batch, unbalanced"] == [peers.pot_batch_unbalanced().hindrance]
    for name, rows in {
        POT_CONDITIONAL_GRADIENT: 4,
        "POT PPA, one by one": 3,
        "POT BAPG, one by one": 3,
        POT_BATCH: 2,
        "torch": 8,
    }.items():
        assert [float(cell) > 0 for cell in forward[name]] == [True] * rows


@needs_pot_batch
@pytest.mark.parametrize("peer", [peers.pot_proximal, lambda options: peers.pot_batch(options, "cpu")])
def test_pot_answers_as_ours_at_equal_settings(peer):
    batch = speech_batch(TINY, ragged=False)
    options = SolverOptions(alpha=0.3, epsilon=0.5, max_iter=3, sinkhorn_iter=300, tol=0.0)
    plans = peer(options).prepare(batch).solve()
    ours = fused_gromov_wasserstein(*batch, **asdict(options)).plan
    for plan, expected in zip(plans, ours, strict=True):
        torch.testing.assert_close(torch.as_tensor(plan).float(), expected, atol=1e-6, rtol=0)


def test_ott_solves_our_entropic_problem(monkeypatch):
    pytest.importorskip("ott", reason="OTT-JAX comes with the bench extra")
    monkeypatch.setattr(peers, "OTT_EPSILON", 0.1)
    batch = speech_batch(TINY)
    options = SolverOptions(alpha=0.3, epsilon=0.1, scheme="entropic", max_iter=50, sinkhorn_iter=50)
    plan = torch.as_tensor(peers.ott_jax(options).prepare(batch).solve())
    ours = fused_gromov_wasserstein(*batch, **asdict(options)).plan
    assert (plan - ours).abs().sum((1, 2)).max() < 1e-3  # L1; 1e-4 measured


def test_bapg_matches_a_graph_with_its_shuffled_copy():
    X = torch.randn(1, 7, 6, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    Z = X[:, order]
    batch = Batch(*cosine_costs(X, None, Z, None), torch.tensor([7]), torch.tensor([7]))
    plans = peers.pot_bapg(SolverOptions()).prepare(batch).solve()
    torch.testing.assert_close(
        torch.as_tensor(plans[0]), torch.eye(7).double()[:, order] / 7, atol=1e-3, rtol=0
    )
    cost, error = measure.judge(plans, batch, alpha=0.5)
    assert cost.item() < 1e-3 and error.item() < 1e-3


def test_bapg_takes_the_steps_of_its_paper(monkeypatch):
    """Li et al. 2023: a step from the gradient and a scaling of the rows, then the same with the columns."""
    import ot

    few = functools.partial(ot.gromov.BAPG_fused_gromov_wasserstein, max_iter=3)
    monkeypatch.setattr(ot.gromov, "BAPG_fused_gromov_wasserstein", few)
    batch = speech_batch(TINY)
    plans = peers.pot_bapg(SolverOptions(alpha=0.3)).prepare(batch).solve()
    for (D, A, B), plan in zip(batch.singles(), plans, strict=True):
        t, n = D.shape
        expected = torch.full((t, n), 1 / (t * n)).double()
        for _ in range(3):
            for dim, weight in ((1, 1 / t), (0, 1 / n)):
                expected = expected * torch.exp(-(0.7 * D - 4 * 0.3 * A @ expected @ B) / 0.1)
                expected = expected * weight / expected.sum(dim, keepdim=True)
        torch.testing.assert_close(torch.as_tensor(plan), expected)


def test_a_peer_that_this_version_lacks_says_so(monkeypatch):
    monkeypatch.setattr(peers, "version", lambda package: "0.9.4")
    lacking = Contender("POT x", "–", None, needs="ot.batch:no_such_solver")
    assert lacking.hindrance == "not in POT 0.9.4"
    assert replace(lacking, needs="ot.no_module:solver").hindrance == "not in POT 0.9.4"
    assert replace(lacking, needs="no_package.batch:solver").hindrance == "not installed"
    assert (
        replace(lacking, needs="ot.gromov:fused_gromov_wasserstein").hindrance
        == "not run: no call for it yet"
    )
    assert peers.pot_bapg(SolverOptions()).hindrance is None
