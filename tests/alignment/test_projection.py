from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from espnet_gmot.alignment.projection import AcousticAdapter, TeacherProjection
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.identity import TeacherIdentity

TEACHER = TeacherIdentity("t", 12, "abc")


@pytest.fixture
def fitted(tmp_path):
    """A projection file whose axes are a known rotation of 6 dimensions."""
    axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    mean = np.arange(6.0)
    path = tmp_path / "projection.npz"
    arrays = {"mean": mean, "components": axes, "explained_variance": np.ones(6)}
    np.savez(path, **arrays, **asdict(TEACHER))
    return path, mean, axes


def test_random_projection_is_orthonormal_and_the_same_each_time():
    embeddings = torch.eye(12)[None]
    weight = TeacherProjection("random", 5)(embeddings)[0]  # (12, 5)
    torch.testing.assert_close(weight.T @ weight, torch.eye(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(weight, TeacherProjection("random", 5)(embeddings)[0])


def test_projection_to_a_larger_size_keeps_cosines():
    Z = torch.randn(2, 7, 4)
    projected = TeacherProjection("random", 9)(Z)
    torch.testing.assert_close(projected @ projected.mT, Z @ Z.mT, atol=1e-4, rtol=1e-4)


def test_fitted_projection_centres_and_takes_the_first_axes(fitted):
    path, mean, axes = fitted
    Z = torch.randn(2, 3, 6)
    expected = (Z.double().numpy() - mean) @ axes[:4].T
    np.testing.assert_allclose(TeacherProjection(str(path), 4)(Z).numpy(), expected, atol=1e-5)


def test_fitted_projection_to_a_larger_size_pads_with_zeros(fitted):
    path, mean, axes = fitted
    Z = torch.randn(1, 3, 6)
    projected = TeacherProjection(str(path), 8)(Z).numpy()
    assert (projected[..., 6:] == 0).all()
    np.testing.assert_allclose(projected[..., :6], (Z.double().numpy() - mean) @ axes.T, atol=1e-5)


def test_projection_of_another_teacher_is_refused(fitted):
    path, _, _ = fitted
    with pytest.raises(InputError, match="size 6, but the teacher's have 5.*fit it again"):
        TeacherProjection(str(path), 4)(torch.randn(1, 3, 5))


@pytest.mark.parametrize("other", [{"layer": 11}, {"fingerprint": "def"}])
def test_projection_of_another_layer_or_weights_is_refused(fitted, other):
    path, _, _ = fitted
    projection = TeacherProjection(str(path), 4)
    projection.require_teacher(replace(TEACHER, name="moved").number, "the moved one")
    with pytest.raises(InputError, match=f"{path} was fitted on teacher t, layer 12, which is not mine"):
        projection.require_teacher(replace(TEACHER, **other).number, "mine")


def test_random_projection_serves_every_teacher():
    TeacherProjection("random", 4).require_teacher(1, "mine")


def test_adapter_without_feedback_returns_the_encoder_output_itself():
    hidden = torch.randn(2, 5, 8)
    features, fed_back = AcousticAdapter(8, 16, feedback=0.0)(hidden)
    assert features.shape == (2, 5, 16)
    assert fed_back is hidden


def test_feedback_is_scaled():
    adapter = AcousticAdapter(8, 16, feedback=0.5)
    hidden = torch.randn(2, 5, 8)
    features, fed_back = adapter(hidden)
    torch.testing.assert_close(fed_back - hidden, 0.5 * adapter.out(features))
