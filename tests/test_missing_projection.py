"""A model without its projection: what trains is refused before the first batch, what is trained works."""

from pathlib import Path

import pytest
import torch
from distributed_worker import train
from small_training import teacher_of, write_config

from espnet_gmot.errors import InputError


def test_training_without_a_projection_names_the_command_and_what_replaced_it(build_model, batch):
    message = (
        r"names no projection.*fit_projection --cache TEACHER_CACHE --out exp/teacher/projection.npz"
        r".*--teacher NAME_OR_DIR --text.*projection: random now"
    )
    model = build_model({"projection": None})
    with pytest.raises(InputError, match=message):
        model(**batch)  # a new module is in training mode
    with pytest.raises(InputError, match=message):
        model.train()
    build_model({"projected_side": "acoustic", "teacher_size": 16}).train()


def test_training_with_a_projection_that_is_gone_or_damaged_ends_before_the_first_batch(
    build_model, tmp_path, projection
):
    model = build_model({"projection": str(tmp_path / "gone.npz")})
    with pytest.raises(InputError, match="gone.npz does not exist; make it with: .*--out .*gone.npz"):
        model.train()
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK")
    with pytest.raises(InputError, match="damaged.npz is not a projection"):
        build_model({"projection": str(damaged)}).train()
    assert build_model({"projection": projection[0]}).train().training


def test_a_projection_in_use_may_go_away(build_model, batch, projection):
    model = build_model({"projection": projection[0]}).train()
    model(**batch)
    Path(projection[0]).unlink()
    assert torch.isfinite(model.train()(**batch)[0])


def test_espnets_trainer_refuses_before_it_looks_at_a_batch(tmp_path):
    from espnet_gmot.task import GMOTTask

    config = write_config(tmp_path / "train.yaml", {"ctc_weight": 0.3, "projection": None})
    with pytest.raises(InputError, match="names no projection"):
        train(GMOTTask, config, [{}])


def test_a_model_that_was_trained_without_a_projection_is_aligned_with_the_random_map(build_model, batch):
    inputs = (batch["speech"], batch["speech_lengths"], *teacher_of(batch))
    old, random_map = (build_model({"projection": each}).eval() for each in (None, "random"))
    torch.testing.assert_close(old.coupling(*inputs)[0].plan, random_map.coupling(*inputs)[0].plan)
