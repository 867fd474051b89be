import datetime
from pathlib import Path

import pytest
import torch
import yaml

from espnet_gmot.driver.checkpoint import (
    mend_links,
    require_same_vocabulary,
    restore_last_epoch,
    set_damaged_aside,
)
from espnet_gmot.errors import InputError
from tests.interrupted_save import save_interrupted


def test_a_checkpoint_cut_off_is_set_aside_and_a_whole_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    assert set_damaged_aside(path) is None
    torch.save({"model": torch.zeros(1000)}, path)
    assert set_damaged_aside(path) is None
    path.write_bytes(path.read_bytes()[:-500])
    assert set_damaged_aside(path) == tmp_path / "checkpoint.pth.damaged"
    assert not path.exists()
    save_interrupted({"model": torch.zeros(1000)}, path)
    assert set_damaged_aside(path) == tmp_path / "checkpoint.pth.damaged"


def test_the_last_epochs_model_is_written_again_from_the_checkpoint(tmp_path: Path) -> None:
    path, model = tmp_path / "checkpoint.pth", tmp_path / "7epoch.pth"
    assert restore_last_epoch(path) is None
    weights = {"encoder.w": torch.arange(1000.0)}
    stats = {7: {"train": {"time": datetime.timedelta(seconds=3)}}}
    torch.save({"model": weights, "reporter": {"epoch": 7, "stats": stats}}, path)
    assert restore_last_epoch(path) == model  # missing
    assert torch.equal(torch.load(model)["encoder.w"], weights["encoder.w"])
    assert restore_last_epoch(path) is None  # whole
    model.write_bytes(model.read_bytes()[:-500])
    assert restore_last_epoch(path) == model  # cut off
    save_interrupted(weights, model)
    assert restore_last_epoch(path) == model
    assert torch.equal(torch.load(model)["encoder.w"], weights["encoder.w"])


@pytest.mark.parametrize("former", [None, "1epoch.pth", "2epoch.pth", "3epoch.pth"])
def test_links_lead_to_the_last_and_the_best_epoch_of_the_record(tmp_path: Path, former: str | None) -> None:
    rates = {1: 0.9, 2: 0.4, 3: 0.5}
    stats = {epoch: {"valid": {"cer_ctc": rate, "acc": 1 - rate}} for epoch, rate in rates.items()}
    torch.save({"model": {}, "reporter": {"epoch": 3, "stats": stats}}, tmp_path / "checkpoint.pth")
    criteria = [["valid", "cer_ctc", "min"], ["valid", "acc", "max"], ["train", "loss", "min"]]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"best_model_criterion": criteria}))
    names = {"latest.pth": "3epoch.pth"}
    names |= dict.fromkeys(("valid.cer_ctc.best.pth", "valid.acc.best.pth"), "2epoch.pth")
    if former:
        for name in names:
            (tmp_path / name).symlink_to(former)
    mended = mend_links(tmp_path / "checkpoint.pth")
    assert {path.name for path in mended} == {name for name, model in names.items() if model != former}
    links = {path.name: str(path.readlink()) for path in tmp_path.iterdir() if path.is_symlink()}
    assert links == names
    assert mend_links(tmp_path / "checkpoint.pth") == []


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"token_list": ["<blank>", "a", "<sos/eos>"]}))
    (tmp_path / "checkpoint.pth").touch()
    return tmp_path


def write_tokens(directory: Path, *tokens: str) -> Path:
    path = directory / "tokens.txt"
    path.write_text("".join(f"{token}\n" for token in tokens))
    return path


def test_the_vocabulary_of_the_checkpoint_passes(trained: Path) -> None:
    require_same_vocabulary(trained / "checkpoint.pth", write_tokens(trained, "<blank>", "a", "<sos/eos>"))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["<blank>", "b", "<sos/eos>"], "with 3 tokens; .*tokens.txt has 3, and they differ from line 2 on"),
        (
            ["<blank>", "a", "<sos/eos>", "b"],
            "with 3 tokens; .*tokens.txt has 4, and they differ from line 4 on",
        ),
    ],
)
def test_another_vocabulary_is_refused_before_training(
    trained: Path, tokens: list[str], message: str
) -> None:
    path = write_tokens(trained, *tokens)
    with pytest.raises(InputError, match=f"checkpoint.pth was trained {message}"):
        require_same_vocabulary(trained / "checkpoint.pth", path)
    (trained / "checkpoint.pth").unlink()
    require_same_vocabulary(trained / "checkpoint.pth", path)


def test_a_damaged_configuration_is_refused(trained: Path) -> None:
    (trained / "config.yaml").write_text("token_list: [")
    with pytest.raises(InputError, match=rf"(?s)config.yaml is no YAML .*remove {trained} to train anew"):
        require_same_vocabulary(trained / "checkpoint.pth", write_tokens(trained, "a"))
