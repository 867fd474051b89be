from pathlib import Path

import pytest

from espnet_gmot.data.kaldi_data import check_data_dir, write_data_dir, write_table
from espnet_gmot.driver.filter_data import filter_data_dir
from espnet_gmot.errors import InputError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    ids = [f"u{i}" for i in range(5)]
    write_data_dir(
        tmp_path / "org", dict.fromkeys(ids, "a.wav"), dict.fromkeys(ids, "hao"), dict.fromkeys(ids, "s")
    )
    write_table(
        tmp_path / "org" / "utt2num_samples",
        dict(zip(ids, ["100", "101", "500", "1999", "2000"], strict=True)),
    )
    return tmp_path / "org"


def test_limits_are_exclusive_as_in_espnet_and_the_reasons_are_told(source: Path) -> None:
    (source / "text").write_text("u0 a\nu1 b\nu2\nu3 d\nu4 e\n")
    summary = filter_data_dir(source, source.parent / "train", rate=1000, min_seconds=0.1, max_seconds=2)
    assert summary.endswith(
        "train: 2 of 5 utterances kept (1 not longer than 0.1 s, 1 not shorter than 2 s, 1 without text)"
    )
    kept = check_data_dir(source.parent / "train")
    assert kept.text == {"u1": "b", "u3": "d"}
    assert kept.utt2spk.keys() == kept.wav_scp.keys() == {"u1", "u3"}


def test_nothing_left_is_an_error_with_a_cure(source: Path) -> None:
    with pytest.raises(InputError, match=r"0 of 5 utterances kept .*; widen --min_wav_duration"):
        filter_data_dir(source, source.parent / "train", rate=1000, min_seconds=5, max_seconds=9)
    assert not (source.parent / "train").exists()


def test_audio_and_text_that_can_hardly_belong_together_stay_and_are_named(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (source / "text").write_text(f"u0 a\nu1 b\nu2 {'天' * 40}\nu3 d\nu4 e\n")
    summary = filter_data_dir(source, source.parent / "train", rate=1000, min_seconds=0.1, max_seconds=2)
    assert "3 of 5 utterances kept" in summary
    (warning,) = caplog.messages
    assert "train: 1 of 3 utterances have more than 12 syllables" in warning
    assert "u2 (40 characters in 0.50 s)" in warning
    assert "u2" in check_data_dir(source.parent / "train").text
