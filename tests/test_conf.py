"""Every YAML in conf/ goes through ESPnet's own command line, and twins differ where they should."""

from pathlib import Path

import pytest
import yaml
from small_corpus import TOKENS

CONF = Path(__file__).parents[1] / "conf"
TRAIN = sorted(CONF.rglob("train_*.yaml"))
TWINS = [(path, path.with_name(path.name.replace("gmot", "ctc"))) for path in TRAIN if "gmot" in path.name]
GMOT_KEYS = {"model", "model_conf", "preprocessor", "preprocessor_conf"}


def name(path):
    return str(path.relative_to(CONF)) if isinstance(path, Path) else None


@pytest.mark.parametrize("path", TRAIN, ids=name)
def test_training_yaml_builds_its_model(path, build_model):
    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args(["--config", str(path), "--token_type", "char"])
    args.token_list = TOKENS
    model = GMOTTask.build_model(args)
    assert (type(model).__name__ == "ESPnetGMOTModel") == ("gmot" in path.name)
    assert model.ctc_weight == yaml.safe_load(path.read_text())["model_conf"]["ctc_weight"]


@pytest.mark.parametrize(("gmot", "baseline"), TWINS, ids=name)
def test_twins_differ_in_model_and_preprocessor_alone(gmot, baseline):
    ours, theirs = (yaml.safe_load(path.read_text()) for path in (gmot, baseline))
    assert {key for key in ours | theirs if ours.get(key) != theirs.get(key)} <= GMOT_KEYS
    assert ours["model"] == "gmot"
    assert theirs["model_conf"].items() <= ours["model_conf"].items()


@pytest.mark.parametrize("path", sorted(CONF.rglob("decode_*.yaml")), ids=name)
def test_decoding_yaml_is_understood_by_both_decoders(path):
    from espnet2.bin.asr_inference import get_parser as stock_parser

    from espnet_gmot.bin.asr_ctc_greedy import get_parser

    required = ["--output_dir", "o", "--asr_train_config", "c", "--asr_model_file", "m"]
    required += ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--config", str(path)]
    for parser in (stock_parser(), get_parser()):
        args = parser.parse_args(required)
        assert (args.ctc_weight, args.beam_size) == (1.0, 1)


def test_every_yaml_is_loaded_by_a_test():
    tested = {*TRAIN, *CONF.rglob("decode_*.yaml")}
    assert set(CONF.rglob("*.yaml")) == tested
    assert len(TWINS) >= 3
