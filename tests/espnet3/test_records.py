"""What ESPnet3's stages take as their inputs, of the recipe's own YAMLs."""

import pytest
from espnet3_installed import needs_espnet3
from espnet3_recipes import EGS3
from espnet3_recipes import load as load_yaml
from interchange_recipe import TOKEN_LIST, make_data

from espnet_gmot.errors import InputError

pytestmark = needs_espnet3

CONF = EGS3 / "mini_mandarin" / "esp2_asr" / "conf"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a YAML of the recipe, in a directory with the data; changes are ``key=value``."""
    monkeypatch.chdir(make_data(tmp_path))
    token_dir = TOKEN_LIST.rpartition("/")[0]

    def load(name, *changes):
        more = [] if "inference" in str(name) else [f"tokenizer.save_path={token_dir}"]
        return load_yaml(CONF / f"{name}.yaml", f"exp_dir=exp/{name}", *more, *changes)

    return load


def made(record):
    record.begin()
    record.finish()
    return record


def test_twins_share_statistics_unless_the_front_end_or_the_data_differ(load):
    from espnet_gmot.espnet3.records import statistics_record

    made(statistics_record(load("training_ctc")))
    assert statistics_record(load("training_gmot")).is_done()
    other_steps = load("training_gmot", "trainer.max_epochs=9", "model.encoder_conf.num_blocks=2")
    assert statistics_record(other_steps).is_done()
    assert statistics_record(load("training_ctc", "model.frontend_conf.n_mels=80")).changes() == [
        "frontend_conf"
    ]
    with open("dump/raw/train/text", "a") as text:
        text.write("u9 好\n")
    assert statistics_record(load("training_ctc")).changes() == ["dump/raw/train text"]


def test_a_training_follows_all_that_it_learns_from_but_not_where_it_runs(load):
    from espnet_gmot.espnet3.records import training_record

    made(training_record(load("training_gmot")))
    elsewhere = load("training_gmot", "parallel.env=slurm", "collect_stats_batch_size=9")
    assert training_record(elsewhere).is_done()
    for change, named in (
        ("trainer.max_epochs=9", "trainer"),
        ("model.model_conf.alpha=0", "model"),
        ("seed=1", "seed"),
    ):
        assert training_record(load("training_gmot", change)).changes() == [named]


def test_a_list_of_noise_is_an_input_of_the_training(load, tmp_path):
    from espnet_gmot.espnet3.records import training_record

    noise = tmp_path / "noise.scp"
    noise.write_text("n1 one.wav\n")
    change = f"dataset.preprocessor.noise_scp={noise}"
    before = training_record(load("training_gmot", change)).inputs
    noise.write_text("n1 one.wav\nn2 another.wav\n")
    after = training_record(load("training_gmot", change)).inputs
    assert f"the file {noise}" in {key for key in after if after[key] != before.get(key)}


def test_preprocessors_of_each_split_are_refused(load):
    from espnet_gmot.espnet3.records import training_record

    config = load("training_gmot")
    config.dataset.preprocessor = {"train": config.dataset.preprocessor}
    with pytest.raises(InputError, match="dataset.preprocessor has no _target_; give one"):
        training_record(config)


def test_a_decoding_follows_model_and_data(load, tmp_path):
    from espnet_gmot.espnet3.records import decoding_record

    model = tmp_path / "model.pth"
    model.write_bytes(b"one")

    def record(*changes, data_dir="dump/raw/dev"):
        config = load(
            "inference", "inference", f"model.asr_model_file={model}", "inference_dir=exp/out", *changes
        )
        for entry in config.dataset.test:
            entry.data_src_args.data_dir = data_dir
        return decoding_record(config)

    made(record())
    assert record("parallel.n_workers=4").is_done()
    assert record("model.batch_size=2").changes() == ["model"]
    with open("dump/raw/dev/text", "a") as text:
        text.write("u9 好\n")
    assert record().changes() == ["dump/raw/dev text"]
    made(record())
    model.write_bytes(b"another")
    assert record().changes() == [f"the file {model}"]
    with pytest.raises(InputError, match="dump/raw/none/wav.scp does not exist"):
        record(data_dir="dump/raw/none")


def test_every_yaml_gives_a_record(load):
    from espnet_gmot.espnet3.records import training_record

    for path in CONF.rglob("training_*.yaml"):
        assert training_record(load(path.relative_to(CONF).with_suffix(""))).inputs
