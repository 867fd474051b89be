from pathlib import Path

import torch

from espnet_gmot.recipe.checkpoint import set_damaged_aside


def test_a_checkpoint_cut_off_is_set_aside_and_a_whole_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    assert set_damaged_aside(path) is None
    torch.save({"model": torch.zeros(1000)}, path)
    assert set_damaged_aside(path) is None
    path.write_bytes(path.read_bytes()[:-500])
    assert set_damaged_aside(path) == tmp_path / "checkpoint.pth.damaged"
    assert not path.exists()
