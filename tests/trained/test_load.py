"""A trained model is loaded whole or not at all."""

import pytest
import torch
import yaml
from small_corpus import TOKENS

from espnet_gmot.errors import InputError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """``config.yaml`` and checkpoint of a tiny CTC model."""
    import espnet2.tasks.asr  # noqa: F401
    from small_training import write_config

    from espnet_gmot.task import GMOTTask

    directory = tmp_path_factory.mktemp("exp")
    config = write_config(
        directory / "train.yaml", decoder=None, model="espnet", model_conf={"ctc_weight": 1.0}
    )
    args = GMOTTask.get_parser().parse_args(["--config", str(config)])
    (directory / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
    torch.save(GMOTTask.build_model(args).state_dict(), directory / "model.pth")
    return directory / "config.yaml", directory / "model.pth"


def load(config, checkpoint):
    from espnet_gmot.trained.load import load_trained_model

    return load_trained_model(config, checkpoint)


def test_model_comes_with_its_arguments_and_parameters(files):
    model, args = load(*files)
    assert not model.training
    assert args.token_list == model.token_list
    saved = torch.load(files[1])
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("projection", [None, "exp/teacher/gone.npz"])
def test_a_trained_model_needs_no_projection(tmp_path, projection):
    import espnet2.tasks.asr  # noqa: F401
    from small_training import write_config

    from espnet_gmot.task import GMOTTask

    conf = {"ctc_weight": 1.0, "projection": projection}
    config = write_config(tmp_path / "train.yaml", conf, decoder=None)
    args = GMOTTask.get_parser().parse_args(["--config", str(config)])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
    torch.save(GMOTTask.build_model(args).state_dict(), tmp_path / "model.pth")
    model, _ = load(tmp_path / "config.yaml", tmp_path / "model.pth")
    assert model.encode(torch.randn(1, 4000), torch.tensor([4000]))[0].isfinite().all()


def test_the_teacher_is_known_where_espnet3_writes_it(tmp_path):
    from small_training import save_model

    directory = save_model(tmp_path / "exp", model_conf={"ctc_weight": 1.0})
    config = yaml.safe_load((directory / "config.yaml").read_text())
    config["teacher_cache"] = "exp/teacher/cache"
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    _, args = load(directory / "config.yaml", directory / "model.pth")
    assert config["preprocessor"] == "default"
    assert args.preprocessor == "gmot"
    assert args.preprocessor_conf == config["preprocessor_conf"] | {"teacher_cache": "exp/teacher/cache"}


@pytest.mark.parametrize("key", ["module", "state_dict"])
def test_model_files_of_deepspeed_and_lightning_are_read(files, tmp_path, key):
    torch.save({key: torch.load(files[1]), "epoch": 3}, tmp_path / "model.pth")
    model, _ = load(files[0], tmp_path / "model.pth")
    torch.testing.assert_close(model.ctc.ctc_lo.weight, torch.load(files[1])["ctc.ctc_lo.weight"])


@pytest.mark.parametrize("as_file", [False, True])
def test_checkpoint_of_another_vocabulary_is_refused(files, tmp_path, as_file):
    config = yaml.safe_load(files[0].read_text())
    config["token_list"] = [*config["token_list"], "more"]
    if as_file:
        (tmp_path / "tokens.txt").write_text("\n".join(config["token_list"]) + "\n")
        config["token_list"] = str(tmp_path / "tokens.txt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    size = len(TOKENS)
    with pytest.raises(
        InputError, match=f"pth was trained for {size} tokens, but .*config.yaml lists {size + 1}; name files"
    ):
        load(tmp_path / "config.yaml", files[1])


def test_damaged_configuration_is_refused(files, tmp_path):
    (tmp_path / "config.yaml").write_text("token_list: [")
    with pytest.raises(
        InputError, match=r"(?s)config.yaml is no YAML .*name the config.yaml of the training"
    ):
        load(tmp_path / "config.yaml", files[1])


def without_a_block(state):
    return {name: value for name, value in state.items() if not name.startswith("encoder.encoders.1.")}


def with_a_decoder(state):
    return state | {"decoder.embed.0.weight": torch.zeros(3, 8)}


def with_other_sizes(state):
    return state | {"encoder.after_norm.weight": torch.zeros(9)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_block, r"does not fit .*: encoder.encoders.1.\S+ is missing; .* and \d+ more; name files"),
        (with_a_decoder, r"does not fit .*: decoder.embed.0.weight is unknown; name files of one training"),
        (with_other_sizes, r"(?s)does not fit .*size mismatch for encoder.after_norm.weight.*; name files"),
    ],
)
def test_parameters_of_another_model_are_refused(files, tmp_path, change, message):
    torch.save(change(torch.load(files[1])), tmp_path / "model.pth")
    with pytest.raises(InputError, match=message):
        load(files[0], tmp_path / "model.pth")


def test_checkpoint_of_the_trainer_is_refused(files, tmp_path):
    torch.save({"model": torch.load(files[1]), "optimizers": [], "epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(InputError, match=r"checkpoint.pth holds more than a model's parameters; name a"):
        load(files[0], tmp_path / "checkpoint.pth")


@pytest.mark.parametrize("content", ["cut off", "<html>not found</html>"])
def test_damaged_checkpoint_is_refused(files, tmp_path, content):
    whole = files[1].read_bytes()
    (tmp_path / "model.pth").write_bytes(whole[:5000] if content == "cut off" else content.encode())
    with pytest.raises(InputError, match=r"model.pth cannot be read \(.*\); make or copy it again, or name"):
        load(files[0], tmp_path / "model.pth")
