"""The transport core where torch is the only package: it solves, and says what it lacks."""

import json

import pytest
import torch
from torch_alone import run_with_torch_alone

from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost, fused_gromov_wasserstein

# torch itself warns of a missing numpy.
QUIET = (
    "import logging, sys, warnings; warnings.filterwarnings('ignore', message='Failed to initialize NumPy')\n"
)

SOLVE = (
    QUIET
    + """
import json, torch
from importlib.util import find_spec
from espnet_gmot import ot

X = torch.linspace(-1, 1, 2 * 6 * 3).sin().reshape(2, 6, 3).requires_grad_()
Z = torch.linspace(0, 2, 2 * 4 * 3).cos().reshape(2, 4, 3)
costs = ot.cosine_node_cost(X, Z), ot.cosine_edge_cost(X), ot.cosine_edge_cost(Z)
out = ot.fused_gromov_wasserstein(*costs, [6, 4], [4, 3])
out.value.sum().backward()
others = ("numpy", "numba", "scipy", "ot", "triton", "wrapt", "yaml", "espnet2", "transformers")
found = [name for name in others if find_spec(name)]
print(json.dumps({"found": found, "plan": out.plan.tolist(), "gradient": X.grad.tolist()}))
"""
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Run code with torch alone; the result's stdout and stderr."""
    directory = tmp_path_factory.mktemp("torch_alone") / "packages"

    def run(code):
        done = run_with_torch_alone(directory, code)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


@pytest.mark.slow
def test_it_solves_as_with_all_packages(alone):
    printed, log = alone(SOLVE)
    result = json.loads(printed)
    assert result["found"] == []
    assert log.splitlines() == ["backend numba is not available (No module named 'numpy'); using torch"]

    X = torch.linspace(-1, 1, 2 * 6 * 3).sin().reshape(2, 6, 3).requires_grad_()
    Z = torch.linspace(0, 2, 2 * 4 * 3).cos().reshape(2, 4, 3)
    costs = cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)
    out = fused_gromov_wasserstein(*costs, [6, 4], [4, 3], backend="torch")
    out.value.sum().backward()
    torch.testing.assert_close(torch.tensor(result["plan"]), out.plan)
    torch.testing.assert_close(torch.tensor(result["gradient"]), X.grad)


@pytest.mark.slow
def test_importing_says_nothing_and_a_missing_backend_is_one_message(alone):
    code = """
from espnet_gmot import ot
print(len(logging.getLogger().handlers), file=sys.stderr)
import torch
A = torch.zeros(1, 2, 2)
for name in ("numba", "pot"):
    try:
        ot.fused_gromov_wasserstein(A, A, A, [2], [2], backend=name)
    except ValueError as error:
        print(error)
"""
    printed, log = alone(QUIET + code)
    numba, pot = printed.splitlines()
    assert numba.startswith("backend numba is not available (No module named 'numpy'); run: ")
    assert numba.endswith(" -m pip install --upgrade numba scipy; or choose backend auto")
    assert pot.endswith(" -m pip install --upgrade POT; or choose backend auto")
    assert log == "0\n"  # nothing was logged, and the root logger is left to the program


@pytest.mark.slow
def test_espnet_without_wrapt_is_refused_as_the_model_would_be_missing(alone):
    """``espnet2`` stands for ESPnet: only that it can be found counts."""
    code = """
from importlib.machinery import ModuleSpec
class Finder:
    def find_spec(name, path=None, target=None):
        return ModuleSpec(name, None) if name == "espnet2" else None
sys.meta_path.append(Finder)
try:
    import espnet_gmot
except ImportError as error:
    print(error)
"""
    printed, _ = alone(QUIET + code)
    assert printed.startswith("espnet_gmot needs wrapt; run: ")
