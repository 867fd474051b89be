"""Which solver a batch gets, and what the log says when it is another one."""

import logging
import sys

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import backends, fused_gromov_wasserstein
from espnet_gmot.ot.mirror_descent import mirror_descent


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    backends.load.cache_clear()
    backends._log_once.cache_clear()


@pytest.fixture
def missing(monkeypatch):
    """Make the module of a backend fail to import: ``missing("numba")``."""
    real = backends.import_module

    def make(name):
        def import_module(module):
            if module.endswith(backends.BACKENDS[name].split(".")[0]):
                raise ImportError(f"No module named {name!r}")
            return real(module)

        backends.load.cache_clear()
        monkeypatch.setattr(backends, "import_module", import_module)

    return make


class Elsewhere:
    """Stands for a problem on another device; no such device is needed to choose a solver."""

    def __init__(self, device):
        self.node = type("Node", (), {"device": torch.device(device), "dtype": torch.float32})()


def test_unknown_name_lists_the_choices(make_batch):
    with pytest.raises(
        InputError, match="unknown backend 'jax'; choose one of auto, torch, numba, triton, pot"
    ):
        fused_gromov_wasserstein(*make_batch(2, 4, 3), backend="jax")


def test_auto_takes_the_compiled_kernel_on_the_cpu():
    assert backends.choose_backend("auto", Elsewhere("cpu")).__name__ == "solve_in_parallel"


@pytest.mark.parametrize("hindrance", [None, "takes at most 32768 entries"])
def test_auto_takes_triton_on_a_gpu_that_can(hindrance, monkeypatch, caplog):
    triton_kernel = pytest.importorskip("espnet_gmot.ot.triton_kernel", exc_type=ImportError)
    monkeypatch.setattr(triton_kernel, "hindrance", lambda problem: hindrance)
    chosen = backends.choose_backend("auto", Elsewhere("cuda"))
    assert chosen is (mirror_descent if hindrance else triton_kernel.solve_on_gpu)
    assert caplog.messages == ([f"backend triton {hindrance}; using torch"] if hindrance else [])


def test_a_triton_that_is_too_old_leaves_the_problem_to_torch(monkeypatch, caplog):
    triton_kernel = pytest.importorskip("espnet_gmot.ot.triton_kernel", exc_type=ImportError)
    monkeypatch.setattr(triton_kernel, "TOO_OLD", True)
    assert backends.choose_backend("auto", Elsewhere("cuda")) is mirror_descent
    (message,) = caplog.messages
    assert message.startswith("backend triton wants Triton 3.4 and this is ")


def test_auto_takes_torch_on_any_other_device(caplog):
    assert backends.choose_backend("auto", Elsewhere("mps")) is mirror_descent
    assert not caplog.records


def test_auto_without_numba_is_torch_and_one_line_says_so(missing, make_batch, caplog):
    batch = make_batch(2, 6, 4)
    reference = fused_gromov_wasserstein(*batch, backend="torch")
    missing("numba")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            out = fused_gromov_wasserstein(*batch)
    assert torch.equal(out.plan, reference.plan)
    assert caplog.record_tuples == [
        (
            "espnet_gmot.ot.backends",
            logging.WARNING,
            "backend numba is not available (No module named 'numba'); using torch",
        )
    ]


@pytest.mark.parametrize(("name", "packages"), [("numba", "numba scipy"), ("pot", "POT")])
def test_a_backend_that_is_asked_for_and_missing_is_refused(name, packages, missing, make_batch, caplog):
    missing(name)
    with pytest.raises(InputError) as error:
        fused_gromov_wasserstein(*make_batch(2, 6, 4), backend=name)
    assert str(error.value) == (
        f"backend {name} is not available (No module named {name!r}); "
        f"run: {sys.executable} -m pip install --upgrade {packages}; or choose backend auto"
    )
    assert not caplog.records


def test_a_missing_triton_is_refused_for_a_problem_on_a_gpu_alone(missing, caplog):
    """A model that was trained on a GPU with ``backend: triton`` can be looked at without one."""
    missing("triton")
    with pytest.raises(InputError, match="pip install --upgrade triton"):
        backends.choose_backend("triton", Elsewhere("cuda"))
    assert backends.choose_backend("triton", Elsewhere("cpu")) is mirror_descent
    assert caplog.messages == ["backend triton runs on a GPU and the problem is on cpu; using torch"]


def test_numba_without_a_folder_for_its_cache_names_the_variable(monkeypatch, make_batch):
    def import_module(_module):
        raise RuntimeError("cannot cache function: no locator available")

    backends.load.cache_clear()
    monkeypatch.setattr(backends, "import_module", import_module)
    with pytest.raises(InputError, match="no locator available.*set NUMBA_CACHE_DIR"):
        fused_gromov_wasserstein(*make_batch(2, 6, 4), backend="numba")


def test_cpu_kernel_does_not_take_a_problem_on_a_gpu(caplog):
    assert backends.choose_backend("numba", Elsewhere("cuda")) is mirror_descent
    assert "backend numba runs on the CPU and the problem is on cuda; using torch" in caplog.text
