"""Fused Gromov-Wasserstein transport between padded batches of graphs; knows nothing of speech.

It imports torch only; backends import numba, Triton or POT when they are asked for.

The way through it: ``costs`` builds node and edge costs, and ``scales`` makes them comparable; ``solve``, the
front door, checks them into a ``problem``; a solver from ``backends`` finds the coupling; ``gradient`` turns
the coupling into a differentiable value; ``statistics`` describes the coupling. ``slices`` takes vectors and
leads long inputs through in parts; ``loss`` is all of this as a ``torch.nn.Module``. ``monotonic`` is a
second front door: of the couplings that keep the order, the cheapest.

The solvers: ``mirror_descent`` with ``sinkhorn`` inside is the reference in torch; ``numba_kernel`` and
``triton_kernel`` do the same on the CPU and on a GPU, faster; ``pot_loop`` asks POT. Files that begin with
``numba_`` or ``triton_`` belong to these kernels; ``batched_cost`` is ``numba_cost`` in torch.
"""

from espnet_gmot.ot.backends import BACKENDS
from espnet_gmot.ot.costs import (
    cosine_costs,
    cosine_edge_cost,
    cosine_edges,
    cosine_node_cost,
    diagonal_coupling,
    temporal_edge_cost,
    temporal_prior,
)
from espnet_gmot.ot.gradient import fused_cost
from espnet_gmot.ot.loss import FusedGromovWassersteinLoss
from espnet_gmot.ot.monotonic import monotonic_gromov_wasserstein
from espnet_gmot.ot.options import SCHEMES, Scheme, SolverOptions
from espnet_gmot.ot.scales import balanced_costs, standardized_edges
from espnet_gmot.ot.slices import fused_gromov_wasserstein_of_vectors
from espnet_gmot.ot.solve import FusedGromovWasserstein, fused_gromov_wasserstein
from espnet_gmot.ot.statistics import barycentric_projection, coupling_entropy

__all__ = [
    "BACKENDS",
    "SCHEMES",
    "FusedGromovWasserstein",
    "FusedGromovWassersteinLoss",
    "Scheme",
    "SolverOptions",
    "balanced_costs",
    "barycentric_projection",
    "cosine_costs",
    "cosine_edge_cost",
    "cosine_edges",
    "cosine_node_cost",
    "coupling_entropy",
    "diagonal_coupling",
    "fused_cost",
    "fused_gromov_wasserstein",
    "fused_gromov_wasserstein_of_vectors",
    "monotonic_gromov_wasserstein",
    "standardized_edges",
    "temporal_edge_cost",
    "temporal_prior",
]
