"""Kaldi data directories as ESPnet3's datasets."""

import numpy as np
import pytest
import soundfile
from espnet3_installed import needs_espnet3
from interchange_recipe import make_data

from espnet_gmot.errors import InputError

pytestmark = needs_espnet3


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(make_data(tmp_path))
    return "dump/raw/train"


def test_training_finds_utterances_by_id(data_dir):
    from espnet3.components.data.dataset import CombinedDataset

    from espnet_gmot.espnet3.dataset import KaldiDataset

    dataset = KaldiDataset(data_dir)
    item = dataset["u1"]
    assert item.keys() == {"speech", "text"}
    np.testing.assert_array_equal(item["speech"], soundfile.read("u1.wav", dtype="float32")[0])
    assert item["speech"].dtype == np.float32
    combined = CombinedDataset([dataset], [(None, None)])
    combined.use_espnet_collator = True  # as data loaders have it
    assert [combined[number][0] for number in range(len(combined))] == dataset.keys()


def test_inference_counts_and_gets_the_id(data_dir):
    from espnet_gmot.espnet3.dataset import KaldiDataset

    dataset = KaldiDataset(data_dir, inference=True)
    assert [dataset[number]["utt_id"] for number in range(len(dataset))] == dataset.keys()
    with pytest.raises(KeyError):
        KaldiDataset(data_dir)[0]


def test_audio_that_is_none_is_named(data_dir):
    from espnet_gmot.espnet3.dataset import KaldiDataset

    soundfile.write("u1.wav", np.zeros((800, 2)), 16000)
    with pytest.raises(InputError, match="utterance u1: u1.wav has several channels"):
        KaldiDataset(data_dir)["u1"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("segments", "u0 r 0 1\n", "has segments"),
        ("text", "", "holds no utterance; run the stage create_dataset"),
    ],
)
def test_directories_that_cannot_be_used_are_refused(data_dir, name, content, message):
    from espnet_gmot.espnet3.dataset import KaldiDataset

    with open(f"{data_dir}/{name}", "w") as file:
        file.write(content)
    with pytest.raises(InputError, match=message):
        KaldiDataset(data_dir)
