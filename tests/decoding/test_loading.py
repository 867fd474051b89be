import shutil

import pytest
import torch
import yaml

from espnet_gmot.errors import InputError


def test_model_comes_with_its_arguments_ready_to_decode(model_files):
    from espnet_gmot.decoding.loading import load_model

    model, args = load_model(*model_files, "cpu")
    assert not model.training
    assert args.token_list == model.token_list


@pytest.mark.parametrize("as_file", [False, True])
def test_checkpoint_of_another_vocabulary_is_refused(model_files, tmp_path, as_file):
    from espnet_gmot.decoding.loading import load_model

    config = yaml.safe_load(model_files[0].read_text())
    config["token_list"] = [*config["token_list"], "more"]
    if as_file:
        (tmp_path / "tokens.txt").write_text("\n".join(config["token_list"]) + "\n")
        config["token_list"] = str(tmp_path / "tokens.txt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(InputError, match=r"model.pth was trained for 11 tokens, but .*config.yaml lists 12;"):
        load_model(tmp_path / "config.yaml", model_files[1], "cpu")


def test_damaged_checkpoint_is_refused(model_files, tmp_path):
    from espnet_gmot.decoding.loading import load_model

    shutil.copy(model_files[1], tmp_path / "cut.pth")
    with (tmp_path / "cut.pth").open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(InputError, match=r"cut.pth is damaged \(.*\); make or copy it again"):
        load_model(model_files[0], tmp_path / "cut.pth", "cpu")


def test_file_that_is_no_checkpoint_is_refused(model_files, tmp_path):
    from espnet_gmot.decoding.loading import load_model

    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"page.pth is damaged \(.*\); make or copy it again"):
        load_model(model_files[0], tmp_path / "page.pth", "cpu")


def test_model_without_ctc_is_refused(model_files, tmp_path):
    from espnet_gmot.decoding.loading import load_model

    config = yaml.safe_load(model_files[0].read_text())
    config |= {"model_conf": {"ctc_weight": 0.0}, "decoder": "transformer", "decoder_conf": {"num_blocks": 1}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    torch.save({}, tmp_path / "model.pth")
    with pytest.raises(InputError, match=r"config.yaml: the model has no CTC \(ctc_weight: 0\)"):
        load_model(tmp_path / "config.yaml", tmp_path / "model.pth", "cpu")
