import inspect

import pytest

from espnet_gmot.alignment import AlignmentOptions
from espnet_gmot.errors import InputError


def test_take_from_leaves_espnets_keys():
    conf = {"alpha": 1, "ctc_weight": 0.3, "warmup_steps": 10}
    options = AlignmentOptions.take_from(conf)
    assert (options.alpha, options.warmup_steps) == (1, 10)
    assert conf == {"ctc_weight": 0.3}


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"alpha": 1.5}, r"alpha is 1.5 and must be in \[0, 1\]"),
        ({"alpha": -0.1}, r"alpha is -0.1"),
        ({"epsilon": 0.0}, "epsilon is 0.0 and must be positive"),
        ({"epsilon": "5e-2"}, "write 5.0e-2"),
        ({"epsilon": float("inf")}, "epsilon is inf and must be finite"),
        ({"temporal_prior_weight": float("nan")}, "temporal_prior_weight is nan and must be finite"),
        ({"backend": "pot", "frame_relaxation": 1.0}, "frame_relaxation needs another backend than pot"),
        ({"teacher_layer": 6}, "teacher_layer is for a teacher that the model runs"),
        ({"alpha": True}, "alpha is True and must be float"),
        ({"max_iter": True}, "max_iter is True and must be int"),
        ({"max_iter": 0}, "max_iter is 0 and must be 1 or more"),
        ({"fgw_weight": -1.0}, "fgw_weight is -1.0"),
        ({"contrastive_weight": -1.0}, "contrastive_weight is -1.0 and must be 0 or positive"),
        ({"coupling": "viterbi"}, "coupling is 'viterbi'.*transport.*monotonic"),
        ({"coupling": "monotonic", "epsilon": 0.1}, "epsilon cannot be set with coupling: monotonic"),
        (
            {"coupling": "monotonic", "scheme": "entropic", "max_iter": 5, "sinkhorn_iter": 5},
            "model_conf: scheme, max_iter, sinkhorn_iter cannot be set with coupling: monotonic",
        ),
        (
            {"coupling": "monotonic", "frame_relaxation": 1.0, "backend": "torch"},
            "frame_relaxation, backend cannot be set .* leave out, or set coupling: transport",
        ),
        ({"intermediate_weight": -0.1}, "intermediate_weight is -0.1 and must be 0 or positive"),
        ({"frame_relaxation": 0.0}, "frame_relaxation is 0.0 and must be positive, or null"),
        ({"temporal_edge_weight": 2.0}, "temporal_edge_weight is 2.0"),
        ({"scheme": "newton"}, "scheme is 'newton'.*proximal.*entropic"),
        ({"backend": "jax"}, "backend is jax and must be one of auto, torch, numba, triton, pot"),
        ({"projected_side": "acoustic"}, "needs teacher_size"),
        ({"feedback": 0.5}, "feedback needs projected_side: acoustic"),
        ({"teacher_size": 16}, "teacher_size is for projected_side: acoustic"),
        (
            {"projected_side": "acoustic", "teacher_size": 16, "projection": "p.npz"},
            "projection is for projected_side: teacher",
        ),
        (
            {"projected_side": "acoustic", "teacher_size": 16, "projection": "random"},
            "projection is for projected_side: teacher",
        ),
    ],
)
def test_senseless_values_are_refused(conf, message):
    with pytest.raises(InputError, match=message):
        AlignmentOptions(**conf)


def test_monotonic_coupling_takes_spelled_out_defaults_and_what_concerns_it_too():
    conf = {"epsilon": 0.05, "backend": "auto", "frame_relaxation": None}
    conf |= {
        "alpha": 0.0,
        "temporal_prior_weight": 0.5,
        "frame_marginal": "nonblank",
        "special_tokens": False,
    }
    assert AlignmentOptions(**conf, coupling="monotonic").solver().keys() == {"alpha", "solve"}


def test_every_option_is_explained():
    explained = inspect.getdoc(AlignmentOptions)  # without the indentation, which Python 3.13 takes away
    for name in AlignmentOptions.__dataclass_fields__:
        assert f"\n    {name}: " in explained, f"{name} has no line in the docstring"
